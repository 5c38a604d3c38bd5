//! Accounts: how a person becomes a user, and a user a session.

pub mod api;
pub mod cookie;
pub mod lockout;
pub mod login_link;
pub mod password;
mod seal;
pub mod session;
pub mod token;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::app::{App, By, Change};
use crate::db::{self, Email, Id, Stmt, Text, Time, Word};
use crate::error::{Code, Error, Result};
use crate::event::{Event, Kind, noticed};
use crate::limits::Tier;
use crate::sql;
use crate::team::invites;
use crate::user::User;
use password::Password;
use token::{ACCESS_SECONDS, Claims, Keys, RefreshToken};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    pub email: Email,
    pub password: Password,
    pub username: Option<Word>,
    pub display_name: Option<Text<1, 100>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    pub email: Email,
    pub password: Password,
    pub device_name: Option<Text<1, 100>>,
    pub platform: Option<Text<1, 40>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    #[schemars(example = &"hsr_AZjF8n06fEGbUh8OaizZdw…")]
    pub refresh_token: String,
}

/// What a login gives.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    pub user: User,
    /// A JWT; send it as `Authorization: Bearer …`.
    #[schemars(example = &"eyJhbGciOiJIUzI1NiIsImtpZCI6IkNqZ0xGa2Y1QlJrSCJ9…")]
    pub access_token: String,
    /// Good for one refresh, which gives the next one.
    #[schemars(example = &"hsr_AZjF8n06fEGbUh8OaizZdw…")]
    pub refresh_token: String,
    #[schemars(example = &"Bearer")]
    pub token_type: String,
    /// Seconds the access token lives.
    #[schemars(example = 900)]
    pub expires_in: i64,
}

impl Tokens {
    pub fn new(user: User, refresh: &RefreshToken, keys: &Keys, now: Time) -> Result<Self> {
        let claims = Claims { user: user.id, session: refresh.session.clone(), tier: user.tier };
        Ok(Tokens {
            access_token: keys.sign(&claims, now)?,
            refresh_token: refresh.text(keys),
            token_type: "Bearer".into(),
            expires_in: ACCESS_SECONDS,
            user,
        })
    }
}

#[derive(Deserialize)]
pub struct Reserved {
    value: Option<i64>,
    #[serde(deserialize_with = "db::flag")]
    email_taken: bool,
    #[serde(deserialize_with = "db::flag")]
    username_taken: bool,
}

impl Reserved {
    /// The new user's id.
    pub fn id(&self) -> Result<i64> {
        match self {
            Reserved { email_taken: true, .. } => Err(Code::EmailTaken.into()),
            Reserved { username_taken: true, .. } => Err(Code::UsernameTaken.into()),
            Reserved { value, .. } => value.ok_or_else(|| Error::internal("the sequence of users is empty")),
        }
    }
}

/// Takes the next user's id, and looks whether the email or the username is taken.
/// It does not refuse: a refusal would hide an earlier answer under the same `Idempotency-Key`.
pub fn reserve(body: &Register) -> Change<Reserved> {
    Change::returning(sql!(
        "SELECT (SELECT value FROM sequences WHERE name = 'users') AS value,
                EXISTS (SELECT 1 FROM users WHERE email = ?1) AS email_taken,
                EXISTS (SELECT 1 FROM users WHERE username = ?2) AS username_taken",
        body.email,
        body.username,
    ))
    .run(sql!(
        "INSERT INTO sequences (name, value) VALUES ('users', 1)
         ON CONFLICT (name) DO UPDATE SET value = value + 1"
    ))
}

fn refuse_email(email: &Email) -> Stmt {
    sql!("INSERT INTO refusals SELECT 'EMAIL_TAKEN' WHERE EXISTS (SELECT 1 FROM users WHERE email = ?1)", email)
}

fn refuse_username(username: Option<&Word>) -> Stmt {
    sql!(
        "INSERT INTO refusals SELECT 'USERNAME_TAKEN' WHERE EXISTS (SELECT 1 FROM users WHERE username = ?1)",
        username
    )
}

