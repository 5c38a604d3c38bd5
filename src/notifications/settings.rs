//! Which notifications a user gets, and how.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use crate::access::{Ask, Edit, Permits, Role, Thing, View};
use crate::app::Change;
use crate::db::{self, Answers, Stmt};
use crate::error::{Code, Result};
use crate::sql;

macro_rules! types {
    (users { $($type:ident $name:ident)* } operators { $($for_operators:ident $operators_name:ident)* }) => {
        /// What a user can be told of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[schemars(rename = "NotificationType")]
        pub enum Type { $($type,)* $($for_operators),* }

        impl Type {
            pub const fn name(self) -> &'static str {
                match self {
                    $(Type::$type => stringify!($name),)*
                    $(Type::$for_operators => stringify!($operators_name)),*
                }
            }
        }

        /// How the caller is told of each type.
        #[derive(Debug, Serialize, Deserialize, JsonSchema)]
        #[serde(from = "Kept")]
        #[schemars(rename = "NotificationSettings")]
        pub struct Settings { $($name: Setting),* }

        impl From<Kept> for Settings {
            fn from(kept: Kept) -> Self {
                Settings { $($name: kept.of(stringify!($name))),* }
            }
        }

        /// What is absent stays as it is.
        #[derive(Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        #[schemars(rename = "EditNotificationSettings")]
        pub struct EditSettings {
            $(#[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
            $name: Option<EditSetting>),*
        }
    };
}

types! {
    users {
        TaskAssigned        task_assigned
        TaskCompleted       task_completed
        CommentAdded        comment_added
        Mention             mention
        PreviewReady        preview_ready
        PreviewFailed       preview_failed
        AiDocsReady         ai_docs_ready
        AiDocsFailed        ai_docs_failed
        PreviewShared       preview_shared
        PreviewShareExpired preview_share_expired
        TeamInvite          team_invite
        TeamJoined          team_joined
        TeamMemberLeft      team_member_left
        TeamRemoved         team_removed
        BillingIssue        billing_issue
        SecurityAlert       security_alert
        WebhookDisabled     webhook_disabled
    }
    // Nobody who runs the service can turn these off, and nobody else gets any.
    operators {
        AdminAlert          admin_alert
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "NotificationSetting")]
pub struct Setting {
    /// Whether it is listed.
    #[serde(deserialize_with = "db::flag")]
    #[schemars(example = true)]
    in_app: bool,
    /// Whether it may be mailed.
    #[serde(deserialize_with = "db::flag")]
    #[schemars(example = true)]
    email: bool,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EditNotificationSetting")]
pub struct EditSetting {
    #[schemars(example = true)]
    in_app: Option<bool>,
    #[schemars(example = false)]
    email: Option<bool>,
}

/// An object and no list, of which serde would read a struct, too.
fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    let map = Option::<Map<String, Value>>::deserialize(from)?;
    map.map(|map| serde_json::from_value(Value::Object(map)).map_err(D::Error::custom)).transpose()
}

/// What was ever chosen, by type.
#[derive(Deserialize, JsonSchema)]
struct Kept {
    #[serde(deserialize_with = "db::json")]
    chosen: BTreeMap<String, Setting>,
}

impl Kept {
    fn of(&self, name: &str) -> Setting {
        self.chosen.get(name).copied().unwrap_or(Setting { in_app: true, email: true })
    }
}

fn find(user: i64) -> Stmt {
    sql!(
        "SELECT json_group_object(type, json_object('in_app', in_app, 'email', email)) AS chosen
         FROM notification_settings WHERE user_id = ?1",
        user
    )
}

impl Thing for Settings {
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

impl Permits<View> for Settings {
    const NEEDS: Role = Role::Member;
}

impl Permits<Edit> for Settings {
    const NEEDS: Role = Role::Member;
}

pub fn edit(edit: &EditSettings, user: i64) -> Change<Settings> {
    Change::returning(find(user)).run(sql!(
        "INSERT INTO notification_settings (user_id, type, in_app, email)
         SELECT ?1, key, ifnull(value ->> 'in_app', 1), ifnull(value ->> 'email', 1) FROM json_each(?2) WHERE true
         ON CONFLICT (user_id, type) DO UPDATE SET
           in_app = ifnull(?2 -> type ->> 'in_app', in_app), email = ifnull(?2 -> type ->> 'email', email)",
        user,
        json!(edit),
    ))
}
