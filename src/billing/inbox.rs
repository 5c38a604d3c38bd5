//! The inbox: everything the provider says is kept before anything is made of it,
//! and worked through by the queue, as often as it takes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ledger::{self, Decision, Ledger, Record};
use super::notice::{Claim, Notice, Outcome};
use super::plans::Catalog;
use super::provider::Provider;
use super::snapshot::Snapshot;
use super::{history, subscription};
use crate::app::{App, By, Change};
use crate::db::{self, DAY, Id, Stmt, Time};
use crate::error::{Code, Error, Result};
use crate::event::{Event, Kind};
use crate::http::NoContent;
use crate::sql;

/// How long a body is kept as it came.
const BODY_KEPT: i64 = 30 * DAY;

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Received {
    received: bool,
}

impl Received {
    pub const YES: Received = Received { received: true };
}

/// Keeps the notice; a second one like it fails with `Code::Conflict`.
pub fn receive(notice: &Notice, body: &[u8], id: &Id, by: &By) -> Change<Received> {
    let (outcome, reason) = notice.outcome.unzip();
    let insert = sql!(
        "INSERT INTO billing_events (id, source, name, webhook_id, hash, body, object_id, subscription_id, snapshot,
                                     claimed_user, reference, received_at, outcome, reason, processed_at)
         VALUES (?1, 'webhook', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, iif(?12 IS NULL, NULL, ?11))",
        id,
        notice.name,
        notice.webhook_id,
        notice.hash,
        String::from_utf8_lossy(body).into_owned(),
        notice.object_id,
        notice.subscription_id,
        notice.snapshot.as_ref().map(|snapshot| json!(snapshot)),
        notice.claim.user,
        notice.claim.reference,
        by.at,
        outcome.map(Outcome::name),
        reason,
    );
    let event = match notice.outcome {
        None => Event::new(Kind::BillingReceived, by, id).with(json!({ "subscription_id": notice.subscription_id })),
        Some((outcome, reason)) => processed(by, id, &notice.name, notice.object_id.as_deref(), outcome, reason),
    };
    Change::to(Received::YES).run(insert).announce(event)
}

/// For the audit log: which event, what became of it, and why.
fn processed(by: &By, id: &Id, name: &str, object: Option<&str>, outcome: Outcome, reason: &str) -> Event {
    Event::new(Kind::BillingProcessed, by, id)
        .with(json!({ "event": name, "object_id": object, "outcome": outcome.name(), "reason": reason }))
}

/// Puts what we learned by ourselves into the inbox, to be worked through like a webhook. `why` is its name there.
pub fn tell<T>(
    change: Change<T>,
    id: &Id,
    subscription: &str,
    snapshot: &Snapshot,
    claim: Claim,
    why: &'static str,
    by: &By,
) -> Change<T> {
    change
        .run(sql!(
            "INSERT INTO billing_events (id, source, name, hash, subscription_id, object_id, snapshot, claimed_user, reference, received_at)
             VALUES (?1, 'api', ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8)",
            id,
            why,
            format!("{why} {subscription} {:?} {}", claim.user, json!(snapshot)),
            subscription,
            json!(snapshot),
            claim.user,
            claim.reference,
            by.at,
        ))
        .announce(Event::new(Kind::BillingReceived, by, id).with(json!({ "subscription_id": subscription })))
}

/// What the provider answered when asked: a line of the inbox like any other, with nothing left to do.
pub fn note(subscription: &str, snapshot: &Snapshot, id: &Id, now: Time) -> Stmt {
    sql!(
        "INSERT INTO billing_events (id, source, name, hash, subscription_id, object_id, snapshot, received_at,
                                     outcome, reason, processed_at)
         VALUES (?1, 'api', 'asked', ?1, ?2, ?2, ?3, ?4, 'applied', 'asked', ?4)",
        id,
        subscription,
        json!(snapshot),
        now,
    )
}

#[derive(Debug, Deserialize)]
struct Pending {
    id: Id,
    name: String,
    subscription_id: String,
    object_id: Option<String>,
    #[serde(deserialize_with = "db::maybe_json")]
    snapshot: Option<Snapshot>,
}

/// What the queue hands over: a line of the inbox and the subscription it names.
#[derive(Clone, Debug)]
pub struct Due {
    pub id: Id,
    pub subscription_id: String,
}

/// How often a decision is taken anew because somebody else's was quicker.
const TRIES: usize = 3;

/// Works the lines through; what stays to be done is returned.
pub async fn process(app: &App, due: &[Due]) -> Result<Vec<Id>> {
    let (mut left, mut due) = (Vec::new(), due.to_vec());
    for _ in 0..TRIES {
        let mut again = Vec::new();
        for (lines, error) in pass(app, &due).await? {
            if error.code == Code::Conflict {
                again.extend(lines);
            } else {
                crate::host::log("billing", error.cause().unwrap_or(error.code.name()));
                note_failure(app, &lines, &error).await;
                left.extend(lines);
            }
        }
        due.retain(|line| again.contains(&line.id));
        if due.is_empty() {
            return Ok(left);
        }
    }
    left.extend(due.into_iter().map(|line| line.id));
    Ok(left)
}

