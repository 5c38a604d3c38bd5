//! The Durable Object behind a channel: its log, and who listens.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::{DurableObject, Env, Request, Response, SqlStorage, SqlStorageValue, State, durable_object};

use super::{Host, log, now, whole};
use crate::db::{DAY, SECOND};
use crate::error::Result;
use crate::host::Object;
use crate::live::wire::{Followed, Heard, Missed, Present, Publish, Taken, ToChannel, ToSockets, Told};

/// How long a message is kept at least.
const KEPT: i64 = DAY;
/// How long at most, for those among the last `KEPT_MESSAGES`.
const KEPT_LONG: i64 = 7 * DAY;
const KEPT_MESSAGES: i64 = 10_000;
/// However many there were within the day.
const MOST_MESSAGES: i64 = 200_000;

/// Messages given or relayed at once, and their bytes.
const AT_ONCE: i64 = 500;
const BYTES_AT_ONCE: usize = 262_144;

const RETRY: i64 = 2 * SECOND;

#[durable_object(alarm)]
pub struct ChannelLog(Rc<Log>);

struct Log {
    state: State,
    sql: SqlStorage,
    host: Host,
    name: String,
    /// Users to whom a relay is under way: one at a time, so that they hear in order.
    relaying: RefCell<HashSet<i64>>,
    /// Counts who comes and goes, and how much of it each user was told.
    presence: Cell<u64>,
    told: RefCell<HashMap<i64, u64>>,
    epoch: Cell<u64>,
}

#[derive(Deserialize)]
struct Numbered {
    seq: u64,
    frame: String,
}

/// `leaving` tells when one who may not listen any more is sent away: `now`, or `after all` that is due.
#[derive(Deserialize)]
struct Follower {
    sent: u64,
    epoch: u64,
    leaving: Option<String>,
}

impl DurableObject for ChannelLog {
    fn new(state: State, env: Env) -> Self {
        let sql = state.storage().sql();
        for table in [
            "CREATE TABLE IF NOT EXISTS messages (seq INTEGER PRIMARY KEY, event TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, frame TEXT NOT NULL) STRICT",
            "CREATE TABLE IF NOT EXISTS forgotten (at INTEGER NOT NULL) STRICT",
            "CREATE TABLE IF NOT EXISTS followers (user INTEGER PRIMARY KEY, sent INTEGER NOT NULL, epoch INTEGER NOT NULL, leaving TEXT) STRICT",
        ] {
            if let Err(error) = sql.exec(table, None) {
                log("channel", &format!("{error:?}"));
            }
        }
        ChannelLog(Rc::new(Log {
            name: state.id().name().unwrap_or_default(),
            state,
            sql,
            host: Host { env, context: None },
            relaying: RefCell::default(),
            presence: Cell::new(0),
            told: RefCell::default(),
            epoch: Cell::new(0),
        }))
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let log = &self.0;
        match request.json().await? {
            ToChannel::Publish(publish) => {
                log.publish(publish)?;
                // A relay lives in memory: if this object ends before it does, the alarm relays.
                log.wake_later(if log.is_followed()? { RETRY } else { DAY }).await?;
                Response::from_json(&Taken {})
            }
            ToChannel::Follow { user } => Response::from_json(&log.follow(user)?),
            ToChannel::Missed { user, after } => Response::from_json(&log.missed(user, after)?),
            ToChannel::Unfollow { user, epoch } => {
                log.unfollow(user, epoch)?;
                Response::from_json(&Taken {})
            }
        }
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.0.prune()?;
        self.0.relay_to_all()?;
        // The last message stays, for its number: nothing is left to do for it alone.
        if self.0.number("SELECT count(*) AS number FROM messages", &[])? > Some(1) {
            self.0.wake_later(DAY).await?;
        }
        Response::ok("")
    }
}

impl Log {
    fn rows<T: DeserializeOwned>(&self, sql: &str, params: &[SqlStorageValue]) -> worker::Result<Vec<T>> {
        self.sql.exec(sql, params.to_vec())?.to_array()
    }

    fn number(&self, sql: &str, params: &[SqlStorageValue]) -> worker::Result<Option<u64>> {
        #[derive(Deserialize)]
        struct Number {
            number: Option<u64>,
        }
        Ok(self.rows::<Number>(sql, params)?.into_iter().next().and_then(|row| row.number))
    }

    /// The number of the latest message. It is never forgotten: pruning leaves it.
    fn last(&self) -> worker::Result<u64> {
        Ok(self.number("SELECT max(seq) AS number FROM messages", &[])?.unwrap_or_default())
    }

