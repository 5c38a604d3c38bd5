//! The steps of a job. Each happens once, and only from where it may.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{ATTEMPTS, Failure, KEPT, RUNS_AT_MOST, Status};
use crate::access::Role;
use crate::app::{By, Change};
use crate::db::{self, Id, Stmt, Time};
use crate::error::{Code, Error, Result};
use crate::limits::Tier;
use crate::projects::refuse_unless;
use crate::sql;

/// A step to take: of which job, in which of its attempts, and as which event.
#[derive(Clone)]
pub struct Step<'a> {
    pub job: &'a Id,
    /// `None`: whichever it is in.
    pub attempt: Option<i64>,
    /// The id of the event that the step will be.
    pub event: &'a Id,
    pub by: &'a By,
}

/// A job that has begun.
#[derive(Debug, Deserialize)]
pub struct Started {
    pub id: Id,
    pub project_id: Option<Id>,
    pub tier: Tier,
    pub attempt: i64,
    #[serde(deserialize_with = "db::json")]
    pub request: Value,
}

impl Step<'_> {
    /// Records the event where the job is in one of these states, in this attempt, and, if asked, its lease has run out.
    fn record(&self, name: &str, from: &[Status], lapsed: Option<Time>, data: Value) -> Change<()> {
        let Step { job, attempt, event, by } = self;
        let from: Vec<&str> = from.iter().map(|status| status.name()).collect();
        Change::to(()).record(
            (*event).clone(),
            sql!(
                "INSERT INTO events (id, kind, actor_id, project_id, entity_id, data, ip_address, request_id, created_at)
                 SELECT ?1, iif(kind = 'preview', 'preview.', 'ai_docs.') || ?2, ?3, project_id, id,
                        json_patch(json_object('attempt', attempt, 'tier', tier, 'requested_by', requested_by, 'worker_id', worker_id), ?4),
                        nullif(?5, ''), ?6, ?7
                 FROM jobs WHERE id = ?8 AND status IN (SELECT value FROM json_each(?9)) AND (?10 IS NULL OR attempt = ?10)
                   AND (?11 IS NULL OR lease_until < ?11)",
                event,
                name,
                by.user,
                data,
                by.ip,
                by.request_id,
                by.at,
                job,
                json!(from),
                attempt,
                lapsed,
            ),
        )
    }

    /// What a step that was taken has begun; nothing where it was not.
    fn started(&self) -> Stmt {
        sql!(
            "SELECT id, project_id, tier, attempt, request FROM jobs
             WHERE id = ?1 AND EXISTS (SELECT 1 FROM events WHERE id = ?2)",
            self.job,
            self.event,
        )
    }

    /// Queued, it runs, here and not at a worker: there is nobody to say that it still does.
    pub fn start(&self) -> Change<Started> {
        self.record("started", &[Status::Queued], None, json!({}))
            .run(sql!(
                "UPDATE jobs SET status = 'running', lease_until = ?3, started_at = ?4
                 WHERE id = ?1 AND EXISTS (SELECT 1 FROM events WHERE id = ?2)",
                self.job,
                self.event,
                self.by.at.plus(RUNS_AT_MOST),
                self.by.at,
            ))
            .then(self.started())
    }

    /// Running, it is done, with this to show for it.
    pub fn complete(&self, result: &Value, warnings: &[String], outcome: Option<&str>) -> Change<()> {
        self.record("completed", &[Status::Running], None, json!({}))
            .run(sql!(
                "UPDATE worker_nodes SET completed = completed + 1, busy_ms = busy_ms + (
                   SELECT CAST((unixepoch(?3, 'subsec') - unixepoch(started_at, 'subsec')) * 1000 AS INTEGER) FROM jobs WHERE id = ?1)
                 WHERE id = (SELECT worker_id FROM jobs WHERE id = ?1) AND EXISTS (SELECT 1 FROM events WHERE id = ?2)",
                self.job,
                self.event,
                self.by.at,
            ))
            .run(sql!(
                "UPDATE jobs SET status = 'completed', result = ?3, warnings = ?4, outcome = ?5, finished_at = ?6,
                        expires_at = ?7, lease_until = NULL
                 WHERE id = ?1 AND EXISTS (SELECT 1 FROM events WHERE id = ?2)",
                self.job,
                self.event,
                result,
                json!(warnings),
                outcome,
                self.by.at,
                self.by.at.plus(KEPT),
            ))
    }

    /// Running, it failed for good.
    pub fn fail(&self, failure: &Failure, warnings: &[String], outcome: Option<&str>) -> Change<()> {
        self.end_failed(&[Status::Running], None, failure, warnings, outcome)
    }

    /// Running, it took too long: once it is queued anew, as another attempt, then it failed.
    /// `attempt` must be known. `lapsed`: only if its lease ended before.
    pub fn time_out(&self, failure: &Failure, lapsed: Option<Time>, outcome: Option<&str>) -> Change<()> {
        if self.attempt.is_none_or(|attempt| attempt >= ATTEMPTS) {
            return self.end_failed(&[Status::Running], lapsed, failure, &[], outcome);
        }
        self.record("retried", &[Status::Running], lapsed, json!({ "error_code": failure.code }))
            .run(sql!(
                "UPDATE worker_nodes SET timed_out = timed_out + 1
                 WHERE id = (SELECT worker_id FROM jobs WHERE id = ?1) AND EXISTS (SELECT 1 FROM events WHERE id = ?2)",
                self.job,
                self.event,
            ))
            .run(sql!(
                "UPDATE jobs SET status = 'queued', attempt = attempt + 1, worker_id = NULL, lease_until = NULL,
                        started_at = NULL, outcome = ?3, queued_at = ?4
                 WHERE id = ?1 AND EXISTS (SELECT 1 FROM events WHERE id = ?2)",
                self.job,
                self.event,
                outcome,
                self.by.at,
            ))
    }

    /// Nobody came for it.
    pub fn give_up(&self, failure: &Failure) -> Change<()> {
        self.end_failed(&[Status::Queued], None, failure, &[], None)
    }

    fn end_failed(
        &self,
        from: &[Status],
        lapsed: Option<Time>,
        failure: &Failure,
        warnings: &[String],
        outcome: Option<&str>,
    ) -> Change<()> {
        self.record("failed", from, lapsed, json!({ "error_code": failure.code }))
            .run(sql!(
                "UPDATE worker_nodes SET failed = failed + 1
                 WHERE id = (SELECT worker_id FROM jobs WHERE id = ?1) AND EXISTS (SELECT 1 FROM events WHERE id = ?2)",
                self.job,
                self.event,
            ))
            .run(sql!(
                "UPDATE jobs SET status = 'failed', error_code = ?3, error_message = ?4, warnings = ?5, outcome = ?6,
                        finished_at = ?7, lease_until = NULL
                 WHERE id = ?1 AND EXISTS (SELECT 1 FROM events WHERE id = ?2)",
                self.job,
                self.event,
                failure.code,
                failure.message,
                json!(warnings),
                outcome,
                self.by.at,
            ))
    }

    /// Who may wants it no more, and is on the team. Once more is once; what is over otherwise stays as it is.
    pub fn cancel_for(&self, user: i64, project: &Id, status: Status) -> Result<Change<()>> {
        if matches!(status, Status::Completed | Status::Failed | Status::Expired) {
            return Err(Error::new(Code::JobOver).with("status", status.name()));
        }
        let over = sql!(
            "INSERT INTO refusals (code) SELECT 'JOB_OVER' FROM jobs WHERE id = ?1 AND status NOT IN ('queued', 'running', 'canceled')",
            self.job
        );
        let before = Change::to(()).run(refuse_unless(project, user, Role::Member)).run(over);
        Ok(self.cancel().after(before))
    }

    /// Nobody wants it any more.
    pub fn cancel(&self) -> Change<()> {
        self.record("canceled", &[Status::Queued, Status::Running], None, json!({})).run(sql!(
            "UPDATE jobs SET status = 'canceled', finished_at = ?3, lease_until = NULL
             WHERE id = ?1 AND EXISTS (SELECT 1 FROM events WHERE id = ?2)",
            self.job,
            self.event,
            self.by.at,
        ))
    }

    /// Its files go; that it was stays.
    pub fn expire(&self) -> Change<()> {
        self.record("expired", &[Status::Completed], None, json!({})).run(sql!(
            "UPDATE jobs SET status = 'expired', expires_at = NULL WHERE id = ?1 AND EXISTS (SELECT 1 FROM events WHERE id = ?2)",
            self.job,
            self.event,
        ))
    }
}
