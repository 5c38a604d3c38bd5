use crate::support::*;

#[tokio::test]
async fn a_new_profile_shows_what_was_registered() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let reply = ada.get("/profile").await;
    let profile = reply.data();
    assert_eq!(keys(profile), ["avatar_url", "display_name", "preferences", "updated_at", "user_id", "username"]);
    assert_eq!((&profile["user_id"], &profile["display_name"]), (&json!(ada.id()), &json!("ada")));
    assert_eq!((&profile["avatar_url"], &profile["preferences"]), (&Value::Null, &json!({})));
}

#[tokio::test]
async fn an_edit_changes_what_it_names_and_nothing_else() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let avatar = "https://example.com/ada.png?size=2";
    let edit =
        json!({ "display_name": "Ada Lovelace", "avatar_url": avatar, "preferences": { "theme": "dark", "n": [1] } });
    let edited = ada.patch("/profile").json(edit).await;
    let read = ada.get("/profile").await;
    assert_eq!(edited.data(), read.data());
    assert_eq!(read.data()["display_name"], "Ada Lovelace");
    assert_eq!((&read.data()["avatar_url"], &read.data()["preferences"]["theme"]), (&json!(avatar), &json!("dark")));

    let reply = ada.patch("/profile").json(json!({ "avatar_url": null })).await;
    let profile = reply.data();
    assert_eq!((&profile["avatar_url"], &profile["display_name"]), (&Value::Null, &json!("Ada Lovelace")));
    assert_eq!(profile["preferences"], json!({ "theme": "dark", "n": [1] }));

    let reply = ada.patch("/profile").json(json!({ "display_name": null, "preferences": { "theme": "light" } })).await;
    assert_eq!(
        (&reply.data()["display_name"], &reply.data()["preferences"]),
        (&Value::Null, &json!({ "theme": "light" }))
    );
}

#[tokio::test]
async fn an_edit_shows_in_the_account_and_in_when_it_was_updated() {
    let world = World::new().await;
    world.clock().stop();
    let ada = world.sign_up("ada").await;
    let before = ada.get("/profile").await.data()["updated_at"].clone();
    world.clock().advance(Duration::from_secs(5));
    let after = ada.patch("/profile").json(json!({ "display_name": "Countess" })).await.data()["updated_at"].clone();
    assert!(after.as_str() > before.as_str(), "{before} {after}");
    assert_eq!(ada.get("/auth/me").await.data()["display_name"], "Countess");
}

#[tokio::test]
async fn one_edits_only_oneself() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    ada.patch("/profile").json(json!({ "display_name": "Countess", "user_id": bob.id() })).any().await;
    assert_eq!(bob.get("/profile").await.data()["display_name"], "bob");
}

#[tokio::test]
async fn what_does_not_fit_a_profile_is_refused_by_field() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for (edit, field) in [
        (json!({ "display_name": "" }), "display_name"),
        (json!({ "display_name": "x".repeat(101) }), "display_name"),
        (json!({ "display_name": "a\u{0}b" }), "display_name"),
        (json!({ "display_name": 5 }), "display_name"),
        (json!({ "avatar_url": "http://example.com/a.png" }), "avatar_url"),
        (json!({ "avatar_url": "javascript:alert(1)" }), "avatar_url"),
        (json!({ "avatar_url": "https://" }), "avatar_url"),
        (json!({ "avatar_url": format!("https://example.com/{}", "x".repeat(2048)) }), "avatar_url"),
        (json!({ "preferences": [] }), "preferences"),
        (json!({ "preferences": "dark" }), "preferences"),
        (json!({ "preferences": { "x": "y".repeat(9000) } }), "preferences"),
    ] {
        let reply = ada.patch("/profile").json(edit.clone()).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(reply.fields(), [field], "{edit}");
    }
    assert_eq!(ada.get("/profile").await.data()["display_name"], "ada");
}

#[tokio::test]
async fn preferences_come_back_as_they_were_given() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let preferences =
        json!({ "ünï": "✓ \"quoted\" \\ \n", "deep": { "a": [null, true, 1.5, -3, 9007199254740991_i64] } });
    ada.patch("/profile").json(json!({ "preferences": preferences })).await;
    assert_eq!(ada.get("/profile").await.data()["preferences"], preferences);
}

#[tokio::test]
async fn the_account_without_a_subscription_has_exactly_the_published_fields() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let expected = json!({
        "id": ada.id(), "email": "ada@example.com", "tier": "free", "subscription_status": null,
        "subscription_id": null, "renews_at": null, "ends_at": null,
    });
    assert_eq!(ada.get("/user/me").await.json, expected);
}

#[tokio::test]
async fn the_account_shows_its_subscription_without_a_new_login() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let subscribe =
        "INSERT INTO subscriptions (subscription_id, user_id, tier, billing_cycle, status, renews_at, revision, created_at, updated_at)
                     VALUES ('sub_123', ?1, 'pro', 'monthly', 'past_due', '2026-12-11T15:00:00.000Z', 1, '', '')";
    world.sql(subscribe, &[json!(ada.id())]).await;
    world.set_tier(&ada, "pro").await;
    let expected = json!({
        "id": ada.id(), "email": "ada@example.com", "tier": "pro", "subscription_status": "past_due",
        "subscription_id": "sub_123", "renews_at": "2026-12-11T15:00:00.000Z", "ends_at": null,
    });
    assert_eq!(ada.get("/user/me").await.json, expected);
    assert_eq!(ada.get("/auth/me").await.data()["tier"], "pro");
    assert_eq!(bob.get("/user/me").await.json["subscription_status"], Value::Null);
    for status in ["active", "canceled", "paused", "expired"] {
        world.sql("UPDATE subscriptions SET status = ?1", &[json!(status)]).await;
        assert_eq!(ada.get("/user/me").await.json["subscription_status"], status);
    }
}

#[tokio::test]
async fn the_service_says_that_it_is_up() {
    let world = World::new().await;
    let health = world.anonymous().get("/health").status(200).await;
    assert_eq!(health.json["status"], "ok");
    assert_eq!(health.trips(), 0);
}
