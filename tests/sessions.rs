use crate::support::*;

fn refresh_token(reply: &Reply) -> String {
    reply.data()["refresh_token"].as_str().unwrap().into()
}

async fn is_over(person: &Person) {
    person.get("/auth/me").refused_with(401, "AUTH_INVALID").await;
    person.try_refresh(&person.refresh_token).refused_with(401, "AUTH_INVALID").await;
}

async fn count_events(world: &World, kind: &str) -> Value {
    world.one("SELECT count(*) FROM events WHERE kind = ?1", &[json!(kind)]).await
}

#[tokio::test]
async fn a_refresh_gives_new_tokens_for_the_same_session() {
    let world = World::new().await;
    let mut ada = world.sign_up("ada").await;
    let before = ada.clone();
    let reply = ada.refresh().await;
    let data = reply.data();
    assert_eq!(keys(data), ["access_token", "expires_in", "refresh_token", "token_type", "user"]);
    assert_eq!((&data["token_type"], &data["expires_in"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(data["user"]["id"], ada.id());
    assert_ne!(ada.refresh_token, before.refresh_token);
    assert_eq!(ada.session(), before.session());
    ada.get("/auth/me").await;
    before.get("/auth/me").await;
}

#[tokio::test]
async fn refresh_tokens_are_not_stored() {
    let world = World::new().await;
    let mut ada = world.sign_up("ada").await;
    let first = ada.refresh_token.clone();
    ada.refresh().await;
    let stored = json!(world.sql("SELECT * FROM sessions", &[]).await).to_string();
    for token in [first, ada.refresh_token.clone()] {
        let secret = token.strip_prefix("hsr_").unwrap();
        assert!(!stored.contains(secret) && !stored.contains(&secret[secret.len() / 2..]), "{stored}");
    }
    assert!(!stored.contains(ada.access_token.as_deref().unwrap()), "{stored}");
}

#[tokio::test]
async fn tabs_that_refresh_at_once_get_the_same_child() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let ada = world.sign_up("ada").await;
    world.clock().stop();
    let tabs = (0..50).map(|i| ada.through(i % 2).try_refresh(&ada.refresh_token).into_future());
    let replies = join_all(tabs).await;
    let child = refresh_token(&replies[0]);
    assert_ne!(child, ada.refresh_token);
    for reply in &replies {
        assert_eq!(refresh_token(reply), child);
        ada.bearing(reply.data()["access_token"].as_str().unwrap()).get("/auth/me").await;
    }
    assert_eq!(world.one("SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL", &[]).await, 0);
    ada.try_refresh(&child).await;
}

#[tokio::test]
async fn within_10_seconds_the_parent_gets_the_same_child() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    world.clock().stop();
    let child = refresh_token(&ada.try_refresh(&ada.refresh_token).await);
    world.clock().advance(Duration::from_secs(9));
    assert_eq!(refresh_token(&ada.try_refresh(&ada.refresh_token).await), child);
    assert_eq!(count_events(&world, "session.reused").await, 0);
    let refreshed = world.sql("SELECT actor_id, entity_id FROM events WHERE kind = 'session.refreshed'", &[]).await;
    assert_eq!(refreshed, [json!({ "actor_id": ada.id(), "entity_id": ada.session() })], "once");
    ada.get("/auth/me").await;
}

#[tokio::test]
async fn after_10_seconds_the_parent_ends_the_session() {
    let world = World::new().await;
    let mut ada = world.sign_up("ada").await;
    let phone = ada.on_another_device().await;
    let parent = ada.refresh_token.clone();
    world.clock().stop();
    ada.refresh().await;
    world.clock().advance(Duration::from_secs(11));
    ada.try_refresh(&parent).refused_with(401, "AUTH_INVALID").await;
    is_over(&ada).await;
    phone.get("/auth/me").await;
    let reused = world.sql("SELECT actor_id, data FROM events WHERE kind = 'session.reused'", &[]).await;
    let of_ada = json!({ "user_id": ada.id() }).to_string();
    assert_eq!(reused, [json!({ "actor_id": null, "data": of_ada })], "nobody knows who it was");
    world.drain().await;
    let told = phone.get("/notifications").await;
    let told = told.json["items"].as_array().unwrap();
    let alerts = told.iter().filter(|told| told["payload"]["session_id"] == ada.session());
    assert_eq!(alerts.count(), 1, "{told:?}");
}

#[tokio::test]
async fn an_older_ancestor_ends_the_session_at_once() {
    let world = World::new().await;
    let mut ada = world.sign_up("ada").await;
    let grandparent = ada.refresh_token.clone();
    ada.refresh().await;
    ada.refresh().await;
    ada.try_refresh(&grandparent).refused_with(401, "AUTH_INVALID").await;
    is_over(&ada).await;
}

#[tokio::test]
async fn a_refresh_chain_goes_on_and_on() {
    let world = World::new().await;
    let mut ada = world.sign_up("ada").await;
    let mut seen = vec![ada.refresh_token.clone()];
    for _ in 0..6 {
        world.clock().advance(Duration::from_secs(14 * 60));
        ada.refresh().await;
        assert!(!seen.contains(&ada.refresh_token));
        seen.push(ada.refresh_token.clone());
        ada.get("/auth/me").await;
    }
}

#[tokio::test]
async fn a_refresh_token_lives_30_days_and_each_refresh_begins_them_anew() {
    let world = World::new().await;
    world.clock().stop();
    let mut ada = world.sign_up("ada").await;
    let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    world.clock().advance(days(29));
    ada.refresh().await;
    world.clock().advance(days(29));
    ada.refresh().await;
    world.clock().advance(days(30) + Duration::from_secs(1));
    ada.try_refresh(&ada.refresh_token).refused_with(401, "AUTH_INVALID").await;
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused_and_harms_nobody() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let mut flipped = ada.refresh_token.clone().into_bytes();
    let middle = flipped.len() / 2;
    flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    for bad in ["", "x", "hsr_", "hsr_AAAA", &flipped, ada.access_token.as_deref().unwrap(), &"A".repeat(10_000)] {
        ada.try_refresh(bad).refused_with(401, "AUTH_INVALID").await;
    }
    assert_eq!(ada.post("/auth/refresh").json(json!({})).refused(422).await.fields(), ["refresh_token"]);
    ada.get("/auth/me").await;
    ada.try_refresh(&ada.refresh_token).await;
}

#[tokio::test]
async fn a_refresh_shows_a_tier_that_changed() {
    let world = World::new().await;
    let mut ada = world.sign_up("ada").await;
    world.set_tier(&ada, "premium").await;
    assert_eq!(ada.refresh().await.data()["user"]["tier"], "premium");
}

#[tokio::test]
async fn logging_out_ends_this_session_only() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let ada = world.sign_up("ada").await;
    let phone = ada.on_another_device().await;
    ada.post("/auth/logout").status(204).await;
    is_over(&ada).await;
    is_over(&ada.through(1)).await;
    phone.get("/auth/me").await;
    phone.try_refresh(&phone.refresh_token).await;
    ada.post("/auth/logout").refused(401).await;
}

