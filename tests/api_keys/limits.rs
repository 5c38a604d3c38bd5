use super::*;

async fn passed(who: &Person, times: usize) -> usize {
    let mut passed = 0;
    for _ in 0..times {
        let reply = who.get("/projects").any().await;
        assert!(reply.status == 200 || reply.code() == "RATE_LIMITED", "{}", reply.text);
        passed += usize::from(reply.status == 200);
    }
    passed
}

#[tokio::test]
async fn each_key_has_its_own_limit_and_all_of_a_user_twice_that() {
    let world = World::with(&[("RATE_LIMIT_FREE", "20")]).await;
    let ada = world.sign_up("ada").await;
    let mut programs = Vec::new();
    for _ in 0..3 {
        programs.push(ada.program(&["read"]).await);
    }
    world.clock().stop();
    world.clock().advance(Duration::from_secs(60));
    let reply = programs[0].get("/projects").await;
    assert_eq!((reply.number("x-ratelimit-limit"), reply.number("x-ratelimit-remaining")), (20, 19));
    assert!(reply.header("ratelimit").starts_with("\"free\";"), "{reply:?}");
    assert_eq!(passed(&programs[0], 30).await, 19);
    assert_eq!(passed(&programs[1], 15).await, 15);
    // A key has room that all of them together have not.
    assert_eq!(passed(&programs[2], 10).await, 5);
    let refused = programs[2].get("/projects").refused_with(429, "RATE_LIMITED").await;
    assert!(refused.header("ratelimit").starts_with("\"keys\";r=0;"), "{refused:?}");
    assert_eq!((refused.number("x-ratelimit-limit"), refused.trips()), (40, 0));
    assert!(refused.number("retry-after") >= 1);
    // Their user is not kept waiting.
    assert_eq!(passed(&ada, 20).await, 20);
}

#[tokio::test]
async fn one_key_that_is_over_its_limit_takes_nothing_from_the_others() {
    let world = World::with(&[("RATE_LIMIT_FREE", "20")]).await;
    let ada = world.sign_up("ada").await;
    let (hot, other) = (ada.program(&["read"]).await, ada.program(&["read"]).await);
    world.clock().stop();
    world.clock().advance(Duration::from_secs(60));
    assert_eq!(passed(&hot, 100).await, 20);
    assert_eq!(passed(&other, 20).await, 20);
}

#[tokio::test]
async fn a_key_on_many_isolates_gets_exactly_its_limit() {
    let limit = [("RATE_LIMIT_FREE", "40")];
    let world = World::set_up().isolates(&[&limit, &limit]).open().await;
    let ada = world.sign_up("ada").await;
    let program = ada.program(&["read"]).await;
    world.clock().stop();
    world.clock().advance(Duration::from_secs(60));
    let replies = join_all((0..120).map(|i| program.through(i % 2).get("/projects").any())).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 40);
}

#[tokio::test]
async fn who_tries_keys_out_is_counted_by_address() {
    let world = World::with(&[("RATE_LIMIT_ANONYMOUS", "12")]).await;
    let nobody = world.anonymous();
    world.clock().stop();
    for i in 0..20 {
        let key = made_up(&i.to_string());
        let reply = nobody.bearing(&key).get("/projects").any().await;
        assert_eq!((reply.status.as_u16(), reply.trips()), if i < 12 { (401, 1) } else { (429, 0) });
    }
}
