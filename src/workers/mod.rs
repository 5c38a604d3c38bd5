//! The machines that do what jobs ask for: who they are, and whether they are still there.

pub mod access;
pub mod api;
pub mod callback;
pub mod claim;
pub mod signature;
pub mod upload;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, json};

use crate::app::{App, By, Change};
use crate::db::{self, Answers, DAY, Id, MINUTE, Stmt};
use crate::error::{Error, Result};
use crate::event::Kind;
use crate::http::NoContent;
use crate::jobs::{LEASE, RUNS_AT_MOST};
use crate::sql;
use access::Worker;

/// How long a worker's silence is nothing, and how long it is not yet the end of it.
const WARNING: i64 = MINUTE;
const CRITICAL: i64 = 2 * MINUTE;
/// After so long a silence it is gone, and registers anew if it comes back.
const FORGOTTEN: i64 = 7 * DAY;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "WorkerType")]
pub enum WorkerType {
    Cpu,
    Gpu,
}

impl WorkerType {
    const fn name(self) -> &'static str {
        match self {
            WorkerType::Cpu => "cpu",
            WorkerType::Gpu => "gpu",
        }
    }
}

/// That a worker is there, and what it does.
#[derive(Deserialize, JsonSchema)]
pub struct Heartbeat {
    #[serde(rename = "type")]
    kind: WorkerType,
    /// Whatever it measures, like `load` and `memory_bytes`: up to 20 numbers.
    #[serde(default)]
    metrics: BTreeMap<String, Number>,
    /// The jobs it runs, up to 100: their leases go on.
    #[serde(default)]
    running: Vec<Id>,
}

/// What a worker should know.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// Whether it should take no more jobs.
    #[serde(deserialize_with = "db::flag")]
    pub draining: bool,
    /// Of the jobs it runs those that are not its any more: canceled, or taken for lost.
    #[serde(deserialize_with = "db::json")]
    pub canceled: Vec<Id>,
}

impl Heartbeat {
    fn check(&self) -> Result<()> {
        if self.running.len() > 100 {
            return Err(Error::invalid("running", "must be at most 100"));
        }
        let is_name = |name: &String| {
            name.len() <= 40 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if self.metrics.len() > 20 || !self.metrics.keys().all(is_name) {
            return Err(Error::invalid("metrics", "must be at most 20 numbers with names like memory_bytes"));
        }
        Ok(())
    }

    /// Notes it, and lets the leases go on: until an attempt has had its time, however alive its worker is.
    pub fn take(&self, worker: &Worker, event: &Id, by: &By) -> Result<(Change<()>, Stmt)> {
        self.check()?;
        let running = json!(self.running);
        let change = worker
            .once(by.at)
            .record(
                event.clone(),
                sql!(
                    "INSERT INTO events (id, kind, entity_id, data, ip_address, request_id, created_at)
                     SELECT ?1, ?2, ?3, json_object('type', ?4), nullif(?5, ''), ?6, ?7
                     WHERE NOT EXISTS (SELECT 1 FROM worker_nodes WHERE id = ?3)",
                    event,
                    Kind::WorkerRegistered.name(),
                    worker.name,
                    self.kind.name(),
                    by.ip,
                    by.request_id,
                    by.at,
                ),
            )
            .run(sql!(
                "INSERT INTO worker_nodes (id, type, registered_at, last_heartbeat_at, metrics) VALUES (?1, ?2, ?3, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET type = excluded.type, status = 'healthy', last_heartbeat_at = excluded.last_heartbeat_at,
                   metrics = excluded.metrics",
                worker.name,
                self.kind.name(),
                by.at,
                json!(self.metrics),
            ))
            .run(sql!(
                "UPDATE jobs SET lease_until = min(?3, strftime('%Y-%m-%dT%H:%M:%fZ', started_at, ?4))
                 WHERE id IN (SELECT value FROM json_each(?2)) AND worker_id = ?1 AND status = 'running'",
                worker.name,
                running,
                by.at.plus(LEASE),
                format!("+{} seconds", RUNS_AT_MOST / 1000),
            ));
        let standing = sql!(
            "SELECT draining, (SELECT json_group_array(value) FROM json_each(?2) WHERE NOT EXISTS (
               SELECT 1 FROM jobs WHERE jobs.id = value AND worker_id = ?1 AND status = 'running')) AS canceled
             FROM worker_nodes WHERE id = ?1",
            worker.name,
            running,
        );
        Ok((change, standing))
    }
}

impl Standing {
    pub fn load(answers: &mut Answers) -> Result<Self> {
        answers.first()?.ok_or_else(|| Error::internal("a worker that was just written is not there"))
    }
}

/// The cron's part: who has been silent for how long or for good, and signatures past their time.
pub async fn round(app: &App) -> Result<()> {
    #[derive(Deserialize)]
    struct Silent {
        id: String,
    }
    let now = app.now();
    let gone = now.plus(-CRITICAL);
    let silent =
        sql!("SELECT id FROM worker_nodes WHERE last_heartbeat_at < ?1 AND status <> 'critical' LIMIT 100", gone);
    let silent: Vec<Silent> = app.read(vec![silent]).await?.rows()?;
    let mut change = Change::to(())
        .run(sql!(
            "DELETE FROM worker_signatures WHERE signature IN (SELECT signature FROM worker_signatures WHERE seen_at < ?1 LIMIT 5000)",
            now.plus(-signature::REMEMBERED),
        ))
        .run(sql!(
            "DELETE FROM worker_nodes WHERE id IN (SELECT id FROM worker_nodes WHERE last_heartbeat_at < ?1 LIMIT 100)
               AND NOT EXISTS (SELECT 1 FROM jobs WHERE worker_id = worker_nodes.id AND status = 'running')",
            now.plus(-FORGOTTEN),
        ))
        .run(sql!(
            "UPDATE worker_nodes SET status = 'warning' WHERE last_heartbeat_at < ?1 AND last_heartbeat_at >= ?2 AND status = 'healthy'",
            now.plus(-WARNING),
            gone,
        ));
    for Silent { id } in silent {
        let event = app.id()?;
        change = change
            .record(
                event.clone(),
                sql!(
                    "INSERT INTO events (id, kind, entity_id, data, request_id, created_at)
                     SELECT ?1, ?2, id, json_object('type', type, 'last_heartbeat_at', last_heartbeat_at), ?3, ?4
                     FROM worker_nodes WHERE id = ?5 AND last_heartbeat_at < ?6 AND status <> 'critical'",
                    event,
                    Kind::WorkerSilent.name(),
                    app.caller().request_id,
                    now,
                    id,
                    gone,
                ),
            )
            .run(sql!(
                "UPDATE worker_nodes SET status = 'critical' WHERE id = ?1 AND EXISTS (SELECT 1 FROM events WHERE id = ?2)",
                id,
                event,
            ));
    }
    app.commit::<NoContent>(change).await.map(drop)
}
