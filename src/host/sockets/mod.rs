//! The Durable Object that holds a user's sockets, whichever device and channel they are for.
//!
//! All of them hear the same: `positions` has, for each channel anybody listens to, the number of
//! the last message all its listeners were sent. One who joins catches up to it first.

mod listening;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{self, JsCast, JsValue};
use worker::{
    DurableObject, Env, Request, Response, SqlStorage, State, WebSocket, WebSocketIncomingMessage, WebSocketPair,
    WebSocketRequestResponsePair, durable_object,
};

use super::{Host, broken, log, now, whole};
use crate::db::{Id, SECOND};
use crate::error::{Code, Error, Result};
use crate::live::Channel;
use crate::live::wire::{Heard, MAX_BUFFERED, MAX_SOCKETS, PING, PONG, Said, ToSockets, Told};
use crate::projects;

#[wasm_bindgen(module = "/src/host/bridge.js")]
extern "C" {
    fn broadcast(sockets: &js_sys::Array, texts: &js_sys::Array, most: f64) -> js_sys::Array;
    async fn drained(socket: &JsValue, most: f64, milliseconds: f64) -> JsValue;
}

/// Closes a socket whose session is over.
const SESSION_OVER: u16 = 4401;

/// What a user may say at once, and in a second, on all sockets together.
const BURST: f64 = 300.0;
const A_SECOND: f64 = 20.0;

#[durable_object(websocket)]
pub struct UserSockets {
    state: State,
    sql: SqlStorage,
    host: Host,
    user: i64,
    /// Who listens to what; read from the sockets after a sleep.
    listeners: RefCell<Option<HashMap<String, Vec<Listener>>>>,
    /// The sockets that are about to join a channel.
    joining: RefCell<HashMap<String, Vec<WebSocket>>>,
    allowance: Cell<(f64, i64)>,
}

#[derive(Clone)]
struct Listener {
    socket: WebSocket,
    /// The last message it had when it joined.
    since: u64,
}

/// What a socket is asked to open with.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry {
    pub session: Id,
    /// Of a ticket, which is good once.
    pub nonce: Option<Id>,
    /// Milliseconds.
    pub until: Option<i64>,
}

/// What stays with a socket while everything sleeps.
#[derive(Debug, Serialize, Deserialize)]
struct Attachment {
    session: Id,
    channels: Vec<Hearing>,
}

/// A channel a socket listens to.
#[derive(Debug, Serialize, Deserialize)]
struct Hearing {
    channel: String,
    /// It was sent everything after this one.
    from: u64,
    /// The last message it had when it joined the others.
    since: u64,
}

impl DurableObject for UserSockets {
    fn new(state: State, env: Env) -> Self {
        let sql = state.storage().sql();
        for table in [
            "CREATE TABLE IF NOT EXISTS positions (channel TEXT PRIMARY KEY, seq INTEGER NOT NULL, epoch INTEGER NOT NULL) STRICT",
            "CREATE TABLE IF NOT EXISTS tickets (nonce TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT",
        ] {
            if let Err(error) = sql.exec(table, None) {
                log("sockets", &format!("{error:?}"));
            }
        }
        match WebSocketRequestResponsePair::new(PING, PONG) {
            Ok(pair) => state.set_websocket_auto_response(&pair),
            Err(error) => log("sockets", &format!("{error:?}")),
        }
        UserSockets {
            user: state.id().name().and_then(|name| name.parse().ok()).unwrap_or_default(),
            state,
            sql,
            host: Host { env, context: None },
            listeners: RefCell::default(),
            joining: RefCell::default(),
            allowance: Cell::new((BURST, 0)),
        }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        if request.headers().get("upgrade")?.is_some() {
            return self.open(&request).await;
        }
        let listening = match request.json().await? {
            ToSockets::Relay { channel, from, frames, aside } => {
                let heard = self.relay(&channel, from, &frames, aside).await;
                heard.map_err(failed)?
            }
            ToSockets::Lose { channel } => self.lose(&channel).await.map_err(failed)?,
            ToSockets::End { session } => self.end(&session).await?,
            ToSockets::Count => false,
        };
        Response::from_json(&Heard { listening, open: self.open_sockets() })
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> worker::Result<()> {
        let outcome = match message {
            WebSocketIncomingMessage::String(text) => self.hear(&socket, &text).await,
            WebSocketIncomingMessage::Binary(_) => Err(Error::new(Code::BadRequest).saying("Send text.")),
        };
        if let Err(error) = outcome {
            if let Some(cause) = error.cause() {
                log("sockets", cause);
            }
            let told = Told::Error { code: error.code.name(), message: error.message() };
            let _ = socket.send_with_str(told.text());
        }
        Ok(())
    }

    async fn websocket_close(&self, socket: WebSocket, _: usize, _: String, _: bool) -> worker::Result<()> {
        let _ = socket.close(Some(1000), Some(""));
        self.forget(&[socket]).await;
        Ok(())
    }

    async fn websocket_error(&self, socket: WebSocket, _: worker::Error) -> worker::Result<()> {
        self.forget(&[socket]).await;
        Ok(())
    }
}

impl UserSockets {
    async fn open(&self, request: &Request) -> worker::Result<Response> {
        let url = request.url()?;
        let entry: Entry = serde_urlencoded::from_str(url.query().unwrap_or_default())
            .map_err(|error| worker::Error::RustError(error.to_string()))?;
        if !self.admits(&entry)? {
            return Response::error("", 401);
        }
        if self.open_sockets() >= MAX_SOCKETS {
            return Response::error("", 429);
        }
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        self.state.accept_web_socket(&server);
        attach(&server, &Attachment { session: entry.session, channels: Vec::new() })?;
        if let Err(error) = self.join(&server, &Channel::User(self.user), None).await {
            log("sockets", error.cause().unwrap_or_default());
            let _ = server.close(Some(1011), Some("try again"));
        }
        Response::from_websocket(client)
    }

