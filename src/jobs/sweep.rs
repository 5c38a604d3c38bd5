//! The cron's part: what got stuck, what nobody came for, and what is past keeping.

use serde::Deserialize;

use super::step::Step;
use super::{Failure, RUNS_AT_MOST, WAITS_AT_MOST};
use crate::app::{App, Change};
use crate::db::{DAY, Id};
use crate::error::Result;
use crate::http::NoContent;
use crate::sql;

#[derive(Deserialize)]
struct Due {
    id: Id,
    attempt: i64,
    #[serde(rename = "what")]
    why: Why,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Why {
    Stuck,
    Lapsed,
    Waiting,
    Expiring,
}

/// Each in a batch of its own: what one meets keeps no other.
pub async fn round(app: &App) -> Result<()> {
    let now = app.now();
    let due = sql!(
        "SELECT id, attempt, iif(started_at <= ?2, 'stuck', 'lapsed') AS what FROM (
           SELECT id, attempt, started_at FROM jobs WHERE status = 'running' AND lease_until < ?1 LIMIT 100)
         UNION ALL
         SELECT id, attempt, 'waiting' FROM (
           SELECT id, attempt FROM jobs WHERE kind IN ('preview', 'ai_doc') AND lane IN (0, 1, 2) AND queued_at < ?3 AND status = 'queued' LIMIT 100)
         UNION ALL
         SELECT id, attempt, 'expiring' FROM (
           SELECT id, attempt FROM jobs WHERE status = 'completed' AND expires_at <= ?1 LIMIT 100)",
        now,
        now.plus(-RUNS_AT_MOST),
        now.plus(-WAITS_AT_MOST),
    );
    let due: Vec<Due> = app.read(vec![due]).await?.rows()?;
    let by = app.by_user(None);
    let mut outcome = Ok(());
    for Due { id, attempt, why } in due {
        let event = app.id()?;
        let step = Step { job: &id, attempt: Some(attempt), event: &event, by: &by };
        let change = match why {
            Why::Stuck => step.fail(&Failure::new("stuck_timeout", "It ran for ten minutes."), &[], None),
            Why::Lapsed => step.time_out(&Failure::new(Failure::TIMEOUT, "It took too long, twice."), Some(now), None),
            Why::Waiting => step.give_up(&Failure::new("queue_timeout", "Nothing was free to do it for an hour.")),
            Why::Expiring => step.expire(),
        };
        outcome = app.commit::<NoContent>(change).await.map(drop).and(outcome);
    }
    let left = sql!(
        "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE project_id IS NULL AND created_at < ?1 LIMIT 1000)",
        now.plus(-DAY),
    );
    app.commit::<NoContent>(Change::to(()).run(left)).await.map(drop).and(outcome)
}