    fn publish(self: &Rc<Self>, publish: Publish) -> worker::Result<()> {
        let mut seq = self.last()?;
        // Whether a message older than what was forgotten was published before cannot be told any more.
        let forgotten =
            self.number("SELECT max(at) AS number FROM forgotten", &[])?.and_then(|at| i64::try_from(at).ok());
        for message in publish.messages {
            let id = SqlStorageValue::from(message.id.as_str());
            let known =
                self.number("SELECT seq AS number FROM messages WHERE event = ?1", std::slice::from_ref(&id))?;
            if known.is_some() || forgotten.is_some_and(|at| message.at.millis() <= at) {
                continue;
            }
            seq += 1;
            let frame = message.frame(&self.name, seq);
            self.sql.exec(
                "INSERT INTO messages (seq, event, at, frame) VALUES (?1, ?2, ?3, ?4)",
                vec![whole(seq), id, message.at.millis().into(), frame.into()],
            )?;
        }
        match &publish.audience {
            Some(users) => self.sql.exec(
                "UPDATE followers SET leaving = 'now' WHERE user NOT IN (SELECT value FROM json_each(?1))",
                vec![serde_json::to_string(users)?.into()],
            )?,
            None => self.sql.exec("UPDATE followers SET leaving = 'after all'", None)?,
        };
        self.relay_to_all()
    }

    fn follow(self: &Rc<Self>, user: i64) -> worker::Result<Followed> {
        let epoch = (self.epoch.get() + 1).max(u64::try_from(now().millis()).unwrap_or_default());
        self.epoch.set(epoch);
        let seq = self.last()?;
        let new = self.follower(user)?.is_none();
        self.sql.exec(
            "INSERT INTO followers (user, sent, epoch) VALUES (?1, ?2, ?3)
             ON CONFLICT (user) DO UPDATE SET epoch = excluded.epoch, leaving = NULL",
            vec![user.into(), whole(seq), whole(epoch)],
        )?;
        if new {
            self.presence_changed()?;
            // The answer says it, to the one socket there is.
            self.told.borrow_mut().insert(user, self.presence.get());
        }
        Ok(Followed { seq, epoch, presence: self.present()? })
    }

    fn missed(&self, user: i64, after: u64) -> worker::Result<Missed> {
        let last = self.last()?;
        let none = Missed { seq: last, frames: Vec::new(), more: false, lost: false, refused: false };
        if self.follower(user)?.is_none_or(|follower| follower.leaving.is_some()) {
            return Ok(Missed { refused: true, ..none });
        }
        let first = self.number("SELECT min(seq) AS number FROM messages", &[])?.unwrap_or(1);
        if after > last || after + 1 < first {
            return Ok(Missed { lost: true, ..none });
        }
        let frames = self.after(after)?;
        let seq = frames.last().map_or(after, |numbered| numbered.seq);
        let frames = frames.into_iter().map(|numbered| numbered.frame).collect();
        Ok(Missed { seq, frames, more: seq < last, ..none })
    }

    fn after(&self, seq: u64) -> worker::Result<Vec<Numbered>> {
        let next = "SELECT seq, frame FROM messages WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let mut found: Vec<Numbered> = self.rows(next, &[whole(seq), AT_ONCE.into()])?;
        let mut bytes = 0;
        let fitting = found.iter().take_while(|numbered| {
            bytes += numbered.frame.len();
            bytes <= BYTES_AT_ONCE
        });
        found.truncate(fitting.count().max(1));
        Ok(found)
    }

    fn follower(&self, user: i64) -> worker::Result<Option<Follower>> {
        let found = self.rows("SELECT sent, epoch, leaving FROM followers WHERE user = ?1", &[user.into()])?;
        Ok(found.into_iter().next())
    }

    /// Unless they have followed again since.
    fn unfollow(self: &Rc<Self>, user: i64, epoch: u64) -> worker::Result<()> {
        let gone = "DELETE FROM followers WHERE user = ?1 AND epoch <= ?2 RETURNING epoch AS number";
        match self.number(gone, &[user.into(), whole(epoch)])? {
            Some(_) => self.presence_changed(),
            None => Ok(()),
        }
    }

    fn presence_changed(self: &Rc<Self>) -> worker::Result<()> {
        self.presence.set(self.presence.get() + 1);
        self.relay_to_all()
    }

    fn relay_to_all(self: &Rc<Self>) -> worker::Result<()> {
        #[derive(Deserialize)]
        struct Listens {
            user: i64,
        }
        for Listens { user } in self.rows("SELECT user FROM followers", &[])? {
            self.relay(user);
        }
        Ok(())
    }

    /// Sends the user what is due, and what comes meanwhile. Nobody waits for it, and it waits for nobody else.
    fn relay(self: &Rc<Self>, user: i64) {
        if !self.relaying.borrow_mut().insert(user) {
            return;
        }
        let log = self.clone();
        self.state.wait_until(async move {
            let outcome = log.relay_what_is_due(user).await;
            log.relaying.borrow_mut().remove(&user);
            if let Err(error) = outcome {
                super::log("relay", &format!("{error:?}"));
                let _ = log.wake_later(RETRY).await;
            }
        });
    }

