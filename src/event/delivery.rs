//! What follows from an event: in the database, for those who listen, and elsewhere.

use futures::future::{join, join_all};
use serde_json::{Value, json};

use super::{Kind, Recorded};
use crate::access::{REVOCATION_KEPT, revocation_key};
use crate::admin::maintenance;
use crate::ai_docs;
use crate::app::{App, Change};
use crate::attachments;
use crate::audit;
use crate::billing::inbox::{self, Due};
use crate::billing::provider::Provider;
use crate::db::{Id, Stmt};
use crate::error::Result;
use crate::host::{Object, log};
use crate::http::NoContent;
use crate::jobs::bell::{Rung, ToBell};
use crate::live::{self, messages};
use crate::notifications;
use crate::previews;
use crate::projects::purge;
use crate::sql;
use crate::webhooks;

/// Does everything that follows from these events. Those that are not in the answer must be delivered again.
pub async fn deliver(app: &App, ids: &[Id]) -> Result<Vec<Id>> {
    let together = deliver_together(app, ids).await;
    if together.is_ok() || ids.len() < 2 {
        return together;
    }
    // One that fails takes nobody with it.
    let mut delivered = Vec::new();
    for id in ids {
        match deliver_together(app, std::slice::from_ref(id)).await {
            Ok(done) => delivered.extend(done),
            Err(error) => log(id.as_str(), error.cause().unwrap_or(error.message())),
        }
    }
    Ok(delivered)
}

/// Once, in three trips for all of them, and what billing takes. What follows keeps none of them out of the audit log.
async fn deliver_together(app: &App, ids: &[Id]) -> Result<Vec<Id>> {
    let find = sql!(
        "SELECT id, kind, actor_id, project_id, task_id, entity_id, data, created_at FROM events
         WHERE id IN (SELECT value FROM json_each(?1)) AND delivered_at IS NULL ORDER BY id",
        json!(ids),
    );
    let [unlinked, salts] = audit::reads(ids);
    let mut answers = app.read(vec![find, unlinked, salts]).await?;
    let events: Vec<Recorded> = answers.rows()?;
    let entries = audit::entries(app, &mut answers)?;
    if events.is_empty() && entries.is_empty() {
        return Ok(ids.to_vec());
    }
    let (delivered, linked) = join(follow(app, ids, events), audit::link(app, entries)).await;
    if let Err(error) = linked {
        log("audit", error.cause().unwrap_or(error.message()));
        return Ok(Vec::new());
    }
    let (delivered, hooks) = delivered?;
    let done = Change::to(()).run(sql!(
        "UPDATE events SET delivered_at = ?2
         WHERE id IN (SELECT value FROM json_each(?1)) AND delivered_at IS NULL",
        json!(delivered),
        app.now(),
    ));
    if hooks.is_empty() {
        let _: NoContent = app.commit(done).await?;
        return Ok(delivered);
    }
    let done = hooks.into_iter().fold(done, Change::run);
    let waiting: Vec<webhooks::Waiting> = app.commit_and_read(done, vec![webhooks::waiting(ids)]).await?.rows()?;
    join_all(waiting.iter().map(|waiting| webhooks::poke(app, &waiting.webhook_id))).await;
    Ok(delivered)
}

/// Answers with those of the ids whose events need not be delivered again, and what webhooks are told.
async fn follow(app: &App, ids: &[Id], events: Vec<Recorded>) -> Result<(Vec<Id>, Vec<Stmt>)> {
    let mut delivered = ids.to_vec();
    let (received, events): (Vec<Recorded>, Vec<Recorded>) =
        events.into_iter().partition(|event| event.kind == Kind::BillingReceived.name());
    if !received.is_empty() {
        let left = inbox::process(app, &received.iter().filter_map(Recorded::due).collect::<Vec<_>>()).await?;
        let waits = |id: &Id| {
            received.iter().any(|event| event.id == *id && left.iter().any(|line| line.as_str() == event.entity_id))
        };
        delivered.retain(|id| !waits(id));
    }
    let mut hooks = Vec::new();
    if !events.is_empty() {
        let consequences = events.iter().flat_map(consequences).fold(Change::to(()), Change::run);
        let reads = messages::reads(&events).into_iter().chain([webhooks::listening(&events)]).collect();
        let mut answers = app.commit_and_read(consequences, reads).await?;
        let told = messages::messages(&events, &mut answers)?;
        hooks = webhooks::told(&told, &answers.rows()?, app.now());
        let mut failed = live::publish(app, told).await;
        failed.extend(join_all(events.iter().map(|event| act(app, event))).await.into_iter().flatten());
        delivered.retain(|id| !failed.contains(id));
    }
    Ok((delivered, hooks))
}

