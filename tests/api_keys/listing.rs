use super::*;

#[tokio::test]
async fn the_list_tells_live_keys_from_expired_and_revoked_ones() {
    let world = World::new().await;
    world.clock().stop();
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    create(&bob, "Bob's").status(201).await;
    let brief = json!({ "name": "Brief", "expires_at": in_time(&world, 60) });
    let brief = ada.post("/api-keys").json(brief).status(201).await;
    world.clock().advance(Duration::from_secs(1));
    let gone = create(&ada, "Gone").status(201).await;
    world.clock().advance(Duration::from_secs(1));
    create(&ada, "Here").status(201).await;
    ada.delete(&path_of(&gone)).await;
    let all = ada.get("/api-keys").await;
    assert_eq!(pluck(all.items(), "name"), ["Here", "Gone", "Brief"]);
    assert_eq!(pluck(all.items(), "status"), ["active", "revoked", "active"]);
    assert!(all.items().iter().all(|key| key["key"].is_null() && key["hash"].is_null()), "{}", all.text);
    world.clock().advance(Duration::from_secs(60));
    assert_eq!(pluck(ada.get("/api-keys").await.items(), "status"), ["active", "revoked", "expired"]);
    assert_eq!(ada.get("/api-keys?page=2&page_size=2").await.items()[0]["name"], "Brief");

    regenerate(&ada, &path_of(&brief), 60).refused_with(410, "API_KEY_OVER").await;
    regenerate(&ada, &path_of(&gone), 60).refused_with(404, "API_KEY_NOT_FOUND").await;
    ada.delete(&path_of(&gone)).refused_with(404, "API_KEY_NOT_FOUND").await;
    ada.delete(&path_of(&brief)).await;
    assert_eq!(pluck(ada.get("/api-keys").await.items(), "status"), ["active", "revoked", "revoked"]);
}

#[tokio::test]
async fn nobody_else_touches_a_key() {
    let world = World::new().await;
    let (ada, eve) = (world.sign_up("ada").await, world.sign_up("eve").await);
    let made = create(&ada, "CI").status(201).await;
    regenerate(&eve, &path_of(&made), 0).refused_with(404, "API_KEY_NOT_FOUND").await;
    eve.delete(&path_of(&made)).refused_with(404, "API_KEY_NOT_FOUND").await;
    assert_eq!(eve.get("/api-keys").await.total(), 0);
    ada.bearing(key_of(&made)).get("/projects").await;
}

#[tokio::test]
async fn what_happens_to_a_key_is_on_record() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let made = create(&ada, "A secret name").status(201).await;
    regenerate(&ada, &path_of(&made), 60).status(201).await;
    ada.delete(&path_of(&made)).await;
    let events = world.sql("SELECT * FROM events WHERE kind LIKE 'api_key.%' ORDER BY id", &[]).await;
    assert_eq!(pluck(&events, "kind"), ["api_key.created", "api_key.regenerated", "api_key.revoked"]);
    for event in &events {
        assert_eq!((&event["actor_id"], &event["entity_id"]), (&json!(ada.id()), &made.data()["id"]));
        assert!(!event.to_string().contains("A secret name"), "{event}");
    }
}

#[tokio::test]
async fn keys_that_are_over_are_forgotten_in_time() {
    let world = World::new().await;
    world.clock().stop();
    let ada = world.sign_up("ada").await;
    let brief = json!({ "name": "Brief", "expires_at": in_time(&world, 60) });
    ada.post("/api-keys").json(brief).status(201).await;
    let gone = create(&ada, "Gone").status(201).await;
    create(&ada, "Here").status(201).await;
    ada.delete(&path_of(&gone)).await;
    let left = async || world.one("SELECT count(*) FROM api_keys", &[]).await;
    world.clock().advance(Duration::from_secs(89 * 86_400));
    world.cron().await;
    assert_eq!(left().await, 3);
    world.clock().advance(Duration::from_secs(2 * 86_400));
    world.cron().await;
    assert_eq!(left().await, 1);
    assert_eq!(world.one("SELECT count(*) FROM api_key_secrets", &[]).await, 1);
}
