use crate::support::*;

/// Calls until everything has been refused for a while; how many passed, and how many asked the limiter.
async fn hammer(people: &[Person], path: &str, times: usize, at_once: usize) -> (usize, usize) {
    let (mut passed, mut asked) = (0, 0);
    for round in 0..times / at_once {
        let calls = (0..at_once).map(|i| people[(round * at_once + i) % people.len()].get(path).any());
        for reply in join_all(calls).await {
            passed += usize::from(reply.status == 200);
            asked += usize::from(reply.asked_limiter());
            if reply.status != 200 {
                assert_eq!((reply.status.as_u16(), reply.code()), (429, "RATE_LIMITED"), "{}", reply.text);
            }
        }
    }
    (passed, asked)
}

#[tokio::test]
async fn each_tier_has_its_published_limit() {
    let mut unset = World::set_up();
    for name in ["AUTH", "ANONYMOUS", "FREE", "PRO", "PREMIUM"] {
        unset = unset.without(&format!("RATE_LIMIT_{name}"));
    }
    let world = unset.open().await;
    let ada = world.sign_up("ada").await;
    let limit = async |tier: &str| {
        world.set_tier(&ada, tier).await;
        // The isolate learns of the tier with the first row it reads.
        ada.get("/auth/me").await;
        let reply = ada.get("/auth/me").await;
        assert_eq!(
            reply.header("ratelimit-policy"),
            format!("\"{tier}\";q={};w=60", reply.number("x-ratelimit-limit"))
        );
        reply.number("x-ratelimit-limit")
    };
    assert_eq!([limit("free").await, limit("pro").await, limit("premium").await], [60, 120, 300]);
    let anyone = world.anonymous();
    assert_eq!(anyone.get("/health").await.number("x-ratelimit-limit"), 60);
    assert_eq!(anyone.get("/projects").refused(401).await.number("x-ratelimit-limit"), 60);
    assert_eq!(anyone.try_refresh("x").refused(401).await.number("x-ratelimit-limit"), 10);
}

#[tokio::test]
async fn a_caller_gets_exactly_their_limit_and_then_429() {
    let world = World::with(&[("RATE_LIMIT_FREE", "20")]).await;
    let ada = world.sign_up("ada").await;
    world.clock().stop();
    for left in (0..20).rev() {
        let reply = ada.get("/auth/me").await;
        assert_eq!(reply.number("x-ratelimit-limit"), 20);
        assert_eq!(reply.number("x-ratelimit-remaining"), left);
        assert!(reply.header("ratelimit").starts_with(&format!("\"free\";r={left};t=")), "{reply:?}");
        assert_eq!(reply.header("retry-after"), "");
    }
    let refused = ada.get("/auth/me").refused_with(429, "RATE_LIMITED").await;
    assert_eq!(refused.number("x-ratelimit-remaining"), 0);
    assert_eq!(refused.trips(), 0);
    // 20 a minute is one every three seconds.
    assert_eq!(refused.number("retry-after"), 3);
    let reset = refused.number("x-ratelimit-reset") - world.clock().now() / 1000;
    assert!((59..=61).contains(&reset), "{reset}");
}

#[tokio::test]
async fn after_the_wait_it_was_told_a_caller_passes_again() {
    let world = World::with(&[("RATE_LIMIT_FREE", "20")]).await;
    let ada = world.sign_up("ada").await;
    world.clock().stop();
    hammer(std::slice::from_ref(&ada), "/auth/me", 25, 1).await;
    let wait = ada.get("/auth/me").refused(429).await.number("retry-after");
    world.clock().advance(Duration::from_secs(wait as u64));
    ada.get("/auth/me").await;
    ada.get("/auth/me").refused(429).await;
    world.clock().advance(Duration::from_secs(60));
    let (passed, _) = hammer(std::slice::from_ref(&ada), "/auth/me", 25, 1).await;
    assert_eq!(passed, 20);
}

#[tokio::test]
async fn a_hot_caller_asks_the_limiter_once_in_five_requests() {
    let world = World::with(&[("RATE_LIMIT_FREE", "60")]).await;
    let ada = world.sign_up("ada").await;
    world.clock().stop();
    let (passed, asked) = hammer(std::slice::from_ref(&ada), "/auth/me", 100, 1).await;
    assert_eq!(passed, 60);
    assert!(asked <= 20, "{asked} of 100 requests asked");
}

