use super::ago;
use crate::support::*;

async fn run(root: &Person, action: &str, body: Value) -> Value {
    let reply = root.post(&format!("/admin/maintenance/{action}")).json(body).await;
    assert_eq!(reply.data()["action"], action);
    reply.data().clone()
}

#[tokio::test]
async fn switches_turn_once_and_are_written_down() {
    let world = World::new().await;
    let (ada, root) = (world.sign_up("ada").await, world.operator("root").await);
    for (name, usual) in [("previews", true), ("ai_docs", true), ("maintenance", false), ("read_only", false)] {
        let path = format!("/admin/maintenance/{name}");
        root.post(&path).json(json!({})).refused_with(422, "VALIDATION_ERROR").await;
        ada.post(&path).json(json!({ "on": !usual, "confirm": true })).refused_with(403, "AUTH_FORBIDDEN").await;
        if !usual {
            root.post(&path).json(json!({ "on": true })).refused_with(422, "CONFIRMATION_REQUIRED").await;
            root.post(&path)
                .json(json!({ "on": true, "confirm": false }))
                .refused_with(422, "CONFIRMATION_REQUIRED")
                .await;
        }
        let turn = json!({ "on": !usual, "confirm": true });
        assert_eq!(run(&root, name, turn.clone()).await["numbers"]["changed"], 1, "{name}");
        assert_eq!(run(&root, name, turn).await["numbers"]["changed"], 0, "{name}");
        let state = "SELECT is_on || ' ' || changed_by FROM switches WHERE name = ?1";
        assert_eq!(world.one(state, &[json!(name)]).await, format!("{} {}", u8::from(!usual), root.id()));
        if name == "maintenance" {
            ada.get("/projects").refused_with(503, "MAINTENANCE").await;
            world.anonymous().get("/projects").refused_with(503, "MAINTENANCE").await;
        }
        // Back needs no confirmation.
        assert_eq!(run(&root, name, json!({ "on": usual })).await["numbers"]["changed"], 1, "{name}");
        ada.get("/projects").await;
    }
    let written = "SELECT count(*) FROM events WHERE kind = 'admin.switched' AND actor_id = ?1";
    assert_eq!(world.one(written, &[json!(root.id())]).await, 12);
    for action in ["nonsense", "Previews", "toggle_previews", "%00"] {
        root.post(&format!("/admin/maintenance/{action}")).json(json!({})).refused_with(404, "ACTION_NOT_FOUND").await;
    }
    root.post("/admin/maintenance/previews").json(json!({ "on": true, "force": true })).refused(422).await;
}

#[tokio::test]
async fn everybody_but_the_caller_is_logged_out() {
    let world = World::new().await;
    let (ada, root) = (world.sign_up("ada").await, world.operator("root").await);
    let other = root.on_another_device().await;
    let mut socket = ada.listen().await;
    let path = "/admin/maintenance/invalidate_sessions";
    root.post(path).json(json!({})).refused_with(422, "CONFIRMATION_REQUIRED").await;
    ada.get("/projects").await;
    let done = run(&root, "invalidate_sessions", json!({ "confirm": true })).await;
    assert_eq!(done["numbers"]["sessions"], 2);
    world.drain().await;
    ada.get("/projects").refused(401).await;
    other.get("/projects").refused(401).await;
    ada.try_refresh(&ada.refresh_token).refused(401).await;
    root.get("/projects").await;
    assert_eq!(socket.closed().await, 4401);
    assert!(world.kv(&format!("revoked/{}", ada.session())).await.is_some(), "the edge is told");
    let ended = "SELECT actor_id, data FROM events WHERE kind = 'session.revoked' AND entity_id = ?1";
    let [ended] = &world.sql(ended, &[json!(ada.session())]).await[..] else { panic!("once") };
    let of_ada = json!({ "user_id": ada.id() }).to_string();
    assert_eq!((&ended["actor_id"], &ended["data"]), (&json!(root.id()), &json!(of_ada)), "the operator did it");
    // Whoever logs in again stays, however often the event is delivered.
    let ada = ada.on_another_device().await;
    world.sql("UPDATE events SET delivered_at = NULL WHERE kind = 'admin.maintenance'", &[]).await;
    let id = world.one("SELECT id FROM events WHERE kind = 'admin.maintenance'", &[]).await;
    world.consume(&[id]).await;
    world.drain().await;
    ada.get("/projects").await;
    assert_eq!(run(&root, "invalidate_sessions", json!({ "confirm": true })).await["numbers"]["sessions"], 1);
}