/// One go at all of them, a subscription at a time: the lines that could not be settled, and why.
async fn pass(app: &App, due: &[Due]) -> Result<Vec<(Vec<Id>, Error)>> {
    let mut subscriptions: Vec<String> = due.iter().map(|due| due.subscription_id.clone()).collect();
    subscriptions.sort_unstable();
    subscriptions.dedup();
    let pending = sql!(
        "SELECT id, name, subscription_id, object_id, snapshot FROM billing_events
         WHERE id IN (SELECT value FROM json_each(?1)) AND processed_at IS NULL",
        json!(due.iter().map(|due| &due.id).collect::<Vec<_>>()),
    );
    let known = ledger::find(&json!(subscriptions));
    let mut answers = app.read(std::iter::once(pending).chain(known).collect()).await?;
    let pending: Vec<Pending> = answers.rows()?;
    let mut failed = Vec::new();
    for ledger in ledger::read(subscriptions, &mut answers)? {
        let of_it = |line: &&Pending| line.subscription_id == ledger.subscription_id;
        let mine: Vec<&Pending> = pending.iter().filter(of_it).collect();
        if mine.is_empty() {
            continue;
        }
        if let Err(error) = settle(app, ledger, &mine).await {
            failed.push((mine.into_iter().map(|line| line.id.clone()).collect(), error));
        }
    }
    Ok(failed)
}

async fn settle(app: &App, mut ledger: Ledger, pending: &[&Pending]) -> Result<()> {
    let provider = Provider::of(app)?;
    let now = app.now();
    let mut decision = ledger.decide(provider.catalog(), now);
    let mut change = subscription::if_still(Change::to(()), &ledger);
    let news = pending.iter().any(|line| line.is_invoice() && ledger.invoice_is_news(&line.name));
    if news || decision == Decision::Ask {
        let snapshot = provider.subscription(&ledger.subscription_id).await?;
        change = change.run(note(&ledger.subscription_id, &snapshot, &app.id()?, now));
        ledger.records.push(Record::asked(&ledger.subscription_id, snapshot, now));
        decision = ledger.decide(provider.catalog(), now);
    }
    let (outcome, reason) = match &decision {
        Decision::Ask => return Err(Error::internal("the provider's answer is older than its events")),
        Decision::Done(outcome, reason) => (*outcome, *reason),
        Decision::Write { .. } => (Outcome::Applied, "newer"),
    };
    let by = app.by_user(None);
    for line in pending {
        let (outcome, reason) = line.fate((outcome, reason), provider.catalog());
        change = line.finish(change, outcome, reason, &by);
    }
    if let Decision::Write { user, state, reference } = decision {
        change = subscription::write(change, &ledger, user, &state, reference.as_deref(), &by);
    }
    let _: NoContent = app.commit(change).await?;
    Ok(())
}

/// Shows in the log why a line still waits.
async fn note_failure(app: &App, ids: &[Id], error: &Error) {
    let noted: Result<NoContent> = app
        .commit(Change::to(()).run(sql!(
            "UPDATE billing_events SET attempts = attempts + 1, failure = ?2
             WHERE id IN (SELECT value FROM json_each(?1)) AND processed_at IS NULL",
            json!(ids),
            error.code.name(),
        )))
        .await;
    if let Err(error) = noted {
        crate::host::log("billing", error.cause().unwrap_or_default());
    }
}

/// Bodies past keeping: what was made of them stays.
pub fn forget_old(now: Time) -> Stmt {
    sql!(
        "UPDATE billing_events SET body = NULL WHERE id IN
           (SELECT id FROM billing_events WHERE body IS NOT NULL AND received_at < ?1 AND processed_at IS NOT NULL LIMIT 1000)",
        now.plus(-BODY_KEPT)
    )
}

impl Pending {
    fn is_invoice(&self) -> bool {
        self.name.starts_with("subscription_payment_")
    }

    /// What the line itself came to, where all of them together came to `group`.
    fn fate(&self, group: (Outcome, &'static str), catalog: &Catalog) -> (Outcome, &'static str) {
        match &self.snapshot {
            _ if group.0 == Outcome::Refused => group,
            None => (Outcome::Recorded, "invoice"),
            Some(snapshot) if !history::is_known(&snapshot.content.status) => (Outcome::Ignored, "unknown_status"),
            Some(snapshot) if catalog.plan(snapshot.content.variant).is_none() => (Outcome::Ignored, "unknown_variant"),
            Some(_) => group,
        }
    }

    /// Marks the line as done, unless somebody else did.
    fn finish(&self, change: Change<()>, outcome: Outcome, reason: &'static str, by: &By) -> Change<()> {
        change
            .run(sql!(
                "INSERT INTO refusals SELECT 'CONFLICT' WHERE EXISTS
                   (SELECT 1 FROM billing_events WHERE id = ?1 AND processed_at IS NOT NULL)",
                self.id
            ))
            .run(sql!(
                "UPDATE billing_events SET outcome = ?2, reason = ?3, processed_at = ?4, failure = NULL WHERE id = ?1",
                self.id,
                outcome.name(),
                reason,
                by.at,
            ))
            .announce(processed(by, &self.id, &self.name, self.object_id.as_deref(), outcome, reason))
    }
}
