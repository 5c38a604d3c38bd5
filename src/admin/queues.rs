//! What waits to be done, and for how long it has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::{App, Change};
use crate::db::{Answers, DAY, MINUTE, Stmt, Time};
use crate::error::Result;
use crate::http::NoContent;
use crate::sql;

/// A queue as it stands.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "QueueDepth")]
pub struct Depth {
    /// `preview`, `ai_doc`, `events` (what follows from what happened), or `webhooks`, whose deliveries wait from when
    /// they are due.
    #[schemars(example = &"events")]
    pub queue: String,
    #[schemars(example = 3)]
    pub waiting: i64,
    #[schemars(example = 0)]
    pub oldest_seconds: i64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Queue {
    #[serde(flatten)]
    pub depth: Depth,
    pub running: i64,
    /// Of jobs requested within a day that began, each by its latest attempt. Null: none.
    #[schemars(example = 1.5)]
    pub average_wait_seconds: Option<f64>,
    /// Of those that were completed.
    #[schemars(example = 4.2)]
    pub average_processing_seconds: Option<f64>,
    pub longest_waits: LongestWaits,
    /// Every five minutes of the last day.
    pub samples: Vec<Sample>,
}

/// Seconds, by tier, of the same jobs.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub struct LongestWaits {
    pub free: Option<f64>,
    pub pro: Option<f64>,
    pub premium: Option<f64>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "QueueSample")]
pub struct Sample {
    pub at: Time,
    #[schemars(example = 3)]
    pub waiting: i64,
    #[schemars(example = 0)]
    pub oldest_seconds: i64,
}

pub fn depths(now: Time) -> Stmt {
    sql!(
        "SELECT 'events' AS queue, count(*) AS waiting,
                ifnull(max(0, unixepoch(?1) - unixepoch(min(created_at))), 0) AS oldest_seconds
         FROM events WHERE delivered_at IS NULL AND created_at > ''
         UNION ALL
         SELECT 'preview', count(*), ifnull(max(0, unixepoch(?1) - unixepoch(min(queued_at))), 0)
         FROM jobs WHERE kind = 'preview' AND status = 'queued'
         UNION ALL
         SELECT 'ai_doc', count(*), ifnull(max(0, unixepoch(?1) - unixepoch(min(queued_at))), 0)
         FROM jobs WHERE kind = 'ai_doc' AND status = 'queued'
         UNION ALL
         SELECT 'webhooks', count(*), ifnull(max(0, unixepoch(?1) - unixepoch(min(next_attempt_at))), 0)
         FROM webhook_deliveries WHERE status = 'pending' AND webhook_id > ''",
        now
    )
}

#[derive(Deserialize)]
struct Flow {
    queue: String,
    average_wait: Option<f64>,
    average_processing: Option<f64>,
    #[serde(flatten)]
    longest: LongestWaits,
}

#[derive(Deserialize)]
struct Running {
    queue: String,
    running: i64,
}

#[derive(Deserialize)]
struct Sampled {
    queue: String,
    #[serde(flatten)]
    sample: Sample,
}

/// In the order of `load`.
pub fn reads(now: Time) -> Vec<Stmt> {
    vec![
        depths(now),
        sql!(
            "SELECT kind AS queue, count(*) AS running FROM jobs WHERE status = 'running' AND lease_until > '' GROUP BY kind"
        ),
        sql!(
            "SELECT kind AS queue, avg(wait) AS average_wait, avg(took) AS average_processing,
                    max(iif(tier = 'free', wait, NULL)) AS free, max(iif(tier = 'pro', wait, NULL)) AS pro,
                    max(iif(tier = 'premium', wait, NULL)) AS premium
             FROM (SELECT kind, tier, unixepoch(started_at, 'subsec') - unixepoch(queued_at, 'subsec') AS wait,
                          iif(status IN ('completed', 'expired'),
                              unixepoch(finished_at, 'subsec') - unixepoch(started_at, 'subsec'), NULL) AS took
                   FROM jobs WHERE created_at >= ?1 AND started_at IS NOT NULL)
             GROUP BY kind",
            now.plus(-DAY)
        ),
        sql!("SELECT queue, at, waiting, oldest_seconds FROM queue_samples WHERE at >= ?1 ORDER BY at", now.plus(-DAY)),
    ]
}

pub fn load(answers: &mut Answers) -> Result<Vec<Queue>> {
    let depths: Vec<Depth> = answers.rows()?;
    let (running, mut flows, sampled): (Vec<Running>, Vec<Flow>, Vec<Sampled>) =
        (answers.rows()?, answers.rows()?, answers.rows()?);
    let mut queues: Vec<Queue> = depths
        .into_iter()
        .map(|depth| {
            let flow = flows.iter().position(|flow| flow.queue == depth.queue).map(|at| flows.swap_remove(at));
            let (average_wait_seconds, average_processing_seconds, longest_waits) = flow
                .map_or((None, None, LongestWaits::default()), |flow| {
                    (flow.average_wait, flow.average_processing, flow.longest)
                });
            let running = running.iter().find(|found| found.queue == depth.queue).map_or(0, |found| found.running);
            Queue {
                depth,
                running,
                average_wait_seconds,
                average_processing_seconds,
                longest_waits,
                samples: Vec::new(),
            }
        })
        .collect();
    for Sampled { queue, sample } in sampled {
        if let Some(found) = queues.iter_mut().find(|found| found.depth.queue == queue) {
            found.samples.push(sample);
        }
    }
    Ok(queues)
}

/// Every five minutes: how much waits, kept for a week.
pub async fn sample(app: &App) -> Result<()> {
    const EVERY: i64 = 5 * MINUTE;
    let now = app.now();
    if now.millis().rem_euclid(EVERY) >= MINUTE {
        return Ok(());
    }
    let depths: Vec<Depth> = app.read(vec![depths(now)]).await?.rows()?;
    let at = Time::from_millis(now.millis() - now.millis().rem_euclid(EVERY));
    let change = Change::to(()).run(sql!("DELETE FROM queue_samples WHERE at < ?1", now.plus(-7 * DAY)));
    let change = depths.iter().fold(change, |change, depth| {
        change.run(sql!(
            "INSERT OR IGNORE INTO queue_samples (at, queue, waiting, oldest_seconds) VALUES (?1, ?2, ?3, ?4)",
            at,
            depth.queue,
            depth.waiting,
            depth.oldest_seconds,
        ))
    });
    app.commit::<NoContent>(change).await.map(drop)
}
