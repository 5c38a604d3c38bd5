use super::*;

#[tokio::test]
async fn a_redirect_is_a_failure_and_nobody_follows_it() {
    let (world, ada, project) = launch().await;
    let elsewhere = Receiver::good().await;
    let location = format!("location: {}", elsewhere.url);
    let receiver = Receiver::start(Answer::With(307, Box::leak(location.into_boxed_str()), String::new())).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    assert_eq!(hook.tried(&world, 1).await[0]["status"], 307);
    assert_eq!(hook.deliveries(&world).await[0]["status"], "pending");
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn of_a_huge_answer_the_beginning_is_kept() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::With(200, "x-a: b", "é".repeat(5_000_000))).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    let attempt = hook.tried(&world, 1).await.remove(0);
    assert_eq!((&attempt["status"], attempt["answer"].as_str().unwrap()), (&json!(200), "é".repeat(512).as_str()));
    assert_eq!(hook.deliveries(&world).await[0]["status"], "delivered");
}

#[tokio::test]
async fn an_answer_without_an_end_is_left() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::Endless).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    let attempt = hook.tried(&world, 1).await.remove(0);
    assert_eq!(attempt["answer"].as_str().unwrap().len(), 1024);
    assert!(attempt["latency_ms"].as_i64().unwrap() < 5000, "{attempt}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_waited_for_15_seconds() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::Silent).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    receiver.wait_for(1).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(hook.attempts(&world).await.is_empty());
    let attempt = hook.tried(&world, 1).await.remove(0);
    assert_eq!((&attempt["status"], &attempt["error"]), (&Value::Null, &json!("No answer came within 15 seconds.")));
    assert!((15_000..25_000).contains(&attempt["latency_ms"].as_i64().unwrap()), "{attempt}");
}

/// A poke that was lost: the sender never heard of it.
#[tokio::test]
async fn the_cron_finds_what_nobody_was_told_to_send() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::good().await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    let at = "2026-11-20T00:00:00.000Z";
    let plant =
        "INSERT INTO webhook_deliveries (id, webhook_id, event_id, event, body, status, next_attempt_at, created_at)
                 VALUES (?1, ?2, 'lost', 'task.created', '{}', 'pending', ?3, ?3)";
    let id = "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77";
    world.sql(plant, &[json!(id), json!(hook.id), json!(at)]).await;
    world.sql("UPDATE webhook_endpoints SET due_at = ?1", &[json!(at)]).await;
    world.cron().await;
    assert_eq!(receiver.wait_for(1).await[0].id(), id);
}

#[tokio::test]
async fn what_was_being_sent_when_the_worker_ended_is_sent_again() {
    let world = World::set_up().var("TEST_CLOCK", "allow").open().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    let receiver = Receiver::start(Answer::Silent).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    let first = receiver.wait_for(1).await.remove(0);
    // Its alarm may go off again as soon as it is back.
    receiver.answer(Answer::Status(204));
    world.restart().await;
    later(&world, 2 * MINUTE).await;
    let second = &receiver.wait_for(2).await[1];
    assert_eq!((second.id(), &second.body), (first.id(), &first.body));
    hook.tried(&world, 1).await;
    assert_eq!(hook.deliveries(&world).await[0]["status"], "delivered");
}

#[tokio::test]
async fn a_webhook_that_is_deleted_while_it_is_told_leaves_nothing() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::Slow(Duration::from_millis(800))).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    receiver.wait_for(1).await;
    ada.delete(&hook.path()).status(204).await;
    later(&world, 1).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    later(&world, 1).await;
    for table in ["webhook_endpoints", "webhook_deliveries", "webhook_attempts"] {
        assert_eq!(world.one(&format!("SELECT count(*) FROM {table}"), &[]).await, 0, "{table}");
    }
}

#[tokio::test]
async fn a_burst_is_sent_a_few_at_a_time() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::Slow(Duration::from_millis(100))).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    join_all((0..40).map(async |i| ada.task(&project, &format!("Task {i}")).await)).await;
    receiver.wait_for(40).await;
    hook.tried(&world, 40).await;
    assert!((2..=5).contains(&receiver.most_open()), "{}", receiver.most_open());
    let ids: std::collections::HashSet<String> = receiver.received().iter().map(|one| one.id().to_owned()).collect();
    assert_eq!((ids.len(), receiver.received().len()), (40, 40));
}
