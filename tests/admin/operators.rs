use reqwest::Method;

use crate::support::*;

const OPERATORS: &str = "SELECT count(*) FROM users WHERE is_admin = 1";

#[tokio::test]
async fn nobody_becomes_an_operator_over_the_api() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let (email, password) = ("eve@example.com", PASSWORD);
    for flag in ["is_admin", "admin", "role", "operator"] {
        for value in [json!(true), json!(1), json!("operator")] {
            let mut register = json!({ "email": email, "password": password });
            register[flag] = value.clone();
            world.anonymous().post("/auth/register").json(register).refused_with(422, "VALIDATION_ERROR").await;
            let bodies = [
                (Method::PATCH, "/profile", json!({ "display_name": "Ada" })),
                (Method::PATCH, "/profile", json!({ "preferences": {} })),
                (Method::PATCH, "/notifications/settings", json!({})),
                (Method::POST, "/projects", json!({ "name": "Launch" })),
                (Method::POST, "/auth/login", json!({ "email": ada.email, "password": password })),
            ];
            for (method, path, mut body) in bodies {
                body[flag] = value.clone();
                let target = if path == "/profile" && body["preferences"].is_object() {
                    &mut body["preferences"]
                } else {
                    &mut body
                };
                target[flag] = value.clone();
                ada.call(method, path).json(body).any().await;
            }
            ada.get(&format!("/auth/me?{flag}=1")).any().await;
        }
    }
    assert_eq!(world.one(OPERATORS, &[]).await, 0);
    ada.get("/admin/overview").refused_with(403, "AUTH_FORBIDDEN").await;
    let text = ada.get("/auth/me").await.text;
    assert!(!text.contains("admin"), "{text}");
}

#[tokio::test]
async fn operators_are_not_held_to_a_tier() {
    let world = World::with(&[("RATE_LIMIT_FREE", "60"), ("LIMIT_PAGE_SIZE_FREE", "50")]).await;
    let (root, ada) = (world.operator("root").await, world.sign_up("ada").await);
    let many = "INSERT INTO worker_nodes (id, type, registered_at, last_heartbeat_at, metrics)
                SELECT 'node-' || value, 'cpu', ?1, ?1, '{}' FROM json_each(?2)";
    let numbers = json!((1..=60).collect::<Vec<_>>()).to_string();
    world.sql(many, &[json!("2026-01-01T00:00:00.000Z"), json!(numbers)]).await;
    let workers = root.get("/admin/workers?page_size=500").await;
    assert_eq!((workers.items().len(), workers.json["page_size"].as_i64()), (60, Some(200)));
    let limit = async |person: &Person| person.get("/auth/me").await.number("x-ratelimit-limit");
    limit(&ada).await;
    assert_eq!((limit(&root).await, limit(&ada).await), (3_000, 60));
    world.sql("UPDATE users SET is_admin = 0", &[]).await;
    limit(&root).await;
    assert_eq!(limit(&root).await, 60, "who is none any more counts as everybody");
}

#[tokio::test]
async fn who_stops_being_an_operator_stops_at_once() {
    let world = World::new().await;
    let root = world.operator("root").await;
    root.get("/admin/overview").await;
    world.sql("UPDATE users SET is_admin = 0", &[]).await;
    root.get("/admin/overview").refused_with(403, "AUTH_FORBIDDEN").await;
}