#[tokio::test]
async fn a_broken_index_is_found_and_made_anew() {
    let world = World::new().await;
    let (ada, root) = (world.sign_up("ada").await, world.operator("root").await);
    ada.project("Cormorant").await;
    world.drain().await;
    let healthy = run(&root, "run_diagnostics", json!({ "confirm": true })).await;
    assert_eq!(healthy["numbers"]["failed"], 0, "{healthy}");
    let names = pluck(healthy["checks"].as_array().unwrap(), "name");
    for name in ["d1", "kv", "r2", "queues", "durable_objects", "storage", "foreign_keys", "outbox", "search_projects"]
    {
        assert!(names.contains(&name), "{name} of {names:?}");
    }
    world.sql("INSERT INTO projects_fts (projects_fts) VALUES ('delete-all')", &[]).await;
    assert_eq!(ada.get("/search/projects?q=cormorant").await.total(), 0);
    root.post("/admin/maintenance/run_diagnostics").json(json!({})).refused_with(422, "CONFIRMATION_REQUIRED").await;
    let broken = run(&root, "run_diagnostics", json!({ "confirm": true })).await;
    let failed: Vec<&Value> =
        broken["checks"].as_array().unwrap().iter().filter(|check| check["ok"] == false).collect();
    assert_eq!(failed.len(), 1, "{broken}");
    assert_eq!(failed[0]["name"], "search_projects");
    root.post("/admin/maintenance/reindex").json(json!({})).refused_with(422, "CONFIRMATION_REQUIRED").await;
    assert_eq!(run(&root, "reindex", json!({ "confirm": true })).await["numbers"]["rows"], 1);
    world.drain().await;
    assert_eq!(ada.get("/search/projects?q=cormorant").await.total(), 1);
    assert_eq!(run(&root, "run_diagnostics", json!({ "confirm": true })).await["numbers"]["failed"], 0);
}

#[tokio::test]
async fn an_index_that_cannot_be_made_anew_is_told_once() {
    let world = World::new().await;
    let root = world.operator("root").await;
    root.project("Cormorant").await;
    world.sql("DROP TABLE comments_fts", &[]).await;
    run(&root, "reindex", json!({ "confirm": true })).await;
    world.drain().await;
    world.cron().await;
    world.drain().await;
    let told = "SELECT count(*) FROM events WHERE kind = 'admin.maintenance_failed' AND entity_id = 'reindex'";
    assert_eq!(world.one(told, &[]).await, 1);
    let alerts = root.get("/notifications").await;
    assert_eq!(alerts.json["items"][0]["type"], "admin_alert", "{}", alerts.text);
}

#[tokio::test]
async fn a_queue_is_emptied_of_what_waits_and_runs() {
    let world = World::new().await;
    let root = world.operator("root").await;
    let now = ago(&world, 0);
    for (n, kind, status) in
        [(1, "preview", "queued"), (2, "preview", "running"), (3, "preview", "completed"), (4, "ai_doc", "queued")]
    {
        let insert = "INSERT INTO jobs (id, kind, tier, status, request, created_at, queued_at, lease_until)
                      VALUES (?1, ?2, 'free', ?3, '{}', ?4, ?4, iif(?3 = 'running', '2099-01-01T00:00:00.000Z', NULL))";
        let id = format!("0198c5f2-7d3a-7c41-9b52-00000000000{n}");
        world.sql(insert, &[json!(id), json!(kind), json!(status), json!(now)]).await;
    }
    root.post("/admin/maintenance/reset_preview_queue")
        .json(json!({}))
        .refused_with(422, "CONFIRMATION_REQUIRED")
        .await;
    for left in [2, 0] {
        assert_eq!(run(&root, "reset_preview_queue", json!({ "confirm": true })).await["numbers"]["jobs"], left);
        world.drain().await;
    }
    let states = world.sql("SELECT status FROM jobs ORDER BY id", &[]).await;
    assert_eq!(pluck(&states, "status"), ["canceled", "canceled", "completed", "queued"]);
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'preview.canceled'", &[]).await, 2);
}

#[tokio::test]
async fn cleaning_up_does_what_the_cron_does_and_counts_it() {
    let world = World::new().await;
    let root = world.operator("root").await;
    let old = "INSERT INTO login_attempts (key, failures, last_attempt, last_at) VALUES ('old', 1, '', '2026-01-01T00:00:00.000Z')";
    world.sql(old, &[]).await;
    let done = run(&root, "cleanup", json!({})).await;
    assert_eq!((&done["numbers"]["login_attempts"], &done["numbers"]["failed"]), (&json!(1), &json!(0)), "{done}");
    assert_eq!(run(&root, "cleanup", json!({})).await["numbers"]["login_attempts"], 0);
    let reset = run(&root, "cache_reset", json!({})).await;
    assert!(reset["numbers"]["tiers"].as_i64().is_some_and(|tiers| tiers > 0), "{reset}");
    let written = "SELECT count(*) FROM events WHERE kind = 'admin.maintenance' AND actor_id = ?1";
    assert_eq!(world.one(written, &[json!(root.id())]).await, 3);
}
