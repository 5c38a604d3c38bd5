use super::ago;
use crate::support::*;

fn job(n: usize, kind: &str, tier: &str, status: &str, times: [Option<&str>; 3]) -> [Value; 7] {
    let id = format!("0198c5f2-7d3a-7c41-9b52-0000000000{n:02}");
    [json!(id), json!(kind), json!(tier), json!(status), json!(times[0]), json!(times[1]), json!(times[2])]
}

async fn plant(world: &World, job: [Value; 7]) {
    let insert = "INSERT INTO jobs (id, kind, tier, status, request, created_at, queued_at, started_at, finished_at, lease_until)
                  VALUES (?1, ?2, ?3, ?4, '{}', ?5, ?5, ?6, ?7, iif(?4 = 'running', '2099-01-01T00:00:00.000Z', NULL))";
    world.sql(insert, &job).await;
}

#[tokio::test]
async fn the_overview_counts_what_there_is() {
    let world = World::new().await;
    let (ada, root) = (world.sign_up("ada").await, world.operator("root").await);
    world.sign_up("bob").await;
    world.set_tier(&ada, "pro").await;
    ada.project("Launch").await;
    for _ in 0..2 {
        ada.try_password("nonsense").refused(401).await;
    }
    let now = ago(&world, 0);
    plant(&world, job(1, "preview", "free", "completed", [Some(&now), None, None])).await;
    plant(&world, job(2, "ai_doc", "pro", "completed", [Some(&now), None, None])).await;
    plant(&world, job(3, "preview", "pro", "failed", [Some("2026-01-01T00:00:00.000Z"), None, None])).await;
    world.sql("UPDATE users SET created_at = '2026-01-01T00:00:00.000Z' WHERE email LIKE 'bob%'", &[]).await;
    let minute = "INSERT INTO request_counts VALUES (?1, 90, 0, 6, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)";
    world.sql("DELETE FROM request_counts", &[]).await;
    world.sql(minute, &[json!(format!("{}00.000Z", &now[..17]))]).await;
    world.sql(minute, &[json!("2026-01-01T00:00:00.000Z")]).await;

    let (last_week, last_month) = (ago(&world, 3 * 86_400), ago(&world, 20 * 86_400));
    world.sql("UPDATE sessions SET last_seen_at = ?1 WHERE user_id = ?2", &[json!(last_month), json!(ada.id())]).await;
    let asked = "INSERT INTO events (id, kind, entity_id, data, request_id, created_at, delivered_at)
                 SELECT ?1, 'support.escalated', 'x', '{}', 'r', ?2, ?2";
    world
        .sql(asked, &[world.one("SELECT substr(max(id), 1, 24) || '000000000000' FROM events", &[]).await, json!(now)])
        .await;
    let hook = "INSERT INTO webhook_endpoints (id, project_id, url, event_types, secret, created_at, updated_at)
                VALUES ('hook', 'x', 'https://example.com', '[]', 'x', ?1, ?1)";
    world.sql(hook, &[json!(now)]).await;
    for (n, status, at) in [
        (1, "delivered", &now),
        (2, "delivered", &now),
        (3, "delivered", &now),
        (4, "failed", &now),
        (5, "failed", &last_week),
    ] {
        let delivery = "INSERT INTO webhook_deliveries (id, webhook_id, event_id, event, body, status, created_at)
                        VALUES (?1, 'hook', ?1, 'task.created', '{}', ?2, ?3)";
        world.sql(delivery, &[json!(format!("{n}")), json!(status), json!(at)]).await;
    }
    // Of the three rounds of the last quarter of an hour, two came.
    for seconds in [900, 300] {
        world.sql("INSERT INTO queue_samples VALUES (?1, 'events', 0, 0)", &[json!(ago(&world, seconds))]).await;
    }
    let paid = "INSERT INTO subscriptions (subscription_id, user_id, tier, status, billing_cycle, access_until, revision, created_at, updated_at)";
    for (n, until) in [(1, "2999-01-01T00:00:00.000Z"), (2, "2026-01-01T00:00:00.000Z")] {
        let paid = format!("{paid} VALUES (?1, ?2, 'pro', 'active', 'yearly', ?3, 1, '', '')");
        world.sql(&paid, &[json!(format!("{n}")), json!(ada.id()), json!(until)]).await;
    }

    let reply = root.get("/admin/overview").await;
    assert_eq!(reply.trips(), 2);
    let (overview, figures) = (reply.data(), &reply.data()["figures"]);
    for (figure, count) in [
        ("users", 3),
        ("active_24h", 2),
        ("active_7d", 2),
        ("active_30d", 3),
        ("signups_24h", 2),
        ("signups_7d", 2),
        ("signups_30d", 2),
        ("projects", 1),
        ("failed_logins_24h", 2),
        ("previews_today", 1),
        ("ai_docs_today", 1),
        ("errors_24h", 3),
        ("requests_24h", 100),
        ("escalations_24h", 1),
        ("webhooks_delivered_24h", 3),
        ("webhooks_failed_24h", 1),
        ("workers_up", 0),
        ("workers", 0),
    ] {
        assert_eq!(figures[figure], count, "{figure}: {figures}");
    }
    assert_eq!((&figures["webhooks_success_rate"], &figures["uptime"]), (&json!(0.75), &json!(2.0 / 3.0)));
    assert_eq!(overview["subscriptions"], json!([{ "tier": "pro", "billing_cycle": "yearly", "count": 1 }]));
    assert_eq!(overview["tiers"], json!([{ "tier": "free", "users": 2 }, { "tier": "pro", "users": 1 }]));
    let today = json!([{ "day": now[..10], "signups": 2, "previews": 1, "ai_docs": 1, "failed_logins": 2 }]);
    assert_eq!(overview["series"], today);
    let hour = json!([{ "hour": format!("{}:00:00.000Z", &now[..13]), "requests": 100, "errors": 3 }]);
    assert_eq!(overview["hours"], hour);
    // Three of a hundred.
    assert_eq!(overview["health"]["level"], "yellow", "{}", overview["health"]);
    let seen = "SELECT count(*) FROM events WHERE kind = 'admin.viewed' AND entity_id = 'overview' AND actor_id = ?1";
    assert_eq!(world.one(seen, &[json!(root.id())]).await, 1);
}

