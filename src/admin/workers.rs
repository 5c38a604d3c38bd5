//! The machines that preview, as operators see them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::access::{Ask, Listed};
use crate::db::{self, MINUTE, Stmt, Time};
use crate::error::Result;
use crate::http::Page;
use crate::sql;

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct WorkerNode {
    #[schemars(example = &"preview-1")]
    pub name: String,
    pub r#type: WorkerType,
    /// By its silence: a minute is a `warning`, two are `critical`.
    pub status: WorkerStatus,
    /// It gets nothing new.
    #[serde(deserialize_with = "db::flag")]
    pub draining: bool,
    pub registered_at: Time,
    pub last_heartbeat_at: Time,
    /// How long what it completed took.
    #[schemars(example = 2300)]
    pub average_milliseconds: Option<i64>,
    /// Of its attempts, those that failed or took too long: 0 to 1.
    #[schemars(example = 0.02)]
    pub error_rate: Option<f64>,
    /// As it last said.
    #[serde(deserialize_with = "db::json")]
    pub metrics: Value,
    pub running: i64,
    pub completed: i64,
    pub failed: i64,
    /// Attempts that were taken again elsewhere.
    pub timed_out: i64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkerType {
    Cpu,
    Gpu,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkerStatus {
    Healthy,
    Warning,
    Critical,
}

#[derive(Default, Deserialize, JsonSchema)]
pub struct WorkerFilter {
    #[schemars(example = &"cpu")]
    pub r#type: Option<WorkerType>,
}

impl WorkerFilter {
    fn name(&self) -> Option<&'static str> {
        self.r#type.map(|of| match of {
            WorkerType::Cpu => "cpu",
            WorkerType::Gpu => "gpu",
        })
    }
}

impl Listed for WorkerNode {
    type Filter = WorkerFilter;
    const FOR_OPERATORS: bool = true;

    fn list(ask: &Ask, filter: WorkerFilter, page: Page) -> Result<[Stmt; 2]> {
        Ok([
            sql!("SELECT count(*) AS total FROM worker_nodes WHERE ?1 IS NULL OR type = ?1", filter.name()),
            sql!(
                "SELECT id AS name, type, draining, registered_at, last_heartbeat_at, metrics, completed, failed, timed_out,
                        iif(last_heartbeat_at > ?2, 'healthy', iif(last_heartbeat_at > ?3, 'warning', 'critical')) AS status,
                        busy_ms / nullif(completed, 0) AS average_milliseconds,
                        CAST(failed + timed_out AS REAL) / nullif(completed + failed + timed_out, 0) AS error_rate,
                        (SELECT count(*) FROM jobs WHERE worker_id = worker_nodes.id AND status = 'running') AS running
                 FROM worker_nodes WHERE ?1 IS NULL OR type = ?1 ORDER BY id LIMIT ?4 OFFSET ?5",
                filter.name(),
                ask.now.plus(-MINUTE),
                ask.now.plus(-2 * MINUTE),
                page.limit(),
                page.offset(),
            ),
        ])
    }
}
