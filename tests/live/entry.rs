use crate::support::*;

#[tokio::test]
async fn a_ticket_opens_one_socket_once() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let reply = ada.post("/ws/ticket").await;
    assert_eq!((keys(reply.data()), &reply.data()["expires_in"]), (vec!["expires_in", "ticket"], &json!(30)));
    let path = format!("/ws?ticket={}", reply.data()["ticket"].as_str().unwrap());
    let tries = join_all((0..5).map(|_| world.anonymous_at(&path))).await;
    let opened = tries.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(opened, 1);
    assert!(tries.iter().all(|outcome| matches!(outcome, Ok(_) | Err(401))));
    assert_eq!(world.anonymous_at(&path).await.err(), Some(401));
}

#[tokio::test]
async fn a_ticket_is_good_for_30_seconds_and_while_its_session_lives() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for bad in ["/ws?ticket=", "/ws?ticket=AAAA", "/ws?ticket=%ff", "/ws?token=a.b.c", "/ws", "/ws/desktop"] {
        assert_eq!(world.anonymous_at(bad).await.err(), Some(401), "{bad}");
    }
    let path = format!("/ws?ticket={}", ada.ticket().await);
    ada.post("/auth/logout").status(204).await;
    assert_eq!(world.anonymous_at(&path).await.err(), Some(401));
}

#[tokio::test]
async fn an_access_token_opens_a_socket_too() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let token = ada.access_token.clone().unwrap();
    for path in [format!("/ws?token={token}"), format!("/ws/desktop-7?token={token}")] {
        let mut socket = world.anonymous_at(&path).await.expect("a socket");
        assert_eq!(socket.next().await["channel"], format!("user:{}", ada.id()), "{path}");
    }
}

#[tokio::test]
async fn only_pages_that_may_call_open_a_socket() {
    let world = World::with(&[("CORS_ORIGINS", "https://app.example.com")]).await;
    let ada = world.sign_up("ada").await;
    let own = world.url(0);
    for (origin, refused) in [
        ("https://app.example.com", None),
        (&*own, None),
        ("https://evil.example", Some(403)),
        ("null", Some(403)),
        ("https://app.example.com.evil.example", Some(403)),
    ] {
        let path = format!("/ws?ticket={}", ada.ticket().await);
        assert_eq!(ada.open(&path, &[("origin", origin)]).await.err(), refused, "{origin}");
    }
    // A cookie goes along from anywhere: it counts on our own pages only.
    let browser = ada.in_browser().await;
    let cookie = browser.cookie.as_deref().unwrap();
    for (origin, refused) in
        [(&*own, None), ("https://app.example.com", Some(403)), ("https://evil.example", Some(403))]
    {
        let opened = ada.open("/ws", &[("cookie", cookie), ("origin", origin)]).await;
        assert_eq!(opened.err(), refused, "{origin}");
    }
    assert_eq!(ada.open("/ws", &[("cookie", cookie)]).await.err(), Some(403));
}

#[tokio::test]
async fn who_does_not_upgrade_is_told_to() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    ada.get("/ws").refused_with(426, "UPGRADE_REQUIRED").await;
    ada.get(&format!("/ws?ticket={}", ada.ticket().await)).refused_with(426, "UPGRADE_REQUIRED").await;
}

#[tokio::test]
async fn a_user_has_100_sockets_at_most() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let token = ada.access_token.clone().unwrap();
    let path = format!("/ws?token={token}");
    let mut sockets = Vec::new();
    for _ in 0..100 {
        sockets.push(ada.open(&path, &[]).await.expect("a socket"));
    }
    assert_eq!(ada.open(&path, &[]).await.err(), Some(429));
    sockets.pop().unwrap().close().await;
    world.eventually("there is room again", async || ada.open(&path, &[]).await.is_ok()).await;
}

#[tokio::test]
async fn a_socket_ends_with_its_session() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let phone = ada.on_another_device().await;
    let (mut here, mut there) = (ada.listen().await, phone.listen().await);
    ada.delete(&format!("/auth/sessions/{}", phone.session())).status(204).await;
    assert_eq!(there.closed().await, 4401);
    here.say_text("{\"type\":\"ping\"}").await;
    here.skip_to("pong").await;
}

#[tokio::test]
async fn a_heartbeat_wakes_nothing_and_is_answered() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let mut socket = ada.listen().await;
    world.hibernate("UserSockets", &ada.id().to_string()).await;
    for ping in ["{\"type\":\"ping\"}", "{ \"type\": \"ping\" }"] {
        socket.say_text(ping).await;
        assert_eq!(socket.next().await, json!({ "type": "pong" }), "{ping}");
    }
}

#[tokio::test]
async fn what_a_client_says_wrong_is_explained() {
    let world = World::new().await;
    let (ada, eve) = (world.sign_up("ada").await, world.sign_up("eve").await);
    let project = ada.project("Launch").await;
    let mut socket = eve.listen().await;
    for (said, code) in [
        ("".to_owned(), "BAD_REQUEST"),
        ("{".into(), "BAD_REQUEST"),
        ("[]".into(), "BAD_REQUEST"),
        (r#"{"type":"shout"}"#.into(), "BAD_REQUEST"),
        (r#"{"type":"subscribe"}"#.into(), "BAD_REQUEST"),
        (r#"{"type":"subscribe","channel":"project:7"}"#.into(), "BAD_REQUEST"),
        (r#"{"type":"subscribe","channel":"user:1","after":-1}"#.into(), "BAD_REQUEST"),
        (format!(r#"{{"type":"ping","x":"{}"}}"#, "x".repeat(5000)), "BAD_REQUEST"),
        (json!({ "type": "subscribe", "channel": format!("project:{project}") }).to_string(), "PROJECT_NOT_FOUND"),
        (json!({ "type": "subscribe", "channel": format!("user:{}", ada.id()) }).to_string(), "NOT_FOUND"),
    ] {
        socket.say_text(&said).await;
        let told = socket.next().await;
        assert_eq!((&told["type"], &told["code"]), (&json!("error"), &json!(code)), "{said}");
        assert_eq!(keys(&told), ["code", "message", "type"]);
    }
}

#[tokio::test]
async fn who_says_too_much_is_not_heard() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let mut socket = ada.listen().await;
    for _ in 0..400 {
        socket.say_text("{}").await;
    }
    let mut codes = Vec::new();
    for _ in 0..400 {
        codes.push(socket.next().await["code"].as_str().unwrap().to_owned());
    }
    assert_eq!(codes[0], "BAD_REQUEST");
    assert!(codes.iter().any(|code| code == "RATE_LIMITED"));
}