#[tokio::test]
async fn sessions_are_listed_with_their_devices() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let login = json!({ "email": ada.email, "password": PASSWORD, "device_name": "Ada's phone", "platform": "ios" });
    let mut phone = world.stranger("ada");
    phone.user_agent = "HiveSync/1.4 (iPhone)".into();
    let token = phone.post("/auth/login").json(login).await.data()["access_token"].as_str().unwrap().to_owned();
    let phone = phone.bearing(&token);

    let list = phone.get("/auth/sessions").await;
    assert_eq!(list.total(), 2);
    let [latest, first] = list.items() else { panic!("{}", list.text) };
    assert_eq!((&latest["id"], &first["id"]), (&json!(phone.session()), &json!(ada.session())));
    assert_eq!((&latest["device_name"], &latest["platform"]), (&json!("Ada's phone"), &json!("ios")));
    assert_eq!((&latest["ip_address"], &latest["user_agent"]), (&json!(phone.ip), &json!(phone.user_agent)));
    assert_eq!((&latest["current"], &first["current"]), (&json!(true), &json!(false)));
    assert_eq!(first["device_name"], Value::Null);
    assert!(!list.text.contains("hash"), "{}", list.text);
}

#[tokio::test]
async fn nobody_sees_or_ends_sessions_of_others() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let list = bob.get("/auth/sessions").await;
    assert_eq!(pluck(list.items(), "id"), [bob.session()]);
    bob.delete(&format!("/auth/sessions/{}", ada.session())).refused_with(404, "SESSION_NOT_FOUND").await;
    ada.get("/auth/me").await;
    assert_eq!(count_events(&world, "session.revoked").await, 0);
}

#[tokio::test]
async fn a_revoked_device_is_out_at_once_on_every_isolate() {
    let world = World::set_up().isolates(&[&[], &[], &[]]).open().await;
    let ada = world.sign_up("ada").await;
    let phone = ada.on_another_device().await;
    for isolate in 0..3 {
        phone.through(isolate).get("/projects").await;
    }
    ada.delete(&format!("/auth/sessions/{}", phone.session())).status(204).await;
    for isolate in 0..3 {
        let phone = phone.through(isolate);
        for path in ["/auth/me", "/projects", "/profile", "/user/me", "/auth/sessions"] {
            phone.get(path).refused_with(401, "AUTH_INVALID").await;
        }
        phone.post("/projects").json(json!({ "name": "too late" })).refused_with(401, "AUTH_INVALID").await;
        is_over(&phone).await;
    }
    assert_eq!(pluck(ada.get("/auth/sessions").await.items(), "id"), [ada.session()]);
    ada.get("/auth/me").await;
}

