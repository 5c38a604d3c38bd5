//! API keys: what programs of a user call with. A key has one secret, and for a while those it replaced.

pub mod api;
pub mod credential;
mod input;
mod secret;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::access::{Ask, Delete, Edit, Listed, NoFilter, Permits, Role, Thing};
use crate::app::{By, Change};
use crate::db::{self, Answers, DAY, Id, SECOND, Stmt, Time};
use crate::error::{Code, Error, Result};
use crate::event::{Event, Kind};
use crate::http::Page;
use crate::limits::Quota;
use crate::sql;
use input::{NewKey, Regenerate};
use secret::Secret;

pub use input::Overlap;

/// How long what was revoked or has expired is listed.
const KEPT: i64 = 90 * DAY;

/// How far ahead an end may lie.
const LONGEST: i64 = 366 * DAY;

/// Secrets of a key that work at once.
const SECRETS: i64 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// GET and HEAD.
    Read,
    /// All else.
    Write,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ApiKeyStatus")]
pub enum Status {
    Active,
    Expired,
    Revoked,
}

/// An API key as its owner sees it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ApiKey {
    pub id: Id,
    #[schemars(example = &"Continuous integration")]
    pub name: String,
    /// How it begins.
    #[schemars(example = &"hsk_live_Zx3v")]
    pub prefix: String,
    /// How it ends.
    #[schemars(example = &"0mTq")]
    pub last_four: String,
    #[serde(deserialize_with = "db::json")]
    #[schemars(example = json!(["read"]))]
    pub scopes: Vec<Scope>,
    pub status: Status,
    /// `null`: it does not end by itself.
    pub expires_at: Option<Time>,
    /// To the minute.
    pub last_used_at: Option<Time>,
    pub created_at: Time,
    pub revoked_at: Option<Time>,
    /// Until when secrets it had before work, too.
    pub overlap_until: Option<Time>,
}

/// An API key with its secret.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct ShownKey {
    #[serde(flatten)]
    shown: ApiKey,
    /// Send it as `Authorization: Bearer …`. Shown this once, and to who repeats the request with its `Idempotency-Key`.
    #[schemars(example = &"hsk_live_Zx3vQ0mTn06fEGbUh8OairZdw7kP2s0GcQxT")]
    key: String,
}

/// Whether somebody means this to be a key.
pub fn looks_like_one(token: &str) -> bool {
    token.starts_with(secret::PREFIX)
}

impl Listed for ApiKey {
    type Filter = NoFilter;

    fn list(ask: &Ask, _: NoFilter, page: Page) -> Result<[Stmt; 2]> {
        Ok([
            sql!("SELECT count(*) AS total FROM api_keys WHERE user_id = ?1", ask.caller.user),
            sql!(
                "SELECT k.id, k.name, k.prefix, k.last_four, k.scopes, k.created_at, k.expires_at, k.last_used_at, k.revoked_at,
                        CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked' WHEN k.expires_at <= ?2 THEN 'expired' ELSE 'active' END AS status,
                        (SELECT max(s.expires_at) FROM api_key_secrets s WHERE s.api_key_id = k.id AND s.expires_at > ?2) AS overlap_until
                 FROM api_keys k WHERE k.user_id = ?1 ORDER BY k.id DESC LIMIT ?3 OFFSET ?4",
                ask.caller.user,
                ask.now,
                page.limit(),
                page.offset(),
            ),
        ])
    }
}

/// A key that was not revoked, and by which hash its latest secret is known.
#[derive(Deserialize)]
pub struct Held {
    #[serde(flatten)]
    key: ApiKey,
    hash: String,
}

impl Thing for Held {
    const NOT_FOUND: Code = Code::ApiKeyNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        Ok(vec![sql!(
            "SELECT k.id, k.name, k.prefix, k.last_four, k.scopes, k.created_at, k.expires_at, k.last_used_at, k.revoked_at,
                    iif(k.expires_at <= ?3, 'expired', 'active') AS status, NULL AS overlap_until, s.hash
             FROM api_keys k JOIN api_key_secrets s ON s.api_key_id = k.id AND s.expires_at IS NULL
             WHERE k.id = ?1 AND k.user_id = ?2 AND k.revoked_at IS NULL",
            ask.path.id("api_key_id", Self::NOT_FOUND)?,
            ask.caller.user,
            ask.now,
        )])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first()
    }

    fn role(&self) -> Role {
        Role::Owner
    }
}

impl Permits<Edit> for Held {
    const NEEDS: Role = Role::Member;
}

impl Permits<Delete> for Held {
    const NEEDS: Role = Role::Member;
}

fn insert_secret(secret: &Secret, key: &Id, now: Time) -> Stmt {
    sql!("INSERT INTO api_key_secrets (hash, api_key_id, created_at) VALUES (?1, ?2, ?3)", secret.hash(), key, now)
}