#[tokio::test]
async fn clients_on_many_isolates_together_get_exactly_the_limit() {
    let limit = [("RATE_LIMIT_FREE", "60")];
    let world = World::set_up().isolates(&[&limit, &limit, &limit]).open().await;
    let ada = world.sign_up("ada").await;
    let phone = ada.on_another_device().await;
    world.clock().stop();
    let people: Vec<Person> = (0..3).flat_map(|i| [ada.through(i), phone.through(i)]).collect();
    let (passed, asked) = hammer(&people, "/auth/me", 240, 24).await;
    assert_eq!(passed, 60);
    assert!(asked <= 240 / 5, "{asked} of 240 requests asked");

    // Half a minute refills half of the bucket, and not a token more.
    world.clock().advance(Duration::from_secs(30));
    let (passed, _) = hammer(&people, "/auth/me", 240, 24).await;
    assert_eq!(passed, 30);
}

#[tokio::test]
async fn a_long_run_gets_the_limit_and_what_is_refilled() {
    let limit = [("RATE_LIMIT_FREE", "60")];
    let world = World::set_up().isolates(&[&limit, &limit]).open().await;
    let ada = world.sign_up("ada").await;
    world.clock().stop();
    let people = [ada.through(0), ada.through(1)];
    let mut passed = 0;
    for _ in 0..30 {
        passed += hammer(&people, "/auth/me", 8, 8).await.0;
        world.clock().advance(Duration::from_secs(1));
    }
    // 60 at the start and one a second for 29 seconds; a lease may be lost unspent.
    assert!((75..=89).contains(&passed), "{passed}");
}

#[tokio::test]
async fn callers_do_not_use_up_each_others_limit() {
    let world = World::with(&[("RATE_LIMIT_FREE", "5"), ("RATE_LIMIT_ANONYMOUS", "5")]).await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let bob = bob.at_ip(&ada.ip);
    world.clock().stop();
    hammer(std::slice::from_ref(&ada), "/auth/me", 10, 5).await;
    ada.get("/auth/me").refused(429).await;
    bob.get("/auth/me").await;
    let (here, there) = (world.anonymous().at_ip(&ada.ip), world.anonymous());
    hammer(std::slice::from_ref(&here), "/health", 10, 5).await;
    here.get("/health").refused_with(429, "RATE_LIMITED").await;
    there.get("/health").await;
    bob.get("/auth/me").await;
}

#[tokio::test]
async fn all_devices_of_a_user_share_one_limit_wherever_they_are() {
    let world = World::with(&[("RATE_LIMIT_FREE", "10")]).await;
    let ada = world.sign_up("ada").await;
    let phone = ada.on_another_device().await;
    world.clock().stop();
    let (passed, _) = hammer(&[ada, phone], "/auth/me", 20, 4).await;
    assert_eq!(passed, 10);
}

#[tokio::test]
async fn an_address_cannot_be_made_up() {
    let world = World::with(&[("RATE_LIMIT_ANONYMOUS", "5")]).await;
    let anyone = world.anonymous();
    world.clock().stop();
    hammer(std::slice::from_ref(&anyone), "/health", 5, 1).await;
    for header in ["x-forwarded-for", "x-real-ip", "true-client-ip", "forwarded", "client-ip"] {
        anyone.get("/health").header(header, "203.0.113.99").refused(429).await;
    }
}

#[tokio::test]
async fn a_bad_token_counts_against_the_address() {
    let world = World::with(&[("RATE_LIMIT_ANONYMOUS", "5")]).await;
    let guesser = world.anonymous();
    world.clock().stop();
    for i in 0..5 {
        guesser.bearing(&format!("guess.{i}.x")).get("/auth/me").refused(401).await;
    }
    guesser.bearing("guess.6.x").get("/auth/me").refused_with(429, "RATE_LIMITED").await;
}

