//! Comments: what is said on a project, its tasks and its code, in threads.

pub mod api;
mod list;
mod mentions;
mod stars;

use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::access::{Ask, Delete, Permits, Role, Thing, View};
use crate::app::{By, Change};
use crate::db::{self, Answers, Id, Stmt, Text, Time};
use crate::error::{Code, Error, Result};
use crate::event::{Event, Kind};
use crate::http::{IfMatch, Versioned};
use crate::projects::{self, path::ProjectPath};
use crate::sql;
use crate::user::Person;
use mentions::{Team, Written};

pub use list::told;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntityType {
    #[default]
    Project,
    Task,
    Code,
}

impl EntityType {
    pub const fn name(self) -> &'static str {
        match self {
            EntityType::Project => "project",
            EntityType::Task => "task",
            EntityType::Code => "code",
        }
    }
}

/// A comment as one of the project's team sees it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Comment {
    pub id: Id,
    pub project_id: Id,
    /// The comment this one replies to.
    pub parent_id: Option<Id>,
    pub entity_type: EntityType,
    /// A project's id, a task's, or a path in the code.
    #[schemars(example = &"src/main.rs")]
    pub entity_id: String,
    #[schemars(example = 42)]
    pub author_id: Option<i64>,
    #[serde(deserialize_with = "db::maybe_json")]
    pub author: Option<Person>,
    /// `null` where it was deleted.
    #[schemars(example = &"Looks good to me, @ada.")]
    pub body: Option<String>,
    /// Whom of the team it names with `@username`.
    #[serde(deserialize_with = "db::json")]
    pub mentions: Vec<Person>,
    /// The caller's.
    #[serde(deserialize_with = "db::flag")]
    pub is_starred: bool,
    #[schemars(range(min = 0), example = 1)]
    pub star_count: i64,
    /// Direct replies.
    #[schemars(range(min = 0), example = 2)]
    pub reply_count: i64,
    /// What is deleted stays without its body for as long as it has replies.
    #[serde(deserialize_with = "db::flag")]
    pub is_deleted: bool,
    /// Goes up with every change; the `ETag`.
    #[schemars(range(min = 1), example = 1)]
    pub version: i64,
    pub created_at: Time,
    pub updated_at: Time,
    /// The caller's towards it.
    #[serde(skip_serializing)]
    #[schemars(skip)]
    role: Role,
}

#[derive(Deserialize, JsonSchema)]
pub struct NewComment {
    #[serde(default)]
    #[schemars(example = EntityType::Code)]
    entity_type: EntityType,
    /// The task's id, or the path of the code, relative to the project. Not needed for the project itself.
    #[schemars(example = &"src/main.rs")]
    entity_id: Option<Text<1, 512>>,
    /// The comment to reply to, on the same entity.
    #[schemars(example = Value::Null)]
    parent_id: Option<Id>,
    #[schemars(example = &"Looks good to me, @ada.")]
    body: Text<1, 10_000>,
}

#[derive(Deserialize, JsonSchema)]
pub struct EditComment {
    #[schemars(example = &"Looks good to me, @ada.")]
    body: Text<1, 10_000>,
}

impl Versioned for Comment {
    fn version(&self) -> i64 {
        self.version
    }
}

/// A tombstone is in lists only: nothing can be done with it.
fn find(project: &Id, comment: &Id, user: i64) -> Stmt {
    sql!(
        "SELECT c.id, c.project_id, c.parent_id, c.entity_type, c.entity_id, c.author_id, c.body, 0 AS is_deleted,
                c.version, c.created_at, c.updated_at, iif(c.author_id = m.user_id, 'author', m.role) AS role,
                (SELECT json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url)
                 FROM users u WHERE u.id = c.author_id) AS author,
                (SELECT json_group_array(json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url))
                 FROM comment_mentions k JOIN users u ON u.id = k.user_id WHERE k.comment_id = c.id) AS mentions,
                EXISTS (SELECT 1 FROM comment_stars s WHERE s.user_id = m.user_id AND s.comment_id = c.id) AS is_starred,
                (SELECT count(*) FROM comment_stars s WHERE s.comment_id = c.id) AS star_count,
                (SELECT count(*) FROM comments r WHERE r.parent_id = c.id) AS reply_count
         FROM team_members m JOIN comments c ON c.project_id = m.project_id
         WHERE m.project_id = ?1 AND c.id = ?2 AND m.user_id = ?3 AND c.deleted_at IS NULL",
        project,
        comment,
        user,
    )
}

