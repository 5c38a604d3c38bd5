use std::collections::BTreeSet;
use std::time::Instant;

use crate::support::*;

#[tokio::test]
async fn health_tells_how_each_part_answers() {
    let world = World::new().await;
    let health = world.anonymous().get("/monitoring/health").await;
    let health = health.data();
    assert_eq!(health["status"], "ok", "{health}");
    let parts = health["parts"].as_array().unwrap();
    assert_eq!(pluck(parts, "name"), ["d1", "kv", "r2", "queues", "durable_objects", "ai"]);
    let (ai, parts) = parts.split_last().unwrap();
    assert_eq!((&ai["status"], &ai["milliseconds"]), (&json!("off"), &Value::Null), "there is none");
    for part in parts {
        assert_eq!(part["status"], "ok", "{part}");
        assert!(part["milliseconds"].as_i64().is_some_and(|ms| (0..5_000).contains(&ms)), "{part}");
    }
}

#[tokio::test]
async fn however_many_ask_the_parts_are_asked_once_in_a_while() {
    let world = World::new().await;
    let nobody = world.anonymous();
    let began = Instant::now();
    nobody.get("/monitoring/health").await;
    let replies = join_all((0..20).map(|_| nobody.get("/monitoring/health").into_future())).await;
    let told: BTreeSet<String> = replies.iter().map(|reply| reply.data()["checked_at"].to_string()).collect();
    let looks = 1 + began.elapsed().as_secs() as usize / 5;
    assert!(told.len() <= looks, "{looks} looks in {:?}: {told:?}", began.elapsed());
}

#[tokio::test]
async fn a_part_that_fails_is_named() {
    let world = World::set_up().broken_limiter().open().await;
    let reply = world.anonymous().get("/monitoring/health").await;
    assert_eq!(reply.data()["status"], "degraded");
    let failed: Vec<&Value> =
        reply.data()["parts"].as_array().unwrap().iter().filter(|part| part["status"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["name"], "durable_objects");
    assert!(!reply.text.contains("out of order"), "why is for the log: {}", reply.text);
}

#[tokio::test]
async fn a_provider_that_is_down_is_named() {
    let world = World::with(&[("AI_BASE_URL", "http://127.0.0.1:9/v1"), ("AI_MODEL", "m")]).await;
    let reply = world.anonymous().get("/monitoring/health").await;
    let failed: Vec<&Value> =
        reply.data()["parts"].as_array().unwrap().iter().filter(|part| part["status"] != "ok").collect();
    assert_eq!((failed.len(), &failed[0]["name"], &failed[0]["status"]), (1, &json!("ai"), &json!("failed")));
}
