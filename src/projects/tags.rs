//! A project's tags.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Project;
use crate::access::{Ask, Contribute, Permits, Role, Thing};
use crate::app::{By, Change};
use crate::db::{Answers, Color, Id, Stmt, Text, Time};
use crate::error::{Code, Result};
use crate::event::{Event, Kind};
use crate::sql;

/// Tags of one project.
const MOST: i64 = 200;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Tag {
    pub id: Id,
    #[schemars(example = &"mobile")]
    pub name: String,
    #[schemars(example = &"#0ea5e9")]
    pub color: Option<String>,
    pub created_at: Time,
}

#[derive(Deserialize, JsonSchema)]
pub struct NewTag {
    name: Text<1, 50>,
    color: Option<Color>,
}

/// A tag with the caller's role in its project.
#[derive(Deserialize)]
pub struct ProjectTag {
    pub project_id: Id,
    role: Role,
    #[serde(flatten)]
    pub tag: Tag,
}

impl Thing for ProjectTag {
    const NOT_FOUND: Code = Code::TagNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let project = ask.path.id("project_id", Code::ProjectNotFound)?;
        let tag = ask.path.id("tag_id", Self::NOT_FOUND)?;
        Ok(vec![
            super::membership(&project, ask.caller.user),
            sql!(
                "SELECT t.id, t.name, t.color, t.created_at, t.project_id, m.role
                 FROM project_tags t JOIN team_members m ON m.project_id = t.project_id AND m.user_id = ?3
                 WHERE t.project_id = ?1 AND t.id = ?2",
                project,
                tag,
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

impl Permits<Contribute> for ProjectTag {
    const NEEDS: Role = Role::Member;
}

/// What a client is told of tags.
pub fn told(ids: &Value) -> Stmt {
    sql!(
        "SELECT id, json_object('id', id, 'name', name, 'color', color, 'created_at', created_at) AS thing
         FROM project_tags WHERE id IN (SELECT value FROM json_each(?1))",
        ids
    )
}

impl Project {
    pub fn add_tag(&self, body: NewTag, id: Id, user: i64, by: &By) -> Change<Tag> {
        let tag = Tag {
            id,
            name: body.name.to_string(),
            color: body.color.as_ref().map(Color::to_string),
            created_at: by.at,
        };
        let event = Event::new(Kind::TagCreated, by, &tag.id).in_project(&self.id);
        let taken = sql!(
            "INSERT INTO refusals SELECT 'TAG_EXISTS' WHERE EXISTS (SELECT 1 FROM project_tags WHERE project_id = ?1 AND name = ?2)",
            self.id,
            tag.name,
        );
        let full = sql!(
            "INSERT INTO refusals SELECT 'TOO_MANY' WHERE (SELECT count(*) FROM project_tags WHERE project_id = ?1) >= ?2",
            self.id,
            MOST,
        );
        let insert = sql!(
            "INSERT INTO project_tags (id, project_id, name, color, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            tag.id,
            self.id,
            tag.name,
            tag.color,
            tag.created_at,
        );
        let allowed = super::refuse_unless(&self.id, user, Role::Member);
        Change::to(tag).run(allowed).run(taken).run(full).run(insert).announce(event)
    }
}

impl ProjectTag {
    pub fn delete(&self, user: i64, by: &By) -> Change<()> {
        Change::to(())
            .run(super::refuse_unless(&self.project_id, user, Role::Member))
            .run(sql!(
                "INSERT INTO refusals SELECT 'TAG_NOT_FOUND' WHERE NOT EXISTS (SELECT 1 FROM project_tags WHERE id = ?1)",
                self.tag.id
            ))
            .run(sql!("DELETE FROM project_tags WHERE id = ?1", self.tag.id))
            .announce(Event::new(Kind::TagDeleted, by, &self.tag.id).in_project(&self.project_id))
    }
}
