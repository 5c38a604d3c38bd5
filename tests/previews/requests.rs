use super::*;

#[tokio::test]
async fn a_page_is_requested_drawn_and_shown() {
    let studio = Studio::new().await;
    let Studio { world, ada, machine, .. } = &studio;
    let reply = studio.ask(ada, page()).status(201).await;
    assert_eq!(reply.trips(), 2);
    let preview = reply.data();
    let job = preview["id"].as_str().unwrap();
    assert_eq!(
        (&preview["status"], &preview["tier"], &preview["attempt"]),
        (&json!("queued"), &json!("free"), &json!(1))
    );
    assert_eq!((&preview["devices"], &preview["entry"]), (&json!(["iphone-15"]), &json!("index.html")));
    assert!(preview["preview_token"].as_str().is_some_and(|token| token.split('.').count() == 2));
    studio.artifact(job).refused_with(409, "ARTIFACT_NOT_READY").await;

    let claimed = machine.take().await;
    assert_eq!(
        (&claimed["job_id"], &claimed["entry"], &claimed["safe_mode"]),
        (&json!(job), &json!("index.html"), &json!(false))
    );
    assert_eq!(claimed["limits"], json!({ "snapshots": 5, "snapshot_bytes": 262_144, "timeout_ms": 8000 }));
    assert_eq!(
        claimed["devices"][0],
        json!({ "name": "iphone-15", "width": 393, "height": 852, "scale": 3.0, "mobile": true })
    );
    let file = &claimed["files"][0];
    assert_eq!(
        (&file["path"], &file["bytes"], &file["sha256"]),
        (&json!("index.html"), &json!(15), &json!(sha256(b"<h1>Launch</h1>")))
    );
    assert_eq!(world.anonymous().get(&below(&file["url"])).await.text, "<h1>Launch</h1>");
    assert_eq!(studio.status(job).await, "running");

    let success = machine.draw(&claimed).await;
    let answer = machine.tell(success).status(200).await;
    assert_eq!(answer.data(), &json!({ "job_id": job, "status": "completed", "attempt": 1 }));
    let preview = studio.get(job).await;
    assert_eq!((&preview["status"], &preview["warnings"]), (&json!("completed"), &json!(["Too long."])));

    let reply = studio.artifact(job).await;
    assert_eq!(reply.trips(), 1);
    let picture = &reply.data()["assets"][0];
    assert_eq!((&picture["device"], &picture["bytes"]), (&json!("iphone-15"), &json!(PNG.len())));
    let shown = world.anonymous().get(&below(&picture["url"])).await;
    assert_eq!((&shown.bytes[..], shown.header("content-type"), shown.trips()), (PNG, "image/png", 0));
    assert_eq!(world.anonymous().get(&below(&reply.data()["layout_url"])).await.text, "{}");
    assert_eq!(studio.steps(job).await, ["requested", "started", "completed"]);

    let list = ada.get(&format!("{}/jobs", studio.path)).await;
    assert_eq!((list.total(), pluck(list.items(), "id"), list.trips()), (1, vec![job], 1));
}

#[tokio::test]
async fn lists_are_newest_first_and_filtered() {
    let studio = Studio::at(World::with(&[("LIMIT_CONCURRENT_PREVIEWS_FREE", "9")]).await).await;
    let bob = studio.world.sign_up("bob").await;
    studio.world.add_member(&studio.project, &bob).await;
    let first = studio.request().await;
    let second = studio.ask(&bob, page()).status(201).await.data()["id"].as_str().unwrap().to_owned();
    studio.cancel(&studio.ada, &first).await;
    let ids = async |query: &str| {
        let list = bob.get(&format!("{}/jobs{query}", studio.path)).await;
        assert_eq!(list.total() as usize, list.items().len());
        list.items().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [second.clone(), first.clone()]);
    assert_eq!(ids("?status=canceled").await, std::slice::from_ref(&first));
    assert_eq!(ids(&format!("?requested_by={}", bob.id())).await, [second]);
    assert_eq!(ids("?status=failed").await, [""; 0]);
    bob.get(&format!("{}/jobs?status=done", studio.path)).refused_with(422, "VALIDATION_ERROR").await;
}