pub fn register(body: Register, id: i64, hash: String, by: &By) -> Change<User> {
    let user = User {
        id,
        email: body.email.to_string(),
        username: body.username.as_ref().map(Word::to_string),
        display_name: body.display_name.as_ref().map(Text::to_string),
        avatar_url: None,
        tier: Tier::Free,
        status: Default::default(),
        is_admin: false,
        created_at: by.at,
        updated_at: by.at,
    };
    let by = By { user: Some(user.id), ..by.clone() };
    let insert = sql!(
        "INSERT INTO users (id, email, username, password_hash, display_name, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        user.id,
        user.email,
        user.username,
        hash,
        user.display_name,
        by.at,
    );
    let invited = invites::claim(&body.email, user.id);
    let event = Event::new(Kind::UserRegistered, &by, user.id);
    Change::to(user)
        .run(refuse_email(&body.email))
        .run(refuse_username(body.username.as_ref()))
        .run(insert)
        .run(invited)
        .announce(event)
}

/// Notes that somebody was not let in, whatever they knew.
pub fn refused(app: &App, user: i64, reason: &str) {
    let refused = Event::new(Kind::LoginRefused, &app.by_user(None), user).with(json!({ "reason": reason }));
    noticed::note(app, &format!("{} {user} {reason}", app.caller().network()), refused);
}

/// What an attempt to log in finds.
#[derive(Deserialize)]
pub struct Attempt {
    #[serde(deserialize_with = "db::flag")]
    admitted: bool,
    locked_until: Option<Time>,
    password_hash: Option<String>,
    #[serde(deserialize_with = "db::flag")]
    known_device: bool,
    #[serde(deserialize_with = "db::flag")]
    has_sessions: bool,
    #[serde(deserialize_with = "db::json")]
    user: Option<User>,
}

/// Counts the attempt and reads what it needs, whoever the email belongs to.
pub fn attempt(email: &Email, key: &str, attempt: &Id, device: &str, now: Time) -> Change<Attempt> {
    Change::returning(sql!(
        "SELECT a.last_attempt = ?2 AS admitted, a.locked_until, u.password_hash,
                EXISTS (SELECT 1 FROM sessions WHERE user_id = u.id AND device = ?4) AS known_device,
                EXISTS (SELECT 1 FROM sessions WHERE user_id = u.id) AS has_sessions,
                iif(u.id IS NULL, 'null', json_object('id', u.id, 'email', u.email, 'username', u.username,
                  'display_name', u.display_name, 'avatar_url', u.avatar_url, 'tier', u.tier, 'status', u.status,
                  'created_at', u.created_at, 'updated_at', u.updated_at)) AS user
         FROM login_attempts a LEFT JOIN users u ON u.email = ?3
         WHERE a.key = ?1",
        key,
        attempt,
        email,
        device,
    ))
    .run(lockout::count(key, attempt, now))
}

impl Attempt {
    pub fn admit(&self, now: Time) -> Result<()> {
        if self.admitted {
            return Ok(());
        }
        let wait = self.locked_until.map_or(1, |until| now.seconds_until(until));
        Err(Error::new(Code::TooManyAttempts).retry_after(wait))
    }

    /// At whose door; 0: nobody's.
    pub fn of(&self) -> i64 {
        self.user.as_ref().map_or(0, |user| user.id)
    }

    /// The user whose password this is; `None` where it is not, which costs the same time.
    pub fn check(&self, password: &Password) -> Result<Option<&User>> {
        let matches = password.matches(self.password_hash.as_deref())?;
        Ok(self.user.as_ref().filter(|_| matches))
    }

    /// Who it was, nobody knows.
    pub fn failed(&self, by: &By) -> Change<()> {
        let reason = if self.user.is_some() { "password" } else { "unknown" };
        let failed = Event::new(Kind::LoginFailed, by, self.of());
        Change::to(()).announce(failed.with(json!({ "reason": reason })))
    }

    pub fn is_suspicious(&self) -> bool {
        self.has_sessions && !self.known_device
    }
}