impl Thing for Comment {
    const NOT_FOUND: Code = Code::CommentNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let project = ask.path.id("project_id", Code::ProjectNotFound)?;
        let membership = projects::membership(&project, ask.caller.user);
        let comment = ask.path.id("comment_id", Self::NOT_FOUND)?;
        Ok(vec![membership, find(&project, &comment, ask.caller.user)])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first::<IgnoredAny>()?.ok_or(Code::ProjectNotFound)?;
        answers.first()
    }

    fn role(&self) -> Role {
        self.role
    }
}

impl Permits<View> for Comment {
    const NEEDS: Role = Role::Member;
}

impl Permits<Delete> for Comment {
    const NEEDS: Role = Role::Owner;
}

/// What a comment is on: the entity's id, and the task it is.
fn entity(new: &NewComment, project: &Id) -> Result<(String, Option<Id>)> {
    let given = new.entity_id.as_ref().map(AsRef::<str>::as_ref);
    let invalid = |message| Error::invalid("entity_id", message);
    match (new.entity_type, given) {
        (EntityType::Project, None) => Ok((project.to_string(), None)),
        (EntityType::Project, Some(id)) if Id::parse(id).as_ref() == Some(project) => Ok((project.to_string(), None)),
        (EntityType::Project, Some(_)) => Err(invalid("must be this project")),
        (_, None) => Err(invalid("is required")),
        (EntityType::Task, Some(id)) => {
            let task = Id::parse(id).ok_or_else(|| invalid("must be a UUID"))?;
            Ok((task.to_string(), Some(task)))
        }
        (EntityType::Code, Some(path)) if ProjectPath::parse(path).is_ok() => Ok((path.to_owned(), None)),
        (EntityType::Code, Some(_)) => Err(invalid("must be a path relative to the project, like src/main.rs")),
    }
}

pub fn create(new: NewComment, team: &Team, id: Id, author: i64, by: &By) -> Result<Change<Comment>> {
    let (entity_id, task) = entity(&new, &team.project_id)?;
    let comment = Comment {
        id,
        project_id: team.project_id.clone(),
        parent_id: new.parent_id,
        entity_type: new.entity_type,
        entity_id,
        author_id: Some(author),
        author: team.member(author).cloned(),
        mentions: mentions::find(new.body.as_ref(), &team.people),
        body: Some(new.body.to_string()),
        is_starred: false,
        star_count: 0,
        reply_count: 0,
        is_deleted: false,
        version: 1,
        created_at: by.at,
        updated_at: by.at,
        role: Role::Author,
    };
    let insert = sql!(
        "INSERT INTO comments (id, project_id, parent_id, entity_type, entity_id, task_id, author_id, body, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
        comment.id,
        comment.project_id,
        comment.parent_id,
        comment.entity_type.name(),
        comment.entity_id,
        task,
        author,
        comment.body,
        by.at,
    );
    let no_task = sql!(
        "INSERT INTO refusals SELECT 'TASK_NOT_FOUND' WHERE ?1 IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM tasks WHERE id = ?1 AND project_id = ?2)",
        task,
        comment.project_id,
    );
    let no_parent = sql!(
        "INSERT INTO refusals SELECT 'COMMENT_NOT_FOUND' WHERE ?1 IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM comments WHERE id = ?1 AND project_id = ?2 AND entity_type = ?3 AND entity_id = ?4
                             AND deleted_at IS NULL)",
        comment.parent_id,
        comment.project_id,
        comment.entity_type.name(),
        comment.entity_id,
    );
    let (member, mention) =
        (projects::refuse_unless(&comment.project_id, author, Role::Member), comment.mention(&comment.mentions));
    let event = comment.event(Kind::CommentCreated, by, &comment.mentions);
    Ok(Change::to(comment).run(member).run(no_task).run(no_parent).run(insert).run(mention).announce(event))
}

