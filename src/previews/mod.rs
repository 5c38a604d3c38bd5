//! Previews: a project's pages, drawn as they look on a device.

pub mod api;
pub mod artifact;
pub mod device;
pub mod files;
pub mod request;
pub mod token;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::access::{Actor, Ask, Can, Contribute, Edit, Listed, Permits, Role, Thing, View};
use crate::app::{App, By, Change};
use crate::db::{self, Answers, Id, Stmt, Time};
use crate::error::{Code, Result};
use crate::event::{Kind, Recorded};
use crate::http::Page;
use crate::jobs::step::Step;
use crate::jobs::{Failure, Status};
use crate::limits::Tier;
use crate::projects::path::ProjectPath;
use crate::projects::{self, Project, membership};
use crate::sql;
use artifact::Drawn;
use device::{Device, Platform};
use request::Wish;

/// A preview as the project's team sees it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    pub id: Id,
    pub project_id: Id,
    /// `null` where the account is gone.
    #[schemars(example = 42)]
    pub requested_by: Option<i64>,
    /// The requester's, when it was requested.
    pub tier: Tier,
    pub status: Status,
    /// The second one is taken by itself, after a timeout.
    #[schemars(range(min = 1), example = 1)]
    pub attempt: i64,
    pub platform: Platform,
    pub devices: Vec<Device>,
    /// The page that is shown.
    pub entry: ProjectPath,
    /// Whether scripts stay out.
    pub safe_mode: bool,
    #[schemars(range(min = 1), example = 3)]
    pub file_count: usize,
    /// Why it failed.
    pub error: Option<Failure>,
    /// What the worker could not do, though it went on.
    #[schemars(example = &["The page is longer than its pictures."])]
    pub warnings: Vec<String>,
    pub created_at: Time,
    pub started_at: Option<Time>,
    pub finished_at: Option<Time>,
    /// When its files go.
    pub expires_at: Option<Time>,
}

impl Preview {
    fn queued(id: Id, project: &Can<Contribute, Project>, wish: &Wish, at: Time) -> Self {
        Row {
            id,
            project_id: project.id.clone(),
            requested_by: Some(project.actor.user.id),
            tier: project.actor.user.tier,
            status: Status::Queued,
            attempt: 1,
            request: wish.clone(),
            result: None,
            warnings: Vec::new(),
            error_code: None,
            error_message: None,
            created_at: at,
            started_at: None,
            finished_at: None,
            expires_at: None,
            role: project.role,
        }
        .shown()
    }
}

/// A preview out of the database, with the caller's role.
#[derive(Clone, Deserialize)]
pub struct Row {
    id: Id,
    project_id: Id,
    requested_by: Option<i64>,
    tier: Tier,
    status: Status,
    attempt: i64,
    #[serde(deserialize_with = "db::json")]
    request: Wish,
    #[serde(deserialize_with = "db::maybe_json")]
    result: Option<Drawn>,
    #[serde(deserialize_with = "db::json")]
    warnings: Vec<String>,
    error_code: Option<String>,
    error_message: Option<String>,
    created_at: Time,
    started_at: Option<Time>,
    finished_at: Option<Time>,
    expires_at: Option<Time>,
    role: Role,
}

impl Row {
    pub fn shown(self) -> Preview {
        Preview {
            id: self.id,
            project_id: self.project_id,
            requested_by: self.requested_by,
            tier: self.tier,
            status: self.status,
            attempt: self.attempt,
            platform: self.request.platform,
            devices: self.request.devices,
            entry: self.request.entry,
            safe_mode: self.request.safe_mode,
            file_count: self.request.file_count,
            error: self.error_code.map(|code| Failure { code, message: self.error_message.unwrap_or_default() }),
            warnings: self.warnings,
            created_at: self.created_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
            expires_at: self.expires_at,
        }
    }
}

fn find(project: &Id, job: &Id, user: i64) -> Stmt {
    sql!(
        "SELECT j.id, j.project_id, j.requested_by, j.tier, j.status, j.attempt, j.request, j.result, j.warnings,
                j.error_code, j.error_message, j.created_at, j.started_at, j.finished_at, j.expires_at,
                iif(m.role = 'member' AND j.requested_by = m.user_id, 'author', m.role) AS role
         FROM team_members m JOIN jobs j ON j.project_id = m.project_id
         WHERE m.project_id = ?1 AND j.id = ?2 AND j.kind = 'preview' AND m.user_id = ?3",
        project,
        job,
        user,
    )
}