#[tokio::test]
async fn what_makes_no_sense_is_named() {
    let studio = Studio::new().await;
    let file = |path: &str| json!({ "files": [{ "path": path, "contents": "x" }], "platform": "ios" });
    let with = |name: &str, value: Value| {
        let mut body = page();
        body[name] = value;
        body
    };
    for (body, field) in [
        (file("../index.html"), "files[0].path"),
        (file("/etc/passwd"), "files[0].path"),
        (file("a\\b.html"), "files[0].path"),
        (file("a\u{202e}b.html"), "files[0].path"),
        (file(&"x".repeat(513)), "files[0].path"),
        (file("only.css"), "entry"),
        (with("entry", json!("other.html")), "entry"),
        (with("devices", json!(["pixel-8"])), "devices"),
        (with("devices", json!([])), "devices"),
        (with("platform", json!("windows")), "platform"),
        (with("files", json!([])), "files"),
        (with("files", json!([{ "path": "index.html" }])), "files[0].hash"),
        (with("files", json!([{ "path": "index.html", "contents": "x", "mode": 7 }])), "files[0].mode"),
    ] {
        let reply = studio.ask(&studio.ada, body.clone()).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(reply.fields(), [field], "{body}");
    }
    assert_eq!(studio.world.one("SELECT count(*) FROM jobs", &[]).await, 0);
    assert!(studio.world.files().await.is_empty());
}

#[tokio::test]
async fn the_callers_tier_counts_whatever_they_say() {
    let studio = Studio::new().await;
    let mut body = page();
    body["tier"] = json!("premium");
    assert_eq!(studio.ask(&studio.ada, body).status(201).await.data()["tier"], "free");
}

#[tokio::test]
async fn the_same_request_again_is_the_same_preview() {
    let studio = Studio::new().await;
    let ask = |body: Value| studio.ask(&studio.ada, body).header("idempotency-key", "once");
    let first = ask(page()).status(201).await;
    let again = ask(page()).status(201).await;
    assert_eq!((again.header("idempotency-replayed"), &again.text), ("true", &first.text));
    let mut other = page();
    other["safe_mode"] = json!(true);
    ask(other).refused_with(422, "IDEMPOTENCY_KEY_REUSED").await;
    assert_eq!(studio.world.one("SELECT count(*) FROM jobs", &[]).await, 1);
    assert_eq!(studio.world.files().await.len(), 1);
}

#[tokio::test]
async fn nothing_that_was_handed_in_is_in_the_database_or_a_log() {
    let studio = Studio::new().await;
    let canary = "canary-5c1f0e6a2d9c";
    let body = json!({ "files": [{ "path": "index.html", "contents": format!("<p>{canary}") }], "platform": "ipad" });
    studio.ask(&studio.ada, body).status(201).await;
    studio.machine.finish_one().await;
    studio.world.drain().await;
    for table in ["jobs", "events", "preview_files", "notifications", "idempotency_keys"] {
        let rows = studio.world.sql(&format!("SELECT * FROM {table}"), &[]).await;
        assert!(!json!(rows).to_string().contains(canary), "{table}");
    }
    assert!(!studio.world.logs().await.join("\n").contains(canary));
}

#[tokio::test]
async fn what_operators_switched_off_is_refused_by_the_database() {
    let studio = Studio::new().await;
    studio.world.sql("UPDATE switches SET is_on = 0 WHERE name = 'previews'", &[]).await;
    let reply = studio.ask(&studio.ada, page()).refused_with(503, "SWITCHED_OFF").await;
    assert!(reply.number("retry-after") > 0);
}