#[tokio::test]
async fn a_session_can_be_revoked_once() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let phone = ada.on_another_device().await;
    let path = format!("/auth/sessions/{}", phone.session());
    ada.delete(&path).status(204).await;
    ada.delete(&path).refused_with(404, "SESSION_NOT_FOUND").await;
    for nothing in ["0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77", "nonsense", "1", "%00", "'--"] {
        ada.delete(&format!("/auth/sessions/{nothing}")).refused_with(404, "SESSION_NOT_FOUND").await;
    }
}

#[tokio::test]
async fn revoking_the_session_one_is_in_is_logging_out() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    ada.delete(&format!("/auth/sessions/{}", ada.session())).status(204).await;
    is_over(&ada).await;
}

#[tokio::test]
async fn revoking_twice_at_once_happens_once() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let phone = ada.on_another_device().await;
    let path = format!("/auth/sessions/{}", phone.session());
    join_all((0..6).map(|_| ada.delete(&path).any())).await;
    assert_eq!(count_events(&world, "session.revoked").await, 1);
    phone.get("/auth/me").refused(401).await;
}

#[tokio::test]
async fn a_login_from_a_new_device_of_someone_who_has_others_is_suspicious() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let suspicious = async |person: &Person| {
        let list = ada.get("/auth/sessions").await;
        let found = list.items().iter().find(|item| item["id"] == person.session()).expect("the session");
        found["suspicious"].as_bool().unwrap()
    };
    assert!(!suspicious(&ada).await, "a first login");

    let mut again = ada.clone();
    again.log_in().await;
    assert!(!suspicious(&again).await, "the same device");

    let phone = ada.on_another_device().await;
    assert!(suspicious(&phone).await, "another device elsewhere");
    let audited =
        world.sql("SELECT actor_id, entity_id, ip_address FROM events WHERE kind = 'session.suspicious'", &[]);
    let expected = json!([{ "actor_id": ada.id(), "entity_id": phone.session(), "ip_address": phone.ip }]);
    assert_eq!(json!(audited.await), expected);

    let mut phone_again = phone.clone();
    phone_again.log_in().await;
    assert!(!suspicious(&phone_again).await, "a device that is known by now");

    let bob = world.sign_up("bob").await;
    let list = bob.get("/auth/sessions").await;
    assert_eq!(list.items()[0]["suspicious"], false, "others' devices do not count");
}

#[tokio::test]
async fn sessions_come_in_pages() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    ada.on_another_device().await;
    ada.on_another_device().await;
    let page = ada.get("/auth/sessions?page=2&page_size=2").await;
    assert_eq!((page.total(), page.items().len()), (3, 1));
    assert_eq!(page.items()[0]["id"], ada.session());
    assert_eq!(ada.get("/auth/sessions?page=0").refused(422).await.fields(), ["page"]);
}

#[tokio::test]
async fn a_revoked_session_is_turned_away_before_the_database() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let ada = world.sign_up("ada").await;
    ada.post("/auth/logout").status(204).await;
    world.drain().await;
    let reply = ada.through(1).get("/projects").refused_with(401, "AUTH_INVALID").await;
    assert_eq!(reply.trips(), 0);
}

#[tokio::test]
async fn whoever_still_sends_the_token_of_a_session_that_is_over_can_log_in_again() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let ada = world.sign_up("ada").await;
    ada.post("/auth/logout").status(204).await;
    world.drain().await;
    for isolate in 0..2 {
        let ada = ada.through(isolate);
        ada.get("/health").await;
        ada.try_password(PASSWORD).status(200).await;
        let eve = json!({ "email": format!("eve{isolate}@example.com"), "password": PASSWORD });
        ada.post("/auth/register").json(eve).status(201).await;
    }
}

#[tokio::test]
async fn a_session_that_ran_out_was_ended_by_nobody() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let an_hour_ago = chrono::DateTime::from_timestamp_millis(world.clock().now() - 60 * 60 * 1000).unwrap();
    let at = json!(an_hour_ago.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
    world.sql("UPDATE sessions SET expires_at = ?1", &[at]).await;
    world.cron().await;
    let ended = world.sql("SELECT actor_id, data FROM events WHERE kind = 'session.revoked'", &[]).await;
    assert_eq!(ended, [json!({ "actor_id": null, "data": json!({ "user_id": ada.id() }).to_string() })]);
}
