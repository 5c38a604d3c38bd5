//! From events to messages.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Value, json};

use super::Channel;
use super::wire::{Message, Publish};
use crate::db::{self, Answers, Id, Stmt, Time};
use crate::error::Result;
use crate::event::{Kind, Recorded};
use crate::{ai_docs, attachments, comments, previews, projects, sql, tasks, user};

/// Where a message's data is read: for the kinds that begin so, by the ids of what they happened to.
type Source = (&'static str, fn(&Value) -> Stmt);

const SOURCES: [Source; 9] = [
    ("project.", projects::told),
    ("tag.", projects::tags::told),
    ("task.", tasks::told),
    ("label.", tasks::labels::told),
    ("comment.", comments::told),
    ("attachment.", attachments::told),
    ("preview.", previews::told),
    ("ai_docs.", ai_docs::told),
    ("team.member_", user::told),
];

/// What happened to a thing, as the one who was told has it.
#[derive(Deserialize)]
struct Told {
    id: Value,
    #[serde(deserialize_with = "db::json")]
    thing: Value,
}

#[derive(Deserialize)]
struct Team {
    project_id: String,
    #[serde(deserialize_with = "db::json")]
    users: Vec<i64>,
}

#[derive(Deserialize)]
struct Notice {
    id: Id,
    user_id: i64,
    event_id: Id,
    #[serde(rename = "type")]
    kind: String,
    project_id: Option<String>,
    #[serde(deserialize_with = "db::json")]
    payload: Value,
    created_at: Time,
}

/// What must be read to tell of these events, after all else that follows from them.
pub fn reads(events: &[Recorded]) -> Vec<Stmt> {
    let all: Vec<&Id> = events.iter().map(|event| &event.id).collect();
    let projects: Vec<&str> = events.iter().filter_map(|event| event.project_id.as_deref()).collect();
    let mut reads = vec![
        sql!(
            "SELECT id, user_id, event_id, type, project_id, payload, created_at FROM notifications
             WHERE event_id IN (SELECT value FROM json_each(?1))",
            json!(all)
        ),
        sql!(
            "SELECT project_id, json_group_array(user_id) AS users FROM team_members
             WHERE project_id IN (SELECT value FROM json_each(?1)) GROUP BY project_id",
            json!(projects)
        ),
    ];
    reads.extend(SOURCES.iter().map(|(prefix, told)| {
        let of_kind = events.iter().filter(|event| event.project_id.is_some() && is_of(event, prefix));
        told(&json!(of_kind.map(|event| &event.entity_id).collect::<Vec<_>>()))
    }));
    reads
}

/// What each channel is told of these events, and by which of them.
pub fn messages(events: &[Recorded], answers: &mut Answers) -> Result<BTreeMap<Channel, (Publish, Vec<Id>)>> {
    let notices: Vec<Notice> = answers.rows()?;
    let teams: HashMap<String, Vec<i64>> =
        answers.rows()?.into_iter().map(|Team { project_id, users }| (project_id, users)).collect();
    let mut things = HashMap::new();
    for (prefix, _) in SOURCES {
        things.extend(answers.rows()?.into_iter().map(|Told { id, thing }| ((prefix, plain(&id)), thing)));
    }
    let mut channels: BTreeMap<Channel, (Publish, Vec<Id>)> = BTreeMap::new();
    for event in events {
        let Some(project) = &event.project_id else { continue };
        // Who was behind an address that was invited is told when they join, not when they do not.
        if event.kind == Kind::InviteDeclined.name() {
            continue;
        }
        // Webhooks are their owner's.
        if event.kind.starts_with("webhook.") {
            continue;
        }
        let over = event.kind == Kind::ProjectDeleted.name();
        let (publish, of) = channels.entry(Channel::Project(project.clone())).or_default();
        publish.audience = (!over).then(|| teams.get(project).cloned().unwrap_or_default());
        let source = SOURCES.iter().find(|(prefix, _)| is_of(event, prefix));
        let thing = source.and_then(|(prefix, _)| things.get(&(*prefix, event.entity_id.clone())));
        publish.messages.push(message(event, thing));
        of.push(event.id.clone());
    }
    for notice in notices {
        let (publish, of) = channels.entry(Channel::User(notice.user_id)).or_default();
        publish.audience = Some(vec![notice.user_id]);
        of.push(notice.event_id.clone());
        let data = json!({
            "id": notice.id, "type": notice.kind, "project_id": notice.project_id, "payload": notice.payload,
            "created_at": notice.created_at,
        });
        publish.messages.push(Message {
            id: notice.id,
            kind: "notification.created".into(),
            data,
            at: notice.created_at,
        });
    }
    Ok(channels)
}

/// The thing as it is now, or its id where it is no more; who did it; and what of it changed.
fn message(event: &Recorded, thing: Option<&Value>) -> Message {
    let mut data = thing.cloned().unwrap_or_else(|| json!({ "id": event.entity_id }));
    if let Some(data) = data.as_object_mut() {
        data.insert("project_id".into(), json!(event.project_id));
        data.insert("actor_id".into(), json!(event.actor_id));
        data.insert("change".into(), event.data.clone());
    }
    Message { id: event.id.clone(), kind: event.kind.clone(), data, at: event.created_at }
}

/// An invited member is none yet: that event is of an invite.
fn is_of(event: &Recorded, prefix: &str) -> bool {
    event.kind.starts_with(prefix) && event.kind != Kind::MemberInvited.name()
}

fn plain(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}
