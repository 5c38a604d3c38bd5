use crate::support::*;

const ORIGIN: &str = "https://app.example.com";

#[tokio::test]
async fn an_unknown_address_is_not_found() {
    let world = World::new().await;
    let (ada, anyone) = (world.sign_up("ada").await, world.anonymous());
    for path in ["/nothing", "/projects/1/2/3", "/", "/auth", "/AUTH/ME", "//", "//api/v2/health", "//api", "//api/v1x"]
    {
        for person in [&ada, &anyone] {
            person.get(path).refused_with(404, "NOT_FOUND").await;
            person.post(path).json(json!({})).refused_with(404, "NOT_FOUND").await;
        }
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for (call, allowed) in [
        (ada.delete("/projects"), vec!["GET", "HEAD", "POST"]),
        (ada.put("/profile"), vec!["GET", "HEAD", "PATCH"]),
        (ada.get("/auth/login"), vec!["POST"]),
        (ada.patch("/auth/sessions/1"), vec!["DELETE"]),
        (ada.post("/health"), vec!["GET", "HEAD"]),
        (ada.head("/auth/login"), vec!["POST"]),
    ] {
        let reply = call.status(405).await;
        let mut allow: Vec<&str> =
            reply.header("allow").split(',').map(str::trim).filter(|m| *m != "OPTIONS").collect();
        allow.sort_unstable();
        assert_eq!(allow, allowed);
        if !reply.text.is_empty() {
            assert_eq!(reply.code(), "METHOD_NOT_ALLOWED");
        }
    }
}

#[tokio::test]
async fn head_answers_like_get_without_the_body() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = format!("/projects/{}", ada.project("Launch").await);
    for path in ["/health", "/projects", "/auth/me", &project] {
        let (get, head) = (ada.get(path).await, ada.head(path).await);
        assert_eq!((head.status, head.text.as_str()), (get.status, ""));
        for header in ["content-type", "cache-control", "x-content-type-options", "server-timing"] {
            assert_eq!(head.header(header).split(',').next(), get.header(header).split(',').next(), "{path} {header}");
        }
    }
    assert_eq!(ada.head("/projects/nothing").status(404).await.text, "");
    assert_eq!(world.anonymous().head("/projects").status(401).await.text, "");
}

#[tokio::test]
async fn options_tells_the_methods_without_a_token() {
    let world = World::new().await;
    let reply = world.anonymous().options("/projects").status(204).await;
    for method in ["GET", "HEAD", "POST", "OPTIONS"] {
        assert!(reply.header("allow").split(',').any(|allowed| allowed.trim() == method), "{reply:?}");
    }
    assert_eq!((reply.text.as_str(), reply.trips()), ("", 0));
    world.anonymous().options("/nothing").refused_with(404, "NOT_FOUND").await;
}

#[tokio::test]
async fn a_slash_at_the_end_makes_no_difference() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    assert_eq!(ada.get("/projects/?page_size=5").await.json["page_size"], 5);
    ada.post("/projects/").json(json!({ "name": "Launch" })).status(201).await;
    ada.get("/profile/").await;
}

#[tokio::test]
async fn a_body_that_is_not_json_is_unsupported() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let body = r#"{"name":"Launch"}"#;
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "json", ""]
    {
        let call = ada.post("/projects").body(body).header("content-type", kind);
        call.refused_with(415, "UNSUPPORTED_MEDIA_TYPE").await;
    }
    ada.post("/projects").body(body).refused_with(415, "UNSUPPORTED_MEDIA_TYPE").await;
    for kind in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
        ada.post("/projects").body(body).header("content-type", kind).status(201).await;
    }
}

#[tokio::test]
async fn malformed_json_is_a_bad_request() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let bodies: [&[u8]; 9] = [
        b"",
        b"{",
        b"nonsense",
        b"{\"name\":}",
        b"{\"name\":\"x\"} x",
        b"{'name':'x'}",
        b"\xff\xfe",
        b"{\"name\":\"\xff\"}",
        b"{\"name\":\"x\",}",
    ];
    for body in bodies {
        let call = ada.post("/projects").header("content-type", "application/json").body(body);
        call.refused_with(400, "BAD_REQUEST").await;
    }
    assert_eq!(ada.get("/projects").await.total(), 0);
}

#[tokio::test]
async fn json_without_an_end_of_its_depth_is_refused() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [deep.clone(), format!(r#"{{"preferences":{{"x":{deep}}}}}"#), format!(r#"{{"preferences":{deep}}}"#)] {
        let reply = ada.patch("/profile").header("content-type", "application/json").body(body).any().await;
        assert!([400, 422].contains(&reply.status.as_u16()), "{}", reply.text);
    }
    ada.get("/auth/me").await;
}