    async fn relay_what_is_due(self: &Rc<Self>, user: i64) -> worker::Result<()> {
        while let Some((follower, presence, due)) = self.due(user)? {
            let heard: Result<Heard> = self.host.ask(Object::Sockets(user), &due).await;
            let heard = heard.map_err(|error| worker::Error::RustError(error.cause().unwrap_or_default().into()))?;
            match due {
                ToSockets::Relay { from, frames, .. } if heard.listening => {
                    let to = whole(from + frames.len() as u64);
                    let sent = "UPDATE followers SET sent = max(sent, ?2) WHERE user = ?1";
                    self.sql.exec(sent, vec![user.into(), to])?;
                    self.told.borrow_mut().insert(user, presence);
                }
                // They are on the team again, or still: what was heard of it was older.
                ToSockets::Lose { .. } if heard.listening => {
                    let stays = "UPDATE followers SET leaving = NULL WHERE user = ?1 AND epoch = ?2";
                    self.sql.exec(stays, vec![user.into(), whole(follower.epoch)])?;
                }
                _ => self.unfollow(user, follower.epoch)?,
            }
        }
        Ok(())
    }

    fn due(&self, user: i64) -> worker::Result<Option<(Follower, u64, ToSockets)>> {
        let Some(follower) = self.follower(user)? else { return Ok(None) };
        let presence = self.presence.get();
        let now_or_never = follower.leaving.as_deref() == Some("now");
        let frames: Vec<String> = match now_or_never {
            true => Vec::new(),
            // Numbers have no gaps.
            false => self.after(follower.sent)?.into_iter().map(|numbered| numbered.frame).collect(),
        };
        if frames.is_empty() && follower.leaving.is_some() {
            return Ok(Some((follower, presence, ToSockets::Lose { channel: self.name.clone() })));
        }
        let aside = match self.told.borrow().get(&user) == Some(&presence) {
            true => None,
            false => self.present()?,
        };
        if frames.is_empty() && aside.is_none() {
            return Ok(None);
        }
        let relay = ToSockets::Relay { channel: self.name.clone(), from: follower.sent, frames, aside };
        Ok(Some((follower, presence, relay)))
    }

    /// Who listens to a project.
    fn present(&self) -> worker::Result<Option<String>> {
        #[derive(Deserialize)]
        struct Listens {
            user: i64,
        }
        if !self.name.starts_with("project:") {
            return Ok(None);
        }
        let all = self.rows("SELECT user FROM followers WHERE leaving IS NULL ORDER BY user", &[])?;
        let user_ids = all.into_iter().map(|Listens { user }| user).collect();
        Ok(Some(Told::Presence { channel: &self.name, data: Present { user_ids }, timestamp: now() }.text()))
    }

    fn is_followed(&self) -> worker::Result<bool> {
        Ok(self.number("SELECT count(*) AS number FROM followers", &[])? > Some(0))
    }

    /// Forgets from the beginning up to the first message that must stay, so that numbers have no gaps.
    fn prune(&self) -> worker::Result<()> {
        let (last, now) = (i64::try_from(self.last()?).unwrap_or(i64::MAX), now());
        let stays = self.number(
            "SELECT min(seq) AS number FROM messages
             WHERE seq = ?1 OR seq > ?2 AND (at >= ?3 OR seq > ?4 AND at >= ?5)",
            &[
                last.into(),
                (last - MOST_MESSAGES).into(),
                now.plus(-KEPT).millis().into(),
                (last - KEPT_MESSAGES).into(),
                now.plus(-KEPT_LONG).millis().into(),
            ],
        )?;
        let Some(stays) = stays.map(whole) else { return Ok(()) };
        self.sql.exec(
            "INSERT INTO forgotten (at) SELECT at FROM (SELECT max(at) AS at FROM messages WHERE seq < ?1) WHERE at IS NOT NULL",
            vec![stays.clone()],
        )?;
        self.sql.exec("DELETE FROM forgotten WHERE at < (SELECT max(at) FROM forgotten)", None)?;
        self.sql.exec("DELETE FROM messages WHERE seq < ?1", vec![stays])?;
        Ok(())
    }

    /// Within so many milliseconds the alarm goes off.
    async fn wake_later(&self, within: i64) -> worker::Result<()> {
        let storage = self.state.storage();
        let due = now().plus(within).millis();
        if storage.get_alarm().await?.is_none_or(|set| set > due) {
            storage.set_alarm(within).await?;
        }
        Ok(())
    }
}