    /// Those about to close are kept by the platform until the client agrees.
    fn open_sockets(&self) -> usize {
        self.state.get_websockets().iter().filter(|socket| is_open(socket)).count()
    }

    /// A ticket once, and in time; a token as it stands.
    fn admits(&self, entry: &Entry) -> worker::Result<bool> {
        let (Some(nonce), Some(until)) = (&entry.nonce, entry.until) else { return Ok(true) };
        let now = now().millis();
        self.sql.exec("DELETE FROM tickets WHERE until <= ?1", vec![now.into()])?;
        let used = "INSERT INTO tickets (nonce, until) VALUES (?1, ?2) ON CONFLICT DO NOTHING RETURNING until";
        let first: Vec<serde::de::IgnoredAny> =
            self.sql.exec(used, vec![nonce.as_str().into(), until.into()])?.to_array()?;
        Ok(until > now && !first.is_empty())
    }

    async fn hear(&self, socket: &WebSocket, text: &str) -> Result<()> {
        if !self.may_speak() {
            return Err(Code::RateLimited.into());
        }
        match Said::parse(text)? {
            Said::Ping => socket.send_with_str(PONG).map_err(broken),
            Said::Unsubscribe(channel) => {
                let name = channel.to_string();
                self.leave(socket, &name).await?;
                let told = Told::Unsubscribed { channel: &name, code: None };
                socket.send_with_str(told.text()).map_err(broken)
            }
            Said::Subscribe { channel, after } => self.join(socket, &channel, after).await,
        }
    }

    fn may_speak(&self) -> bool {
        let (left, at) = self.allowance.get();
        let now = now().millis();
        let left = BURST.min(left + (now - at) as f64 * A_SECOND / SECOND as f64);
        self.allowance.set(((left - 1.0).max(0.0), now));
        left >= 1.0
    }

    async fn relay(&self, name: &str, from: u64, frames: &[String], aside: Option<String>) -> Result<bool> {
        let listeners = self.with_listeners(|listeners| listeners.get(name).cloned().unwrap_or_default());
        if listeners.is_empty() && !self.joining.borrow().contains_key(name) {
            self.sql.exec("DELETE FROM positions WHERE channel = ?1", vec![name.into()]).map_err(broken)?;
            return Ok(false);
        }
        let to = from + frames.len() as u64;
        let position = self.position(name)?.unwrap_or(from);
        if to > position {
            let sql = "INSERT INTO positions (channel, seq, epoch) VALUES (?1, ?2, 0) ON CONFLICT (channel) DO UPDATE SET seq = excluded.seq";
            self.sql.exec(sql, vec![name.into(), whole(to)]).map_err(broken)?;
        }
        let mut lost = Vec::new();
        let mut groups: HashMap<u64, Vec<WebSocket>> = HashMap::new();
        for Listener { socket, since } in listeners {
            groups.entry(since.max(position)).or_default().push(socket);
        }
        for (has, sockets) in groups {
            let new = frames.iter().skip(has.saturating_sub(from) as usize).chain(&aside).cloned().collect::<Vec<_>>();
            lost.extend(self.send(&sockets, &new));
        }
        self.forget(&lost).await;
        Ok(true)
    }