#[tokio::test]
async fn workers_are_as_healthy_as_they_were_heard_from() {
    let world = World::new().await;
    let root = world.operator("root").await;
    for (name, of, silent) in [("one", "cpu", 5), ("three", "gpu", 500), ("two", "cpu", 90)] {
        let at = ago(&world, silent);
        let insert = "INSERT INTO worker_nodes (id, type, registered_at, last_heartbeat_at, metrics, completed, failed, timed_out, busy_ms)
                      VALUES (?1, ?2, ?3, ?3, '{\"load\": 0.5}', 3, 1, 1, 9000)";
        world.sql(insert, &[json!(name), json!(of), json!(at)]).await;
    }
    let workers = root.get("/admin/workers").await;
    assert_eq!((workers.trips(), workers.total()), (2, 3));
    assert_eq!(pluck(workers.items(), "status"), ["healthy", "critical", "warning"]);
    let one = &workers.items()[0];
    assert_eq!((&one["average_milliseconds"], &one["error_rate"]), (&json!(3000), &json!(0.4)));
    assert_eq!((&one["metrics"]["load"], &one["running"], &one["draining"]), (&json!(0.5), &json!(0), &json!(false)));
    assert_eq!(pluck(root.get("/admin/workers?type=gpu").await.items(), "name"), ["three"]);
    root.get("/admin/workers?type=tpu").refused(422).await;
    let drained = root.post("/admin/maintenance/drain_workers").json(json!({ "worker": "two" })).await;
    assert_eq!(drained.data()["numbers"]["workers"], 1);
    assert_eq!(root.get("/admin/workers").await.items()[2]["draining"], true);
    let overview = root.get("/admin/overview").await;
    assert_eq!(
        (&overview.data()["figures"]["workers"], &overview.data()["figures"]["workers_up"]),
        (&json!(3), &json!(2))
    );
}

#[tokio::test]
async fn queues_tell_what_waits_and_how_long_it_has() {
    let world = World::new().await;
    let root = world.operator("root").await;
    let times: Vec<String> = [600, 590, 570, 100, 60, 30].map(|seconds| ago(&world, seconds)).into();
    plant(&world, job(1, "preview", "free", "completed", [Some(&times[0]), Some(&times[1]), Some(&times[2])])).await;
    plant(&world, job(2, "preview", "pro", "running", [Some(&times[3]), Some(&times[4]), None])).await;
    plant(&world, job(3, "preview", "free", "queued", [Some(&times[5]), None, None])).await;
    world.clock().stop();
    let to_five = 300_000 - world.clock().now() % 300_000;
    world.clock().advance(Duration::from_millis(to_five as u64));
    world.sql("INSERT INTO queue_samples VALUES ('2026-01-01T00:00:00.000Z', 'preview', 9, 9)", &[]).await;
    for _ in 0..2 {
        world.cron().await;
    }
    let queues = root.get("/admin/queues").await;
    assert_eq!(queues.trips(), 2);
    assert_eq!(pluck(queues.items(), "queue"), ["events", "preview", "ai_doc", "webhooks"]);
    let preview = &queues.items()[1];
    assert_eq!((&preview["waiting"], &preview["running"]), (&json!(1), &json!(1)));
    assert!(preview["oldest_seconds"].as_i64().is_some_and(|age| (30..700).contains(&age)), "{preview}");
    let close = |value: &Value, wanted: f64| value.as_f64().is_some_and(|value| (value - wanted).abs() < 0.01);
    assert!(
        close(&preview["average_wait_seconds"], 25.0) && close(&preview["average_processing_seconds"], 20.0),
        "{preview}"
    );
    assert!(
        close(&preview["longest_waits"]["free"], 10.0) && close(&preview["longest_waits"]["pro"], 40.0),
        "{preview}"
    );
    assert_eq!(preview["samples"].as_array().unwrap().len(), 1, "{preview}");
    assert_eq!(preview["samples"][0]["waiting"], 1);
    // The older one is gone.
    assert_eq!(world.one("SELECT count(*) FROM queue_samples", &[]).await, 4);
}
