use super::*;

fn body(project: &str, url: &str, events: Value) -> Value {
    json!({ "project_id": project, "url": url, "events": events })
}

#[tokio::test]
async fn an_owner_keeps_webhooks() {
    let (world, ada, project) = launch().await;
    let url = "https://example.com/hook?key=1";
    let made =
        ada.post("/webhooks").json(body(&project, url, json!(["task.updated", "task.created"]))).status(201).await;
    let made = made.data();
    assert_eq!(
        (&made["url"], &made["events"], &made["is_active"], &made["failures"]),
        (&json!(url), &json!(["task.created", "task.updated"]), &json!(true), &json!(0))
    );
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let path = format!("/webhooks/{}", made["id"].as_str().unwrap());
    let shown = ada.get(&path).await.data().clone();
    assert!(shown["secret"].is_null() && shown["url"] == url, "{shown}");
    let edit = json!({ "url": "https://EXAMPLE.com:443/other", "events": ["*"], "description": "Builds.", "is_active": false });
    let edited = ada.patch(&path).json(edit).await.data().clone();
    assert_eq!(
        (&edited["url"], &edited["events"], &edited["description"], &edited["is_active"]),
        (&json!("https://example.com/other"), &json!(["*"]), &json!("Builds."), &json!(false))
    );
    assert_eq!(ada.patch(&path).json(json!({ "description": null })).await.data()["description"], Value::Null);
    let list = ada.get(&format!("/webhooks?project_id={project}")).await;
    assert_eq!((list.total(), &list.items()[0]["id"]), (1, &made["id"]));
    ada.delete(&path).status(204).await;
    ada.get(&path).refused_with(404, "WEBHOOK_NOT_FOUND").await;
    ada.delete(&path).refused_with(404, "WEBHOOK_NOT_FOUND").await;
    assert_eq!(ada.get(&format!("/webhooks?project_id={project}")).await.total(), 0);
    world.clock().advance(Duration::from_secs(1));
    world.cron().await;
    assert_eq!(world.one("SELECT count(*) FROM webhook_endpoints", &[]).await, 0);
    let kinds = world.sql("SELECT kind FROM events WHERE kind LIKE 'webhook.%' ORDER BY id", &[]).await;
    assert_eq!(pluck(&kinds, "kind"), ["webhook.created", "webhook.updated", "webhook.updated", "webhook.deleted"]);
}

#[tokio::test]
async fn members_may_not_and_others_see_nothing() {
    let (world, ada, project) = launch().await;
    let (bob, eve) = (world.sign_up("bob").await, world.sign_up("eve").await);
    world.add_member(&project, &bob).await;
    let hook = Hook::on(&ada, &project, "https://example.com/", &["*"]).await;
    let (path, list) = (hook.path(), format!("/webhooks?project_id={project}"));
    let new = body(&project, "https://example.com/", json!(["*"]));
    let range = json!({ "after": "2026-01-01", "before": "2027-01-01" });
    for (person, status, of_project, of_webhook) in
        [(&bob, 403, "AUTH_FORBIDDEN", "AUTH_FORBIDDEN"), (&eve, 404, "PROJECT_NOT_FOUND", "WEBHOOK_NOT_FOUND")]
    {
        person.post("/webhooks").json(new.clone()).refused_with(status, of_project).await;
        person.get(&list).refused_with(status, of_project).await;
        person.get(&path).refused_with(status, of_webhook).await;
        person.patch(&path).json(json!({})).refused_with(status, of_webhook).await;
        person.delete(&path).refused_with(status, of_webhook).await;
        person.post(&format!("{path}/rotate-secret")).json(json!({})).refused_with(status, of_webhook).await;
        person.post(&format!("{path}/test")).refused_with(status, of_webhook).await;
        person.post(&format!("{path}/replay")).json(range.clone()).refused_with(status, of_webhook).await;
        person.get(&format!("{path}/deliveries")).refused_with(status, of_webhook).await;
    }
    ada.get("/webhooks").refused(422).await;
    ada.get("/webhooks?project_id=7").refused(422).await;
}

/// The unit tests know many more.
#[tokio::test]
async fn an_address_that_is_not_public_is_refused() {
    let world =
        World::set_up().without("WEBHOOKS_ALLOW_LOOPBACK").var("BASE_URL", "https://hive.example.com").open().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    let hook = Hook::on(&ada, &project, "https://example.com/", &["*"]).await;
    for url in [
        "http://127.0.0.1:4000/",
        "https://127.0.0.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://[::ffff:169.254.169.254]/",
        "https://localhost/",
        "https://hive.example.com/api/v1/health",
        "https://ada@example.com/",
        "https://example.com:22/",
        "nonsense",
    ] {
        let refused =
            ada.post("/webhooks").json(body(&project, url, json!(["*"]))).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(refused.fields(), ["url"], "{url}");
        let refused = ada.patch(&hook.path()).json(json!({ "url": url })).refused(422).await;
        assert_eq!(refused.fields(), ["url"], "{url}");
    }
    assert_eq!(world.one("SELECT count(*) FROM webhook_endpoints", &[]).await, 1);
}

