//! What has happened to a task: its events, as its project's team may see them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::access::{Ask, Listed, NoFilter};
use crate::db::{self, Id, Stmt, Time};
use crate::error::{Code, Result};
use crate::http::Page;
use crate::sql;
use crate::user::Person;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Activity {
    pub id: Id,
    /// What happened; there can be new kinds at any time.
    #[schemars(example = &"task.updated")]
    pub kind: String,
    /// Who did it; `null` where nobody did, or their account is gone.
    #[serde(deserialize_with = "db::maybe_json")]
    pub actor: Option<Person>,
    /// More of it, by kind: ids, names of fields and values of lists. `task.updated` has `changed`, and `from` and `to`
    /// of `status` and `assignee_id` where these changed.
    #[serde(deserialize_with = "db::json")]
    pub data: Map<String, Value>,
    pub created_at: Time,
}

impl Listed for Activity {
    type Filter = NoFilter;
    const NO_HOLDER: Code = Code::TaskNotFound;

    fn holders(ask: &Ask) -> Result<Vec<(Stmt, Code)>> {
        super::holders(ask)
    }

    fn list(ask: &Ask, _: NoFilter, page: Page) -> Result<[Stmt; 2]> {
        let task = ask.path.id("task_id", Self::NO_HOLDER)?;
        Ok([
            sql!("SELECT count(*) AS total FROM events WHERE task_id = ?1", task),
            sql!(
                "SELECT e.id, e.kind, e.data, e.created_at,
                        (SELECT json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url)
                         FROM users u WHERE u.id = e.actor_id) AS actor
                 FROM events e WHERE e.task_id = ?1 ORDER BY e.id DESC LIMIT ?2 OFFSET ?3",
                task,
                page.limit(),
                page.offset(),
            ),
        ])
    }
}
