//! Sending what is due to one endpoint. One at a time does this for it: its Durable Object.

use futures::future::join_all;
use serde::Deserialize;

use super::address::Address;
use super::attempt::Attempt;
use super::secret::{self, Old, Secret};
use super::{Reason, refusal};
use crate::app::{App, Change};
use crate::db::{self, DAY, Id, Time};
use crate::error::Result;
use crate::event::Kind;
use crate::host::{Outgoing, Patience};
use crate::sql;

/// Failures in a row after which an endpoint is told nothing any more.
const MOST_FAILURES: i64 = 20;
/// Or this long of nothing else.
const MOST_FAILING: i64 = 5 * DAY;

/// What nothing but its owner can mend.
const UNREADABLE: &str = "The secret cannot be read any more: rotate it.";

/// An answer's body is read no further than its excerpt needs.
const PATIENCE: Patience = Patience { total: 15_000, silence: 15_000, most: 4096 };

/// Where to send, and what with.
#[derive(Deserialize)]
struct Target {
    id: Id,
    url: String,
    site: String,
    secret: String,
    #[serde(deserialize_with = "db::json")]
    old_secrets: Vec<Old>,
    strikes: usize,
    due_at: Time,
}

#[derive(Deserialize)]
struct Due {
    id: Id,
    body: String,
    tries: usize,
    next_attempt_at: Time,
}

/// When the sender has something to do again.
#[derive(Deserialize)]
struct Next {
    due_at: Option<Time>,
}

/// Sends what is due, a few at once; an endpoint that failed gets one, to see. Answers with when there is more to do.
pub async fn round(app: &App, webhook: &str) -> Result<Option<Time>> {
    let Some(webhook) = Id::parse(webhook) else { return Ok(None) };
    let target = sql!(
        "SELECT id, url, site, secret, old_secrets, strikes, due_at FROM webhook_endpoints WHERE id = ?1 AND is_active AND due_at <= ?2",
        webhook,
        app.now(),
    );
    let due = sql!(
        "SELECT id, body, tries, next_attempt_at FROM webhook_deliveries
         WHERE webhook_id = ?1 AND status = 'pending' AND next_attempt_at <= ?2
         ORDER BY next_attempt_at, id
         LIMIT (SELECT iif(strikes > 0, 1, 5) FROM webhook_endpoints WHERE id = ?1)",
        webhook,
        app.now(),
    );
    let mut answers = app.read(vec![target, due]).await?;
    let target: Option<Target> = answers.first()?;
    let due: Vec<Due> = answers.rows()?;
    let Some(target) = target else { return next(app, &webhook).await };
    let secrets = secret::in_use(&app.config().keys, &target.id, &target.secret, &target.old_secrets, app.now());
    let secrets = secrets.as_deref();
    let attempts =
        join_all(due.iter().map(|due| send(app, (&target.url, &target.site), secrets, &due.id, &due.body))).await;
    let done: Vec<(Due, Attempt)> = due.into_iter().zip(attempts).collect();
    let next: Option<Next> = app.commit_row(record(app, &target, &done)?).await?;
    Ok(next.and_then(|next| next.due_at))
}

async fn next(app: &App, webhook: &Id) -> Result<Option<Time>> {
    let next = sql!("SELECT due_at FROM webhook_endpoints WHERE id = ?1 AND is_active", webhook);
    let next: Option<Next> = app.read(vec![next]).await?.first()?;
    Ok(next.and_then(|next| next.due_at))
}

