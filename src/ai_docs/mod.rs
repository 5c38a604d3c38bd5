//! AI documents: one file, explained by the AI provider.
//!
//! What is handed in lies sealed in the store until the job has run, and goes with its end, however it ends. What
//! came of it is a file, too, and goes after a day; that it was, and its summary, stay.

pub mod api;
mod input;
mod list;
mod prompt;
mod request;
mod run;
mod store;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::access::{Ask, Edit, Permits, Role, Thing, View};
use crate::app::{App, By, Change};
use crate::db::{Answers, Id, Stmt, Time};
use crate::error::{Code, Result};
use crate::http::{Answer, One};
use crate::jobs::step::Step;
use crate::jobs::{Failure, Status};
use crate::limits::Tier;
use crate::projects::membership;
use crate::sql;
use crate::user::Person;

pub use input::NewDoc;
pub use list::{Finished, Row};
pub use run::{run, tidy};
pub use store::forget_project;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AiDocStyle")]
pub enum Style {
    #[default]
    Short,
    Long,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AiDocFormat")]
pub enum Format {
    /// Documentation to stand beside the code.
    #[default]
    Doc,
    /// A patch that adds comments to it.
    Diff,
}

/// What was asked for: all that is kept of the request.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AiDocWish")]
pub struct Wish {
    #[schemars(example = &"src/main.rs")]
    pub path: String,
    pub style: Style,
    pub format: Format,
    /// What it is written in for people; `null`: as the file is.
    #[schemars(example = &"en")]
    pub language: Option<String>,
    /// Of the file and those beside it.
    #[schemars(range(min = 1), example = 1_204)]
    pub bytes: u64,
}

/// A job that writes a document.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AiDocJob")]
pub struct Doc {
    pub id: Id,
    pub project_id: Id,
    /// `null` where the account is gone.
    pub requested_by: Option<Person>,
    /// The requester's plan as it was then.
    pub tier: Tier,
    pub status: Status,
    #[schemars(range(min = 1, max = 2), example = 1)]
    pub attempt: i64,
    #[serde(flatten)]
    pub wish: Wish,
    pub error: Option<Failure>,
    pub created_at: Time,
    pub started_at: Option<Time>,
    pub finished_at: Option<Time>,
    /// When the document goes.
    pub expires_at: Option<Time>,
}

/// A job with the document, once it is there and until it goes.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AiDocResult")]
pub struct WithDocument {
    #[serde(flatten)]
    doc: Doc,
    result: Option<Document>,
}

/// What the provider wrote. It may be wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AiDocument")]
pub struct Document {
    #[schemars(example = &"Reads the settings, and starts the server.")]
    pub summary: String,
    /// A unified diff that adds comments.
    #[schemars(example = &"--- a/src/main.rs\n+++ b/src/main.rs\n")]
    pub diff: Option<String>,
    /// Documentation in the file's own syntax.
    #[schemars(example = &"/// Reads the settings, and starts the server.")]
    pub snippet: Option<String>,
    /// Which model wrote it.
    #[schemars(example = &"gpt-5-mini")]
    pub model: String,
}

fn find(id: &Id, project: &Id, user: i64) -> Stmt {
    sql!(
        "SELECT j.id, j.project_id, j.tier, j.status, j.attempt, j.request, j.error_code, j.error_message,
                j.created_at, j.started_at, j.finished_at, j.expires_at,
                iif(j.requested_by = ?3, 'author', m.role) AS role,
                (SELECT json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url)
                 FROM users u WHERE u.id = j.requested_by) AS requested_by
         FROM jobs j JOIN team_members m ON m.project_id = j.project_id AND m.user_id = ?3
         WHERE j.id = ?1 AND j.project_id = ?2 AND j.kind = 'ai_doc'",
        id,
        project,
        user,
    )
}

/// A job as the caller may deal with it.
pub struct Theirs {
    doc: Doc,
    role: Role,
}

impl Thing for Theirs {
    const NOT_FOUND: Code = Code::JobNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let project = ask.path.id("project_id", Code::ProjectNotFound)?;
        let find = find(&ask.path.id("job_id", Self::NOT_FOUND)?, &project, ask.caller.user);
        Ok(vec![membership(&project, ask.caller.user), find])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        #[derive(Deserialize)]
        struct Found {
            role: Role,
            #[serde(flatten)]
            row: Row,
        }
        answers.first::<serde::de::IgnoredAny>()?.ok_or(Code::ProjectNotFound)?;
        Ok(answers.first::<Found>()?.map(|Found { role, row }| Theirs { doc: row.into(), role }))
    }

    fn role(&self) -> Role {
        self.role
    }
}

impl Permits<View> for Theirs {
    const NEEDS: Role = Role::Member;
}

/// Who requested it, and the project's owner.
impl Permits<Edit> for Theirs {
    const NEEDS: Role = Role::Owner;
}

impl Theirs {
    /// With its document, which is no trip to the database.
    pub async fn with_document(self, app: &App) -> Result<One<WithDocument>> {
        let result = match self.doc.status {
            Status::Completed => store::document(app, &self.doc.id).await?,
            _ => None,
        };
        One::of(&WithDocument { doc: self.doc, result })
    }

    pub async fn cancel(&self, app: &App, user: i64, by: &By) -> Result<One<Doc>> {
        let event = app.id()?;
        let step = Step { job: &self.doc.id, attempt: None, event: &event, by };
        let canceled = step.cancel_for(user, &self.doc.project_id, self.doc.status)?;
        let change: Change<Row> = canceled.then(find(&self.doc.id, &self.doc.project_id, user));
        One::of(&Doc::from(app.commit_row(change).await?.ok_or(Code::JobNotFound)?))
    }
}

/// What a client is told of jobs.
pub fn told(ids: &Value) -> Stmt {
    sql!(
        "SELECT id, json_object('id', id, 'status', status, 'attempt', attempt, 'path', request ->> 'path',
                  'requested_by', requested_by, 'error_code', error_code, 'created_at', created_at, 'finished_at', finished_at) AS thing
         FROM jobs WHERE id IN (SELECT value FROM json_each(?1)) AND kind = 'ai_doc'",
        ids
    )
}

/// The cron's part: what waits for a message that was lost, and what a crash left.
pub async fn sweep(app: &App) -> Result<()> {
    let dispatched = run::round(app).await;
    store::sweep(app).await.and(dispatched)
}