impl Comment {
    fn event(&self, kind: Kind, by: &By, mentioned: &[Person]) -> Event {
        let event = Event::new(kind, by, &self.id).in_project(&self.project_id).with(json!({
            "entity_type": self.entity_type, "parent_id": self.parent_id, "mentions": ids(mentioned),
        }));
        match (self.entity_type, Id::parse(&self.entity_id)) {
            (EntityType::Task, Some(task)) => event.on_task(&task),
            _ => event,
        }
    }

    fn mention(&self, people: &[Person]) -> Stmt {
        sql!(
            "INSERT INTO comment_mentions (comment_id, user_id) SELECT ?1, value FROM json_each(?2) WHERE true ON CONFLICT DO NOTHING",
            self.id,
            ids(people)
        )
    }

    /// Deleted since, or never there: what follows would do nothing.
    fn refuse_if_gone(&self) -> Stmt {
        sql!(
            "INSERT INTO refusals SELECT 'COMMENT_NOT_FOUND' WHERE NOT EXISTS
               (SELECT 1 FROM comments WHERE id = ?1 AND deleted_at IS NULL)",
            self.id
        )
    }

    /// Leaves a tombstone where it has replies. Where it has none it goes, and so do the tombstones
    /// above it that stood only for its sake.
    pub fn delete(&self, user: i64, by: &By) -> Change<()> {
        Change::to(())
            .run(projects::refuse_unless(&self.project_id, user, Role::Member))
            .run(self.refuse_if_gone())
            .run(sql!(
                "UPDATE comments SET body = '', version = version + 1, updated_at = ?2, deleted_at = ?2
                 WHERE id = ?1 AND EXISTS (SELECT 1 FROM comments WHERE parent_id = ?1)",
                self.id,
                by.at
            ))
            .run(sql!("DELETE FROM comment_mentions WHERE comment_id = ?1", self.id))
            .run(sql!("DELETE FROM comment_stars WHERE comment_id = ?1", self.id))
            .run(sql!(
                "WITH RECURSIVE gone (id, parent_id) AS (
                   SELECT id, parent_id FROM comments c
                   WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM comments r WHERE r.parent_id = c.id)
                   UNION ALL
                   SELECT c.id, c.parent_id FROM gone JOIN comments c ON c.id = gone.parent_id
                   WHERE c.deleted_at IS NOT NULL
                     AND NOT EXISTS (SELECT 1 FROM comments r WHERE r.parent_id = c.id AND r.id <> gone.id))
                 DELETE FROM comments WHERE id IN (SELECT id FROM gone)",
                self.id
            ))
            .announce(self.event(Kind::CommentDeleted, by, &self.mentions))
    }
}

impl Written {
    pub fn edit(&self, edit: EditComment, from: &IfMatch, user: i64, by: &By) -> Change<Comment> {
        let comment = &self.comment;
        let mentioned = mentions::find(edit.body.as_ref(), &self.team.people);
        Change::returning(find(&comment.project_id, &comment.id, user))
            .run(projects::refuse_unless(&comment.project_id, user, Role::Member))
            .run(comment.refuse_if_gone())
            .run(sql!(
                "INSERT INTO refusals SELECT 'PRECONDITION_FAILED' WHERE ?2 IS NOT NULL AND NOT EXISTS
                   (SELECT 1 FROM comments WHERE id = ?1 AND version IN (SELECT value FROM json_each(?2)))",
                comment.id,
                from.versions(),
            ))
            .run(sql!(
                "UPDATE comments SET body = ?2, version = version + 1, updated_at = ?3 WHERE id = ?1",
                comment.id,
                edit.body,
                by.at
            ))
            .run(sql!(
                "DELETE FROM comment_mentions WHERE comment_id = ?1 AND user_id NOT IN (SELECT value FROM json_each(?2))",
                comment.id,
                ids(&mentioned),
            ))
            .run(comment.mention(&mentioned))
            .announce(comment.event(Kind::CommentUpdated, by, &mentioned))
    }
}

fn ids(people: &[Person]) -> Value {
    people.iter().map(|person| person.id).collect()
}