/// What has ended counts no more, and leaves its name to others.
fn create(body: NewKey, id: Id, secret: &Secret, user: i64, quota: Quota, by: &By) -> Result<Change<ShownKey>> {
    let expires_at = body.expires_at.map(|moment| moment.0);
    if expires_at.is_some_and(|at| at <= by.at || at > by.at.plus(LONGEST)) {
        return Err(Error::invalid("expires_at", "must be within the next 366 days"));
    }
    let key = ApiKey {
        id,
        name: body.name.to_string(),
        prefix: secret.prefix().to_owned(),
        last_four: secret.last_four().to_owned(),
        scopes: body.scopes.into(),
        status: Status::Active,
        expires_at,
        last_used_at: None,
        created_at: by.at,
        revoked_at: None,
        overlap_until: None,
    };
    let full = sql!(
        "INSERT INTO refusals SELECT 'TIER_LIMIT_EXCEEDED ' || used
         FROM (SELECT count(*) AS used FROM api_keys
               WHERE user_id = ?1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?3)) WHERE used >= ?2",
        user,
        quota.limit(),
        by.at,
    );
    let taken = sql!(
        "INSERT INTO refusals SELECT 'API_KEY_EXISTS' WHERE EXISTS
           (SELECT 1 FROM api_keys
            WHERE user_id = ?1 AND name = ?2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?3))",
        user,
        key.name,
        by.at,
    );
    let insert = sql!(
        "INSERT INTO api_keys (id, user_id, name, prefix, last_four, scopes, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        key.id,
        user,
        key.name,
        key.prefix,
        key.last_four,
        json!(key.scopes),
        key.created_at,
        key.expires_at,
    );
    let insert_secret = insert_secret(secret, &key.id, by.at);
    let event = Event::new(Kind::ApiKeyCreated, by, &key.id)
        .with(json!({ "scopes": key.scopes, "expires_at": key.expires_at }));
    Ok(Change::to(ShownKey { shown: key, key: secret.text().to_owned() })
        .within(quota, full)
        .run(taken)
        .run(insert)
        .run(insert_secret)
        .announce(event))
}

impl Held {
    /// The secrets of now end when the overlap does, or when they would have. Of two at once one is refused: neither
    /// takes the other's secret for an old one.
    fn regenerate(&self, body: Regenerate, secret: &Secret, by: &By) -> Result<Change<ShownKey>> {
        if self.key.status != Status::Active {
            return Err(Code::ApiKeyOver.into());
        }
        let until = by.at.plus(body.overlap_seconds.get() * SECOND);
        let key = ApiKey {
            prefix: secret.prefix().to_owned(),
            last_four: secret.last_four().to_owned(),
            overlap_until: (until > by.at).then_some(until),
            ..self.key.clone()
        };
        let renewed = sql!(
            "INSERT INTO refusals SELECT 'CONFLICT' WHERE NOT EXISTS
               (SELECT 1 FROM api_key_secrets WHERE hash = ?1 AND expires_at IS NULL)",
            self.hash
        );
        let replace = sql!(
            "UPDATE api_key_secrets SET expires_at = min(ifnull(expires_at, ?2), ?2) WHERE api_key_id = ?1",
            key.id,
            until,
        );
        let forget = sql!("DELETE FROM api_key_secrets WHERE api_key_id = ?1 AND expires_at <= ?2", key.id, by.at);
        let full = sql!(
            "INSERT INTO refusals SELECT 'TOO_MANY' WHERE (SELECT count(*) FROM api_key_secrets WHERE api_key_id = ?1) >= ?2",
            key.id,
            SECRETS,
        );
        let show =
            sql!("UPDATE api_keys SET prefix = ?2, last_four = ?3 WHERE id = ?1", key.id, key.prefix, key.last_four);
        let insert_secret = insert_secret(secret, &key.id, by.at);
        let event =
            Event::new(Kind::ApiKeyRegenerated, by, &key.id).with(json!({ "overlap_until": key.overlap_until }));
        Ok(Change::to(ShownKey { shown: key, key: secret.text().to_owned() })
            .run(renewed)
            .run(replace)
            .run(forget)
            .run(full)
            .run(show)
            .run(insert_secret)
            .announce(event))
    }

    /// At once: whoever calls with any of its secrets is nobody.
    fn revoke(&self, by: &By) -> Change<()> {
        Change::to(())
            .run(sql!(
                "INSERT INTO refusals SELECT 'API_KEY_NOT_FOUND' WHERE NOT EXISTS
                   (SELECT 1 FROM api_keys WHERE id = ?1 AND revoked_at IS NULL)",
                self.key.id
            ))
            .run(sql!("UPDATE api_keys SET revoked_at = ?2 WHERE id = ?1", self.key.id, by.at))
            .run(sql!("DELETE FROM api_key_secrets WHERE api_key_id = ?1", self.key.id))
            .announce(Event::new(Kind::ApiKeyRevoked, by, &self.key.id))
    }
}

/// Drops what is past keeping, a thousand of each at a time.
pub fn forget_old(now: Time) -> [Stmt; 2] {
    let before = now.plus(-KEPT);
    [
        sql!("DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys WHERE revoked_at < ?1 LIMIT 1000)", before),
        sql!("DELETE FROM api_keys WHERE id IN (SELECT id FROM api_keys WHERE expires_at < ?1 LIMIT 1000)", before),
    ]
}
