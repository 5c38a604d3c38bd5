use crate::support::*;

fn exchange(who: &Person, token: &str) -> Call {
    who.post("/auth/session-exchange").json(json!({ "token": token }))
}

#[tokio::test]
async fn a_link_logs_a_browser_in_once() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let browser = world.anonymous();
    let (url, token) = ada.login_link().await;
    assert_eq!(url, format!("{}/login/session/{token}", world.url(0)));
    // 256 bits.
    assert_eq!(token.len(), 43);

    let reply = exchange(&browser, &token).await;
    assert_eq!(keys(&reply.json), ["status", "user"]);
    assert_eq!((&reply.json["status"], &reply.json["user"]["id"]), (&json!("success"), &json!(ada.id())));
    assert_eq!(reply.json["user"]["email"], "ada@example.com");
    let cookie = reply.header("set-cookie");
    assert!(cookie.starts_with("__Host-session="), "{cookie}");
    for attribute in ["Path=/", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=86400"] {
        assert!(cookie.split("; ").any(|part| part == attribute), "{attribute} in {cookie}");
    }
    exchange(&browser, &token).refused_with(410, "LOGIN_LINK_OVER").await;
}

#[tokio::test]
async fn of_fifty_exchanges_at_once_one_wins() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let ada = world.sign_up("ada").await;
    let (_, token) = ada.login_link().await;
    let browser = world.anonymous();
    let calls = (0..50).map(|i| exchange(&browser.through(i % 2), &token).any());
    let replies = join_all(calls).await;
    let won = replies.iter().filter(|reply| reply.status == 200).count();
    let lost = replies.iter().filter(|reply| reply.status == 410 && reply.code() == "LOGIN_LINK_OVER").count();
    assert_eq!((won, lost), (1, 49));
    assert!(replies.iter().all(|reply| reply.status == 200 || reply.header("set-cookie").is_empty()));
    assert_eq!(world.one("SELECT count(*) FROM sessions", &[]).await, 2);
}

#[tokio::test]
async fn a_link_lasts_ninety_seconds() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let (browser, clock) = (world.anonymous(), world.clock());
    clock.stop();
    let ((_, early), (_, late)) = (ada.login_link().await, ada.login_link().await);
    clock.advance(Duration::from_millis(89_999));
    exchange(&browser, &early).await;
    clock.advance(Duration::from_millis(1));
    exchange(&browser, &late).refused_with(410, "LOGIN_LINK_OVER").await;
    let counted = async || world.one("SELECT count(*) FROM session_tokens", &[]).await;
    assert_eq!(counted().await, 2);
    clock.advance(Duration::from_secs(1));
    world.cron().await;
    assert_eq!(counted().await, 0);
}

#[tokio::test]
async fn how_long_a_link_lasts_and_where_it_leads_can_be_set() {
    let vars = [("SESSION_TOKEN_EXPIRY_SECONDS", "120"), ("BASE_URL", "https://hivesync.dev/")];
    let world = World::with(&vars).await;
    let ada = world.sign_up("ada").await;
    world.clock().stop();
    let (url, token) = ada.login_link().await;
    assert_eq!(url, format!("https://hivesync.dev/login/session/{token}"));
    world.clock().advance(Duration::from_secs(119));
    exchange(&world.anonymous(), &token).await;
}

#[tokio::test]
async fn what_is_no_link_of_ours_is_over_or_missing() {
    let world = World::new().await;
    let anyone = world.anonymous();
    let never = "A".repeat(43);
    for token in ["", "x", &never, &"x".repeat(5000), "../../etc", "💥"] {
        exchange(&anyone, token).refused_with(410, "LOGIN_LINK_OVER").await;
    }
    let missing = anyone.post("/auth/session-exchange").json(json!({})).refused_with(400, "BAD_REQUEST").await;
    assert_eq!(missing.fields(), ["token"]);
    anyone.post("/auth/session-exchange").json(json!({ "token": null })).refused(400).await;
}

#[tokio::test]
async fn only_the_hash_of_a_token_is_kept() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let (_, token) = ada.login_link().await;
    let kept = world.sql("SELECT * FROM session_tokens", &[]).await;
    assert_eq!(kept.len(), 1);
    let stored = kept[0]["token_hash"].as_str().unwrap().to_owned();
    world.eventually("KV knows the link", async || world.kv(&format!("login/{stored}")).await.is_some()).await;
    let known = world.kv(&format!("login/{stored}")).await.unwrap();
    assert!(!kept[0].to_string().contains(&token) && !known.contains(&token));
    // KV knowing saves the exchange a trip.
    assert_eq!(exchange(&world.anonymous(), &token).await.trips(), 1);
}

#[tokio::test]
async fn without_kv_the_database_knows_whose_link_it_is() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let (_, token) = ada.login_link().await;
    world.eventually("KV knows the link", async || !world.kv_list("login/").await.is_empty()).await;
    world.kv_clear("login/").await;
    assert_eq!(exchange(&world.anonymous(), &token).await.trips(), 2);
}

