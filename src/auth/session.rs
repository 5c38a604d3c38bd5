//! A session: one device logged in, until it logs out or its refresh token lapses.

use base64ct::{Base64UrlUnpadded, Encoding};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::access::{Ask, Delete, Listed, NoFilter, Permits, Role, Thing, View};
use crate::app::{By, Caller, Change};
use crate::auth::token::{Keys, RefreshToken};
use crate::db::{self, Answers, DAY, Id, SECOND, Stmt, Text, Time};
use crate::error::{Code, Result};
use crate::event::{Event, Kind};
use crate::http::Page;
use crate::sql;
use crate::user::User;

/// How long a refresh token lives, and a session with it.
pub const REFRESH_LIFE: i64 = 30 * DAY;

/// Within this of a rotation the parent still gets the child, for tabs that refresh at once.
const PARENT_GRACE: i64 = 10 * SECOND;

/// A session as its owner sees it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    pub id: Id,
    #[schemars(example = &"Ada's phone")]
    pub device_name: Option<String>,
    #[schemars(example = &"ios")]
    pub platform: Option<String>,
    #[schemars(example = &"HiveSync/1.4 (iPhone; iOS 19)")]
    pub user_agent: String,
    #[schemars(example = &"203.0.113.7")]
    pub ip_address: String,
    /// Logged in from a device not seen before.
    #[serde(deserialize_with = "db::flag")]
    pub suspicious: bool,
    /// The session this request is made with.
    #[serde(deserialize_with = "db::flag")]
    pub current: bool,
    pub created_at: Time,
    pub last_seen_at: Time,
    pub expires_at: Time,
}

/// What a client may say of the device it runs on.
#[derive(Clone, Debug, Default)]
pub struct Device {
    pub name: Option<Text<1, 100>>,
    pub platform: Option<Text<1, 40>>,
}

impl Listed for Session {
    type Filter = NoFilter;

    fn list(ask: &Ask, _: NoFilter, page: Page) -> Result<[Stmt; 2]> {
        Ok([
            sql!(
                "SELECT count(*) AS total FROM sessions WHERE user_id = ?1 AND revoked_at IS NULL AND expires_at > ?2",
                ask.caller.user,
                ask.now
            ),
            sql!(
                "SELECT id, device_name, platform, user_agent, ip_address, suspicious, id = ?3 AS current,
                        created_at, last_seen_at, expires_at
                 FROM sessions WHERE user_id = ?1 AND revoked_at IS NULL AND expires_at > ?2
                 ORDER BY created_at DESC, id DESC LIMIT ?4 OFFSET ?5",
                ask.caller.user,
                ask.now,
                ask.caller.credential.session()?,
                page.limit(),
                page.offset(),
            ),
        ])
    }
}

impl Thing for Session {
    const NOT_FOUND: Code = Code::SessionNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let id = ask.path.id("session_id", Self::NOT_FOUND)?;
        Ok(vec![sql!(
            "SELECT id, device_name, platform, user_agent, ip_address, suspicious, id = ?3 AS current,
                    created_at, last_seen_at, expires_at
             FROM sessions WHERE id = ?1 AND user_id = ?2 AND revoked_at IS NULL AND expires_at > ?4",
            id,
            ask.caller.user,
            ask.caller.credential.session()?,
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

impl Permits<View> for Session {
    const NEEDS: Role = Role::Member;
}

impl Permits<Delete> for Session {
    const NEEDS: Role = Role::Member;
}

/// What tells a known device from a new one: the network it is in, and what it says it is.
pub fn device(keys: &Keys, caller: &Caller) -> String {
    let digest = keys.digest("device", &[network(&caller.ip).as_bytes(), caller.user_agent.as_bytes()]);
    Base64UrlUnpadded::encode_string(&digest)
}

/// The /24 of an IPv4 address, the /48 of an IPv6 one.
fn network(ip: &str) -> String {
    use std::net::IpAddr;
    match ip.parse() {
        Ok(IpAddr::V4(v4)) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}")
        }
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}")
        }
        Err(_) => ip.to_owned(),
    }
}

/// A new session, and what it makes of a login.
pub struct Opening {
    pub id: Id,
    /// Empty where the session is a cookie's, which is not refreshed.
    pub refresh_hash: String,
    /// Milliseconds until it ends, if it is not refreshed.
    pub life: i64,
    pub device: Device,
    pub fingerprint: String,
    pub user_agent: String,
    pub suspicious: bool,
}

