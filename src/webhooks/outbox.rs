//! From events to deliveries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::topics::topic;
use crate::app::App;
use crate::db::{Id, Stmt, Time};
use crate::error::Result;
use crate::event::{Kind, Recorded};
use crate::host::{Object, log};
use crate::live::Channel;
use crate::live::wire::{Message, Publish};
use crate::sql;

/// Bytes of a body, above which it tells ids only.
const MOST: usize = 20_000;

/// What an endpoint gets. Its bytes are kept: every attempt sends the same.
#[derive(Serialize)]
pub struct Payload<'a> {
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub timestamp: Time,
    pub data: &'a Value,
}

impl Payload<'_> {
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A sender is told that something waits. `now` is what moves its clock in tests.
#[derive(Serialize, Deserialize)]
pub struct Poke {
    pub webhook: String,
    pub now: Time,
}

#[derive(Serialize, Deserialize)]
pub struct Poked {}

#[derive(Deserialize)]
pub struct Waiting {
    pub webhook_id: String,
}

/// Wakes a webhook's sender. If that fails, the cron does.
pub async fn poke(app: &App, webhook: &str) {
    let poked: Result<Poked> =
        app.host().ask(Object::Sender(webhook), &Poke { webhook: webhook.to_owned(), now: app.now() }).await;
    if let Err(error) = poked {
        log("webhooks", error.cause().unwrap_or_default());
    }
}

/// A project with a webhook.
#[derive(Deserialize)]
pub struct Listening {
    project_id: String,
}

/// Of which of their projects somebody hears: of most nobody does, and nothing more is to be done.
pub fn listening(events: &[Recorded]) -> Stmt {
    let projects: Vec<&str> = events.iter().filter_map(|event| event.project_id.as_deref()).collect();
    sql!(
        "SELECT DISTINCT project_id FROM webhook_endpoints
         WHERE project_id IN (SELECT value FROM json_each(?1)) AND closed_at IS NULL",
        json!(projects)
    )
}

/// The deliveries of what the projects' channels are told; once more makes no more of them.
pub fn told(channels: &BTreeMap<Channel, (Publish, Vec<Id>)>, listening: &[Listening], now: Time) -> Vec<Stmt> {
    let in_projects = channels.iter().filter_map(|(channel, (publish, _))| match channel {
        Channel::Project(project) if listening.iter().any(|listening| listening.project_id == *project) => {
            Some(publish.messages.iter().map(move |message| (project.as_str(), message)))
        }
        _ => None,
    });
    let told = in_projects.flatten().filter_map(|(project, message)| Some((project, message, topic(&message.kind)?)));
    told.flat_map(|(project, message, topic)| statements(project, message, topic, now)).collect()
}

fn statements(project: &str, message: &Message, topic: &str, now: Time) -> Vec<Stmt> {
    let deliver = sql!(
        "INSERT INTO webhook_deliveries (id, webhook_id, event_id, event, body, status, next_attempt_at, created_at)
         SELECT substr(?1, 1, 24) || lower(hex(randomblob(6))), w.id, ?1, ?2, ?3, 'pending', ?4, ?4
         FROM webhook_endpoints w
         WHERE w.project_id = ?5 AND w.is_active AND w.closed_at IS NULL
           AND EXISTS (SELECT 1 FROM json_each(w.event_types) WHERE value IN ('*', ?2))
         ON CONFLICT (event_id, webhook_id) DO NOTHING",
        message.id,
        topic,
        body(message, topic),
        now,
        project,
    );
    // One that fails or asks for time is left alone for as long as its sender says.
    let wake = sql!(
        "UPDATE webhook_endpoints SET due_at = max(min(ifnull(due_at, ?2), ?2), ifnull(held_until, ''))
         WHERE is_active AND id IN (SELECT webhook_id FROM webhook_deliveries WHERE event_id = ?1 AND status = 'pending')",
        message.id,
        now,
    );
    // The last they hear of it.
    let close = (message.kind == Kind::ProjectDeleted.name()).then(|| {
        sql!("UPDATE webhook_endpoints SET closed_at = ?2 WHERE project_id = ?1 AND closed_at IS NULL", project, now)
    });
    [deliver, wake].into_iter().chain(close).collect()
}

/// The same as the live message says, unless that is too much.
fn body(message: &Message, topic: &str) -> String {
    let payload = |data| Payload { kind: topic, timestamp: message.at, data }.text();
    let whole = payload(&message.data);
    if whole.len() <= MOST {
        return whole;
    }
    let of = |name: &str| message.data.get(name).cloned().unwrap_or_default();
    payload(&json!({ "id": of("id"), "project_id": of("project_id"), "actor_id": of("actor_id"), "is_thin": true }))
}

/// Who has something to send for these events.
pub fn waiting(events: &[Id]) -> Stmt {
    sql!(
        "SELECT DISTINCT webhook_id FROM webhook_deliveries
         WHERE event_id IN (SELECT value FROM json_each(?1)) AND status = 'pending'",
        json!(events)
    )
}