#[tokio::test]
async fn json_of_the_wrong_shape_is_a_failed_validation() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for body in ["[]", "null", "7", "\"x\"", "[{\"name\":\"x\"}]"] {
        let call = ada.post("/projects").header("content-type", "application/json").body(body);
        assert_eq!(call.refused_with(422, "VALIDATION_ERROR").await.fields().len(), 1, "{body}");
    }
}

#[tokio::test]
async fn a_body_of_more_than_a_mebibyte_is_too_large() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let padded = |bytes: usize| {
        let body = r#"{"name":"Launch"}"#;
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    let send = |body: String| ada.post("/projects").header("content-type", "application/json").body(body);
    send(padded(1 << 20)).status(201).await;
    send(padded((1 << 20) + 1)).refused_with(413, "PAYLOAD_TOO_LARGE").await;
    send(padded(3 << 20)).refused_with(413, "PAYLOAD_TOO_LARGE").await;
    let chunked = send(padded((1 << 20) + 1)).in_chunks();
    chunked.refused_with(413, "PAYLOAD_TOO_LARGE").await;
    send(padded(1 << 19)).in_chunks().status(201).await;
    assert_eq!(ada.get("/projects").await.total(), 2);
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_own_or_the_callers() {
    let world = World::new().await;
    let anyone = world.anonymous();
    let first = anyone.get("/health").await.header("x-request-id").to_owned();
    assert_ne!(anyone.get("/health").await.header("x-request-id"), first);
    let given = anyone.get("/health").header("x-request-id", "my-request.0042").await;
    assert_eq!(given.header("x-request-id"), "my-request.0042");
    for bad in ["short", "with space in it", "<script>alert</script>", &"x".repeat(65), "quote\"quote"] {
        let reply = anyone.get("/nothing").header("x-request-id", bad).refused(404).await;
        assert_ne!(reply.header("x-request-id"), bad);
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let replies = [
        ada.get("/projects").await,
        ada.post("/projects").json(json!({ "name": "x" })).await,
        ada.post("/projects").json(json!({})).refused(422).await,
        ada.get("/nothing").refused(404).await,
        ada.put("/projects").refused(405).await,
        ada.options("/projects").await,
        ada.post("/auth/logout").await,
        ada.get("/projects").refused(401).await,
    ];
    for reply in replies {
        for (header, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", "default-src 'none'"),
            ("strict-transport-security", "max-age="),
        ] {
            assert!(reply.header(header).contains(value), "{} {header}: {}", reply.status, reply.header(header));
        }
        assert_eq!((reply.header("server"), reply.header("x-powered-by")), ("", ""));
    }
}

#[tokio::test]
async fn bodies_have_a_length() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for reply in [ada.get("/projects").await, ada.get("/nothing").refused(404).await] {
        assert_eq!(reply.header("content-length"), reply.text.len().to_string());
        assert_eq!(reply.header("transfer-encoding"), "");
        assert_eq!(reply.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn a_failure_of_ours_is_logged_and_tells_nothing() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    world.sql("ALTER TABLE projects RENAME TO elsewhere", &[]).await;
    let reply = ada.get("/projects").header("x-request-id", "the-broken-one").refused_with(500, "INTERNAL_ERROR").await;
    for secret in ["D1", "SQL", "projects", "table", "src/"] {
        assert!(!reply.json["error"].to_string().contains(secret), "{}", reply.text);
    }
    let says_why = |line: &String| line.contains("the-broken-one") && line.contains("no such table");
    let logged = async || world.logs().await.iter().any(says_why);
    world.eventually("the log says why, with the request's id", logged).await;
    ada.get("/auth/me").await;
}

#[tokio::test]
async fn odd_headers_harm_nobody() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for (name, value) in [
        ("user-agent", &b"caf\xe9 \xf0\x9f\x9a\x80"[..]),
        ("user-agent", b""),
        ("accept", b"text/html"),
        ("accept-language", b"xx-\xff"),
        ("cf-connecting-ip", b"nonsense"),
        ("content-type", b"\xff"),
        ("x-odd", &[b'y'; 8000]),
    ] {
        ada.get("/projects").header(name, value).await;
    }
    let mut odd = world.stranger("odd");
    odd.user_agent = "x".repeat(5000);
    odd.register().await;
    odd.log_in().await;
    let list = odd.get("/auth/sessions").await;
    assert!(list.items()[0]["user_agent"].as_str().unwrap().len() < 1000, "{}", list.text);
    ada.get("/projects").header("authorization", b"Bearer \xff\xfe").refused(401).await;
}

#[tokio::test]
async fn json_that_says_a_thing_twice_or_in_odd_numbers_is_refused() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for body in [r#"{"name":"a","name":"b"}"#, r#"{"name":1e999}"#, r#"{"name":"\ud800"}"#, r#"{"name":-0}"#] {
        let reply = ada.post("/projects").header("content-type", "application/json").body(body).any().await;
        assert!([400, 422].contains(&reply.status.as_u16()), "{body}: {}", reply.text);
    }
}

#[tokio::test]
async fn many_requests_of_many_people_at_once_keep_apart() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let names = ["ada", "bob", "cy", "dan", "eve"];
    let people = join_all(names.map(|name| world.sign_up(name))).await;
    let create = |i: usize| {
        let person = &people[i % people.len()];
        person.through(i % 2).post("/projects").json(json!({ "name": person.name })).into_future()
    };
    join_all((0..50).map(create)).await;
    for person in &people {
        let list = person.get("/projects").await;
        assert_eq!(pluck(list.items(), "name"), [person.name.as_str(); 10]);
        assert!(list.items().iter().all(|item| item["owner_id"] == person.id()));
    }
}