#[tokio::test]
async fn an_address_is_checked_again_before_every_attempt() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::good().await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    let forbidden = "UPDATE webhook_endpoints SET url = 'http://10.0.0.1/' WHERE id = ?1";
    world.sql(forbidden, &[json!(hook.id)]).await;
    ada.task(&project, "Write").await;
    let attempts = hook.tried(&world, 1).await;
    assert_eq!(attempts[0]["error"], "The address may not be called: it must be an https:// address.");
    assert_eq!((attempts[0]["latency_ms"].as_i64(), receiver.received().len()), (Some(0), 0));
}

/// Where no address of ours is configured, the one by which the webhook was made is.
#[tokio::test]
async fn the_way_back_to_us_is_known_at_each_attempt() {
    let (world, ada, project) = launch().await;
    let hook = Hook::on(&ada, &project, "https://hooks.example.com/", &["*"]).await;
    assert_eq!(hook.row(&world).await["site"], json!(ada.origin()));
    world.sql("UPDATE webhook_endpoints SET site = 'https://hooks.example.com'", &[]).await;
    ada.task(&project, "Write").await;
    let refused = "The address may not be called: it must not be this service.";
    assert_eq!(hook.tried(&world, 1).await[0]["error"], refused);
    ada.patch(&hook.path()).json(json!({ "description": "The same." })).await;
    assert_eq!(hook.row(&world).await["site"], "https://hooks.example.com");
    ada.patch(&hook.path()).json(json!({ "url": "https://other.example.com/" })).await;
    assert_eq!(hook.row(&world).await["site"], json!(ada.origin()));
}

#[tokio::test]
async fn unknown_events_and_other_nonsense_are_refused() {
    let (_, ada, project) = launch().await;
    for events in [json!([]), json!(["task.renamed"]), json!(["webhook.test"]), json!(["TASK.CREATED"]), json!("*")] {
        let refused = ada.post("/webhooks").json(body(&project, "https://example.com/", events)).refused(422).await;
        assert_eq!(refused.fields(), ["events"]);
    }
    let hook = Hook::on(&ada, &project, "https://example.com/", &["*"]).await;
    for overlap in [json!(-1), json!(604_801), json!("x"), json!(1.5)] {
        let body = json!({ "overlap_seconds": overlap });
        let refused = ada.post(&format!("{}/rotate-secret", hook.path())).json(body).refused(422).await;
        assert_eq!(refused.fields(), ["overlap_seconds"]);
    }
}

#[tokio::test]
async fn the_plan_says_how_many_a_project_has_however_many_try_at_once() {
    let world = World::set_up().without("LIMIT_WEBHOOKS_FREE").open().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    let new = || ada.post("/webhooks").json(body(&project, "https://example.com/", json!(["*"])));
    let made = join_all((0..5).map(|_| new().any())).await;
    assert_eq!(made.iter().filter(|reply| reply.status == 201).count(), 1);
    let refused = new().refused_with(403, "TIER_LIMIT_EXCEEDED").await;
    let details = &refused.json["error"]["details"];
    assert_eq!((&details["limit"], &details["recommended_tier"]), (&json!(1), &json!("pro")));
    let other = ada.project("Other").await;
    let hook = Hook::on(&ada, &other, "https://example.com/", &["*"]).await;
    ada.delete(&hook.path()).status(204).await;
    Hook::on(&ada, &other, "https://example.com/", &["*"]).await;
    world.set_tier(&ada, "pro").await;
    new().status(201).await;
}

#[tokio::test]
async fn a_team_hears_nothing_of_its_owners_webhooks() {
    let (world, ada, project) = launch().await;
    let bob = world.sign_up("bob").await;
    world.add_member(&project, &bob).await;
    world.drain().await;
    let mut socket = bob.listen().await;
    socket.subscribe(&format!("project:{project}"), None).await;
    socket.skip_to("subscribed").await;
    Hook::on(&ada, &project, "https://example.com/", &["project.deleted"]).await;
    world.drain().await;
    ada.task(&project, "Write").await;
    loop {
        let message = socket.next().await;
        assert!(!message["type"].as_str().unwrap().starts_with("webhook."), "{message}");
        if message["type"] == "task.created" {
            break;
        }
    }
}
