//! What users are told of, and whether they want it.

mod inbox;
mod keeping;
mod of_accounts;
mod of_comments;
mod of_tasks;
mod of_teams;
mod settings;

pub use crate::comments::{add_task, path_of, random_id, reply, say, team};
pub use crate::support::*;

/// An event as another part of the house announces it, delivered.
pub async fn happened(world: &World, kind: &str, actor: Option<&Person>, about: &Value) -> String {
    let id = lost(world, kind, actor, about).await;
    deliver(world, &id).await;
    id
}

/// `about`: project, task, entity and data.
pub async fn lost(world: &World, kind: &str, actor: Option<&Person>, about: &Value) -> String {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).unwrap();
    let now = world.clock().now();
    let id = uuid::Builder::from_unix_timestamp_millis(now as u64, &bytes).into_uuid().to_string();
    let at = chrono::DateTime::from_timestamp_millis(now).unwrap().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let insert = "INSERT INTO events (id, kind, actor_id, project_id, task_id, entity_id, data, request_id, created_at)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'test', ?8)";
    let entity = about["entity"].as_str().map_or_else(|| about["entity"].to_string(), Into::into);
    let data = if about["data"].is_null() { json!({}) } else { about["data"].clone() };
    let actor = actor.map(Person::id);
    let values = [
        json!(id),
        json!(kind),
        json!(actor),
        about["project"].clone(),
        about["task"].clone(),
        json!(entity),
        json!(data.to_string()),
        json!(at),
    ];
    world.sql(insert, &values).await;
    id
}

pub async fn deliver(world: &World, event: &str) {
    let outcome = world.consume(&[json!(event)]).await;
    assert_eq!(outcome, json!({ "outcome": "ok", "acked": 1, "retried": 0 }));
}

/// Delivers every event once more.
pub async fn deliver_all_again(world: &World) {
    world.drain().await;
    world.sql("UPDATE events SET delivered_at = NULL", &[]).await;
    let events = world.sql("SELECT id FROM events ORDER BY id DESC", &[]).await;
    for event in events {
        deliver(world, event["id"].as_str().unwrap()).await;
    }
}

/// A page of someone's notifications, everything before it delivered.
pub async fn inbox(who: &Person, query: &str) -> Reply {
    who.world.drain().await;
    let reply = who.get(&format!("/notifications?{query}")).await;
    assert_eq!(keys(&reply.json), ["items", "page", "page_size", "total", "unread"], "{}", reply.text);
    reply
}

/// Someone's notifications, the newest first.
pub async fn told(who: &Person) -> Vec<Value> {
    inbox(who, "page_size=50").await.json["items"].as_array().unwrap().clone()
}

/// What someone's notifications are of.
pub async fn types(who: &Person) -> Vec<String> {
    pluck(&told(who).await, "type").into_iter().map(Into::into).collect()
}

pub async fn remove(world: &World, project: &str, who: &Person) {
    let removed = "DELETE FROM team_members WHERE project_id = ?1 AND user_id = ?2";
    world.sql(removed, &[json!(project), json!(who.id())]).await;
}

pub async fn without(who: &Person, kind: &str) {
    who.patch("/notifications/settings").json(json!({ kind: { "in_app": false } })).await;
}