#[tokio::test]
async fn a_link_ends_with_the_session_that_asked_for_it_and_with_the_account() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let ((_, of_ada), (_, of_bob)) = (ada.login_link().await, bob.login_link().await);
    ada.post("/auth/logout").await;
    exchange(&world.anonymous(), &of_ada).refused_with(410, "LOGIN_LINK_OVER").await;
    world.sql("UPDATE users SET status = 'suspended' WHERE id = ?1", &[json!(bob.id())]).await;
    exchange(&world.anonymous(), &of_bob).refused_with(410, "LOGIN_LINK_OVER").await;
}

#[tokio::test]
async fn a_cookie_is_as_good_as_a_token() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let browser = ada.in_browser().await;
    assert_eq!(browser.get("/auth/me").await.data()["id"], ada.id());
    let project = browser.project("From the browser").await;
    browser.patch(&format!("/projects/{project}")).json(json!({ "name": "Renamed" })).await;
    browser.post(&format!("/projects/{project}/favorite")).await;
    browser.delete(&format!("/projects/{project}")).await;

    let sessions = browser.get("/auth/sessions").await;
    let mine = sessions.items().iter().find(|session| session["current"] == true).expect("the browser's");
    assert_eq!((&mine["platform"], &mine["suspicious"]), (&json!("web"), &json!(false)));

    let out = browser.post("/auth/logout").await;
    assert!(out.header("set-cookie").starts_with("__Host-session=; Path=/; Max-Age=0;"), "{out:?}");
    browser.get("/auth/me").refused_with(401, "AUTH_INVALID").await;
    ada.get("/auth/me").await;
}

#[tokio::test]
async fn a_cookie_lasts_a_day_and_cannot_be_refreshed() {
    let world = World::new().await;
    let browser = world.sign_up("ada").await.in_browser().await;
    world.clock().advance(Duration::from_secs(24 * 60 * 60 - 60));
    browser.get("/auth/me").await;
    browser.try_refresh("").refused(401).await;
    world.clock().advance(Duration::from_secs(61));
    browser.get("/auth/me").refused_with(401, "UNAUTHORIZED").await;
}

#[tokio::test]
async fn another_sites_page_changes_nothing_with_our_cookie() {
    let world = World::new().await;
    let browser = world.sign_up("ada").await.in_browser().await;
    let create = || browser.post("/projects").json(json!({ "name": "Mine" }));
    for site in ["cross-site", "same-site", "none"] {
        create().header("sec-fetch-site", site).refused_with(403, "CROSS_SITE_REQUEST").await;
    }
    // A form can send no JSON.
    create().header("content-type", "text/plain").refused_with(415, "UNSUPPORTED_MEDIA_TYPE").await;
    let forged = browser.post("/auth/logout").header("content-type", "application/x-www-form-urlencoded");
    forged.refused(415).await;
    browser.get("/auth/me").header("sec-fetch-site", "cross-site").await;
    assert_eq!(browser.get("/projects").await.total(), 0);
    create().status(201).await;

    // A browser that knows nothing of fetch metadata says its origin.
    let old = browser.with_cookie(None);
    let cookie = browser.cookie.clone().unwrap();
    let create = || old.post("/projects").json(json!({ "name": "Mine" })).header("cookie", &cookie);
    create().refused_with(403, "CROSS_SITE_REQUEST").await;
    create().header("origin", "https://evil.example").refused_with(403, "CROSS_SITE_REQUEST").await;
    create().header("origin", world.url(0)).status(201).await;
}

#[tokio::test]
async fn another_sites_page_logs_nobody_in() {
    let world = World::new().await;
    let (_, token) = world.sign_up("eve").await.login_link().await;
    let victim = world.anonymous();
    exchange(&victim, &token).header("sec-fetch-site", "cross-site").refused_with(403, "CROSS_SITE_REQUEST").await;
    exchange(&victim, &token).header("origin", "https://evil.example").refused(403).await;
    exchange(&victim, &token).header("sec-fetch-site", "same-origin").await;
}

#[tokio::test]
async fn a_cookie_that_is_not_ours_is_nobodys() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let good = ada.in_browser().await.cookie.unwrap();
    let flipped = format!("{}{}", &good[..good.len() - 2], if good.ends_with("AA") { "BB" } else { "AA" });
    for bad in [flipped.as_str(), "__Host-session=", "__Host-session=x", "session=1", ";;;="] {
        let nobody = ada.with_cookie(Some(bad));
        nobody.get("/auth/me").refused_with(401, "UNAUTHORIZED").await;
    }
    let among_others = ada.with_cookie(Some(&format!("a=1; {good}; b=2")));
    among_others.get("/auth/me").await;
}
