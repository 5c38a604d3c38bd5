//! Notifications: what has happened that a user should know.

pub mod api;
mod rules;
pub mod settings;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::access::{Ask, List, Listed, Permits, Role, Thing, View};
use crate::app::Change;
use crate::comments::EntityType;
use crate::db::{self, Answers, DAY, Id, Stmt, Time};
use crate::error::{Code, Result};
use crate::http::{Page, Paged};
use crate::sql;
use crate::user::Person;

pub use rules::of;
use settings::Type;

/// How long what was read is kept.
const READ_KEPT: i64 = 90 * DAY;
const UNREAD_KEPT: i64 = 180 * DAY;

/// Notifications marked at once.
const MOST: usize = 200;

/// What one of a user's events tells. A project's are for its team, for as long as one is on it.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Notification {
    pub id: Id,
    #[serde(rename = "type")]
    pub kind: Type,
    pub project_id: Option<Id>,
    #[serde(deserialize_with = "db::json")]
    pub payload: Payload,
    /// Who did it.
    #[serde(deserialize_with = "db::maybe_json")]
    pub actor: Option<Person>,
    #[schemars(example = &"Launch in spring")]
    pub project_name: Option<String>,
    #[schemars(example = &"Write the announcement")]
    pub task_title: Option<String>,
    /// What the comment is on: a project's id, a task's, or a path in the code.
    #[schemars(example = &"src/main.rs")]
    pub entity_id: Option<String>,
    #[serde(deserialize_with = "db::flag")]
    pub is_read: bool,
    pub read_at: Option<Time>,
    pub created_at: Time,
}

/// What it is about, by ids; what does not apply is absent.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "NotificationPayload")]
pub struct Payload {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 42)]
    pub actor_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment_id: Option<Id>,
    /// The comment that was replied to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity_type: Option<EntityType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite_id: Option<Id>,
    /// The project whose team the caller is invited to, or was removed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Id>,
    /// Who joined or left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 42)]
    pub user_id: Option<i64>,
    /// The webhook that is told nothing any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<Id>,
    /// The login that looks suspicious.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"past_due")]
    pub subscription_status: Option<String>,
    /// The preview or the AI document that is ready, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<Id>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"timeout")]
    pub error_code: Option<String>,
    /// Of what operators are told: what happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"support.escalated")]
    pub alert: Option<String>,
    /// The id of what it happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77")]
    pub subject: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// Only what is unread, or only what was read.
    unread: Option<bool>,
    #[serde(rename = "type")]
    kind: Option<Type>,
}

impl Listed for Notification {
    type Filter = Filter;

    /// One arm for what is unread, which has an index of its own, and one for the rest.
    fn list(ask: &Ask, filter: Filter, page: Page) -> Result<[Stmt; 2]> {
        let (user, kind) = (ask.caller.user, filter.kind.map(Type::name));
        Ok([
            sql!(
                "SELECT count(*) AS total FROM (
                   SELECT n.id FROM notifications n
                   WHERE ifnull(?2, 0) AND n.user_id = ?1 AND n.read_at IS NULL AND (?3 IS NULL OR n.type = ?3)
                     AND (n.project_id IS NULL OR EXISTS (SELECT 1 FROM team_members m WHERE m.project_id = n.project_id AND m.user_id = ?1))
                   UNION ALL
                   SELECT n.id FROM notifications n
                   WHERE NOT ifnull(?2, 0) AND n.user_id = ?1 AND (?2 IS NULL OR n.read_at IS NOT NULL) AND (?3 IS NULL OR n.type = ?3)
                     AND (n.project_id IS NULL OR EXISTS (SELECT 1 FROM team_members m WHERE m.project_id = n.project_id AND m.user_id = ?1)))",
                user,
                filter.unread,
                kind,
            ),
            sql!(
                "WITH page AS (
                   SELECT * FROM (
                     SELECT n.id FROM notifications n
                     WHERE ifnull(?2, 0) AND n.user_id = ?1 AND n.read_at IS NULL AND (?3 IS NULL OR n.type = ?3)
                       AND (n.project_id IS NULL OR EXISTS (SELECT 1 FROM team_members m WHERE m.project_id = n.project_id AND m.user_id = ?1))
                     ORDER BY n.id DESC LIMIT ?4 OFFSET ?5)
                   UNION ALL
                   SELECT * FROM (
                     SELECT n.id FROM notifications n
                     WHERE NOT ifnull(?2, 0) AND n.user_id = ?1 AND (?2 IS NULL OR n.read_at IS NOT NULL) AND (?3 IS NULL OR n.type = ?3)
                       AND (n.project_id IS NULL OR EXISTS (SELECT 1 FROM team_members m WHERE m.project_id = n.project_id AND m.user_id = ?1))
                     ORDER BY n.id DESC LIMIT ?4 OFFSET ?5))
                 SELECT n.id, n.type, n.project_id, n.payload, n.read_at, n.read_at IS NOT NULL AS is_read, n.created_at,
                        (SELECT json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url)
                         FROM users u WHERE u.id = n.payload ->> 'actor_id') AS actor,
                        iif(n.project_id IS NULL, n.payload ->> 'project_name', (SELECT name FROM projects WHERE id = n.project_id)) AS project_name,
                        (SELECT title FROM tasks WHERE id = n.payload ->> 'task_id' AND project_id = n.project_id) AS task_title,
                        (SELECT entity_id FROM comments WHERE id = n.payload ->> 'comment_id' AND project_id = n.project_id) AS entity_id
                 FROM page JOIN notifications n ON n.id = page.id ORDER BY n.id DESC",
                user,
                filter.unread,
                kind,
                page.limit(),
                page.offset(),
            ),
        ])
    }
}

