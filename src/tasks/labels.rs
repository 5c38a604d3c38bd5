//! A project's labels, and those of a task.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::TaskLabel;
use super::board::Board;
use crate::access::{Ask, Contribute, Permits, Role, Thing};
use crate::app::{By, Change};
use crate::db::{Answers, Color, Id, Param, Stmt, Text, Time, ToParam};
use crate::error::{Code, Result};
use crate::event::{Event, Kind};
use crate::{projects, sql};

/// Labels of one task.
const MOST_ON_TASK: usize = 20;
/// Labels of one project.
const MOST: i64 = 200;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Label {
    pub id: Id,
    #[schemars(example = &"bug")]
    pub name: String,
    #[schemars(example = &"#0ea5e9")]
    pub color: Option<String>,
    pub created_at: Time,
}

#[derive(Deserialize, JsonSchema)]
pub struct NewLabel {
    name: Text<1, 50>,
    color: Option<Color>,
}

/// Which labels; each once, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct LabelIds(Vec<Id>);

/// What a client is told of labels.
pub fn told(ids: &Value) -> Stmt {
    sql!(
        "SELECT id, json_object('id', id, 'name', name, 'color', color, 'created_at', created_at) AS thing
         FROM task_labels WHERE id IN (SELECT value FROM json_each(?1))",
        ids
    )
}

impl LabelIds {
    /// `None` where they are too many.
    pub fn new(mut ids: Vec<Id>) -> Option<Self> {
        ids.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        ids.dedup();
        (ids.len() <= MOST_ON_TASK).then_some(LabelIds(ids))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn contains(&self, id: &Id) -> bool {
        self.0.contains(id)
    }
}

impl<'de> Deserialize<'de> for LabelIds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // Whichever of them is none, it is the list that is wrong.
        let given = Vec::<Value>::deserialize(from)?;
        let ids: Option<Vec<Id>> = given.iter().map(|id| Id::parse(id.as_str()?)).collect();
        ids.and_then(LabelIds::new).ok_or_else(|| D::Error::custom(format!("must be at most {MOST_ON_TASK} ids")))
    }
}

impl JsonSchema for LabelIds {
    fn schema_name() -> Cow<'static, str> {
        "LabelIds".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": Id::json_schema(generator), "maxItems": MOST_ON_TASK })
    }
}

impl ToParam for LabelIds {
    fn param(&self) -> Param {
        json!(self.0).param()
    }
}

impl Label {
    pub fn on_task(&self) -> TaskLabel {
        TaskLabel { id: self.id.clone(), name: self.name.clone(), color: self.color.clone() }
    }
}

/// A label of a project, by its own address.
#[derive(Deserialize)]
pub struct ProjectLabel {
    id: Id,
    project_id: Id,
    role: Role,
}

impl Thing for ProjectLabel {
    const NOT_FOUND: Code = Code::LabelNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let project = ask.path.id("project_id", Code::ProjectNotFound)?;
        let label = ask.path.id("label_id", Self::NOT_FOUND)?;
        Ok(vec![
            projects::membership(&project, ask.caller.user),
            sql!(
                "SELECT l.id, l.project_id, m.role
                 FROM task_labels l JOIN team_members m ON m.project_id = l.project_id AND m.user_id = ?3
                 WHERE l.project_id = ?1 AND l.id = ?2",
                project,
                label,
                ask.caller.user,
            ),
        ])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first::<serde::de::IgnoredAny>()?.ok_or(Code::ProjectNotFound)?;
        answers.first()
    }

    fn role(&self) -> Role {
        self.role
    }
}

impl Permits<Contribute> for ProjectLabel {
    const NEEDS: Role = Role::Member;
}

impl Board {
    pub fn add_label(&self, body: NewLabel, id: Id, user: i64, by: &By) -> Change<Label> {
        let label = Label {
            id,
            name: body.name.to_string(),
            color: body.color.as_ref().map(Color::to_string),
            created_at: by.at,
        };
        let event = Event::new(Kind::LabelCreated, by, &label.id).in_project(&self.id);
        let taken = sql!(
            "INSERT INTO refusals SELECT 'LABEL_EXISTS' WHERE EXISTS (SELECT 1 FROM task_labels WHERE project_id = ?1 AND name = ?2)",
            self.id,
            label.name,
        );
        let full = sql!(
            "INSERT INTO refusals SELECT 'TOO_MANY' WHERE (SELECT count(*) FROM task_labels WHERE project_id = ?1) >= ?2",
            self.id,
            MOST,
        );
        let insert = sql!(
            "INSERT INTO task_labels (id, project_id, name, color, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            label.id,
            self.id,
            label.name,
            label.color,
            label.created_at,
        );
        let allowed = projects::refuse_unless(&self.id, user, Role::Member);
        Change::to(label).run(allowed).run(taken).run(full).run(insert).announce(event)
    }
}

impl ProjectLabel {
    pub fn delete(&self, user: i64, by: &By) -> Change<()> {
        Change::to(())
            .run(projects::refuse_unless(&self.project_id, user, Role::Member))
            .run(sql!(
                "INSERT INTO refusals SELECT 'LABEL_NOT_FOUND' WHERE NOT EXISTS (SELECT 1 FROM task_labels WHERE id = ?1)",
                self.id
            ))
            .run(sql!(
                "UPDATE tasks SET version = version + 1, updated_at = ?2
                 WHERE id IN (SELECT task_id FROM task_label_links WHERE label_id = ?1)",
                self.id,
                by.at,
            ))
            .run(sql!("DELETE FROM task_labels WHERE id = ?1", self.id))
            .announce(Event::new(Kind::LabelDeleted, by, &self.id).in_project(&self.project_id))
    }
}
