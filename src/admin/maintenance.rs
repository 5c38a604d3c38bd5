//! What operators have done at once. Doing it twice does no more; what takes long follows behind its event. It is
//! written down with what it does, or before where that is more than a batch.

mod behind;
mod diagnostics;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::switches;
use crate::access::{Actor, Ask, Operate, Permits, Role, Thing};
use crate::app::{App, By, Change};
use crate::db::{Answers, DAY, Id, MINUTE, Stmt, Text, Time};
use crate::error::{Code, Error, Result};
use crate::event::{self, Event, Kind};
use crate::http::NoContent;
use crate::{idempotency, limits, sql};

pub use behind::follow;
pub use diagnostics::Check;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Cleanup,
    CacheReset,
    Reindex,
    ResetPreviewQueue,
    ResetAiQueue,
    InvalidateSessions,
    RunDiagnostics,
    DrainWorkers,
    Previews,
    AiDocs,
    Maintenance,
    ReadOnly,
}

impl Action {
    pub const ALL: [Action; 12] = [
        Action::Cleanup,
        Action::CacheReset,
        Action::Reindex,
        Action::ResetPreviewQueue,
        Action::ResetAiQueue,
        Action::InvalidateSessions,
        Action::RunDiagnostics,
        Action::DrainWorkers,
        Action::Previews,
        Action::AiDocs,
        Action::Maintenance,
        Action::ReadOnly,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Action::Cleanup => "cleanup",
            Action::CacheReset => "cache_reset",
            Action::Reindex => "reindex",
            Action::ResetPreviewQueue => "reset_preview_queue",
            Action::ResetAiQueue => "reset_ai_queue",
            Action::InvalidateSessions => "invalidate_sessions",
            Action::RunDiagnostics => "run_diagnostics",
            Action::DrainWorkers => "drain_workers",
            Action::Previews => "previews",
            Action::AiDocs => "ai_docs",
            Action::Maintenance => "maintenance",
            Action::ReadOnly => "read_only",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Action::ALL.into_iter().find(|action| action.name() == name)
    }

    /// What others would miss or wait for is only done when it is meant.
    fn needs_confirmation(self, how: &Maintain) -> bool {
        match self {
            Action::Reindex
            | Action::ResetPreviewQueue
            | Action::ResetAiQueue
            | Action::InvalidateSessions
            | Action::RunDiagnostics => true,
            Action::Maintenance | Action::ReadOnly => how.on == Some(true),
            _ => false,
        }
    }
}

impl Thing for Action {
    const NOT_FOUND: Code = Code::ActionNotFound;

    fn find(_: &Ask) -> Result<Vec<Stmt>> {
        Ok(Vec::new())
    }

    fn load(_: &mut Answers, ask: &Ask) -> Result<Option<Self>> {
        Ok(Action::parse(ask.path.text("action")))
    }

    fn role(&self) -> Role {
        Role::Operator
    }
}

impl Permits<Operate> for Action {
    const NEEDS: Role = Role::Operator;
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Maintain {
    /// Must be `true` for `reindex`, `reset_preview_queue`, `reset_ai_queue`, `invalidate_sessions` and
    /// `run_diagnostics`, and to put `maintenance` or `read_only` in force.
    confirm: Option<bool>,
    /// Of a switch; of `drain_workers`, whether they get nothing new (the default).
    on: Option<bool>,
    /// The worker to drain; without it, all of them.
    #[schemars(example = &"preview-1")]
    worker: Option<Text<1, 64>>,
}

/// What was done.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Maintained")]
pub struct Done {
    #[schemars(example = &"invalidate_sessions")]
    pub action: String,
    /// How much of what.
    #[schemars(example = &json!({ "sessions": 12 }))]
    pub numbers: BTreeMap<String, i64>,
    /// Of `run_diagnostics`.
    pub checks: Vec<Check>,
    /// What besides should be known.
    #[schemars(example = &["It follows in the background."])]
    pub notes: Vec<String>,
}

#[derive(Deserialize)]
struct Counted {
    count: i64,
}

const BEHIND: &str = "It follows in the background.";

impl Action {
    pub async fn carry_out(self, app: &App, how: &Maintain, actor: &Actor) -> Result<Done> {
        if self.needs_confirmation(how) && how.confirm != Some(true) {
            return Err(Code::ConfirmationRequired.into());
        }
        let by = app.by(actor);
        let (numbers, notes): (Vec<(&str, i64)>, &[&str]) = match self {
            Action::Previews | Action::AiDocs | Action::Maintenance | Action::ReadOnly => {
                let on = how.on.ok_or_else(|| Error::invalid("on", "is required"))?;
                let changed = app.commit_row(switches::turn(self.name(), on, &by)).await?.unwrap_or_default();
                if self == Action::Maintenance {
                    switches::saw(on, app.now());
                }
                (vec![("changed", changed.changed)], &[])
            }
            Action::DrainWorkers => (vec![("workers", self.drain(app, how, &by).await?)], &[]),
            Action::InvalidateSessions => {
                let own = actor.credential.session()?;
                let (counted, keep) = (sessions_but(own, by.at), json!({ "keep": own }));
                (vec![("sessions", self.announce(app, keep, counted, &by).await?)], &[BEHIND])
            }
            Action::ResetPreviewQueue | Action::ResetAiQueue => {
                let counted = unfinished(self.kind());
                (vec![("jobs", self.announce(app, json!({}), counted, &by).await?)], &[BEHIND])
            }
            Action::Reindex => {
                let rows = self.announce(app, json!({}), indexed(), &by).await?;
                let notes: &[&str] = &[
                    BEHIND,
                    "Search answers as before until each index is exchanged at once. Meanwhile the database does nothing else.",
                ];
                (vec![("rows", rows)], notes)
            }
            Action::CacheReset => {
                let _: NoContent = app.commit(self.done(json!({}), &by)).await?;
                let (leases, tiers) = limits::forget();
                let notes: &[&str] = &[
                    "Of this isolate; the others keep leases for 10 seconds, and a tier until they next read its user.",
                    "KV notes of ended sessions and login links are no cache of this kind: they lapse by themselves.",
                ];
                (vec![("leases", leases), ("tiers", tiers)], notes)
            }
            Action::Cleanup => {
                let _: NoContent = app.commit(self.done(json!({}), &by)).await?;
                (clean(app).await?, &[])
            }
            Action::RunDiagnostics => {
                let _: NoContent = app.commit(self.done(json!({}), &by)).await?;
                let checks = diagnostics::run(app).await;
                let failed = checks.iter().filter(|check| !check.ok).count() as i64;
                let numbers = BTreeMap::from([("checks".into(), checks.len() as i64), ("failed".into(), failed)]);
                return Ok(Done { action: self.name().into(), numbers, checks, notes: Vec::new() });
            }
        };
        let numbers = numbers.into_iter().map(|(name, number)| (name.to_owned(), number)).collect();
        let notes = notes.iter().map(|note| (*note).to_owned()).collect();
        Ok(Done { action: self.name().into(), numbers, checks: Vec::new(), notes })
    }