#[tokio::test]
async fn routes_that_take_credentials_count_by_address_whoever_asks() {
    let world = World::with(&[("RATE_LIMIT_AUTH", "10")]).await;
    let guesser = world.anonymous();
    world.clock().stop();
    for i in 0..10 {
        let login = json!({ "email": format!("user{i}@example.com"), "password": "something else" });
        guesser.post("/auth/login").json(login).refused(401).await;
    }
    guesser.try_password(PASSWORD).refused_with(429, "RATE_LIMITED").await;
    guesser.try_refresh("x").refused_with(429, "RATE_LIMITED").await;
    let register = json!({ "email": "new@example.com", "password": PASSWORD });
    guesser.post("/auth/register").json(register.clone()).refused_with(429, "RATE_LIMITED").await;
    guesser.get("/health").await;
    world.anonymous().post("/auth/register").json(register).status(201).await;
}

#[tokio::test]
async fn many_logins_at_once_on_two_isolates_are_counted_exactly() {
    let limit = [("RATE_LIMIT_AUTH", "10")];
    let world = World::set_up().isolates(&[&limit, &limit]).open().await;
    let guesser = world.anonymous();
    world.clock().stop();
    let replies = join_all((0..40).map(|i| guesser.through(i % 2).try_refresh("x").any())).await;
    let passed = replies.iter().filter(|reply| reply.status == 401).count();
    assert_eq!((passed, replies.iter().filter(|reply| reply.status == 429).count()), (10, 30));
}

#[tokio::test]
async fn a_higher_tier_counts_at_once() {
    let world = World::with(&[("RATE_LIMIT_FREE", "5"), ("RATE_LIMIT_PRO", "50")]).await;
    let ada = world.sign_up("ada").await;
    world.clock().stop();
    ada.get("/auth/me").await;
    world.set_tier(&ada, "pro").await;
    ada.get("/auth/me").await;
    let (passed, _) = hammer(std::slice::from_ref(&ada), "/auth/me", 60, 1).await;
    assert!((40..=50).contains(&passed), "{passed}");
}

#[tokio::test]
async fn without_the_limiter_logins_are_refused_and_the_rest_goes_on() {
    let world = World::set_up().broken_limiter().open().await;
    let anyone = world.anonymous();
    anyone.get("/health").status(200).await;
    let refused = anyone.try_password(PASSWORD).any().await;
    assert!([429, 503].contains(&refused.status.as_u16()), "{}", refused.text);
    assert!(refused.number("retry-after") >= 1, "{refused:?}");
    let logged = async || world.logs().await.iter().any(|line| line.contains("limiter"));
    world.eventually("the log says so", logged).await;
}

#[tokio::test]
async fn a_limiter_that_is_moved_goes_on_counting() {
    let world = World::with(&[("RATE_LIMIT_FREE", "60")]).await;
    let ada = world.sign_up("ada").await;
    world.clock().stop();
    ada.get("/auth/me").await;
    world.evict("Limiter", &format!("user {}", ada.id())).await;
    let (passed, _) = hammer(std::slice::from_ref(&ada), "/auth/me", 80, 1).await;
    assert!(passed <= 64, "one lease of five was out when the count was lost: {passed}");
}

#[tokio::test]
async fn a_storm_is_one_event_a_minute_and_address() {
    let world = World::with(&[("RATE_LIMIT_ANONYMOUS", "5")]).await;
    let [one, other] = [world.anonymous(), world.anonymous()];
    world.clock().stop();
    let storm = async |who: &Person| {
        let replies = join_all((0..40).map(|_| who.get("/projects").any())).await;
        assert!(replies.iter().filter(|reply| reply.status == 429).count() >= 30);
        assert!(replies.iter().all(|reply| reply.trips() == 0));
    };
    storm(&one).await;
    storm(&other).await;
    let seen = "SELECT entity_id, actor_id, ip_address FROM events WHERE kind = 'limit.exceeded' ORDER BY ip_address";
    let written = async || world.sql(seen, &[]).await.len();
    world.eventually("two are written down", async || written().await >= 2).await;
    world.clock().advance(Duration::from_secs(60));
    storm(&one).await;
    world.eventually("the next minute's, too", async || written().await >= 3).await;
    let seen = world.sql(seen, &[]).await;
    assert_eq!(pluck(&seen, "entity_id"), ["anonymous"; 3]);
    let of_one = seen.iter().filter(|event| event["ip_address"] == one.ip).count();
    assert_eq!((of_one, seen.len()), (2, 3), "{seen:?}");
}
