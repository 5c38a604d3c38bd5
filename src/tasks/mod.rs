//! Tasks: what there is to do in a project.

pub mod activity;
pub mod api;
pub mod board;
pub mod dependencies;
pub mod labels;
pub mod list;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::access::{Ask, Contribute, Permits, Role, Thing, View};
use crate::app::{By, Change};
use crate::db::{self, Answers, Id, Stmt, Time};
use crate::error::{Code, Result};
use crate::event::{Event, Kind};
use crate::http::Versioned;
use crate::user::Person;
use crate::{projects, sql};

/// How far a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "TaskStatus")]
pub enum Status {
    #[default]
    Open,
    InProgress,
    Blocked,
    Done,
}

impl Status {
    pub const ALL: [Status; 4] = [Status::Open, Status::InProgress, Status::Blocked, Status::Done];

    pub const fn name(self) -> &'static str {
        match self {
            Status::Open => "open",
            Status::InProgress => "in_progress",
            Status::Blocked => "blocked",
            Status::Done => "done",
        }
    }
}

/// A task as the project's team sees it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    pub id: Id,
    pub project_id: Id,
    #[schemars(example = &"Write the announcement")]
    pub title: String,
    #[schemars(example = &"Two paragraphs and a picture.")]
    pub description: Option<String>,
    pub status: Status,
    #[schemars(example = 42)]
    pub assignee_id: Option<i64>,
    #[serde(deserialize_with = "db::maybe_json")]
    pub assignee: Option<Person>,
    pub due_date: Option<Time>,
    #[serde(deserialize_with = "db::json")]
    pub label_ids: Vec<Id>,
    #[serde(deserialize_with = "db::json")]
    pub labels: Vec<TaskLabel>,
    /// The tasks this one waits for.
    #[serde(deserialize_with = "db::json")]
    pub depends_on: Vec<Id>,
    #[schemars(range(min = 0), example = 3)]
    pub comment_count: i64,
    #[schemars(range(min = 0), example = 1)]
    pub attachment_count: i64,
    #[schemars(example = 42)]
    pub created_by: Option<i64>,
    /// Goes up with every change; the `ETag`.
    #[schemars(range(min = 1), example = 1)]
    pub version: i64,
    pub created_at: Time,
    pub updated_at: Time,
    /// The caller's.
    #[serde(skip_serializing)]
    #[schemars(skip)]
    role: Role,
}

/// A label as it stands on a task.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TaskLabel {
    pub id: Id,
    #[schemars(example = &"bug")]
    pub name: String,
    #[schemars(example = &"#0ea5e9")]
    pub color: Option<String>,
}

impl Versioned for Task {
    fn version(&self) -> i64 {
        self.version
    }
}

fn find(project: &Id, task: &Id, user: i64) -> Stmt {
    sql!(
        "SELECT t.id, t.project_id, t.title, t.description, t.status, t.assignee_id, t.due_date, t.created_by, t.version,
                t.created_at, t.updated_at, m.role,
                (SELECT json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url)
                 FROM users u WHERE u.id = t.assignee_id) AS assignee,
                (SELECT json_group_array(id) FROM (SELECT l.id FROM task_label_links k JOIN task_labels l ON l.id = k.label_id
                                                   WHERE k.task_id = t.id ORDER BY l.name)) AS label_ids,
                (SELECT json_group_array(json_object('id', id, 'name', name, 'color', color))
                 FROM (SELECT l.* FROM task_label_links k JOIN task_labels l ON l.id = k.label_id
                       WHERE k.task_id = t.id ORDER BY l.name)) AS labels,
                (SELECT json_group_array(depends_on_task_id)
                 FROM (SELECT depends_on_task_id FROM task_dependencies WHERE task_id = t.id ORDER BY depends_on_task_id)) AS depends_on,
                (SELECT count(*) FROM comments WHERE task_id = t.id AND deleted_at IS NULL) AS comment_count,
                (SELECT count(*) FROM task_attachments WHERE task_id = t.id) AS attachment_count
         FROM team_members m JOIN tasks t ON t.project_id = m.project_id
         WHERE m.project_id = ?1 AND t.id = ?2 AND m.user_id = ?3",
        project,
        task,
        user,
    )
}

