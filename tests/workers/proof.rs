use super::*;

const BODY: &str = r#"{"type":"cpu","running":[]}"#;

fn beat(world: &World) -> Call {
    world.anonymous().post("/workers/heartbeat").header("content-type", "application/json")
}

fn now(world: &World, ahead: i64) -> String {
    (world.clock().now() / 1000 + ahead).to_string()
}

fn signed(world: &World, timestamp: &str, worker: &str, secret: &str) -> Call {
    beat(world)
        .header("x-hs-timestamp", timestamp)
        .header("x-hs-worker", worker)
        .header("x-hs-signature", signature(secret, timestamp, BODY.as_bytes()))
        .body(BODY)
}

#[tokio::test]
async fn only_who_has_the_secret_is_a_worker() {
    let world = World::new().await;
    let at = now(&world, 0);
    signed(&world, &at, "m-1", WORKER_SECRET).await;
    let good = signature(WORKER_SECRET, &at, BODY.as_bytes());
    let with = |signature: &str| {
        beat(&world).header("x-hs-timestamp", &at).header("x-hs-worker", "m-1").header("x-hs-signature", signature)
    };
    for call in [
        beat(&world).body(BODY),
        signed(&world, &at, "m-1", JWT_SECRET),
        with(&good).body(format!("{BODY} ")),
        with(&good.to_uppercase()).body(BODY),
        with(&good[..63]).body(BODY),
        with("").body(BODY),
        signed(&world, &at, "", WORKER_SECRET),
        signed(&world, &at, "M 1", WORKER_SECRET),
        signed(&world, "", "m-1", WORKER_SECRET),
    ] {
        assert_eq!(call.refused_with(401, "WORKER_CALLBACK_INVALID").await.trips(), 0);
    }
    assert_eq!(world.one("SELECT count(*) FROM worker_nodes", &[]).await, 1);
}

#[tokio::test]
async fn a_clock_ten_minutes_off_is_refused_and_four_are_not() {
    let world = World::new().await;
    for (ahead, good) in [(240, true), (-240, true), (600, false), (-600, false)] {
        let call = signed(&world, &now(&world, ahead), "m-1", WORKER_SECRET);
        match good {
            true => drop(call.await),
            false => drop(call.refused_with(401, "WORKER_CALLBACK_INVALID").await),
        }
    }
}

#[tokio::test]
async fn a_signature_counts_once() {
    let world = World::new().await;
    world.clock().stop();
    let at = now(&world, 200);
    let again = || signed(&world, &at, "m-1", WORKER_SECRET);
    let replies = join_all((0..6).map(|_| again().any())).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    assert!(replies.iter().all(|reply| [200, 401].contains(&reply.status.as_u16())));
    // As another worker it is the same signature.
    signed(&world, &at, "m-2", WORKER_SECRET).refused_with(401, "WORKER_CALLBACK_INVALID").await;
    world.clock().advance(Duration::from_secs(480));
    world.cron().await;
    again().refused_with(401, "WORKER_CALLBACK_INVALID").await;
    world.clock().advance(Duration::from_secs(200));
    world.cron().await;
    assert_eq!(world.one("SELECT count(*) FROM worker_signatures", &[]).await, 0);
    again().refused_with(401, "WORKER_CALLBACK_INVALID").await;
}

#[tokio::test]
async fn refusals_are_written_down_once_a_minute_and_address() {
    let world = World::new().await;
    world.clock().stop();
    let [one, other] = [world.anonymous(), world.anonymous()];
    let knock = async |who: &Person| drop(who.post("/workers/callback").json(json!({})).refused(401).await);
    for _ in 0..5 {
        knock(&one).await;
    }
    knock(&other).await;
    let written = async || world.one("SELECT count(*) FROM events WHERE kind = 'worker.callback_refused'", &[]).await;
    world.eventually("two are written down", async || written().await == 2).await;
    world.clock().advance(Duration::from_secs(60));
    knock(&one).await;
    world.eventually("the next minute's, too", async || written().await == 3).await;
    let addresses =
        world.sql("SELECT DISTINCT ip_address FROM events WHERE kind = 'worker.callback_refused'", &[]).await;
    assert_eq!(addresses.len(), 2);
}

#[tokio::test]
async fn workers_are_limited_by_their_address() {
    let world = World::with(&[("RATE_LIMIT_WORKER", "3")]).await;
    let machine = Machine::new(&world, "m-1");
    for _ in 0..3 {
        machine.heartbeat(&[]).await;
    }
    machine.heartbeat(&[]).refused_with(429, "RATE_LIMITED").await;
    Machine::new(&world, "m-1").heartbeat(&[]).await;
}