    /// What the channel heard of the team may be older than what is so.
    async fn lose(&self, name: &str) -> Result<bool> {
        if let Some(Channel::Project(id)) = Channel::parse(name)
            && let Some(project) = Id::parse(&id)
        {
            let mut answers = self.host.batch(&[projects::membership(&project, self.user)]).await?;
            if answers.first::<serde::de::IgnoredAny>()?.is_some() {
                return Ok(true);
            }
        }
        let told = Told::Unsubscribed { channel: name, code: Some(Code::ProjectNotFound.name()) };
        let listeners = self.with_listeners(|listeners| listeners.remove(name).unwrap_or_default());
        let joining = self.joining.borrow_mut().remove(name).unwrap_or_default();
        for socket in listeners.into_iter().map(|listener| listener.socket).chain(joining) {
            change(&socket, |channels| channels.retain(|hearing| hearing.channel != name))?;
            let _ = socket.send_with_str(told.text());
        }
        self.sql.exec("DELETE FROM positions WHERE channel = ?1", vec![name.into()]).map_err(broken)?;
        Ok(false)
    }

    async fn end(&self, session: &str) -> worker::Result<bool> {
        let of_session = |socket: &WebSocket| attachment(socket).is_some_and(|it| it.session.as_str() == session);
        let sockets: Vec<WebSocket> = self.state.get_websockets().into_iter().filter(of_session).collect();
        for socket in &sockets {
            let _ = socket.close(Some(SESSION_OVER), Some("the session is over"));
        }
        self.forget(&sockets).await;
        Ok(false)
    }

    fn position(&self, name: &str) -> Result<Option<u64>> {
        let found = self.sql.exec("SELECT seq AS number FROM positions WHERE channel = ?1", vec![name.into()]);
        let found = found.and_then(|cursor| cursor.to_array::<Number>()).map_err(broken)?;
        Ok(found.into_iter().next().map(|row| row.number))
    }

    fn tell(&self, socket: &WebSocket, told: &Told) -> Result<()> {
        socket.send_with_str(told.text()).map_err(broken)
    }

    /// The sockets that did not take it.
    fn send(&self, sockets: &[WebSocket], texts: &[String]) -> Vec<WebSocket> {
        let sockets: js_sys::Array = sockets.iter().map(|socket| JsValue::from(socket.as_ref())).collect();
        let texts: js_sys::Array = texts.iter().map(|text| JsValue::from_str(text)).collect();
        let lost = broadcast(&sockets, &texts, MAX_BUFFERED);
        lost.iter().map(|socket| socket.unchecked_into::<web_sys::WebSocket>().into()).collect()
    }

    fn with_listeners<T>(&self, work: impl FnOnce(&mut HashMap<String, Vec<Listener>>) -> T) -> T {
        let mut listeners = self.listeners.borrow_mut();
        work(listeners.get_or_insert_with(|| {
            let mut all: HashMap<String, Vec<Listener>> = HashMap::new();
            for socket in self.state.get_websockets() {
                for Hearing { channel, since, .. } in attachment(&socket).map_or(Vec::new(), |it| it.channels) {
                    all.entry(channel).or_default().push(Listener { socket: socket.clone(), since });
                }
            }
            all
        }))
    }
}

#[derive(Deserialize)]
struct Number {
    number: u64,
}

fn failed(error: Error) -> worker::Error {
    worker::Error::RustError(error.cause().unwrap_or(error.message()).into())
}

fn is_open(socket: &WebSocket) -> bool {
    socket.as_ref().ready_state() == web_sys::WebSocket::OPEN
}

fn attach(socket: &WebSocket, attachment: &Attachment) -> worker::Result<()> {
    socket.serialize_attachment(serde_json::to_string(attachment)?)
}

/// A socket without an attachment is about to go.
fn change(socket: &WebSocket, work: impl FnOnce(&mut Vec<Hearing>)) -> Result<()> {
    let Some(mut attachment) = attachment(socket) else { return Ok(()) };
    work(&mut attachment.channels);
    attach(socket, &attachment).map_err(broken)
}

fn attachment(socket: &WebSocket) -> Option<Attachment> {
    let text: String = socket.deserialize_attachment().ok()??;
    serde_json::from_str(&text).ok()
}
