use crate::support::*;

const NEVER: &str = "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77";

async fn events(world: &World) -> Vec<Value> {
    world.sql("SELECT * FROM events ORDER BY id", &[]).await
}

/// An event as a crash between commit and queue leaves it.
async fn lost_event(world: &World, kind: &str, entity: &str, age: Duration) -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    let id = uuid::Uuid::from_bytes(bytes).to_string();
    let at = chrono::DateTime::from_timestamp_millis(world.clock().now() - age.as_millis() as i64).unwrap();
    let insert =
        "INSERT INTO events (id, kind, entity_id, data, request_id, created_at) VALUES (?1, ?2, ?3, '{}', 'lost', ?4)";
    let at = at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    world.sql(insert, &[json!(id), json!(kind), json!(entity), json!(at)]).await;
    id
}

async fn delivered_at(world: &World, id: &str) -> Value {
    world.one("SELECT delivered_at FROM events WHERE id = ?1", &[json!(id)]).await
}

#[tokio::test]
async fn every_change_writes_who_did_what_when_and_from_where() {
    let world = World::new().await;
    world.clock().stop();
    let ada = world.sign_up("ada").await;
    let created =
        ada.post("/projects").json(json!({ "name": "Secret name" })).header("x-request-id", "request-one").await;
    let id = created.data()["id"].as_str().unwrap();
    let path = format!("/projects/{id}");
    ada.patch(&path).json(json!({ "description": "Secret words" })).await;
    let tag = ada.post(&format!("{path}/tags")).json(json!({ "name": "Secret tag" })).await;
    ada.delete(&format!("{path}/tags/{}", tag.data()["id"].as_str().unwrap())).await;
    ada.patch("/profile").json(json!({ "display_name": "Secret self" })).await;
    ada.delete(&path).await;
    ada.post("/auth/logout").await;

    let mut events = world.sql("SELECT * FROM events ORDER BY rowid", &[]).await;
    events.iter_mut().for_each(|event| assert!(uuid::Uuid::parse_str(event["id"].take().as_str().unwrap()).is_ok()));
    let kinds = [
        "user.registered",
        "session.created",
        "project.created",
        "project.updated",
        "tag.created",
        "tag.deleted",
        "profile.updated",
        "project.deleted",
        "session.revoked",
    ];
    assert_eq!(pluck(&events, "kind"), kinds);
    for event in &events {
        assert_eq!((&event["actor_id"], &event["ip_address"]), (&json!(ada.id()), &json!(ada.ip)), "{event}");
        assert!(!event.to_string().contains("Secret"), "{event}");
    }
    assert_eq!((&events[2]["project_id"], &events[2]["entity_id"]), (&json!(id), &json!(id)));
    assert_eq!(events[2]["request_id"], "request-one");
    assert_eq!(events[2]["created_at"], created.data()["created_at"]);
    assert_eq!(events[4]["entity_id"], tag.data()["id"]);
}

#[tokio::test]
async fn the_queue_delivers_what_happened() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    ada.project("Launch").await;
    world.drain().await;
    let events = events(&world).await;
    assert_eq!(events.len(), 3);
    for event in events {
        let at = event["delivered_at"].as_str().expect("to be delivered");
        assert!(at >= event["created_at"].as_str().unwrap(), "{event}");
    }
}

#[tokio::test]
async fn what_did_not_happen_is_not_announced() {
    let world = World::new().await;
    let (ada, eve) = (world.sign_up("ada").await, world.sign_up("eve").await);
    let path = format!("/projects/{}", ada.project("Launch").await);
    ada.post(&format!("{path}/tags")).json(json!({ "name": "red" })).await;
    let before = events(&world).await.len();
    ada.post(&format!("{path}/tags")).json(json!({ "name": "red" })).refused(409).await;
    eve.patch(&path).json(json!({ "name": "Mine" })).refused(404).await;
    eve.delete(&path).refused(404).await;
    ada.post("/projects").json(json!({})).refused(422).await;
    let register = json!({ "email": "ada@example.com", "password": PASSWORD });
    world.anonymous().post("/auth/register").json(register).refused(409).await;
    assert_eq!(events(&world).await.len(), before);
}

#[tokio::test]
async fn the_cron_sends_again_what_was_never_delivered() {
    let world = World::new().await;
    let lost = lost_event(&world, "project.created", NEVER, Duration::from_secs(5 * 60)).await;
    assert_eq!(delivered_at(&world, &lost).await, Value::Null);
    world.cron().await;
    world.drain().await;
    assert!(delivered_at(&world, &lost).await.is_string());
}

