//! What machines do for people: requested, queued, run, and over for good.
//!
//! Every step is one conditional batch: the event is recorded where the job is still as it must be, and the rest
//! happens where the event was. So of two who take a step at once one does, and what is over stays over.

pub mod bell;
pub mod lanes;
pub mod rules;
pub mod step;
pub mod sweep;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::app::{By, Change};
use crate::db::{HOUR, Id, MINUTE, SECOND};
use crate::event::{Event, Kind};
use crate::limits::Tier;
use crate::projects::refuse_unless;
use crate::{access, sql};
use rules::Rule;

/// How long a worker may be silent about what it runs.
pub const LEASE: i64 = MINUTE;
/// How long an attempt may take, however alive its worker is.
pub const RUNS_AT_MOST: i64 = 10 * MINUTE;
/// How long a job waits for a worker.
pub const WAITS_AT_MOST: i64 = HOUR;
/// How long what came of a job is kept.
pub const KEPT: i64 = 24 * HOUR;
/// One is taken again by itself, after a timeout.
pub const ATTEMPTS: i64 = 2;
pub const LEASE_SECONDS: i64 = LEASE / SECOND;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "JobKind")]
pub enum JobKind {
    Preview,
    AiDoc,
}

impl JobKind {
    pub const fn name(self) -> &'static str {
        match self {
            JobKind::Preview => "preview",
            JobKind::AiDoc => "ai_doc",
        }
    }

    /// What operators switch.
    const fn switch(self) -> &'static str {
        match self {
            JobKind::Preview => "previews",
            JobKind::AiDoc => "ai_docs",
        }
    }

    const fn requested(self) -> Kind {
        match self {
            JobKind::Preview => Kind::PreviewRequested,
            JobKind::AiDoc => Kind::AiDocsRequested,
        }
    }
}

/// How far a job is. The last four are final, but that a completed one expires with its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "JobStatus")]
pub enum Status {
    Queued,
    Running,
    Completed,
    Failed,
    Canceled,
    Expired,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Running => "running",
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Canceled => "canceled",
            Status::Expired => "expired",
        }
    }
}

/// Why a job failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "JobError")]
pub struct Failure {
    /// `timeout`, `stuck_timeout` and `queue_timeout` are ours; the others say what a worker met.
    #[schemars(example = &"timeout")]
    pub code: String,
    /// For people.
    #[schemars(example = &"It took too long, twice.")]
    pub message: String,
}

impl Failure {
    pub const TIMEOUT: &str = "timeout";

    pub fn new(code: &str, message: &str) -> Self {
        Failure { code: code.into(), message: message.into() }
    }
}

/// A job to be.
pub struct New<'a> {
    pub id: &'a Id,
    pub kind: JobKind,
    pub project: &'a Id,
    pub user: i64,
    pub tier: Tier,
    /// What is wanted: no contents, they would be kept.
    pub request: Value,
}

/// Queues a job, while its kind is switched on, its requester is on the team and within the rules; answers with `outcome`.
pub fn request<T>(new: New, rules: Vec<Rule>, outcome: T, by: &By) -> Change<T> {
    let New { id, kind, project, user, tier, request } = new;
    let event = Event::new(kind.requested(), by, id)
        .in_project(project)
        .with(serde_json::json!({ "attempt": 1, "tier": tier.name() }));
    let checked = Change::to(outcome)
        .run(sql!(
            "INSERT INTO refusals (code) SELECT 'SWITCHED_OFF' FROM switches WHERE name = ?1 AND is_on = 0",
            kind.switch()
        ))
        .run(refuse_unless(project, user, access::Role::Member));
    let within = rules.into_iter().enumerate().fold(checked, |change, (which, rule)| {
        let full = rule.refuse(kind, user, which, by.at);
        change.within(rule.into_quota(), full)
    });
    within
        .run(sql!(
            "INSERT INTO jobs (id, kind, project_id, requested_by, tier, request, created_at, queued_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
            id,
            kind.name(),
            project,
            user,
            tier.name(),
            request,
            by.at,
        ))
        .announce(event)
}
