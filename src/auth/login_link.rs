//! One-time login: a signed-in app hands its user over to the browser by a link.
//!
//! D1 decides who consumes a token. KV only tells the edge whose it is, so that
//! the exchange is a single trip; where KV does not know yet, D1 is asked.

use base64ct::{Base64UrlUnpadded, Encoding};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::access::Actor;
use crate::app::{App, By, Change};
use crate::auth::session::{self, Opening};
use crate::auth::token::Claims;
use crate::db::{self, Id, SECOND, Stmt, Time};
use crate::error::{Code, Error, Result};
use crate::limits::Tier;
use crate::sql;
use crate::user::User;

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct LoginLink {
    /// Opens a logged-in browser, once, within the next minute or so.
    #[schemars(example = &"https://hivesync.dev/login/session/Zx3vQ0mT…")]
    url: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The last part of the link.
    #[schemars(example = &"Zx3vQ0mT…")]
    pub token: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Exchanged {
    #[schemars(example = &"success")]
    status: String,
    #[serde(deserialize_with = "db::json")]
    user: User,
}

/// 256 random bits, in the link only; what is stored is its hash.
pub struct LoginToken([u8; 32]);

/// Whose a token is: what KV and D1 know of it.
#[derive(Serialize, Deserialize)]
pub struct Holder {
    user_id: i64,
    tier: Tier,
}

impl LoginToken {
    pub fn new(random: [u8; 32]) -> Self {
        LoginToken(random)
    }

    pub fn read(text: &str) -> Option<Self> {
        Base64UrlUnpadded::decode_vec(text).ok()?.try_into().ok().map(LoginToken)
    }

    fn text(&self) -> String {
        Base64UrlUnpadded::encode_string(&self.0)
    }

    fn hash(&self) -> String {
        Base64UrlUnpadded::encode_string(&Sha256::digest(self.0))
    }

    fn key(&self) -> String {
        format!("login/{}", self.hash())
    }

    pub fn create(&self, actor: &Actor, site: &str, by: &By, seconds: u32) -> Result<Change<LoginLink>> {
        Ok(Change::to(LoginLink { url: format!("{site}/login/session/{}", self.text()) }).run(sql!(
            "INSERT INTO session_tokens (token_hash, user_id, session_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            self.hash(),
            actor.user.id,
            actor.credential.session()?,
            by.at,
            by.at.plus(i64::from(seconds) * SECOND),
        )))
    }

    /// Tells the edge whose this is, after the answer.
    pub fn remember(&self, app: &App, actor: &Actor, seconds: u32) {
        let holder = Holder { user_id: actor.user.id, tier: actor.user.tier };
        let value = serde_json::to_string(&holder).unwrap_or_default();
        let put = app.host().kv_put(&self.key(), &value, seconds.into());
        app.host().later(async move {
            if let Err(error) = put.await {
                crate::host::log("login link", error.cause().unwrap_or_default());
            }
        });
    }

    /// Who asked for it, good or over; fails where nobody did.
    pub async fn holder(&self, app: &App) -> Result<Holder> {
        let known = app.host().kv_get(&self.key()).await.ok().flatten();
        if let Some(holder) = known.and_then(|text| serde_json::from_str(&text).ok()) {
            return Ok(holder);
        }
        let mut answers = app.read(vec![self.find()]).await?;
        answers.first()?.ok_or_else(|| Error::new(Code::LoginLinkOver))
    }

    fn find(&self) -> Stmt {
        sql!(
            "SELECT t.user_id, u.tier FROM session_tokens t JOIN users u ON u.id = t.user_id WHERE t.token_hash = ?1",
            self.hash()
        )
    }

    /// Consumes it for this session if nobody did, or refuses. All in one batch, so that of any number at once one wins.
    pub fn exchange(&self, holder: &Holder, opening: Opening, by: &By) -> Change<Exchanged> {
        let change = Change::returning(sql!(
            "SELECT 'success' AS status, json_object('id', id, 'email', email, 'username', username,
                      'display_name', display_name, 'avatar_url', avatar_url, 'tier', tier, 'status', status,
                      'created_at', created_at, 'updated_at', updated_at) AS user
             FROM users WHERE id = ?1",
            holder.user_id,
        ))
        .run(sql!(
            "UPDATE session_tokens SET used_at = ?3, used_by = ?2
             WHERE token_hash = ?1 AND used_at IS NULL AND expires_at > ?3
               AND EXISTS (SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id
                           WHERE s.id = session_tokens.session_id AND s.revoked_at IS NULL AND u.status = 'active')",
            self.hash(),
            opening.id,
            by.at,
        ))
        .run(sql!(
            "INSERT INTO refusals SELECT 'LOGIN_LINK_OVER' WHERE NOT EXISTS
               (SELECT 1 FROM session_tokens WHERE token_hash = ?1 AND used_by = ?2)",
            self.hash(),
            opening.id,
        ));
        session::open(change, opening, by, holder.user_id)
    }
}

impl Holder {
    pub fn user(&self) -> i64 {
        self.user_id
    }

    pub fn claims(&self, session: Id) -> Claims {
        Claims { user: self.user_id, session, tier: self.tier }
    }
}

/// Links nobody can use any more.
pub fn forget_old(now: Time) -> Stmt {
    sql!(
        "DELETE FROM session_tokens WHERE token_hash IN (SELECT token_hash FROM session_tokens WHERE expires_at < ?1 LIMIT 1000)",
        now
    )
}
