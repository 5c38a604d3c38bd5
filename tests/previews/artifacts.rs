use super::*;

async fn drawn(studio: &Studio) -> (String, Value) {
    let job = studio.request().await;
    studio.machine.finish_one().await;
    let artifact = studio.artifact(&job).await.data().clone();
    (job, artifact)
}

#[tokio::test]
async fn a_token_opens_its_preview_for_five_minutes() {
    let studio = Studio::new().await;
    let (job, artifact) = drawn(&studio).await;
    let anyone = studio.world.anonymous();
    let (token, url) = (artifact["preview_token"].as_str().unwrap(), below(&artifact["assets"][0]["url"]));
    let shown = anyone.get(&url).await;
    assert_eq!(shown.header("content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(shown.header("x-content-type-options"), "nosniff");
    let part = anyone.get(&url).header("range", "bytes=0-3").status(206).await;
    assert_eq!(&part.bytes[..], &PNG[..4]);
    anyone.get(&url).header("if-none-match", shown.header("etag")).status(304).await;

    let at = |job: &str, name: &str, token: &str| anyone.get(&format!("/previews/{job}/{name}?token={token}"));
    let (payload, signature) = token.split_once('.').unwrap();
    at(&job, "iphone-15.png", &format!("{payload}A.{signature}")).refused_with(403, "LINK_INVALID").await;
    at(&job, "iphone-15.png", payload).refused_with(403, "LINK_INVALID").await;
    anyone.get(&format!("/previews/{job}/iphone-15.png")).refused_with(403, "LINK_INVALID").await;
    for name in ["iphone-se.png", "iphone-15-2.png", "layout.JSON", "..%2Flayout.json", "1"] {
        at(&job, name, token).refused_with(404, "ARTIFACT_NOT_FOUND").await;
    }
    let (other, _) = drawn(&studio).await;
    at(&other, "iphone-15.png", token).refused_with(403, "LINK_INVALID").await;

    studio.world.clock().advance(Duration::from_secs(301));
    anyone.get(&url).refused_with(410, "LINK_EXPIRED").await;
    let again = studio.artifact(&job).await.data().clone();
    anyone.get(&below(&again["assets"][0]["url"])).await;
}

#[tokio::test]
async fn the_token_of_the_request_opens_what_is_drawn_for_it() {
    let studio = Studio::new().await;
    let requested = studio.ask(&studio.ada, page()).status(201).await.data().clone();
    let token = requested["preview_token"].as_str().unwrap();
    let url = format!("/previews/{}/layout.json?token={token}", requested["id"].as_str().unwrap());
    studio.world.anonymous().get(&url).refused_with(404, "ARTIFACT_NOT_FOUND").await;
    studio.machine.finish_one().await;
    assert_eq!(studio.world.anonymous().get(&url).await.text, "{}");
}

#[tokio::test]
async fn a_secret_can_be_replaced_without_closing_what_is_open() {
    const OLD: &str = "rQ7mW3tK9bN5xH1vJ8zC4yG6dF2pL0sA";
    const NEW: &str = "zT4kR8wN2vQ6mX1bJ9cH5yL3fD7gP0sE";
    let replaced = [("PREVIEW_TOKEN_SECRET", NEW), ("PREVIEW_TOKEN_PREVIOUS_SECRET", OLD)];
    let forgotten = [("PREVIEW_TOKEN_SECRET", NEW)];
    let world = World::set_up().isolates(&[&[], &replaced, &forgotten]).open().await;
    let studio = Studio::at(world).await;
    let (_, artifact) = drawn(&studio).await;
    let url = below(&artifact["layout_url"]);
    let anyone = studio.world.anonymous();
    anyone.through(1).get(&url).await;
    anyone.through(2).get(&url).refused_with(403, "LINK_INVALID").await;
}

#[tokio::test]
async fn files_go_after_a_day_and_the_history_stays() {
    let mut studio = Studio::new().await;
    let (job, artifact) = drawn(&studio).await;
    assert!(studio.world.files().await.iter().any(|key| key.starts_with("previews/")));
    studio.later(24 * 3600 + 1).await;
    studio.artifact(&job).refused_with(410, "ARTIFACT_EXPIRED").await;
    studio.world.cron().await;
    studio.world.drain().await;
    assert_eq!(studio.status(&job).await, "expired");
    studio.artifact(&job).refused_with(410, "ARTIFACT_EXPIRED").await;
    assert!(!studio.world.files().await.iter().any(|key| key.starts_with("previews/")), "{artifact}");
    assert_eq!(studio.steps(&job).await, ["requested", "started", "completed", "expired"]);
}

#[tokio::test]
async fn what_a_token_opens_is_counted_by_its_preview_and_the_rest_by_address() {
    let studio = Studio::at(World::with(&[("RATE_LIMIT_ANONYMOUS", "5"), ("RATE_LIMIT_PREVIEW", "20")]).await).await;
    let (job, artifact) = drawn(&studio).await;
    let (other, _) = drawn(&studio).await;
    let url = below(&artifact["layout_url"]);
    let here = studio.world.anonymous();
    studio.world.clock().stop();
    for _ in 0..19 {
        here.get(&url).await;
    }
    let last = studio.world.anonymous().get(&url).await;
    assert_eq!((last.number("x-ratelimit-limit"), last.number("x-ratelimit-remaining")), (20, 0));
    studio.world.anonymous().get(&url).refused_with(429, "RATE_LIMITED").await;
    // A token of another preview, and one of none.
    for at in 0..5 {
        let url = if at < 3 { url.replace(&job, &other) } else { format!("/previews/{job}/layout.json?token=x") };
        let refused = here.get(&url).refused_with(403, "LINK_INVALID").await;
        assert_eq!(refused.number("x-ratelimit-limit"), 5);
    }
    here.get(&format!("/previews/{job}/layout.json?token=x")).refused_with(429, "RATE_LIMITED").await;
}
