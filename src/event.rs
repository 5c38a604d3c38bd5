//! What can happen, and what follows from it.
//!
//! A change and its event are one batch. The queue carries only the event's id;
//! delivering one twice does nothing twice, and the cron sends again what was
//! never delivered.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::REVOCATION_KEPT;
use crate::app::{App, By, Change};
use crate::auth::login_link;
use crate::billing::inbox::{self, Due};
use crate::billing::provider::Provider;
use crate::billing::{checkout, reconcile, subscription};
use crate::db::{self, DAY, Id, MINUTE, Stmt, Time};
use crate::error::Result;
use crate::host::Host;
use crate::http::NoContent;
use crate::idempotency;
use crate::live::{self, delivery};
use crate::notifications;
use crate::projects::purge;
use crate::sql;

/// How long an event may wait for the queue before the cron sends it again.
const OVERDUE: i64 = MINUTE;

macro_rules! kinds {
    ($($kind:ident $name:literal)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $($kind),* }

        impl Kind {
            pub const fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name),* }
            }

            pub fn from_name(name: &str) -> Option<Kind> {
                match name { $($name => Some(Kind::$kind),)* _ => None }
            }
        }
    };
}

kinds! {
    UserRegistered    "user.registered"
    ProfileUpdated    "profile.updated"
    LoginFailed       "login.failed"
    SessionCreated    "session.created"
    SessionSuspicious "session.suspicious"
    SessionReused     "session.reused"
    SessionRevoked    "session.revoked"
    ProjectCreated    "project.created"
    ProjectUpdated    "project.updated"
    ProjectDeleted    "project.deleted"
    TagCreated        "tag.created"
    TagDeleted        "tag.deleted"
    MemberInvited     "team.member_invited"
    InviteRevoked     "team.invite_revoked"
    InviteDeclined    "team.invite_declined"
    MemberJoined      "team.member_joined"
    MemberRemoved     "team.member_removed"
    MemberLeft        "team.member_left"
    TaskCreated       "task.created"
    TaskUpdated       "task.updated"
    TaskCompleted     "task.completed"
    TaskDeleted       "task.deleted"
    DependencyAdded   "task.dependency_added"
    DependencyRemoved "task.dependency_removed"
    LabelCreated      "label.created"
    LabelDeleted      "label.deleted"
    CommentCreated    "comment.created"
    CommentUpdated    "comment.updated"
    CommentDeleted    "comment.deleted"
    AttachmentAdded   "attachment.added"
    AttachmentDeleted "attachment.deleted"
    CheckoutStarted   "checkout.started"
    BillingReceived   "billing.received"
    BillingProcessed  "billing.processed"
    SubscriptionUpdated "subscription.updated"
    SubscriptionLapsed "subscription.lapsed"
    SubscriptionSuperseded "subscription.superseded"
}

#[derive(Clone, Debug)]
pub struct Event {
    kind: Kind,
    by: By,
    project: Option<Id>,
    task: Option<Id>,
    entity: String,
    data: Value,
}

impl Event {
    /// `entity` is the id of what it happened to.
    pub fn new(kind: Kind, by: &By, entity: impl ToString) -> Self {
        Event { kind, by: by.clone(), project: None, task: None, entity: entity.to_string(), data: json!({}) }
    }

    pub fn in_project(self, project: &Id) -> Self {
        Event { project: Some(project.clone()), ..self }
    }

    /// The task whose activity shows it.
    pub fn on_task(self, task: &Id) -> Self {
        Event { task: Some(task.clone()), ..self }
    }

    /// Never secrets, never what people wrote.
    pub fn with(self, data: Value) -> Self {
        Event { data, ..self }
    }

    pub fn insert(&self, id: &Id) -> Stmt {
        sql!(
            "INSERT INTO events (id, kind, actor_id, project_id, entity_id, data, ip_address, request_id, created_at, task_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, nullif(?7, ''), ?8, ?9, ?10)",
            id,
            self.kind.name(),
            self.by.user,
            self.project,
            self.entity,
            self.data,
            self.by.ip,
            self.by.request_id,
            self.by.at,
            self.task,
        )
    }
}

/// An event out of the database.
#[derive(Deserialize)]
pub struct Recorded {
    pub id: Id,
    pub kind: String,
    pub actor_id: Option<i64>,
    pub project_id: Option<String>,
    pub entity_id: String,
    #[serde(deserialize_with = "db::json")]
    pub data: Value,
    pub created_at: Time,
}

/// Hands a committed event to the queue once the answer is out; the cron covers for a failure.
pub fn send_later(host: &Host, id: Id) {
    let sent = host.announce(&id);
    host.later(async move {
        if let Err(error) = sent.await {
            crate::host::log("outbox", error.cause().unwrap_or_default());
        }
    });
}