impl Thing for Task {
    const NOT_FOUND: Code = Code::TaskNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let project = ask.path.id("project_id", Code::ProjectNotFound)?;
        let membership = crate::projects::membership(&project, ask.caller.user);
        let task = ask.path.id("task_id", Self::NOT_FOUND)?;
        Ok(vec![membership, find(&project, &task, ask.caller.user)])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first::<serde::de::IgnoredAny>()?.ok_or(Code::ProjectNotFound)?;
        answers.first()
    }

    fn role(&self) -> Role {
        self.role
    }
}

/// Of a list on a task.
pub fn holders(ask: &Ask) -> Result<Vec<(Stmt, Code)>> {
    let project = ask.path.id("project_id", Code::ProjectNotFound)?;
    let task = ask.path.id("task_id", Code::TaskNotFound)?;
    Ok(vec![
        (projects::membership(&project, ask.caller.user), Code::ProjectNotFound),
        (sql!("SELECT id FROM tasks WHERE id = ?2 AND project_id = ?1", project, task), Code::TaskNotFound),
    ])
}

impl Permits<View> for Task {
    const NEEDS: Role = Role::Member;
}

impl Permits<Contribute> for Task {
    const NEEDS: Role = Role::Member;
}

/// What a client is told of tasks.
pub fn told(ids: &Value) -> Stmt {
    sql!(
        "SELECT t.id, json_object('id', t.id, 'title', t.title, 'description', t.description, 'status', t.status,
                  'assignee_id', t.assignee_id, 'due_date', t.due_date, 'created_by', t.created_by, 'version', t.version,
                  'created_at', t.created_at, 'updated_at', t.updated_at,
                  'label_ids', (SELECT json_group_array(label_id) FROM task_label_links WHERE task_id = t.id),
                  'depends_on', (SELECT json_group_array(depends_on_task_id) FROM task_dependencies WHERE task_id = t.id)) AS thing
         FROM tasks t WHERE t.id IN (SELECT value FROM json_each(?1))",
        ids
    )
}

/// Deleted meanwhile, or changed since the versions the caller starts from.
fn refuse_unless_unchanged(task: &Id, versions: Option<Value>) -> Stmt {
    sql!(
        "INSERT INTO refusals
         SELECT iif(EXISTS (SELECT 1 FROM tasks WHERE id = ?1), 'PRECONDITION_FAILED', 'TASK_NOT_FOUND')
         WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE id = ?1 AND (?2 IS NULL OR version IN (SELECT value FROM json_each(?2))))",
        task,
        versions,
    )
}

impl Task {
    /// Its comments, which can be very many, are out of sight at once, and go in pieces with the event.
    pub fn delete(&self, versions: Option<Value>, user: i64, by: &By) -> Change<()> {
        Change::to(())
            .run(projects::refuse_unless(&self.project_id, user, Role::Member))
            .run(refuse_unless_unchanged(&self.id, versions))
            .run(sql!(
                "UPDATE tasks SET version = version + 1, updated_at = ?2
                 WHERE id IN (SELECT task_id FROM task_dependencies WHERE depends_on_task_id = ?1)",
                self.id,
                by.at,
            ))
            .run(sql!(
                "UPDATE comments SET task_id = NULL, deleted_at = ifnull(deleted_at, ?2) WHERE task_id = ?1",
                self.id,
                by.at,
            ))
            .run(sql!("DELETE FROM tasks WHERE id = ?1", self.id))
            .announce(Event::new(Kind::TaskDeleted, by, &self.id).in_project(&self.project_id).on_task(&self.id))
    }
}