fn cors(reply: &Reply) -> Vec<&str> {
    reply
        .headers
        .keys()
        .map(reqwest::header::HeaderName::as_str)
        .filter(|name| name.starts_with("access-control"))
        .collect()
}

fn preflight(person: &Person, origin: &str) -> Call {
    let call = person.options("/projects").header("origin", origin).header("access-control-request-method", "POST");
    call.header("access-control-request-headers", "authorization,content-type,idempotency-key")
}

#[tokio::test]
async fn no_page_of_another_origin_may_call_unless_configured() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for origin in [ORIGIN, "null", "http://localhost:3000"] {
        assert_eq!(cors(&ada.get("/projects").header("origin", origin).await), [""; 0]);
        assert_eq!(cors(&preflight(&ada, origin).await), [""; 0]);
    }
}

#[tokio::test]
async fn a_configured_origin_may_call() {
    let world = World::with(&[("CORS_ORIGINS", "https://app.example.com, http://localhost:3000")]).await;
    let ada = world.sign_up("ada").await;
    for origin in [ORIGIN, "http://localhost:3000"] {
        let asked = preflight(&world.anonymous(), origin).status(204).await;
        assert_eq!(asked.header("access-control-allow-origin"), origin);
        let lists = |header: &str, wanted: &str| {
            asked.header(header).split(',').any(|item| item.trim().eq_ignore_ascii_case(wanted))
        };
        for method in ["GET", "POST", "PATCH", "DELETE"] {
            assert!(lists("access-control-allow-methods", method), "{asked:?}");
        }
        for header in ["authorization", "content-type", "idempotency-key", "x-request-id"] {
            assert!(lists("access-control-allow-headers", header), "{asked:?}");
        }
        assert!(asked.number("access-control-max-age") >= 600);
        assert_eq!((asked.trips(), asked.asked_limiter()), (0, false));

        let read = ada.get("/projects").header("origin", origin).await;
        assert_eq!(read.header("access-control-allow-origin"), origin);
        assert!(read.header("vary").to_lowercase().contains("origin"));
        for exposed in ["x-request-id", "retry-after", "ratelimit", "idempotency-replayed"] {
            assert!(read.header("access-control-expose-headers").contains(exposed), "{read:?}");
        }
        for refused in [world.anonymous().get("/projects"), ada.get("/nothing")] {
            let refused = refused.header("origin", origin).any().await;
            assert!(refused.status.as_u16() >= 400);
            assert_eq!(refused.header("access-control-allow-origin"), origin, "a page may read why");
        }
    }
}

#[tokio::test]
async fn other_origins_are_told_nothing() {
    let world = World::with(&[("CORS_ORIGINS", ORIGIN)]).await;
    let ada = world.sign_up("ada").await;
    for origin in [
        "https://evil.example.com",
        "https://app.example.com.evil.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://APP.example.com/",
        "null",
        "*",
        "",
    ] {
        for reply in [ada.get("/projects").header("origin", origin).await, preflight(&ada, origin).await] {
            assert_eq!(cors(&reply), [""; 0], "{origin}");
            assert!(reply.header("vary").to_lowercase().contains("origin"), "caches must not mix origins up");
        }
    }
    assert_eq!(cors(&ada.get("/projects").await), [""; 0]);
}
