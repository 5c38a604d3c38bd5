use crate::support::*;

/// Nothing works, and the log says why; the answer does not.
async fn misconfigured(world: &World, why: &[&str]) {
    let anyone = world.anonymous();
    for call in [
        anyone.get("/health"),
        anyone.get("/projects"),
        anyone.try_password(PASSWORD),
        anyone.get("/nothing"),
        anyone.options("/projects"),
    ] {
        let reply = call.refused_with(503, "MISCONFIGURED").await;
        for word in why {
            assert!(!reply.text.contains(word), "{}", reply.text);
        }
    }
    for word in why {
        let logged = async || world.logs().await.iter().any(|line| line.contains(word));
        world.eventually(&format!("the log says '{word}'"), logged).await;
    }
}

#[tokio::test]
async fn without_its_secrets_nothing_works() {
    misconfigured(&World::set_up().without("JWT_SECRET").open().await, &["JWT_SECRET is missing"]).await;
    misconfigured(&World::set_up().without("SESSION_SECRET").open().await, &["SESSION_SECRET is missing"]).await;
}

#[tokio::test]
async fn weak_secrets_are_as_good_as_none() {
    let dull = "changeme".repeat(5);
    let weak = [("JWT_SECRET", "too short"), ("SESSION_SECRET", dull.as_str())];
    let world = World::with(&weak).await;
    misconfigured(&world, &["JWT_SECRET is shorter than 32 bytes", "SESSION_SECRET is not random"]).await;
    let logs = world.logs().await.join("\n");
    assert!(!logs.contains("too short") && !logs.contains(&dull), "a log is no place for secrets");

    misconfigured(&World::with(&[("JWT_PREVIOUS_SECRET", "x")]).await, &["JWT_PREVIOUS_SECRET"]).await;
}

#[tokio::test]
async fn without_a_binding_nothing_works() {
    for binding in ["DB", "SESSIONS", "FILES", "EVENTS", "LIMITER"] {
        misconfigured(&World::set_up().without(binding).open().await, &[&format!("{binding} is missing")]).await;
    }
}

#[tokio::test]
async fn settings_that_mean_nothing_are_named() {
    let nonsense = [("RATE_LIMIT_FREE", "many"), ("RATE_LIMIT_AUTH", "0"), ("CORS_ORIGINS", "*")];
    misconfigured(&World::with(&nonsense).await, &["RATE_LIMIT_FREE", "RATE_LIMIT_AUTH", "CORS_ORIGINS"]).await;
}

#[tokio::test]
async fn only_a_worker_under_test_lets_its_clock_be_moved() {
    let vars = || World::set_up().without("TEST_CLOCK");
    for world in [vars().open().await, vars().var("TEST_CLOCK", "yes").open().await] {
        let ada = world.sign_up("ada").await;
        world.clock().advance(Duration::from_secs(24 * 60 * 60));
        ada.get("/auth/me").await;
    }
}
