use super::*;

#[tokio::test]
async fn what_is_brought_lies_with_its_attempt() {
    let studio = Studio::new().await;
    let job = studio.request().await;
    let claimed = studio.machine.take().await;
    let reply = studio.machine.bring(&claimed, "iphone-15.png", PNG).status(201).await;
    assert_eq!((&reply.data()["key"], reply.trips()), (&json!(format!("previews/{job}/1/iphone-15.png")), 1));
    // Once more is the same file.
    studio.machine.bring(&claimed, "iphone-15.png", PNG).status(201).await;
    let files = studio.world.files().await;
    assert_eq!(files.iter().filter(|key| key.starts_with("previews/")).count(), 1);
}

#[tokio::test]
async fn what_is_no_picture_of_the_request_is_refused_and_leaves_nothing() {
    let studio = Studio::at(World::with(&[("LIMIT_SNAPSHOT_BYTES_FREE", "1000")]).await).await;
    studio.request().await;
    let claimed = studio.machine.take().await;
    let bring = |name: &str, content: &[u8]| studio.machine.bring(&claimed, name, content);
    for name in ["iphone-se.png", "pixel-8.png", "evil.png", "layout.txt", "iphone-15.svg"] {
        bring(name, PNG).refused_with(404, "ARTIFACT_NOT_FOUND").await;
    }
    bring("iphone-15.png", b"<svg>").refused_with(422, "VALIDATION_ERROR").await;
    bring("iphone-15.png", b"").refused_with(422, "VALIDATION_ERROR").await;
    bring("layout.json", b"PK").refused_with(422, "VALIDATION_ERROR").await;
    bring("iphone-15.png", PNG).header("content-type", "text/html").refused_with(415, "UNSUPPORTED_MEDIA_TYPE").await;
    bring("iphone-15.png", &[PNG, &[0; 1000]].concat()).refused_with(413, "PAYLOAD_TOO_LARGE").await;
    bring("iphone-15.png", &[PNG, &vec![0; 6 << 20]].concat()).refused_with(413, "PAYLOAD_TOO_LARGE").await;
    bring("iphone-15.png", PNG).header("x-hs-attempt", "1.AAAA").refused_with(409, "ATTEMPT_OVER").await;
    bring("iphone-15.png", PNG).body(b"other").refused_with(401, "WORKER_CALLBACK_INVALID").await;
    assert!(!studio.world.files().await.iter().any(|key| key.starts_with("previews/")));
}

#[tokio::test]
async fn the_same_picture_may_come_for_two_places_but_once_for_each() {
    let studio = Studio::new().await;
    studio.request().await;
    let claimed = studio.machine.take().await;
    let at = (studio.world.clock().now() / 1000 - 5).to_string();
    let bring = |name: &str| {
        let call = studio.machine.bring(&claimed, name, PNG).header("x-hs-timestamp", at.clone());
        call.header("x-hs-signature", signature(WORKER_SECRET, &at, PNG))
    };
    for name in ["iphone-15.png", "iphone-15-2.png"] {
        bring(name).status(201).await;
        bring(name).refused_with(401, "WORKER_CALLBACK_INVALID").await;
    }
}