impl Recorded {
    /// The line of the billing inbox that an event announces.
    fn due(&self) -> Option<Due> {
        let subscription_id = self.data.get("subscription_id")?.as_str()?.to_owned();
        Some(Due { id: Id::parse(&self.entity_id)?, subscription_id })
    }
}

/// What the database must do, which it may do again.
fn consequences(event: &Recorded) -> Vec<Stmt> {
    let Some(kind) = Kind::from_name(&event.kind) else { return Vec::new() };
    // A session that is over keeps nothing a thief of the database could use.
    let forgotten = matches!(kind, Kind::SessionRevoked | Kind::SessionReused).then(|| {
        sql!(
            "UPDATE sessions SET refresh_hash = '', parent_hash = NULL WHERE id = ?1 AND revoked_at IS NOT NULL",
            event.entity_id
        )
    });
    forgotten.into_iter().chain(notifications::of(kind, &event.id)).collect()
}

/// Does what follows elsewhere, and may be done again. Answers with the event where that failed.
async fn act(app: &App, event: &Recorded) -> Option<Id> {
    let outcome = match Kind::from_name(&event.kind) {
        Some(Kind::SessionRevoked | Kind::SessionReused) => shut_out(app, event).await,
        Some(Kind::ProjectDeleted) => forget_project(app, event).await,
        Some(Kind::PreviewRequested | Kind::PreviewRetried) => {
            app.host().ask::<Rung, _>(Object::Bell, &ToBell::Ring).await.map(drop)
        }
        Some(Kind::PreviewFailed | Kind::PreviewCanceled | Kind::PreviewExpired) => previews::follow(app, event).await,
        Some(Kind::TaskDeleted) => match (attachments::follow(app, event).await, &event.project_id) {
            (Ok(()), Some(project)) => purge::task(app, project, &event.entity_id).await,
            (outcome, _) => outcome,
        },
        Some(Kind::AttachmentDeleted) => attachments::follow(app, event).await,
        // There may be something to send again, or somewhere to send it.
        Some(Kind::WebhookUpdated | Kind::WebhookReplayed) => {
            webhooks::poke(app, &event.entity_id).await;
            Ok(())
        }
        Some(
            Kind::AiDocsRequested
            | Kind::AiDocsRetried
            | Kind::AiDocsCompleted
            | Kind::AiDocsFailed
            | Kind::AiDocsCanceled
            | Kind::AiDocsExpired,
        ) => ai_docs::tidy(app, event).await,
        Some(Kind::AdminMaintained) => maintenance::follow(app, event).await,
        // Nobody pays for two plans at once.
        Some(Kind::SubscriptionSuperseded) => stop_charging(app, event).await,
        _ => Ok(()),
    };
    let error = outcome.err()?;
    log(&event.kind, error.cause().unwrap_or(error.message()));
    Some(event.id.clone())
}

/// Its files first: where they are, only its rows tell.
async fn forget_project(app: &App, event: &Recorded) -> Result<()> {
    attachments::follow(app, event).await?;
    previews::follow(app, event).await?;
    ai_docs::forget_project(app, &event.entity_id).await?;
    purge::all(app, &event.entity_id).await
}

/// Tells every edge that a session is over, and closes its sockets.
async fn shut_out(app: &App, event: &Recorded) -> Result<()> {
    app.host().kv_put(&revocation_key(&event.entity_id), &event.created_at.text(), REVOCATION_KEPT).await?;
    match event.data.get("user_id").and_then(Value::as_i64) {
        Some(user) => live::end_session(app, user, &event.entity_id).await,
        None => Ok(()),
    }
}

async fn stop_charging(app: &App, event: &Recorded) -> Result<()> {
    Provider::of(app)?.stop_charging(&event.entity_id).await
}
