use super::*;

#[tokio::test]
async fn a_key_calls_as_its_user() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    let (reader, writer) = (ada.program(&["read"]).await, ada.program(&["read", "write"]).await);
    for program in [&reader, &writer] {
        assert_eq!(program.get("/profile").await.data()["user_id"], ada.id());
        assert_eq!(program.get("/projects").await.total(), 1);
        program.head(&format!("/projects/{project}")).await;
    }
    let path = format!("/projects/{project}");
    for call in [reader.post(&format!("{path}/tasks")), reader.patch(&path), reader.delete(&path)] {
        call.json(json!({ "title": "x", "name": "x" })).refused_with(403, "SCOPE_MISSING").await;
    }
    let task = writer.task(&project, "Write").await;
    let activity = world.sql("SELECT actor_id FROM events WHERE entity_id = ?1", &[json!(task)]).await;
    assert_eq!(activity, [json!({ "actor_id": ada.id() })]);
    writer.delete(&path).await;
}

#[tokio::test]
async fn what_is_no_key_costs_nothing() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let made = create(&ada, "CI").status(201).await;
    let key = key_of(&made);
    let typo = if key.ends_with('x') { format!("{}y", &key[..44]) } else { format!("{}x", &key[..44]) };
    let other_case: String = key
        .chars()
        .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    let (long, short, live) = (format!("{key}0"), &key[..44], key.replace("live", "test"));
    for wrong in [&typo, &long, short, &live, &other_case, "hsk_live_", "hsk_live_x", "hsk_", "HSK_LIVE_"] {
        let refused = ada.bearing(wrong).get("/projects").refused_with(401, "AUTH_INVALID").await;
        assert_eq!(refused.trips(), 0, "{wrong}");
        assert!(refused.header("www-authenticate").starts_with("Bearer"));
    }
    let unknown = ada.bearing(&made_up("x")).get("/projects").refused_with(401, "AUTH_INVALID").await;
    assert_eq!(unknown.trips(), 1);
}

#[tokio::test]
async fn a_key_counts_as_a_bearer_token_and_nowhere_else() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let made = create(&ada, "CI").status(201).await;
    let (key, nobody) = (key_of(&made), world.anonymous());
    nobody.get("/projects").header("authorization", format!("bearer {key}")).await;
    for (header, value) in [
        ("authorization", key.to_owned()),
        ("authorization", format!("Basic {key}")),
        ("authorization", format!("Token {key}")),
        ("x-api-key", key.to_owned()),
        ("cookie", format!("__Host-session={key}")),
        ("cookie", format!("api_key={key}")),
    ] {
        nobody.get("/projects").header(header, value).refused_with(401, "UNAUTHORIZED").await;
    }
    for query in ["token", "api_key", "access_token", "key"] {
        nobody.get(&format!("/projects?{query}={key}")).refused(401).await;
    }
    nobody.get(&format!("/ws?token={key}")).refused_with(401, "AUTH_INVALID").await;
    nobody.get(&format!("/ws?ticket={key}")).refused_with(401, "AUTH_INVALID").await;
}

#[tokio::test]
async fn the_first_use_takes_one_trip_more() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    let program = ada.program(&["read"]).await;
    for isolate in [0, 1] {
        let path = format!("/projects/{project}");
        assert_eq!(program.through(isolate).get(&path).await.trips(), 2);
        assert_eq!(program.through(isolate).get(&path).await.trips(), 1);
    }
}

#[tokio::test]
async fn what_changes_counts_at_once() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let project = ada.project("Launch").await;
    world.add_member(&project, &bob).await;
    let program = bob.program(&["read", "write"]).await;
    let path = format!("/projects/{project}");
    let everywhere = [program.through(0), program.through(1)];
    for program in &everywhere {
        program.get(&path).await;
    }

    ada.delete(&format!("{path}/team/{}", bob.id())).await;
    for program in &everywhere {
        program.get(&path).refused_with(404, "PROJECT_NOT_FOUND").await;
    }
    world.set_tier(&bob, "pro").await;
    for program in &everywhere {
        assert_eq!(program.get("/projects?page_size=999").await.json["page_size"], 100);
    }
    world.sql("UPDATE users SET status = 'suspended' WHERE id = ?1", &[json!(bob.id())]).await;
    for program in &everywhere {
        program.get("/projects").refused_with(403, "ACCOUNT_SUSPENDED").await;
    }
    world.sql("UPDATE users SET status = 'active' WHERE id = ?1", &[json!(bob.id())]).await;
    world.sql("UPDATE api_keys SET scopes = '[\"read\"]'", &[]).await;
    for program in &everywhere {
        program.post("/projects").json(json!({ "name": "x" })).refused_with(403, "SCOPE_MISSING").await;
    }
    let keys = bob.get("/api-keys").await;
    bob.delete(&format!("/api-keys/{}", pluck(keys.items(), "id")[0])).await;
    for program in &everywhere {
        program.get("/projects").refused_with(401, "AUTH_INVALID").await;
    }
}

