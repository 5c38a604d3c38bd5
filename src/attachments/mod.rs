//! Attachments: files on a task, stored here or linked to.

pub mod api;
pub mod download;
mod name;
pub mod orphans;
mod sniff;
pub mod upload;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::access::{Actor, Ask, Contribute, Listed, NoFilter, Permits, Role, Thing};
use crate::app::{App, By, Change};
use crate::db::{self, Answers, HttpsUrl, Id, Stmt, Time};
use crate::error::{Code, Result};
use crate::event::{Event, Kind, Recorded};
use crate::http::Page;
use crate::limits::Quota;
use crate::projects::{membership, refuse_unless};
use crate::sql;
use crate::tasks::{self, Task};
use crate::user::Person;
use download::Links;
use name::FileName;

/// What the keys of all stored files begin with.
const PREFIX: &str = "attachments/";

/// A file on a task, or a link to one elsewhere.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Attachment {
    pub id: Id,
    pub task_id: Id,
    #[schemars(example = &"sketch.png")]
    pub filename: String,
    /// By what is in the file, whatever it was sent as. `null` for links.
    #[schemars(example = &"image/png")]
    pub content_type: Option<String>,
    /// `null` for links.
    #[schemars(range(min = 1), example = 48_213)]
    pub size_bytes: Option<i64>,
    /// Where a linked file is.
    #[schemars(example = &"https://example.com/sketch.png")]
    pub external_url: Option<String>,
    /// Where to get it, without a token. `null` where the file was lost.
    #[schemars(example = &"https://api.example.com/api/v1/files/0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77?user=42&expires=1772357700&signature=Zx3vQ0mT")]
    pub url: Option<String>,
    /// When `url` stops working; list again for a new one. `null` for links.
    pub url_expires_at: Option<Time>,
    /// `null` where the account is gone.
    pub uploaded_by: Option<Person>,
    pub uploaded_at: Time,
}

/// A file that is elsewhere.
#[derive(Deserialize, JsonSchema)]
pub struct NewAttachment {
    /// It is linked to, not fetched.
    external_url: HttpsUrl,
    filename: FileName,
}

/// Where a stored file is: ids only, nothing that anybody wrote.
fn key(project: &str, task: &str, attachment: &str) -> String {
    format!("{PREFIX}{project}/{task}/{attachment}")
}

/// An attachment as it is listed.
#[derive(Deserialize)]
pub struct Row {
    id: Id,
    task_id: Id,
    filename: String,
    content_type: Option<String>,
    size_bytes: Option<i64>,
    external_url: Option<String>,
    #[serde(deserialize_with = "db::maybe_json")]
    uploaded_by: Option<Person>,
    uploaded_at: Time,
    lost_at: Option<Time>,
}

impl Row {
    fn shown(self, links: &Links) -> Attachment {
        let stored = self.external_url.is_none() && self.lost_at.is_none();
        Attachment {
            url: if stored { Some(links.to(&self.id)) } else { self.external_url.clone() },
            url_expires_at: stored.then(|| links.expire_at()),
            id: self.id,
            task_id: self.task_id,
            filename: self.filename,
            content_type: self.content_type,
            size_bytes: self.size_bytes,
            external_url: self.external_url,
            uploaded_by: self.uploaded_by,
            uploaded_at: self.uploaded_at,
        }
    }
}

impl Listed for Row {
    type Filter = NoFilter;
    const NO_HOLDER: Code = Code::TaskNotFound;

    fn holders(ask: &Ask) -> Result<Vec<(Stmt, Code)>> {
        tasks::holders(ask)
    }

    fn list(ask: &Ask, _: NoFilter, page: Page) -> Result<[Stmt; 2]> {
        let task = ask.path.id("task_id", Self::NO_HOLDER)?;
        Ok([
            sql!("SELECT count(*) AS total FROM task_attachments WHERE task_id = ?1", task),
            sql!(
                "SELECT a.id, a.task_id, a.filename, a.content_type, a.size_bytes, a.external_url, a.uploaded_at, a.lost_at,
                        (SELECT json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url)
                         FROM users u WHERE u.id = a.uploaded_by) AS uploaded_by
                 FROM task_attachments a WHERE a.task_id = ?1 ORDER BY a.id LIMIT ?2 OFFSET ?3",
                task,
                page.limit(),
                page.offset(),
            ),
        ])
    }
}

/// An attachment to delete, with the caller's role in its project.
#[derive(Deserialize)]
pub struct Placed {
    id: Id,
    task_id: Id,
    project_id: Id,
    role: Role,
}

impl Thing for Placed {
    const NOT_FOUND: Code = Code::AttachmentNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let project = ask.path.id("project_id", Code::ProjectNotFound)?;
        let find = sql!(
            "SELECT a.id, a.task_id, a.project_id, m.role
             FROM task_attachments a JOIN team_members m ON m.project_id = a.project_id AND m.user_id = ?4
             WHERE a.id = ?3 AND a.task_id = ?2 AND a.project_id = ?1",
            project,
            ask.path.id("task_id", Code::TaskNotFound)?,
            ask.path.id("attachment_id", Self::NOT_FOUND)?,
            ask.caller.user,
        );
        Ok(vec![membership(&project, ask.caller.user), find])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first::<serde::de::IgnoredAny>()?.ok_or(Code::ProjectNotFound)?;
        answers.first()
    }

    fn role(&self) -> Role {
        self.role
    }
}