pub fn open<T>(change: Change<T>, opening: Opening, by: &By, user: i64) -> Change<T> {
    let kind = if opening.suspicious { Kind::SessionSuspicious } else { Kind::SessionCreated };
    let announced = Event::new(kind, by, &opening.id);
    change
        .run(sql!(
            "INSERT INTO sessions (id, user_id, device, device_name, platform, user_agent, ip_address, suspicious,
                                   refresh_hash, rotated_at, created_at, last_seen_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?10, ?11)",
            opening.id,
            user,
            opening.fingerprint,
            opening.device.name,
            opening.device.platform,
            opening.user_agent,
            by.ip,
            opening.suspicious,
            opening.refresh_hash,
            by.at,
            by.at.plus(opening.life),
        ))
        .announce(announced)
}

/// What tells that somebody's session is over, whoever ended it.
pub fn ended(session: &Id, user: i64, kind: Kind, by: &By) -> Event {
    Event::new(kind, by, session).with(json!({ "user_id": user }))
}

/// Ends a session of this user once; `over` refuses whoever comes second.
pub fn revoke(session: &Id, user: i64, kind: Kind, over: Code, by: &By) -> Change<()> {
    Change::to(())
        .run(sql!(
            "INSERT INTO refusals SELECT ?2 WHERE NOT EXISTS
               (SELECT 1 FROM sessions WHERE id = ?1 AND revoked_at IS NULL)",
            session,
            over.name(),
        ))
        .run(sql!("UPDATE sessions SET revoked_at = ?2 WHERE id = ?1", session, by.at))
        .announce(ended(session, user, kind, by))
}

/// The session after a rotation was tried, with what tells how it went.
#[derive(Deserialize)]
pub struct Rotated {
    refresh_hash: String,
    parent_hash: Option<String>,
    rotated_at: Time,
    #[serde(flatten)]
    pub user: User,
}

#[derive(Debug, PartialEq)]
pub enum Rotation {
    /// The token was the latest, or its parent a moment ago: here is its child.
    Fresh,
    /// An ancestor came back: someone else holds this session's tokens.
    Stale,
}

/// Rotates if `token` is the latest, which is `event`; an absent row means the session is over.
pub fn rotate(token: &RefreshToken, keys: &Keys, caller: &Caller, event: &Id) -> Change<Rotated> {
    let now = caller.now;
    Change::returning(sql!(
        "SELECT s.refresh_hash, s.parent_hash, s.rotated_at,
                u.id, u.email, u.username, u.display_name, u.avatar_url, u.tier, u.status, u.created_at, u.updated_at
         FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.id = ?1 AND s.revoked_at IS NULL AND s.expires_at > ?2",
        token.session,
        now,
    ))
    .record(
        event.clone(),
        sql!(
            "INSERT INTO events (id, kind, actor_id, entity_id, data, ip_address, request_id, created_at)
             SELECT ?3, ?4, user_id, id, '{}', nullif(?5, ''), ?6, ?7 FROM sessions
             WHERE id = ?1 AND refresh_hash = ?2 AND revoked_at IS NULL AND expires_at > ?7",
            token.session,
            token.hash(),
            event,
            Kind::SessionRefreshed.name(),
            caller.ip,
            caller.request_id,
            now,
        ),
    )
    .run(sql!(
        "UPDATE sessions SET parent_hash = refresh_hash, refresh_hash = ?3, rotated_at = ?4, last_seen_at = ?4,
                             ip_address = ?5, expires_at = min(?6, strftime('%Y-%m-%dT%H:%M:%fZ', created_at, '+1 year'))
         WHERE id = ?1 AND refresh_hash = ?2 AND revoked_at IS NULL AND expires_at > ?4",
        token.session,
        token.hash(),
        token.child(keys).hash(),
        now,
        caller.ip,
        now.plus(REFRESH_LIFE),
    ))
}

impl Rotated {
    pub fn judge(&self, token: &RefreshToken, keys: &Keys, now: Time) -> Rotation {
        let child_is_latest = self.refresh_hash == token.child(keys).hash();
        let from_this_parent = self.parent_hash.as_deref() == Some(&token.hash());
        let just_now = now <= self.rotated_at.plus(PARENT_GRACE);
        if child_is_latest && from_this_parent && just_now { Rotation::Fresh } else { Rotation::Stale }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_wider_than_an_address() {
        assert_eq!(network("203.0.113.7"), network("203.0.113.200"));
        assert_ne!(network("203.0.113.7"), network("203.0.114.7"));
        assert_eq!(network("2001:db8:1::1"), network("2001:db8:1:ffff::9"));
        assert_ne!(network("2001:db8:1::1"), network("2001:db8:2::1"));
    }
}
