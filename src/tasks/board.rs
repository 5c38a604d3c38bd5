//! What tasks are written on: a project with the labels and the people there are to choose from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::labels::{Label, LabelIds};
use super::{Status, Task, TaskLabel};
use crate::access::{Ask, Contribute, Permits, Role, Thing, View};
use crate::app::{By, Change};
use crate::db::{self, Answers, Id, Moment, Patch, Stmt, Text};
use crate::error::{Code, Error, Result};
use crate::event::{Event, Kind};
use crate::user::Person;
use crate::{projects, sql};

#[derive(Debug, Deserialize)]
pub struct Board {
    /// The project's.
    pub id: Id,
    role: Role,
    /// By name.
    #[serde(deserialize_with = "db::json")]
    pub labels: Vec<Label>,
    #[serde(deserialize_with = "db::json")]
    team: Vec<Person>,
}

#[derive(Deserialize, JsonSchema)]
pub struct NewTask {
    title: Text<1, 200>,
    description: Option<Text<0, 10_000>>,
    #[serde(default)]
    status: Status,
    /// One of the project's team.
    #[schemars(example = 42)]
    assignee_id: Option<i64>,
    /// A date alone is its midnight in UTC.
    due_date: Option<Moment>,
    #[serde(default)]
    label_ids: LabelIds,
}

/// Absent fields stay as they are; `null` clears a description, an assignee or a due date.
// As JSON it holds what was named and nothing else.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct EditTask {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<Text<1, 200>>,
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    description: Patch<Text<0, 10_000>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    /// One of the project's team.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schemars(example = 42)]
    assignee_id: Patch<i64>,
    /// A date alone is its midnight in UTC.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    due_date: Patch<Moment>,
    /// All the labels it shall have.
    #[serde(skip_serializing_if = "Option::is_none")]
    label_ids: Option<LabelIds>,
}

fn find(project: &Id, user: i64) -> Stmt {
    sql!(
        "SELECT m.project_id AS id, m.role,
                (SELECT json_group_array(json_object('id', l.id, 'name', l.name, 'color', l.color, 'created_at', l.created_at))
                 FROM (SELECT * FROM task_labels WHERE project_id = m.project_id ORDER BY name) l) AS labels,
                (SELECT json_group_array(json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url))
                 FROM team_members t JOIN users u ON u.id = t.user_id WHERE t.project_id = m.project_id) AS team
         FROM team_members m WHERE m.project_id = ?1 AND m.user_id = ?2",
        project,
        user,
    )
}

impl Thing for Board {
    const NOT_FOUND: Code = Code::ProjectNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        Ok(vec![find(&ask.path.id("project_id", Self::NOT_FOUND)?, ask.caller.user)])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first()
    }

    fn role(&self) -> Role {
        self.role
    }
}

impl Permits<View> for Board {
    const NEEDS: Role = Role::Member;
}

impl Permits<Contribute> for Board {
    const NEEDS: Role = Role::Member;
}

impl Board {
    pub fn create(&self, body: NewTask, id: Id, user: i64, by: &By) -> Result<Change<Task>> {
        let labels = self.chosen(&body.label_ids)?;
        let task = Task {
            id,
            project_id: self.id.clone(),
            title: body.title.to_string(),
            description: body.description.as_ref().map(Text::to_string),
            status: body.status,
            assignee_id: body.assignee_id,
            assignee: body.assignee_id.map(|id| self.person(id)).transpose()?,
            due_date: body.due_date.map(|Moment(time)| time),
            label_ids: labels.iter().map(|label| label.id.clone()).collect(),
            labels,
            depends_on: Vec::new(),
            comment_count: 0,
            attachment_count: 0,
            created_by: by.user,
            version: 1,
            created_at: by.at,
            updated_at: by.at,
            role: self.role,
        };
        let insert = sql!(
            "INSERT INTO tasks (id, project_id, title, description, status, assignee_id, due_date, created_by, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
            task.id,
            self.id,
            task.title,
            task.description,
            task.status.name(),
            task.assignee_id,
            task.due_date,
            task.created_by,
            by.at,
        );
        let link = sql!(
            "INSERT INTO task_label_links (task_id, label_id) SELECT ?1, value FROM json_each(?2)",
            task.id,
            body.label_ids,
        );
        let event = Event::new(Kind::TaskCreated, by, &task.id).in_project(&self.id).on_task(&task.id);
        let event = event.with(json!({ "assignee_id": task.assignee_id, "status": task.status }));
        Ok(Change::to(task)
            .run(projects::refuse_unless(&self.id, user, Role::Member))
            .run(self.refuse_unless_there(body.assignee_id, Some(&body.label_ids)))
            .run(insert)
            .run(link)
            .announce(event))
    }

    /// Who is meant by an `assignee_id`.
    fn person(&self, id: i64) -> Result<Person> {
        let found = self.team.iter().find(|person| person.id == id).cloned();
        found.ok_or_else(|| Error::invalid("assignee_id", "is not on the project's team"))
    }

    /// The labels that `label_ids` mean, by name.
    fn chosen(&self, ids: &LabelIds) -> Result<Vec<TaskLabel>> {
        let chosen = self.labels.iter().filter(|label| ids.contains(&label.id)).map(Label::on_task);
        let chosen: Vec<TaskLabel> = chosen.collect();
        if chosen.len() < ids.len() {
            return Err(Error::invalid("label_ids", "names a label that the project does not have"));
        }
        Ok(chosen)
    }