impl Thing for Row {
    const NOT_FOUND: Code = Code::JobNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let project = ask.path.id("project_id", Code::ProjectNotFound)?;
        let job = ask.path.id("job_id", Self::NOT_FOUND)?;
        Ok(vec![membership(&project, ask.caller.user), find(&project, &job, ask.caller.user)])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first::<serde::de::IgnoredAny>()?.ok_or(Code::ProjectNotFound)?;
        answers.first()
    }

    fn role(&self) -> Role {
        self.role
    }
}

impl Permits<View> for Row {
    const NEEDS: Role = Role::Member;
}

/// The requester and the owner may end it.
impl Permits<Edit> for Row {
    const NEEDS: Role = Role::Owner;
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "PreviewFilter")]
pub struct Filter {
    status: Option<Status>,
    /// A user's id.
    #[schemars(example = 42)]
    requested_by: Option<i64>,
}

impl Listed for Row {
    type Filter = Filter;
    const NO_HOLDER: Code = Code::ProjectNotFound;

    fn holders(ask: &Ask) -> Result<Vec<(Stmt, Code)>> {
        let project = ask.path.id("project_id", Self::NO_HOLDER)?;
        Ok(vec![(projects::membership(&project, ask.caller.user), Self::NO_HOLDER)])
    }

    fn list(ask: &Ask, filter: Filter, page: Page) -> Result<[Stmt; 2]> {
        let project = ask.path.id("project_id", Self::NO_HOLDER)?;
        let status = filter.status.map(Status::name);
        Ok([
            sql!(
                "SELECT count(*) AS total FROM jobs
                 WHERE project_id = ?1 AND kind = 'preview' AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR requested_by = ?3)",
                project,
                status,
                filter.requested_by,
            ),
            sql!(
                "SELECT id, project_id, requested_by, tier, status, attempt, request, NULL AS result, warnings, error_code,
                        error_message, created_at, started_at, finished_at, expires_at, 'member' AS role
                 FROM jobs
                 WHERE project_id = ?1 AND kind = 'preview' AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR requested_by = ?3)
                 ORDER BY id DESC LIMIT ?4 OFFSET ?5",
                project,
                status,
                filter.requested_by,
                page.limit(),
                page.offset(),
            ),
        ])
    }
}

impl Row {
    pub fn cancel(&self, actor: &Actor, event: &Id, by: &By) -> Result<Change<Row>> {
        let step = Step { job: &self.id, attempt: None, event, by };
        let canceled = step.cancel_for(actor.user.id, &self.project_id, self.status)?;
        Ok(canceled.then(find(&self.project_id, &self.id, actor.user.id)))
    }
}

/// What a client is told of previews.
pub fn told(ids: &Value) -> Stmt {
    sql!(
        "SELECT id, json_object('id', id, 'requested_by', requested_by, 'tier', tier, 'status', status, 'attempt', attempt,
                  'platform', request ->> '$.platform', 'devices', request -> '$.devices', 'error_code', error_code,
                  'created_at', created_at, 'started_at', started_at, 'finished_at', finished_at, 'expires_at', expires_at) AS thing
         FROM jobs WHERE id IN (SELECT value FROM json_each(?1)) AND kind = 'preview'",
        ids
    )
}

/// Deletes the files of what an event says is over. Once more is once.
pub async fn follow(app: &App, event: &Recorded) -> Result<()> {
    match Kind::from_name(&event.kind) {
        Some(Kind::PreviewFailed | Kind::PreviewCanceled | Kind::PreviewExpired) => {
            app.host().clear_files(&artifact::folder(&event.entity_id)).await
        }
        Some(Kind::ProjectDeleted) => {
            files::follow(app, event).await?;
            artifact::forget_project(app, &event.entity_id).await
        }
        _ => Ok(()),
    }
}

/// The cron's part: whatever nothing else deleted goes by age.
pub async fn round(app: &App) -> Result<()> {
    files::round(app).await?;
    artifact::round(app).await
}