/// One attempt. The address is checked again: what was allowed may not be any more.
pub async fn send(app: &App, (url, site): (&str, &str), secrets: Option<&[Secret]>, id: &Id, body: &str) -> Attempt {
    let at = app.now();
    let Some(secrets) = secrets else { return Attempt::failed(at, 0, UNREADABLE) };
    if let Some(why) = Address::parse(url).map_or_else(Some, |address| refusal(app, &address, site)) {
        return Attempt::failed(at, 0, &format!("The address may not be called: it {why}."));
    }
    let seconds = at.millis() / db::SECOND;
    let outgoing = Outgoing {
        method: "POST",
        url: url.to_owned(),
        headers: vec![
            ("content-type", "application/json".into()),
            ("user-agent", concat!("HiveSync-Webhooks/", env!("CARGO_PKG_VERSION")).into()),
            ("webhook-id", id.to_string()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", secret::signatures(secrets, id, seconds, body)),
        ],
        body: Some(body.to_owned()),
        patience: PATIENCE,
    };
    let started = app.host().now();
    let outcome = app.host().send(&outgoing).await;
    Attempt::of(outcome, at, app.host().now().millis() - started.millis())
}

/// Writes down what came of a round, all of it or nothing: a round that was not written down is made again.
fn record(app: &App, target: &Target, done: &[(Due, Attempt)]) -> Result<Change<Next>> {
    let id = &target.id;
    let next = sql!("SELECT due_at FROM webhook_endpoints WHERE id = ?1 AND is_active", id);
    let mut change = Change::returning(next);
    let (mut failed, mut held) = (0, None);
    for (due, attempt) in done {
        let [chance, other, ..] = app.random::<2>()?;
        let retry = if attempt.succeeded() { None } else { attempt.next(due.tries + 1, chance) };
        if !attempt.succeeded() {
            failed += 1;
            held = held.max(Some(attempt.hold(target.strikes + 1, other)));
        }
        change = note(change, &due.id, due.next_attempt_at, attempt, retry);
    }
    let gone = done.iter().any(|(_, attempt)| attempt.is_gone());
    let some_arrived = usize::try_from(failed).unwrap_or_default() < done.len();
    if some_arrived {
        let failures = done.iter().map(|(_, attempt)| attempt).filter(|attempt| !attempt.succeeded());
        held = failures.filter_map(Attempt::asks_until).max();
        change = change.run(sql!(
            "UPDATE webhook_endpoints SET failures = 0, strikes = 0, failing_since = NULL WHERE id = ?1",
            id
        ));
    } else if !done.is_empty() {
        change = change.run(sql!(
            "UPDATE webhook_endpoints
             SET failures = failures + ?2, strikes = strikes + 1, failing_since = ifnull(failing_since, ?3) WHERE id = ?1",
            id,
            failed,
            app.now(),
        ));
    }
    if gone || !some_arrived {
        change = give_up(app, change, id, gone)?;
    }
    // Who was asked for something again meanwhile is not left alone.
    Ok(change.run(sql!(
        "UPDATE webhook_endpoints
         SET held_until = iif(due_at = ?3, ?2, NULL),
             due_at = (SELECT max(min(next_attempt_at), iif(webhook_endpoints.due_at = ?3, ifnull(?2, ''), ''))
                       FROM webhook_deliveries WHERE webhook_id = ?1 AND status = 'pending')
         WHERE id = ?1",
        id,
        held,
        target.due_at,
    )))
}

/// What was canceled meanwhile stays so, and what was asked for again is sent again; but that it was tried is true.
/// `due` is when it was to be tried, which asking for it again changes.
pub fn note<T>(change: Change<T>, delivery: &Id, due: Time, attempt: &Attempt, retry: Option<Time>) -> Change<T> {
    let status = match (attempt.succeeded(), retry) {
        (true, _) => "delivered",
        (false, Some(_)) => "pending",
        (false, None) => "failed",
    };
    change
        .run(sql!(
            "INSERT INTO webhook_attempts (delivery_id, n, at, status, latency_ms, error, answer)
             SELECT id, attempts + 1, ?2, ?3, ?4, ?5, ?6 FROM webhook_deliveries WHERE id = ?1",
            delivery,
            attempt.at,
            attempt.status.map(i64::from),
            attempt.latency_ms,
            attempt.error,
            attempt.answer,
        ))
        .run(sql!("UPDATE webhook_deliveries SET attempts = attempts + 1 WHERE id = ?1", delivery))
        .run(sql!(
            "UPDATE webhook_deliveries SET tries = tries + 1, status = ?2, next_attempt_at = ?3, finished_at = iif(?3 IS NULL, ?4, NULL)
             WHERE id = ?1 AND status = 'pending' AND next_attempt_at = ?5",
            delivery,
            status,
            retry,
            attempt.ended(),
            due,
        ))
}

/// Disables an endpoint that wants no more or has failed too long, and says so, once.
fn give_up<T>(app: &App, change: Change<T>, webhook: &Id, gone: bool) -> Result<Change<T>> {
    let (now, id) = (app.now(), app.id()?);
    let (reason, long_ago) = (if gone { Reason::Gone } else { Reason::Failing }, now.plus(-MOST_FAILING));
    let tell = sql!(
        "INSERT INTO events (id, kind, project_id, entity_id, data, request_id, created_at)
         SELECT ?2, ?3, project_id, id, json_object('reason', ?4, 'failures', failures), ?5, ?6 FROM webhook_endpoints
         WHERE id = ?1 AND is_active AND closed_at IS NULL AND (?7 OR failures >= ?8 OR failing_since <= ?9)",
        webhook,
        id,
        Kind::WebhookDisabled.name(),
        reason.name(),
        app.caller().request_id,
        now,
        gone,
        MOST_FAILURES,
        long_ago,
    );
    let disable = sql!(
        "UPDATE webhook_endpoints SET is_active = 0, disabled_reason = ?2, updated_at = ?3
         WHERE id = ?1 AND is_active AND (?4 OR failures >= ?5 OR failing_since <= ?6)",
        webhook,
        reason.name(),
        now,
        gone,
        MOST_FAILURES,
        long_ago,
    );
    Ok(change.record(id, tell).run(disable).run(super::cancel_what_waits(webhook, now)))
}