#[tokio::test]
async fn the_cron_catches_up_with_many() {
    let world = World::new().await;
    for _ in 0..30 {
        lost_event(&world, "project.created", NEVER, Duration::from_secs(5 * 60)).await;
    }
    world.cron().await;
    world.drain().await;
    let delivered = "SELECT count(*) FROM events WHERE kind = 'project.created' AND delivered_at IS NOT NULL";
    assert_eq!(world.one(delivered, &[]).await, 30);
}

#[tokio::test]
async fn an_event_delivered_twice_happens_once() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    world.drain().await;
    let event = events(&world).await[0].clone();
    world.sql("UPDATE events SET delivered_at = '2026-01-01T00:00:00.000Z'", &[]).await;
    for _ in 0..2 {
        let outcome = world.consume(&[event["id"].clone(), event["id"].clone()]).await;
        assert_eq!(outcome, json!({ "outcome": "ok", "acked": 2, "retried": 0 }));
    }
    assert_eq!(delivered_at(&world, event["id"].as_str().unwrap()).await, "2026-01-01T00:00:00.000Z");
    assert_eq!(events(&world).await.len(), 2);
    ada.get("/auth/me").await;
}

#[tokio::test]
async fn duplicates_at_once_are_all_done_with() {
    let world = World::new().await;
    let lost = lost_event(&world, "project.created", NEVER, Duration::from_secs(5 * 60)).await;
    join_all((0..8).map(|_| world.enqueue(json!(lost)))).await;
    world.drain().await;
    let first = delivered_at(&world, &lost).await;
    world.consume(&[json!(lost)]).await;
    assert_eq!(delivered_at(&world, &lost).await, first);
}

#[tokio::test]
async fn messages_that_mean_nothing_are_dropped() {
    let world = World::new().await;
    let lost = lost_event(&world, "project.created", NEVER, Duration::from_secs(5 * 60)).await;
    let batch = [json!("nonsense"), json!(NEVER), json!(""), json!(lost), json!({ "id": 1 }), json!(7)];
    let outcome = world.consume(&batch).await;
    assert_eq!((&outcome["outcome"], &outcome["retried"]), (&json!("ok"), &json!(0)));
    assert!(delivered_at(&world, &lost).await.is_string(), "what stands between them is delivered");
}

#[tokio::test]
async fn an_event_of_an_unknown_kind_is_done_with() {
    let world = World::new().await;
    let lost = lost_event(&world, "something.from.the.future", NEVER, Duration::from_secs(5 * 60)).await;
    world.consume(&[json!(lost)]).await;
    assert!(delivered_at(&world, &lost).await.is_string());
}

#[tokio::test]
async fn what_cannot_be_delivered_now_is_tried_again() {
    let world = World::new().await;
    let lost = lost_event(&world, "project.created", NEVER, Duration::from_secs(5 * 60)).await;
    world.sql("ALTER TABLE events RENAME TO elsewhere", &[]).await;
    let outcome = world.consume(&[json!(lost)]).await;
    assert_eq!(outcome, json!({ "outcome": "ok", "acked": 0, "retried": 1 }));
    world.sql("ALTER TABLE elsewhere RENAME TO events", &[]).await;
    world.consume(&[json!(lost)]).await;
    assert!(delivered_at(&world, &lost).await.is_string());
}

#[tokio::test]
async fn a_revoked_session_is_noted_at_the_edge_and_its_hashes_go() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let mut phone = ada.on_another_device().await;
    phone.refresh().await;
    ada.delete(&format!("/auth/sessions/{}", phone.session())).status(204).await;
    world.drain().await;
    assert!(world.kv(&format!("revoked/{}", phone.session())).await.is_some());
    assert_eq!(world.kv(&format!("revoked/{}", ada.session())).await, None);
    let row =
        world.sql("SELECT refresh_hash, parent_hash FROM sessions WHERE id = ?1", &[json!(phone.session())]).await;
    assert_eq!(row, [json!({ "refresh_hash": "", "parent_hash": null })]);
    phone.try_refresh(&phone.refresh_token).refused_with(401, "AUTH_INVALID").await;
    ada.get("/auth/me").await;
}

#[tokio::test]
async fn the_cron_drops_what_is_past_keeping_and_nothing_else() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let bob = world.sign_up("bob").await;
    world.stranger("eve").try_password("something else").refused(401).await;
    world
        .sql("UPDATE sessions SET expires_at = '2026-01-01T00:00:00.000Z' WHERE user_id = ?1", &[json!(bob.id())])
        .await;
    world.cron().await;
    assert_eq!(world.one("SELECT count(*) FROM login_attempts", &[]).await, 1);
    assert_eq!(world.one("SELECT user_id FROM sessions", &[]).await, ada.id());
    world.clock().advance(Duration::from_secs(25 * 60 * 60));
    world.cron().await;
    assert_eq!(world.one("SELECT count(*) FROM login_attempts", &[]).await, 0);
    assert_eq!(world.one("SELECT count(*) FROM users", &[]).await, 2);
}
