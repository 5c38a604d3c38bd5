//! A user: the account, and what they have subscribed to.

pub mod api;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::access::{Ask, Permits, Role, Thing, View};
use crate::billing::SubscriptionStatus;
use crate::db::{self, Answers, Stmt, Time};
use crate::error::{Code, Result};
use crate::limits::Tier;
use crate::sql;

/// A user as those they work with see them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    #[schemars(example = 42)]
    pub id: i64,
    #[schemars(example = &"ada")]
    pub username: Option<String>,
    #[schemars(example = &"Ada Lovelace")]
    pub display_name: Option<String>,
    #[schemars(example = &"https://example.com/ada.png")]
    pub avatar_url: Option<String>,
}

impl From<&User> for Person {
    fn from(user: &User) -> Self {
        let User { id, username, display_name, avatar_url, .. } = user.clone();
        Person { id, username, display_name, avatar_url }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct User {
    #[schemars(example = 42)]
    pub id: i64,
    #[schemars(example = &"ada@example.com")]
    pub email: String,
    #[schemars(example = &"ada")]
    pub username: Option<String>,
    #[schemars(example = &"Ada Lovelace")]
    pub display_name: Option<String>,
    #[schemars(example = &"https://example.com/ada.png")]
    pub avatar_url: Option<String>,
    pub tier: Tier,
    #[serde(skip_serializing, default)]
    #[schemars(skip)]
    pub status: Standing,
    #[serde(skip_serializing, default, deserialize_with = "db::flag")]
    #[schemars(skip)]
    pub is_admin: bool,
    pub created_at: Time,
    pub updated_at: Time,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    #[default]
    Active,
    Suspended,
}

impl User {
    pub fn may_act(&self) -> Result<()> {
        match self.status {
            Standing::Active => Ok(()),
            Standing::Suspended => Err(Code::Suspended.into()),
        }
    }
}

/// What clients poll to learn of an upgrade.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Me {
    #[schemars(example = 42)]
    pub id: i64,
    #[schemars(example = &"ada@example.com")]
    pub email: String,
    pub tier: Tier,
    pub subscription_status: Option<SubscriptionStatus>,
    #[schemars(example = &"sub_123")]
    pub subscription_id: Option<String>,
    pub renews_at: Option<Time>,
    pub ends_at: Option<Time>,
}

impl Thing for Me {
    const NOT_FOUND: Code = Code::NotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        Ok(vec![sql!(
            "SELECT u.id, u.email, u.tier, s.status AS subscription_status, s.subscription_id, s.renews_at, s.ends_at
             FROM users u LEFT JOIN subscriptions s ON s.subscription_id =
               (SELECT subscription_id FROM subscriptions WHERE user_id = u.id
                ORDER BY access_until IS NOT NULL DESC, tier = 'premium' DESC, status <> 'expired' DESC, created_at DESC LIMIT 1)
             WHERE u.id = ?1",
            ask.caller.user,
        )])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first()
    }

    fn role(&self) -> Role {
        Role::Owner
    }
}

impl Permits<View> for Me {
    const NEEDS: Role = Role::Member;
}

/// What a client is told of users.
pub fn told(ids: &Value) -> Stmt {
    sql!(
        "SELECT id, json_object('user_id', id, 'username', username, 'display_name', display_name, 'avatar_url', avatar_url) AS thing
         FROM users WHERE id IN (SELECT CAST(value AS INTEGER) FROM json_each(?1))",
        ids
    )
}