/// Does everything that follows from these events, once, in three trips for all of them, and what billing takes.
/// Those that are not in the answer must be delivered again.
pub async fn deliver(app: &App, ids: &[Id]) -> Result<Vec<Id>> {
    let find = sql!(
        "SELECT id, kind, actor_id, project_id, entity_id, data, created_at FROM events
         WHERE id IN (SELECT value FROM json_each(?1)) AND delivered_at IS NULL ORDER BY id",
        json!(ids),
    );
    let events: Vec<Recorded> = app.read(vec![find]).await?.rows()?;
    let mut delivered = ids.to_vec();
    if events.is_empty() {
        return Ok(delivered);
    }
    let (received, mut events): (Vec<Recorded>, Vec<Recorded>) =
        events.into_iter().partition(|event| event.kind == Kind::BillingReceived.name());
    if !received.is_empty() {
        let left = inbox::process(app, &received.iter().filter_map(Recorded::due).collect::<Vec<_>>()).await?;
        let waits = |id: &Id| {
            received.iter().any(|event| event.id == *id && left.iter().any(|line| line.as_str() == event.entity_id))
        };
        delivered.retain(|id| !waits(id));
    }
    let mut change = Change::to(());
    let mut failed = Vec::new();
    for event in &events {
        match follow(app, event).await {
            Ok(consequences) => change = consequences.into_iter().fold(change, Change::run),
            Err(error) => {
                crate::host::log(&event.kind, error.cause().unwrap_or_default());
                failed.push(event.id.clone());
            }
        }
    }
    events.retain(|event| !failed.contains(&event.id));
    if !events.is_empty() {
        let mut answers = app.commit_and_read(change, delivery::reads(&events)).await?;
        failed.extend(live::publish(app, delivery::messages(&events, &mut answers)?).await);
    }
    delivered.retain(|id| !failed.contains(id));
    let done = Change::to(()).run(sql!(
        "UPDATE events SET delivered_at = ?2
         WHERE id IN (SELECT value FROM json_each(?1)) AND delivered_at IS NULL",
        json!(delivered),
        app.now(),
    ));
    let _: NoContent = app.commit(done).await?;
    Ok(delivered)
}

impl Recorded {
    /// The line of the billing inbox that an event announces.
    fn due(&self) -> Option<Due> {
        let subscription_id = self.data.get("subscription_id")?.as_str()?.to_owned();
        Some(Due { id: Id::parse(&self.entity_id)?, subscription_id })
    }
}

/// The consequences: what the database must do as statements, the rest done here and safe to do again.
async fn follow(app: &App, event: &Recorded) -> Result<Vec<Stmt>> {
    match Kind::from_name(&event.kind) {
        Some(Kind::SessionRevoked | Kind::SessionReused) => {
            let key = crate::access::revocation_key(&event.entity_id);
            app.host().kv_put(&key, &event.created_at.text(), REVOCATION_KEPT).await?;
            if let Some(user) = event.actor_id {
                live::end_session(app, user, &event.entity_id).await?;
            }
            // A session that is over keeps nothing a thief of the database could use.
            Ok(vec![sql!(
                "UPDATE sessions SET refresh_hash = '', parent_hash = NULL WHERE id = ?1 AND revoked_at IS NOT NULL",
                event.entity_id
            )])
        }
        Some(Kind::ProjectDeleted) => {
            if let Some(project) = Id::parse(&event.entity_id) {
                while app.commit_row(purge::piece(&project)).await?.is_some_and(|rest| rest.is_left) {}
            }
            Ok(Vec::new())
        }
        // Nobody pays for two plans at once.
        Some(Kind::SubscriptionSuperseded) => {
            Provider::of(app)?.stop_charging(&event.entity_id).await?;
            Ok(Vec::new())
        }
        Some(kind) => Ok(notifications::of(kind, &event.id).into_iter().collect()),
        None => Ok(Vec::new()),
    }
}

/// The cron's round: send again what was never delivered, drop what is past keeping, take back what is over,
/// and compare with the provider.
pub async fn sweep(app: &App) -> Result<()> {
    #[derive(Deserialize)]
    struct DueAgain {
        id: Id,
    }
    let now = app.now();
    let change = Change::to(())
        .run(sql!(
            "DELETE FROM idempotency_keys WHERE (scope, key) IN
               (SELECT scope, key FROM idempotency_keys WHERE created_at < ?1 LIMIT 1000)",
            now.plus(-idempotency::KEPT)
        ))
        .run(sql!(
            "DELETE FROM login_attempts WHERE key IN (SELECT key FROM login_attempts WHERE last_at < ?1 LIMIT 1000)",
            now.plus(-DAY)
        ))
        .run(login_link::forget_old(now))
        .run(checkout::forget_old(now))
        .run(inbox::forget_old(now))
        .run(sql!(
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ?1 LIMIT 1000)",
            now.plus(-30 * DAY)
        ));
    let change = notifications::forget_old(now).into_iter().fold(change, Change::run);
    let _: NoContent = app.commit(change).await?;
    let overdue = sql!(
        "SELECT id FROM events WHERE delivered_at IS NULL AND created_at < ?1 ORDER BY random() LIMIT 100",
        now.plus(-OVERDUE)
    );
    let due: Vec<DueAgain> = app.read(vec![overdue]).await?.rows()?;
    // What fails here keeps nothing else from its turn.
    for DueAgain { id } in due {
        let announced = app.host().announce(&id).await;
        announced.unwrap_or_else(|error| crate::host::log("outbox", error.cause().unwrap_or_default()));
    }
    let lapsed = subscription::lapse(app).await;
    lapsed.unwrap_or_else(|error| crate::host::log("lapse", error.cause().unwrap_or_default()));
    reconcile::round(app).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_read_back_by_name() {
        assert_eq!(Kind::from_name("session.revoked"), Some(Kind::SessionRevoked));
        assert_eq!(Kind::from_name("nonsense"), None);
    }
}