/// How many there are to read, on all pages and of all types.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub struct Unread {
    #[schemars(range(min = 0), example = 3)]
    unread: i64,
}

impl Unread {
    fn count(user: i64) -> Stmt {
        sql!(
            "SELECT count(*) AS unread FROM notifications n WHERE n.user_id = ?1 AND n.read_at IS NULL
               AND (n.project_id IS NULL OR EXISTS (SELECT 1 FROM team_members m WHERE m.project_id = n.project_id AND m.user_id = ?1))",
            user,
        )
    }
}

/// A page of notifications, and how many are unread.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Inbox {
    #[serde(flatten)]
    list: Paged<Notification>,
    #[serde(flatten)]
    unread: Unread,
}

impl Thing for Inbox {
    const NOT_FOUND: Code = Code::NotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let mut stmts = List::<Notification>::find(ask)?;
        stmts.push(Unread::count(ask.caller.user));
        Ok(stmts)
    }

    fn load(answers: &mut Answers, ask: &Ask) -> Result<Option<Self>> {
        let list = List::load(answers, ask)?.map(List::into_inner);
        Ok(list.zip(answers.first()?).map(|(list, unread)| Inbox { list, unread }))
    }

    fn role(&self) -> Role {
        Role::Owner
    }

    fn reads(operation: &mut crate::openapi::Operation) {
        List::<Notification>::reads(operation);
    }
}

impl Permits<View> for Inbox {
    const NEEDS: Role = Role::Member;
}

#[derive(Deserialize, JsonSchema)]
pub struct MarkRead {
    /// What is not the caller's stays as it is.
    ids: Ids,
}

struct Ids(Vec<Id>);

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let given = Vec::<Value>::deserialize(from)?;
        let ids: Option<Vec<Id>> = given.iter().map(|id| Id::parse(id.as_str()?)).collect();
        ids.filter(|ids| ids.len() <= MOST)
            .map(Ids)
            .ok_or_else(|| D::Error::custom(format!("must be at most {MOST} UUIDs")))
    }
}

impl JsonSchema for Ids {
    fn schema_name() -> Cow<'static, str> {
        "Ids".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": Id::json_schema(generator), "maxItems": MOST})
    }
}

pub fn mark_read(mark: &MarkRead, user: i64, now: Time) -> Change<Unread> {
    let ids: Value = mark.ids.0.iter().map(Id::as_str).collect();
    Change::returning(Unread::count(user)).run(sql!(
        "UPDATE notifications SET read_at = ?3
         WHERE user_id = ?1 AND id IN (SELECT value FROM json_each(?2)) AND read_at IS NULL",
        user,
        ids,
        now,
    ))
}

pub fn mark_all_read(user: i64, now: Time) -> Change<Unread> {
    Change::returning(Unread::count(user)).run(sql!(
        "UPDATE notifications SET read_at = ?2 WHERE user_id = ?1 AND read_at IS NULL",
        user,
        now
    ))
}

/// Drops what is past keeping, a thousand of each at a time.
pub fn forget_old(now: Time) -> [Stmt; 2] {
    [
        sql!(
            "DELETE FROM notifications WHERE id IN
               (SELECT id FROM notifications WHERE read_at IS NOT NULL AND created_at < ?1 LIMIT 1000)",
            now.plus(-READ_KEPT)
        ),
        sql!(
            "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE created_at < ?1 LIMIT 1000)",
            now.plus(-UNREAD_KEPT)
        ),
    ]
}