    /// The person may have left since, or a label gone.
    fn refuse_unless_there(&self, assignee: Option<i64>, labels: Option<&LabelIds>) -> Stmt {
        sql!(
            "INSERT INTO refusals SELECT 'CONFLICT'
             WHERE ?2 NOT IN (SELECT user_id FROM team_members WHERE project_id = ?1)
                OR json_array_length(?3) > (SELECT count(*) FROM task_labels
                                            WHERE project_id = ?1 AND id IN (SELECT value FROM json_each(?3)))",
            self.id,
            assignee,
            labels,
        )
    }
}

/// A task about to be edited, on its board.
pub struct Card {
    board: Board,
    id: Id,
}

#[derive(Deserialize)]
struct Row {
    id: Id,
}

/// A row where the project has the task.
pub(super) fn existing(project: &Id, task: &Id) -> Stmt {
    sql!("SELECT id FROM tasks WHERE project_id = ?1 AND id = ?2", project, task)
}

impl Thing for Card {
    const NOT_FOUND: Code = Task::NOT_FOUND;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let project = ask.path.id("project_id", Board::NOT_FOUND)?;
        let task = ask.path.id("task_id", Self::NOT_FOUND)?;
        Ok(vec![find(&project, ask.caller.user), existing(&project, &task)])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        let board: Board = answers.first()?.ok_or(Board::NOT_FOUND)?;
        let task: Option<Row> = answers.first()?;
        Ok(task.map(|Row { id }| Card { board, id }))
    }

    fn role(&self) -> Role {
        self.board.role
    }
}

impl Permits<Contribute> for Card {
    const NEEDS: Role = Role::Member;
}

impl Card {
    /// What differs is told by the event, written first, in ids and values of lists; where it told nothing, nothing happens.
    pub fn edit(
        &self,
        edit: EditTask,
        versions: Option<Value>,
        mut events: [Id; 2],
        user: i64,
        by: &By,
    ) -> Result<Change<Task>> {
        let (board, assignee, labels) = (&self.board, edit.assignee_id.value().copied(), edit.label_ids.as_ref());
        assignee.map(|id| board.person(id)).transpose()?;
        labels.map(|ids| board.chosen(ids)).transpose()?;
        let patch = json!(edit);
        // Of one moment, the first shall come first.
        events.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        let [updated, completed] = events;
        let tell = sql!(
            "WITH diff AS (
               SELECT json_each.key AS field, json_each.value AS new,
                      CASE json_each.key WHEN 'title' THEN t.title WHEN 'description' THEN t.description WHEN 'status' THEN t.status
                        WHEN 'assignee_id' THEN t.assignee_id WHEN 'due_date' THEN t.due_date
                        WHEN 'label_ids' THEN (SELECT json_group_array(label_id) FROM
                          (SELECT label_id FROM task_label_links WHERE task_id = t.id ORDER BY label_id)) END AS old
               FROM tasks t, json_each(?6) WHERE t.id = ?5)
             INSERT INTO events (id, kind, actor_id, project_id, entity_id, data, ip_address, request_id, created_at, task_id)
             SELECT ?1, ?2, ?3, ?4, ?5,
                    json_set((SELECT json_group_object(field, json_object('from', old, 'to', new)) FROM diff
                              WHERE new IS NOT old AND field IN ('status', 'assignee_id')),
                             '$.changed', json_group_array(field)),
                    nullif(?7, ''), ?8, ?9, ?5
             FROM diff WHERE new IS NOT old HAVING count(*) > 0",
            updated,
            Kind::TaskUpdated.name(),
            by.user,
            board.id,
            self.id,
            patch,
            by.ip,
            by.request_id,
            by.at,
        );
        let update = sql!(
            "UPDATE tasks SET
               title = ifnull(?2 ->> 'title', title),
               description = iif(json_type(?2, '$.description') IS NULL, description, ?2 ->> 'description'),
               status = ifnull(?2 ->> 'status', status),
               assignee_id = iif(json_type(?2, '$.assignee_id') IS NULL, assignee_id, ?2 ->> 'assignee_id'),
               due_date = iif(json_type(?2, '$.due_date') IS NULL, due_date, ?2 ->> 'due_date'),
               version = version + 1, updated_at = ?3
             WHERE id = ?1 AND EXISTS (SELECT 1 FROM events WHERE id = ?4)",
            self.id,
            patch,
            by.at,
            updated,
        );
        let mut change = Change::returning(super::find(&board.id, &self.id, user))
            .run(projects::refuse_unless(&board.id, user, Role::Member))
            .run(super::refuse_unless_unchanged(&self.id, versions))
            .run(board.refuse_unless_there(assignee, labels))
            .record(updated.clone(), tell)
            .run(update);
        if let Some(labels) = labels {
            change = change
                .run(sql!(
                    "DELETE FROM task_label_links WHERE task_id = ?1 AND label_id NOT IN (SELECT value FROM json_each(?2))",
                    self.id,
                    labels,
                ))
                .run(sql!(
                    "INSERT INTO task_label_links (task_id, label_id) SELECT ?1, value FROM json_each(?2) WHERE true
                     ON CONFLICT DO NOTHING",
                    self.id,
                    labels,
                ));
        }
        if edit.status == Some(Status::Done) {
            let tell = sql!(
                "INSERT INTO events (id, kind, actor_id, project_id, entity_id, data, ip_address, request_id, created_at, task_id)
                 SELECT ?1, ?2, e.actor_id, e.project_id, t.id, json_object('assignee_id', t.assignee_id, 'created_by', t.created_by),
                        e.ip_address, e.request_id, e.created_at, t.id
                 FROM events e JOIN tasks t ON t.id = e.task_id WHERE e.id = ?3 AND e.data ->> '$.status.to' = ?4",
                completed,
                Kind::TaskCompleted.name(),
                updated,
                Status::Done.name(),
            );
            change = change.record(completed, tell);
        }
        Ok(change)
    }
}