#[tokio::test]
async fn a_key_ends_when_it_was_to() {
    let world = World::new().await;
    world.clock().stop();
    let ada = world.sign_up("ada").await;
    let body = json!({ "name": "CI", "expires_at": in_time(&world, 600) });
    let made = ada.post("/api-keys").json(body).status(201).await;
    let program = ada.bearing(key_of(&made));
    world.clock().advance(Duration::from_secs(599));
    program.get("/projects").await;
    world.clock().advance(Duration::from_secs(1));
    let expired = program.get("/projects").refused(401).await;
    ada.delete(&path_of(&made)).await;
    let revoked = program.get("/projects").refused(401).await;
    let unknown = ada.bearing(&made_up("x")).get("/projects").refused(401).await;
    // Whoever holds it is not told why it is none.
    for reply in [revoked, unknown] {
        assert_eq!(reply.json["error"], expired.json["error"]);
    }
}

#[tokio::test]
async fn a_session_that_ends_takes_no_key_along() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let program = ada.program(&["read"]).await;
    ada.post("/auth/logout").await;
    world.drain().await;
    program.get("/projects").await;
}

#[tokio::test]
async fn an_operators_key_runs_nothing() {
    let world = World::new().await;
    let root = world.operator("root").await;
    let program = root.program(&["read", "write"]).await;
    program.get("/projects").await;
    for path in ["/admin", "/admin/anything", "/monitoring/metrics", "/webhooks", "/user/me", "/auth/me"] {
        let refused = program.get(path).any().await;
        assert!([403, 404].contains(&refused.status.as_u16()), "{path}: {}", refused.text);
    }
}

/// Two programs may number their requests alike.
#[tokio::test]
async fn each_key_has_idempotency_keys_of_its_own() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let made = ada.post("/api-keys").json(json!({ "name": "CI", "scopes": ["read", "write"] })).status(201).await;
    let (one, other) = (ada.bearing(key_of(&made)), ada.program(&["read", "write"]).await);
    let create = |who: &Person| {
        who.post("/projects").json(json!({ "name": "Launch" })).header("idempotency-key", "1").status(201)
    };
    let first = create(&one).await;
    for who in [&ada, &other] {
        assert_eq!(create(who).await.header("idempotency-replayed"), "");
    }
    // A key with a new secret is the same program.
    let again = regenerate(&ada, &path_of(&made), 0).status(201).await;
    let replayed = create(&ada.bearing(key_of(&again))).await;
    assert_eq!((replayed.header("idempotency-replayed"), &replayed.text), ("true", &first.text));
    assert_eq!(ada.get("/projects").await.total(), 3);
    // An answer of then is for who may still ask.
    world.sql("UPDATE api_keys SET scopes = '[\"read\"]'", &[]).await;
    let body = json!({ "name": "Launch" });
    let reader = ada.bearing(key_of(&again));
    reader.post("/projects").json(body).header("idempotency-key", "1").refused_with(403, "SCOPE_MISSING").await;
}

#[tokio::test]
async fn the_last_use_is_noted_at_most_once_a_minute() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    world.clock().stop();
    let ada = world.sign_up("ada").await;
    let program = ada.program(&["read"]).await;
    let noted = async || world.one("SELECT last_used_at FROM api_keys", &[]).await;
    let is = async |at: &str| world.eventually("the use is noted", async || noted().await == at).await;
    assert_eq!(noted().await, Value::Null);
    let start = in_time(&world, 0);
    program.get("/projects").await;
    is(&start).await;
    // Refused requests are uses, too, and none of these is worth a write.
    world.sql("CREATE TRIGGER counted AFTER UPDATE ON api_keys BEGIN INSERT INTO sequences VALUES ('uses', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1; END", &[]).await;
    world.clock().advance(Duration::from_secs(59));
    join_all((0..20).map(|i| program.through(i % 2).get("/projects").into_future())).await;
    world.clock().advance(Duration::from_secs(1));
    let minute = in_time(&world, 0);
    join_all((0..20).map(|i| program.through(i % 2).get("/projects").into_future())).await;
    is(&minute).await;
    assert_eq!(world.one("SELECT value FROM sequences WHERE name = 'uses'", &[]).await, 1);
    let listed = ada.get("/api-keys").await;
    assert_eq!(listed.items()[0]["last_used_at"], minute);
}
