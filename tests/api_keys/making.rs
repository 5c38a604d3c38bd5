use super::*;

#[tokio::test]
async fn a_key_has_a_form_of_its_own() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let (one, other) = (create(&ada, "One").status(201).await, create(&ada, "Other").status(201).await);
    for reply in [&one, &other] {
        let key = key_of(reply);
        assert_eq!(key.len(), 45, "{key}");
        let random = &key["hsk_live_".len()..39];
        assert!(random.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{key}");
        assert_eq!(made_up(random), key);
        assert_eq!(
            (reply.data()["prefix"].as_str(), reply.data()["last_four"].as_str()),
            (key.get(..13), key.get(41..))
        );
    }
    assert_ne!(key_of(&one), key_of(&other));
    assert_eq!(
        keys(one.data()),
        [
            "created_at",
            "expires_at",
            "id",
            "key",
            "last_four",
            "last_used_at",
            "name",
            "overlap_until",
            "prefix",
            "revoked_at",
            "scopes",
            "status"
        ]
    );
    assert_eq!((&one.data()["scopes"], &one.data()["expires_at"]), (&json!(["read"]), &Value::Null));
}

#[tokio::test]
async fn a_key_is_shown_once_and_stands_nowhere() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let made = create(&ada, "CI").header("idempotency-key", "one").status(201).await;
    let again = regenerate(&ada, &path_of(&made), 60).header("idempotency-key", "two").status(201).await;
    ada.bearing(key_of(&made)).get("/projects").await;
    ada.bearing(key_of(&again)).get("/projects").await;
    ada.bearing(key_of(&again)).post("/projects").json(json!({ "name": "x" })).refused(403).await;
    world.drain().await;
    let listed = ada.get("/api-keys").await.text;
    let tables = world.sql("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%fts%'", &[]).await;
    let mut stored = String::new();
    for table in pluck(&tables, "name").into_iter().filter(|name| !name.starts_with(['_', 's']) || *name == "sessions")
    {
        stored += &json!(world.sql(&format!("SELECT * FROM \"{table}\""), &[]).await).to_string();
    }
    let logs = world.logs().await.join("\n");
    assert!(stored.contains("api_key.created") && stored.contains("api_key.regenerated"), "{stored}");
    for reply in [&made, &again] {
        let secret = &key_of(reply)[13..41];
        for (place, text) in [("the list", &listed), ("the database", &stored), ("the log", &logs)] {
            assert!(!text.contains(secret), "{place} has it: {text}");
        }
    }
}

#[tokio::test]
async fn the_same_request_again_makes_no_other_key() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let request = || create(&ada, "CI").header("idempotency-key", "one").status(201);
    let (first, again) = (request().await, request().await);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.text, first.text, "who lost the first answer has the key all the same");
    assert_eq!(ada.get("/api-keys").await.total(), 1);
}

#[tokio::test]
async fn what_is_asked_for_is_checked() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for (field, wrong) in [
        ("name", json!("")),
        ("name", json!("x".repeat(101))),
        ("scopes", json!([])),
        ("scopes", json!(["write"])),
        ("scopes", json!(["read", "read"])),
        ("scopes", json!(["read", "write", "write"])),
        ("scopes", json!(["admin"])),
        ("scopes", json!("read")),
        ("expires_at", json!(in_time(&world, -1))),
        ("expires_at", json!(in_time(&world, 367 * 86_400))),
        ("expires_at", json!("tomorrow")),
        ("expire_at", json!(in_time(&world, 60))),
    ] {
        let mut body = json!({ "name": "CI" });
        body[field] = wrong.clone();
        let refused = ada.post("/api-keys").json(body).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(refused.fields(), [field], "{wrong}");
    }
    let made = create(&ada, "CI").status(201).await;
    for wrong in [json!(-1), json!(604_801), json!("60"), json!(1.5), Value::Null] {
        let path = format!("{}/regenerate", path_of(&made));
        let refused = ada.post(&path).json(json!({ "overlap_seconds": wrong })).refused(422).await;
        assert_eq!(refused.fields(), ["overlap_seconds"], "{wrong}");
    }
    let body = json!({ "name": "All", "scopes": ["write", "read"], "expires_at": in_time(&world, 366 * 86_400 - 60) });
    assert_eq!(ada.post("/api-keys").json(body).status(201).await.data()["scopes"], json!(["read", "write"]));
}

#[tokio::test]
async fn of_live_keys_no_two_have_one_name() {
    let world = World::new().await;
    world.clock().stop();
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let brief = json!({ "name": "CI", "expires_at": in_time(&world, 60) });
    ada.post("/api-keys").json(brief).status(201).await;
    create(&ada, "CI").refused_with(409, "API_KEY_EXISTS").await;
    create(&ada, "ci").refused_with(409, "API_KEY_EXISTS").await;
    create(&bob, "CI").status(201).await;
    world.clock().advance(Duration::from_secs(60));
    let second = create(&ada, "CI").status(201).await;
    ada.delete(&path_of(&second)).await;
    create(&ada, "CI").status(201).await;
}

#[tokio::test]
async fn each_tier_has_its_number_of_live_keys() {
    let world = World::set_up().without("LIMIT_API_KEYS_FREE").open().await;
    world.clock().stop();
    let ada = world.sign_up("ada").await;
    let first = create(&ada, "1").status(201).await;
    let brief = json!({ "name": "2", "expires_at": in_time(&world, 60) });
    ada.post("/api-keys").json(brief).status(201).await;
    let refused = create(&ada, "3").refused_with(403, "TIER_LIMIT_EXCEEDED").await;
    let details = &refused.json["error"]["details"];
    assert_eq!(
        (&details["limit"], &details["used"], &details["limit_type"]),
        (&json!(2), &json!(2), &json!("API keys"))
    );
    assert_eq!(details["upgrade_reason"], "Pro allows 10 API keys.");
    // What is over makes room.
    world.clock().advance(Duration::from_secs(60));
    create(&ada, "3").status(201).await;
    create(&ada, "4").refused(403).await;
    ada.delete(&path_of(&first)).await;
    create(&ada, "4").status(201).await;
    world.set_tier(&ada, "pro").await;
    for name in 5..=12 {
        create(&ada, &name.to_string()).status(201).await;
    }
    assert_eq!(create(&ada, "13").refused(403).await.json["error"]["details"]["recommended_tier"], "premium");
    // A downgrade takes no key away.
    world.set_tier(&ada, "free").await;
    create(&ada, "13").refused(403).await;
}

#[tokio::test]
async fn parallel_creates_never_pass_the_limit_nor_share_a_name() {
    let world = World::set_up().without("LIMIT_API_KEYS_FREE").isolates(&[&[], &[]]).open().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let replies = join_all((0..12).map(|i| create(&ada.through(i % 2), &format!("{i}")).any())).await;
    let count = |replies: &[Reply], status: u16| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((count(&replies, 201), count(&replies, 403)), (2, 10));
    let replies = join_all((0..12).map(|i| create(&bob.through(i % 2), "CI").any())).await;
    assert_eq!((count(&replies, 201), count(&replies, 409)), (1, 11));
    assert_eq!(world.one("SELECT count(*) FROM api_key_secrets", &[]).await, 3);
}
