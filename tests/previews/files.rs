use super::*;
use crate::attachments::noise;

fn put(studio: &Studio, hash: &str, content: impl Into<Vec<u8>>) -> Call {
    studio.ada.put(&format!("{}/files/{hash}", studio.path)).body(content)
}

#[tokio::test]
async fn a_file_uploaded_before_is_named_by_its_hash() {
    let studio = Studio::at(World::with(&[("LIMIT_PREVIEW_BYTES_FREE", "20000000")]).await).await;
    let large = noise(12_000_000);
    let hash = sha256(&large);
    let body = json!({ "files": [{ "path": "index.html", "contents": "<img src=a.png>" }, { "path": "a.png", "hash": hash }],
        "platform": "ios" });
    let reply = studio.ask(&studio.ada, body.clone()).refused_with(409, "FILES_MISSING").await;
    assert_eq!(reply.json["error"]["details"]["missing"], json!([hash]));

    let reply = put(&studio, &hash, large.clone()).await;
    assert_eq!((&reply.data()["bytes"], reply.trips()), (&json!(large.len()), 2));
    // Again it need not come.
    assert_eq!(put(&studio, &hash, "").await.trips(), 1);
    studio.ask(&studio.ada, body).status(201).await;
    let claimed = studio.machine.take().await;
    let fetched = studio.world.anonymous().get(&below(&claimed["files"][1]["url"])).await;
    assert!(fetched.bytes == large);
    // The inline one may be named, too.
    let inline = json!({ "files": [{ "path": "index.html", "hash": sha256(b"<img src=a.png>") }], "platform": "ios" });
    studio.cancel(&studio.ada, claimed["job_id"].as_str().unwrap()).await;
    studio.ask(&studio.ada, inline.clone()).status(201).await;

    studio.machine.finish_one().await;

    // What one project knows another one does not.
    let other = studio.ada.project("Another").await;
    let elsewhere = studio.ada.post(&format!("/projects/{other}/previews/request")).json(inline);
    elsewhere.refused_with(409, "FILES_MISSING").await;
}

#[tokio::test]
async fn what_is_not_what_it_is_called_is_refused() {
    let studio = Studio::new().await;
    let hash = sha256(b"hello");
    let reply = put(&studio, &hash, "hullo").refused_with(422, "VALIDATION_ERROR").await;
    assert_eq!(reply.fields(), ["sha256"]);
    put(&studio, &hash, "hello").in_chunks().refused_with(411, "LENGTH_REQUIRED").await;
    put(&studio, &hash.to_uppercase(), "hello").refused_with(404, "NOT_FOUND").await;
    studio
        .world
        .sign_up("eve")
        .await
        .put(&format!("{}/files/{hash}", studio.path))
        .body("hello")
        .refused_with(404, "PROJECT_NOT_FOUND")
        .await;
    assert!(studio.world.files().await.is_empty());
    assert_eq!(studio.world.one("SELECT count(*) FROM preview_files", &[]).await, 0);
    // No body is no file: an empty one comes within the request.
    put(&studio, &sha256(b""), "").refused_with(411, "LENGTH_REQUIRED").await;
}

#[tokio::test]
async fn a_file_and_all_of_them_may_be_so_large() {
    let studio = Studio::at(World::with(&[("LIMIT_PREVIEW_BYTES_FREE", "1000")]).await).await;
    let content = |n: u8| vec![n; 1000];
    let reply = put(&studio, &sha256(&[0; 1001]), vec![0; 1001]).refused_with(403, "PREVIEW_LIMIT_EXCEEDED").await;
    assert_eq!(reply.json["error"]["details"]["limit_type"], "bytes per preview");
    for n in 0..4 {
        put(&studio, &sha256(&content(n)), content(n)).await;
    }
    let reply = put(&studio, &sha256(&content(4)), content(4)).refused_with(403, "PREVIEW_LIMIT_EXCEEDED").await;
    assert_eq!(reply.json["error"]["details"]["limit_type"], "bytes of files for previews");
    assert_eq!(studio.world.files().await.len(), 4);
    // Two of them are more than a preview may have.
    let files = [0, 1].map(|n| json!({ "path": format!("{n}.html"), "hash": sha256(&content(n)) }));
    let heavy = json!({ "files": files, "platform": "ios", "entry": "0.html" });
    let reply = studio.ask(&studio.ada, heavy).refused_with(403, "PREVIEW_LIMIT_EXCEEDED").await;
    assert_eq!(
        (&reply.json["error"]["details"]["limit_type"], &reply.json["error"]["details"]["used"]),
        (&json!("bytes per preview"), &json!(2000))
    );
}

#[tokio::test]
async fn what_a_switch_refuses_leaves_no_file() {
    let studio = Studio::new().await;
    for (switch, on, code) in [("read_only", 1, "READ_ONLY"), ("previews", 0, "SWITCHED_OFF")] {
        studio.world.sql("UPDATE switches SET is_on = ?1 WHERE name = ?2", &[json!(on), json!(switch)]).await;
        studio.ask(&studio.ada, page()).refused_with(503, code).await;
        if switch == "read_only" {
            put(&studio, &sha256(b"<p>"), "<p>").refused_with(503, code).await;
        }
        studio.world.sql("UPDATE switches SET is_on = ?1 WHERE name = ?2", &[json!(1 - on), json!(switch)]).await;
    }
    assert_eq!(studio.world.files().await, [""; 0]);
}

#[tokio::test]
async fn files_are_kept_for_a_day() {
    let mut studio = Studio::new().await;
    let hash = sha256(b"<p>");
    put(&studio, &hash, "<p>").await;
    let body = json!({ "files": [{ "path": "index.html", "hash": hash }], "platform": "ios" });
    studio.later(25 * 3600).await;
    studio.ask(&studio.ada, body).refused_with(409, "FILES_MISSING").await;
    assert_eq!(studio.world.files().await.len(), 1);
    studio.world.clock().advance(Duration::from_secs(3 * 3600));
    studio.world.cron().await;
    assert!(studio.world.files().await.is_empty());
    assert_eq!(studio.world.one("SELECT count(*) FROM preview_files", &[]).await, 0);
}

#[tokio::test]
async fn a_request_may_have_eight_mebibytes_and_no_more() {
    let studio = Studio::at(World::with(&[("LIMIT_PREVIEW_BYTES_FREE", "20000000")]).await).await;
    let of = |length: usize| json!({ "files": [{ "path": "index.html", "contents": "x".repeat(length) }], "platform": "ios" });
    studio.ask(&studio.ada, of((8 << 20) + 1)).refused_with(413, "PAYLOAD_TOO_LARGE").await;
    studio.ask(&studio.ada, of((8 << 20) - 200)).status(201).await;
}
