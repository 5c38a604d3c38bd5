use crate::support::*;

const WRONG: &str = "something else";

async fn fail(person: &Person, times: usize) {
    for _ in 0..times {
        person.try_password(WRONG).refused_with(401, "AUTH_INVALID_CREDENTIALS").await;
    }
}

async fn locked_for(person: &Person) -> i64 {
    person.try_password(PASSWORD).refused_with(429, "AUTH_LOCKED").await.number("retry-after")
}

#[tokio::test]
async fn the_fifth_failure_locks_for_a_minute_even_the_right_password_out() {
    let world = World::new().await;
    let mut ada = world.sign_up("ada").await;
    world.clock().stop();
    fail(&ada, 5).await;
    assert_eq!(locked_for(&ada).await, 60);
    world.clock().advance(Duration::from_secs(59));
    assert_eq!(locked_for(&ada).await, 1);
    world.clock().advance(Duration::from_secs(1));
    ada.log_in().await;
}

#[tokio::test]
async fn four_failures_and_a_success_start_anew() {
    let world = World::new().await;
    let mut ada = world.sign_up("ada").await;
    for _ in 0..3 {
        fail(&ada, 4).await;
        ada.log_in().await;
    }
}

#[tokio::test]
async fn each_further_failure_locks_twice_as_long_up_to_15_minutes() {
    let world = World::new().await;
    let mut ada = world.sign_up("ada").await;
    world.clock().stop();
    fail(&ada, 5).await;
    for seconds in [60, 120, 240, 480, 900, 900] {
        assert_eq!(locked_for(&ada).await, seconds);
        world.clock().advance(Duration::from_secs(seconds as u64));
        fail(&ada, 1).await;
    }
    world.clock().advance(Duration::from_secs(900));
    ada.log_in().await;
    fail(&ada, 4).await;
    ada.log_in().await;
}

#[tokio::test]
async fn an_attempt_while_locked_does_not_prolong_the_lock() {
    let world = World::new().await;
    let mut ada = world.sign_up("ada").await;
    world.clock().stop();
    fail(&ada, 5).await;
    for _ in 0..5 {
        world.clock().advance(Duration::from_secs(10));
        ada.try_password(WRONG).refused_with(429, "AUTH_LOCKED").await;
    }
    world.clock().advance(Duration::from_secs(10));
    ada.log_in().await;
}

#[tokio::test]
async fn failures_more_than_15_minutes_ago_are_forgotten() {
    let world = World::new().await;
    let mut ada = world.sign_up("ada").await;
    world.clock().stop();
    fail(&ada, 4).await;
    world.clock().advance(Duration::from_secs(15 * 60 + 1));
    fail(&ada, 4).await;
    ada.log_in().await;
}

#[tokio::test]
async fn a_lock_holds_for_one_address_and_one_email() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let bob = world.sign_up("bob").await;
    let attacker = world.stranger("ada");
    fail(&attacker, 5).await;
    attacker.try_password(PASSWORD).refused_with(429, "AUTH_LOCKED").await;
    ada.try_password(PASSWORD).await;
    bob.at_ip(&attacker.ip).try_password(PASSWORD).await;
}

#[tokio::test]
async fn another_spelling_of_the_email_is_locked_too() {
    let world = World::new().await;
    let mut ada = world.sign_up("ada").await;
    fail(&ada, 5).await;
    ada.email = " ADA@example.com".into();
    ada.try_password(PASSWORD).refused_with(429, "AUTH_LOCKED").await;
}

#[tokio::test]
async fn another_address_of_the_same_ipv6_network_is_locked_too() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    fail(&ada.at_ip("2001:db8:1:2::1"), 5).await;
    ada.at_ip("2001:db8:1:2:ffff::9").try_password(PASSWORD).refused_with(429, "AUTH_LOCKED").await;
    ada.at_ip("2001:db8:1:3::1").log_in().await;
}

#[tokio::test]
async fn an_unknown_email_is_locked_like_a_known_one() {
    let world = World::new().await;
    let nobody = world.stranger("nobody");
    world.clock().stop();
    fail(&nobody, 5).await;
    assert_eq!(locked_for(&nobody).await, 60);
}

#[tokio::test]
async fn many_guesses_at_once_are_still_only_five() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let ada = world.sign_up("ada").await;
    world.clock().stop();
    let guesses = (0..40).map(|i| ada.through(i % 2).try_password(WRONG).any());
    let replies = join_all(guesses).await;
    let count = |code: &str| replies.iter().filter(|reply| reply.code() == code).count();
    assert_eq!((count("AUTH_INVALID_CREDENTIALS"), count("AUTH_LOCKED")), (5, 35));
    assert_eq!(locked_for(&ada).await, 60);
}

#[tokio::test]
async fn failures_are_audited() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    fail(&ada, 1).await;
    fail(&world.stranger("nobody"), 1).await;
    let failed = "SELECT actor_id, entity_id, ip_address, data FROM events WHERE kind = 'login.failed' ORDER BY id";
    let rows = world.sql(failed, &[]).await;
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["actor_id"], &rows[0]["ip_address"]), (&Value::Null, &json!(ada.ip)));
    assert_eq!(pluck(&rows, "entity_id"), [&ada.id().to_string(), "0"]);
    assert_eq!(pluck(&rows, "data"), [r#"{"reason":"password"}"#, r#"{"reason":"unknown"}"#]);
    assert!(!rows[0].to_string().contains(WRONG));
}

#[tokio::test]
async fn who_is_locked_out_is_written_down_once_a_minute() {
    let world = World::new().await;
    let (ada, nobody) = (world.sign_up("ada").await, world.stranger("nobody"));
    world.clock().stop();
    for person in [&ada, &nobody] {
        fail(person, 5).await;
        for _ in 0..4 {
            person.try_password(PASSWORD).refused_with(429, "AUTH_LOCKED").await;
        }
    }
    let refused =
        "SELECT actor_id, entity_id, ip_address, data FROM events WHERE kind = 'login.refused' ORDER BY entity_id";
    world.eventually("both are written down", async || world.sql(refused, &[]).await.len() >= 2).await;
    let of = |who: &Person, id: i64| json!({ "actor_id": null, "entity_id": id.to_string(), "ip_address": who.ip, "data": "{\"reason\":\"lockout\"}" });
    assert_eq!(world.sql(refused, &[]).await, [of(&nobody, 0), of(&ada, ada.id())]);
}
