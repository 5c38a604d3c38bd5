//! A key in use: whose it is, and what it opens.

use std::cell::RefCell;
use std::collections::HashMap;

use http::Method;
use serde::Deserialize;

use super::Scope;
use super::secret::Secret;
use crate::access::{Credential, Found, Identity};
use crate::app::App;
use crate::db::{self, Answers, Id, MINUTE, Stmt, Time};
use crate::error::{Code, Error, Result};
use crate::limits::Tier;
use crate::sql;

/// A key may have been used this long after what is written of it.
const USE_NOTED: i64 = MINUTE;

/// An isolate forgets rather than grow without end.
const REMEMBERED: usize = 10_000;

thread_local! {
    /// By the hash of the secret. Whose a secret is never changes; whether it still opens anything is not asked here.
    static OWNERS: RefCell<HashMap<String, Owner>> = RefCell::default();
}

#[derive(Clone, Deserialize)]
struct Owner {
    api_key_id: Id,
    user_id: i64,
    tier: Tier,
}

/// A key somebody calls with, of which only the form is known to be right.
pub struct Presented {
    hash: String,
    needs: Scope,
}

/// A key, and what a request needs of it.
#[derive(Clone, Debug)]
pub struct Key {
    pub id: Id,
    hash: String,
    needs: Scope,
}

fn invalid() -> Error {
    Error::new(Code::TokenInvalid).saying("The API key is not valid.")
}

impl Presented {
    /// Refuses what was mistyped or made up before anybody is asked.
    pub fn read(text: &str, method: &Method) -> Result<Self> {
        let secret = Secret::read(text).ok_or_else(invalid)?;
        let needs = if matches!(*method, Method::GET | Method::HEAD) { Scope::Read } else { Scope::Write };
        Ok(Presented { hash: secret.hash(), needs })
    }

    /// Whose it is, if this isolate has met it.
    pub fn known(&self) -> Option<Identity> {
        let owner = OWNERS.with_borrow(|owners| owners.get(&self.hash).cloned())?;
        Some(self.of(owner))
    }

    /// Whose it is, by a trip.
    pub async fn owner(&self, app: &App) -> Result<Identity> {
        let find = sql!(
            "SELECT s.api_key_id, k.user_id, u.tier
             FROM api_key_secrets s JOIN api_keys k ON k.id = s.api_key_id JOIN users u ON u.id = k.user_id
             WHERE s.hash = ?1",
            self.hash
        );
        let owner: Owner = app.read(vec![find]).await?.first()?.ok_or_else(invalid)?;
        OWNERS.with_borrow_mut(|owners| {
            if owners.len() >= REMEMBERED {
                owners.clear();
            }
            owners.insert(self.hash.clone(), owner.clone());
        });
        Ok(self.of(owner))
    }

    fn of(&self, Owner { api_key_id, user_id, tier }: Owner) -> Identity {
        let key = Key { id: api_key_id, hash: self.hash.clone(), needs: self.needs };
        Identity { user: user_id, tier, credential: Credential::Key(key) }
    }
}

#[derive(Deserialize)]
struct Live {
    #[serde(deserialize_with = "db::json")]
    scopes: Vec<Scope>,
    last_used_at: Option<Time>,
    #[serde(flatten)]
    found: Found,
}

impl Key {
    /// Its user, while it and its secret live.
    pub fn find(&self, user: i64, now: Time) -> Stmt {
        sql!(
            "SELECT k.scopes, k.last_used_at, u.id, u.email, u.username, u.display_name, u.avatar_url, u.tier, u.status,
                    u.is_admin, u.created_at, u.updated_at,
                    (SELECT is_on FROM switches WHERE name = 'maintenance') AS maintenance
             FROM api_key_secrets s JOIN api_keys k ON k.id = s.api_key_id JOIN users u ON u.id = k.user_id
             WHERE s.hash = ?1 AND k.id = ?2 AND k.user_id = ?3 AND k.revoked_at IS NULL
               AND (s.expires_at IS NULL OR s.expires_at > ?4) AND (k.expires_at IS NULL OR k.expires_at > ?4)",
            self.hash,
            self.id,
            user,
            now,
        )
    }

    pub fn load(&self, answers: &mut Answers, app: &App) -> Result<Found> {
        let Live { scopes, last_used_at, found } = answers.first()?.ok_or_else(invalid)?;
        let noted_before = app.now().plus(-USE_NOTED);
        if last_used_at.is_none_or(|at| at <= noted_before) {
            app.write_afterwards(self.used(app.now(), noted_before));
        }
        if scopes.contains(&self.needs) { Ok(found) } else { Err(Code::ScopeMissing.into()) }
    }

    fn used(&self, now: Time, noted_before: Time) -> Stmt {
        sql!(
            "UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at <= ?3)",
            self.id,
            now,
            noted_before,
        )
    }
}
