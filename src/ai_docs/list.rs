//! The jobs of a project, and what came of those that are over.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Doc, Format, Style, Wish};
use crate::access::{Ask, Listed, NoFilter};
use crate::db::{self, Id, Stmt, Time};
use crate::error::{Code, Result};
use crate::http::Page;
use crate::jobs::{Failure, Status};
use crate::limits::Tier;
use crate::projects::membership;
use crate::sql;
use crate::user::Person;

/// A job as it is stored.
#[derive(Deserialize)]
pub struct Row {
    id: Id,
    project_id: Id,
    tier: Tier,
    status: Status,
    attempt: i64,
    #[serde(deserialize_with = "db::json")]
    request: Wish,
    error_code: Option<String>,
    error_message: Option<String>,
    #[serde(deserialize_with = "db::maybe_json")]
    requested_by: Option<Person>,
    created_at: Time,
    started_at: Option<Time>,
    finished_at: Option<Time>,
    expires_at: Option<Time>,
}

impl From<Row> for Doc {
    fn from(row: Row) -> Self {
        Doc {
            id: row.id,
            project_id: row.project_id,
            requested_by: row.requested_by,
            tier: row.tier,
            status: row.status,
            attempt: row.attempt,
            wish: row.request,
            error: row.error_code.zip(row.error_message).map(|(code, message)| Failure { code, message }),
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            expires_at: row.expires_at,
        }
    }
}

fn holders(ask: &Ask) -> Result<Vec<(Stmt, Code)>> {
    let project = ask.path.id("project_id", Code::ProjectNotFound)?;
    Ok(vec![(membership(&project, ask.caller.user), Code::ProjectNotFound)])
}

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    status: Option<Status>,
}

/// The latest first.
impl Listed for Row {
    type Filter = Filter;
    const NO_HOLDER: Code = Code::ProjectNotFound;

    fn holders(ask: &Ask) -> Result<Vec<(Stmt, Code)>> {
        holders(ask)
    }

    fn list(ask: &Ask, filter: Filter, page: Page) -> Result<[Stmt; 2]> {
        let project = ask.path.id("project_id", Self::NO_HOLDER)?;
        let status = filter.status.map(Status::name);
        Ok([
            sql!(
                "SELECT count(*) AS total FROM jobs WHERE project_id = ?1 AND kind = 'ai_doc' AND (?2 IS NULL OR status = ?2)",
                project,
                status,
            ),
            sql!(
                "SELECT j.id, j.project_id, j.tier, j.status, j.attempt, j.request, j.error_code, j.error_message,
                        j.created_at, j.started_at, j.finished_at, j.expires_at,
                        (SELECT json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url)
                         FROM users u WHERE u.id = j.requested_by) AS requested_by
                 FROM jobs j WHERE j.project_id = ?1 AND j.kind = 'ai_doc' AND (?2 IS NULL OR j.status = ?2)
                 ORDER BY j.id DESC LIMIT ?3 OFFSET ?4",
                project,
                status,
                page.limit(),
                page.offset(),
            ),
        ])
    }
}

/// A job that is over, and what it came to.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AiDocHistory")]
pub struct Finished {
    pub job_id: Id,
    #[schemars(example = &"src/main.rs")]
    pub path: String,
    pub style: Style,
    pub format: Format,
    pub status: Status,
    /// It stays when the document goes. `null` where there was none.
    #[schemars(example = &"Reads the settings, and starts the server.")]
    pub summary: Option<String>,
    #[schemars(example = &"gpt-5-mini")]
    pub model: Option<String>,
    #[schemars(example = &"timeout")]
    pub error_code: Option<String>,
    #[schemars(example = 42)]
    pub requested_by: Option<i64>,
    pub created_at: Time,
    pub finished_at: Option<Time>,
}

impl Listed for Finished {
    type Filter = NoFilter;
    const NO_HOLDER: Code = Code::ProjectNotFound;

    fn holders(ask: &Ask) -> Result<Vec<(Stmt, Code)>> {
        holders(ask)
    }

    fn list(ask: &Ask, _: NoFilter, page: Page) -> Result<[Stmt; 2]> {
        let project = ask.path.id("project_id", Self::NO_HOLDER)?;
        Ok([
            sql!(
                "SELECT count(*) AS total FROM jobs
                 WHERE project_id = ?1 AND kind = 'ai_doc' AND status NOT IN ('queued', 'running')",
                project,
            ),
            sql!(
                "SELECT j.id AS job_id, j.request ->> 'path' AS path, j.request ->> 'style' AS style, j.request ->> 'format' AS format,
                        j.status, h.summary, h.model, j.error_code, j.requested_by, j.created_at, j.finished_at
                 FROM jobs j LEFT JOIN ai_doc_history h ON h.job_id = j.id
                 WHERE j.project_id = ?1 AND j.kind = 'ai_doc' AND j.status NOT IN ('queued', 'running')
                 ORDER BY j.id DESC LIMIT ?2 OFFSET ?3",
                project,
                page.limit(),
                page.offset(),
            ),
        ])
    }
}
