use super::*;

async fn with(limits: &[(&str, &str)]) -> Studio {
    Studio::at(World::with(limits).await).await
}

fn details(reply: &Reply) -> &Value {
    &reply.json["error"]["details"]
}

#[tokio::test]
async fn a_tier_has_so_many_previews_at_once() {
    let studio = Studio::new().await;
    studio.request().await;
    let reply = studio.ask(&studio.ada, page()).refused_with(403, "PREVIEW_LIMIT_EXCEEDED").await;
    assert_eq!(
        details(&reply),
        &json!({ "limit_type": "concurrent previews", "tier": "free", "limit": 1, "used": 1, "upgrade_available": true,
            "recommended_tier": "pro", "upgrade_reason": "Pro allows 2 concurrent previews." })
    );
    assert_eq!(studio.world.files().await.len(), 1, "what was refused left nothing");
    studio.machine.finish_one().await;
    studio.request().await;
}

#[tokio::test]
async fn an_hour_and_a_day_have_so_many_previews() {
    let mut studio = with(&[("LIMIT_PREVIEWS_PER_HOUR_FREE", "2"), ("LIMIT_PREVIEWS_PER_DAY_FREE", "3")]).await;
    let request = async |studio: &Studio| {
        let job = studio.request().await;
        studio.cancel(&studio.ada, &job).await;
    };
    request(&studio).await;
    studio.later(600).await;
    request(&studio).await;
    let reply = studio.ask(&studio.ada, page()).refused_with(403, "PREVIEW_LIMIT_EXCEEDED").await;
    assert_eq!((&details(&reply)["limit_type"], &details(&reply)["used"]), (&json!("previews per hour"), &json!(2)));
    let wait = details(&reply)["retry_after_seconds"].as_u64().unwrap();
    assert!((2990..=3001).contains(&wait), "{wait}");
    studio.later(wait).await;
    request(&studio).await;
    let reply = studio.ask(&studio.ada, page()).refused_with(403, "PREVIEW_LIMIT_EXCEEDED").await;
    assert_eq!(details(&reply)["limit_type"], "previews per hour");
    studio.later(3600).await;
    let reply = studio.ask(&studio.ada, page()).refused_with(403, "PREVIEW_LIMIT_EXCEEDED").await;
    assert_eq!((&details(&reply)["limit_type"], &details(&reply)["used"]), (&json!("previews per day"), &json!(3)));

    // Another requester in the same project has theirs.
    let bob = studio.world.sign_up("bob").await;
    studio.world.add_member(&studio.project, &bob).await;
    studio.ask(&bob, page()).status(201).await;
}

#[tokio::test]
async fn a_deleted_project_takes_no_count_with_it() {
    let studio = with(&[("LIMIT_PREVIEWS_PER_HOUR_FREE", "1")]).await;
    let job = studio.request().await;
    studio.ada.delete(&format!("/projects/{}", studio.project)).await;
    studio.world.drain().await;
    let row = studio.world.sql("SELECT project_id, status FROM jobs WHERE id = ?1", &[json!(job)]).await;
    assert_eq!(row, [json!({ "project_id": null, "status": "canceled" })]);
    let other = studio.ada.project("Another").await;
    let again = studio.ada.post(&format!("/projects/{other}/previews/request")).json(page());
    again.refused_with(403, "PREVIEW_LIMIT_EXCEEDED").await;
    studio.world.clock().advance(Duration::from_secs(25 * 3600));
    studio.world.cron().await;
    assert_eq!(studio.world.one("SELECT count(*) FROM jobs", &[]).await, 0);
}

#[tokio::test]
async fn of_fifty_at_once_exactly_as_many_are_taken_as_allowed() {
    let studio = with(&[("LIMIT_CONCURRENT_PREVIEWS_FREE", "7"), ("LIMIT_PREVIEWS_PER_HOUR_FREE", "100")]).await;
    let replies = join_all((0..50).map(|_| studio.ask(&studio.ada, page()).any())).await;
    let taken = replies.iter().filter(|reply| reply.status == 201).count();
    let refused = replies.iter().filter(|reply| reply.code() == "PREVIEW_LIMIT_EXCEEDED").count();
    assert_eq!((taken, refused), (7, 43));
    assert_eq!(studio.world.one("SELECT count(*) FROM jobs", &[]).await, 7);
}

#[tokio::test]
async fn files_bytes_and_devices_are_counted() {
    let limits = [
        ("LIMIT_PREVIEW_FILES_FREE", "2"),
        ("LIMIT_PREVIEW_BYTES_FREE", "1000"),
        ("LIMIT_DEVICES_PER_PREVIEW_FREE", "1"),
    ];
    let studio = with(&limits).await;
    let files = |contents: &[String]| {
        let file = |(i, contents): (usize, &String)| json!({ "path": format!("{i}.html"), "contents": contents });
        let files: Vec<Value> = contents.iter().enumerate().map(file).collect();
        json!({ "files": files, "platform": "ios", "entry": "0.html" })
    };
    let mut devices = page();
    devices["devices"] = json!(["iphone-15", "iphone-se"]);
    for (body, what, used) in [
        (files(&["a".into(), "b".into(), "c".into()]), "files per preview", 3),
        (files(&["a".repeat(600), "b".repeat(401)]), "bytes per preview", 1001),
        (files(&["a".repeat(600), "a".repeat(600)]), "bytes per preview", 1200),
        (devices, "devices per preview", 2),
    ] {
        let reply = studio.ask(&studio.ada, body).refused_with(403, "PREVIEW_LIMIT_EXCEEDED").await;
        assert_eq!((&details(&reply)["limit_type"], &details(&reply)["used"]), (&json!(what), &json!(used)));
    }
    // The same again by its hash weighs as much again.
    let big = "a".repeat(600);
    let again = json!({ "files": [{ "path": "0.html", "contents": big }, { "path": "1.html", "hash": sha256(big.as_bytes()) }],
        "platform": "ios", "entry": "0.html" });
    let reply = studio.ask(&studio.ada, again).refused_with(403, "PREVIEW_LIMIT_EXCEEDED").await;
    assert_eq!(details(&reply)["used"], 1200);
    assert!(studio.world.files().await.is_empty());
    studio.ask(&studio.ada, files(&["a".repeat(600), "b".repeat(400)])).status(201).await;
}