    fn done(self, data: serde_json::Value, by: &By) -> Change<()> {
        Change::to(()).announce(Event::new(Kind::AdminMaintained, by, self.name()).with(data))
    }

    /// Leaves the work to what follows from the event, and counts how much there is.
    async fn announce(self, app: &App, data: serde_json::Value, counted: Stmt, by: &By) -> Result<i64> {
        let mut answers = app.commit_and_read(self.done(data, by), vec![counted]).await?;
        Ok(answers.first()?.map_or(0, |counted: Counted| counted.count))
    }

    async fn drain(self, app: &App, how: &Maintain, by: &By) -> Result<i64> {
        let on = how.on.unwrap_or(true);
        let change = self.done(json!({ "on": on, "worker": how.worker }), by).run(sql!(
            "UPDATE worker_nodes SET draining = ?2 WHERE ?1 IS NULL OR id = ?1",
            how.worker,
            on
        ));
        let counted = sql!("SELECT count(*) AS count FROM worker_nodes WHERE ?1 IS NULL OR id = ?1", how.worker);
        let mut answers = app.commit_and_read(change, vec![counted]).await?;
        Ok(answers.first()?.map_or(0, |counted: Counted| counted.count))
    }

    fn kind(self) -> &'static str {
        if self == Action::ResetAiQueue { "ai_doc" } else { "preview" }
    }
}

fn sessions_but(keep: &Id, now: Time) -> Stmt {
    sql!("SELECT count(*) AS count FROM sessions WHERE expires_at > ?1 AND revoked_at IS NULL AND id <> ?2", now, keep)
}

fn unfinished(kind: &str) -> Stmt {
    sql!(
        "SELECT (SELECT count(*) FROM jobs WHERE status = 'queued' AND kind = ?1)
              + (SELECT count(*) FROM jobs WHERE status = 'running' AND lease_until > '' AND kind = ?1) AS count",
        kind
    )
}

fn indexed() -> Stmt {
    sql!(
        "SELECT (SELECT count(*) FROM projects) + (SELECT count(*) FROM tasks) + (SELECT count(*) FROM comments) AS count"
    )
}

/// The cron's round, now. Answers with how much of what was due is not due any more.
async fn clean(app: &App) -> Result<Vec<(&'static str, i64)>> {
    #[derive(Deserialize)]
    struct Due {
        events: i64,
        idempotency_keys: i64,
        login_attempts: i64,
        login_links: i64,
        sessions: i64,
    }
    let now = app.now();
    let due = || {
        sql!(
            "SELECT (SELECT count(*) FROM events WHERE delivered_at IS NULL AND created_at < ?1) AS events,
                    (SELECT count(*) FROM idempotency_keys WHERE created_at < ?2) AS idempotency_keys,
                    (SELECT count(*) FROM login_attempts WHERE last_at < ?3) AS login_attempts,
                    (SELECT count(*) FROM session_tokens WHERE expires_at < ?4) AS login_links,
                    (SELECT count(*) FROM sessions WHERE expires_at < ?4 AND revoked_at IS NULL) AS sessions",
            now.plus(-MINUTE),
            now.plus(-idempotency::KEPT),
            now.plus(-DAY),
            now,
        )
    };
    let missing = || Error::internal("nothing was counted");
    let before: Due = app.read(vec![due()]).await?.first()?.ok_or_else(missing)?;
    let behind = app.behind("cleanup");
    let parts = event::sweep(&behind).await;
    behind.conclude();
    let after: Due = app.read(vec![due()]).await?.first()?.ok_or_else(missing)?;
    let failed = parts.iter().filter(|(_, done)| !done).count() as i64;
    Ok(vec![
        ("parts", parts.len() as i64),
        ("failed", failed),
        ("events_overdue", before.events),
        ("idempotency_keys", before.idempotency_keys - after.idempotency_keys),
        ("login_attempts", before.login_attempts - after.login_attempts),
        ("login_links", before.login_links - after.login_links),
        ("sessions_ended", before.sessions - after.sessions),
    ])
}
