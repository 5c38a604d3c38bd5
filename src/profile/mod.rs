//! A user's profile: what they say of themselves, and their preferences.

pub mod api;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::access::{Ask, Edit, Permits, Role, Thing, View};
use crate::app::{By, Change};
use crate::db::{self, Answers, HttpsUrl, Patch, Stmt, Text, Time};
use crate::error::{Code, Error, Result};
use crate::event::{Event, Kind};
use crate::sql;

/// Bytes of preferences, as JSON.
const PREFERENCES_LIMIT: usize = 8 * 1024;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    #[serde(rename = "user_id")]
    #[schemars(example = 42)]
    pub id: i64,
    #[schemars(example = &"ada")]
    pub username: Option<String>,
    #[schemars(example = &"Ada Lovelace")]
    pub display_name: Option<String>,
    #[schemars(example = &"https://example.com/ada.png")]
    pub avatar_url: Option<String>,
    /// Whatever the clients agree on.
    #[serde(deserialize_with = "db::json")]
    #[schemars(example = json!({"theme": "dark"}))]
    pub preferences: Map<String, Value>,
    pub updated_at: Time,
}

/// Absent fields stay as they are; `null` clears.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct EditProfile {
    #[serde(default)]
    display_name: Patch<Text<1, 100>>,
    #[serde(default)]
    avatar_url: Patch<HttpsUrl>,
    /// Replaces all preferences; at most 8 KiB.
    #[serde(default)]
    #[schemars(example = json!({"theme": "dark"}))]
    preferences: Option<Map<String, Value>>,
}

fn find(user: i64) -> Stmt {
    sql!(
        "SELECT id AS user_id, username, display_name, avatar_url, preferences, updated_at FROM users WHERE id = ?1",
        user
    )
}

impl Thing for Profile {
    const NOT_FOUND: Code = Code::NotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        Ok(vec![find(ask.caller.user)])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first()
    }

    fn role(&self) -> Role {
        Role::Owner
    }
}

impl Permits<View> for Profile {
    const NEEDS: Role = Role::Member;
}

impl Permits<Edit> for Profile {
    const NEEDS: Role = Role::Member;
}

impl Profile {
    pub fn edit(&self, edit: EditProfile, by: &By) -> Result<Change<Profile>> {
        let preferences = edit.preferences.map(|map| Value::Object(map).to_string());
        if preferences.as_ref().is_some_and(|json| json.len() > PREFERENCES_LIMIT) {
            return Err(Error::invalid("preferences", "must be at most 8 KiB"));
        }
        Ok(Change::returning(find(self.id))
            .run(sql!(
                "UPDATE users SET display_name = iif(?2, display_name, ?3), avatar_url = iif(?4, avatar_url, ?5),
                                  preferences = ifnull(?6, preferences), updated_at = ?7
                 WHERE id = ?1",
                self.id,
                edit.display_name.is_keep(),
                edit.display_name.value(),
                edit.avatar_url.is_keep(),
                edit.avatar_url.value(),
                preferences,
                by.at,
            ))
            .announce(Event::new(Kind::ProfileUpdated, by, self.id)))
    }
}