impl Permits<Contribute> for Placed {
    const NEEDS: Role = Role::Member;
}

impl Placed {
    /// The object goes with the event.
    pub fn delete(&self, user: i64, by: &By) -> Change<()> {
        Change::to(())
            .run(refuse_unless(&self.project_id, user, Role::Member))
            .run(sql!(
                "INSERT INTO refusals SELECT 'ATTACHMENT_NOT_FOUND' WHERE NOT EXISTS (SELECT 1 FROM task_attachments WHERE id = ?1)",
                self.id
            ))
            .run(sql!("DELETE FROM task_attachments WHERE id = ?1", self.id))
            .announce(Event::new(Kind::AttachmentDeleted, by, &self.id).in_project(&self.project_id).on_task(&self.task_id))
    }
}

/// What is known of a file once it is stored.
pub struct Stored {
    pub key: String,
    pub content_type: &'static str,
    pub size: u64,
    pub etag: String,
}

/// Where an attachment's content is.
pub enum Content {
    Here(Stored),
    Elsewhere(HttpsUrl),
}

/// An attachment to be.
pub struct New {
    id: Id,
    name: FileName,
    content: Content,
}

impl New {
    /// Puts it onto the task, while the uploader's tier allows one more there.
    fn attach(self, task: &Task, actor: &Actor, count: Quota, links: &Links, by: &By) -> Change<Attachment> {
        let (stored, external_url) = match self.content {
            Content::Here(stored) => (Some(stored), None),
            Content::Elsewhere(url) => (None, Some(url.to_string())),
        };
        let row = Row {
            id: self.id,
            task_id: task.id.clone(),
            filename: self.name.to_string(),
            content_type: stored.as_ref().map(|stored| stored.content_type.to_owned()),
            size_bytes: stored.as_ref().and_then(|stored| i64::try_from(stored.size).ok()),
            external_url,
            uploaded_by: Some(Person::from(&actor.user)),
            uploaded_at: by.at,
            lost_at: None,
        };
        let full = sql!(
            "INSERT INTO refusals SELECT 'TIER_LIMIT_EXCEEDED ' || used
             FROM (SELECT count(*) AS used FROM task_attachments WHERE task_id = ?1) WHERE used >= ?2",
            task.id,
            count.limit(),
        );
        let gone = sql!(
            "INSERT INTO refusals SELECT 'TASK_NOT_FOUND' WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE id = ?1 AND project_id = ?2)",
            task.id,
            task.project_id,
        );
        let insert = sql!(
            "INSERT INTO task_attachments (id, project_id, task_id, r2_key, external_url, filename, content_type, size_bytes, etag, uploaded_by, uploaded_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            row.id,
            task.project_id,
            task.id,
            stored.as_ref().map(|stored| &stored.key),
            row.external_url,
            row.filename,
            row.content_type,
            row.size_bytes,
            stored.as_ref().map(|stored| &stored.etag),
            actor.user.id,
            row.uploaded_at,
        );
        let event = Event::new(Kind::AttachmentAdded, by, &row.id)
            .in_project(&task.project_id)
            .on_task(&task.id)
            .with(json!({ "stored": stored.is_some(), "size_bytes": row.size_bytes }));
        Change::to(row.shown(links))
            .run(refuse_unless(&task.project_id, actor.user.id, Role::Member))
            .run(gone)
            .within(count, full)
            .run(insert)
            .announce(event)
    }
}

/// Deletes the files of what an event says is gone. Once more is once.
pub async fn follow(app: &App, event: &Recorded) -> Result<()> {
    let Some(project) = &event.project_id else { return Ok(()) };
    let entity = &event.entity_id;
    match (Kind::from_name(&event.kind), &event.task_id) {
        (Some(Kind::ProjectDeleted), _) => app.host().clear_files(&format!("{PREFIX}{project}/")).await,
        (Some(Kind::TaskDeleted), _) => app.host().clear_files(&format!("{PREFIX}{project}/{entity}/")).await,
        (Some(Kind::AttachmentDeleted), Some(task)) => app.host().delete_files(&[&key(project, task, entity)]).await,
        _ => Ok(()),
    }
}

/// What a client is told of attachments: no link, which each of the team gets for themselves.
pub fn told(ids: &Value) -> Stmt {
    sql!(
        "SELECT id, json_object('id', id, 'task_id', task_id, 'filename', filename, 'content_type', content_type,
                  'size_bytes', size_bytes, 'external_url', external_url, 'uploaded_at', uploaded_at) AS thing
         FROM task_attachments WHERE id IN (SELECT value FROM json_each(?1))",
        ids
    )
}
