use super::*;

/// Milliseconds from an attempt's end to the next one.
fn wait(delivery: &Value, attempt: &Value) -> i64 {
    let millis =
        |value: &Value| chrono::DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap().timestamp_millis();
    millis(&delivery["next_attempt_at"]) - millis(&attempt["at"]) - attempt["latency_ms"].as_i64().unwrap()
}

#[tokio::test]
async fn what_failed_is_sent_again_the_same_under_the_same_id() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::With(500, "x-a: b", "out of order\u{7}".into())).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    let attempt = hook.tried(&world, 1).await.remove(0);
    assert_eq!((&attempt["status"], &attempt["answer"]), (&json!(500), &json!("out of order\u{fffd}")));
    let delivery = hook.deliveries(&world).await.remove(0);
    assert_eq!(delivery["status"], "pending");
    assert!((4000..=6000).contains(&wait(&delivery, &attempt)), "{delivery} {attempt}");

    // Five seconds later, by itself.
    let second = receiver.wait_for(2).await[1].clone();
    hook.tried(&world, 2).await;
    let delivery = hook.deliveries(&world).await.remove(0);
    let minutes = wait(&delivery, &hook.attempts(&world).await[1]);
    assert!((240_000..=360_000).contains(&minutes), "{delivery}");

    receiver.answer(Answer::Status(200));
    later(&world, 8 * MINUTE).await;
    let received = receiver.wait_for(3).await;
    hook.tried(&world, 3).await;
    assert!(received.iter().all(|one| (one.id(), &one.body) == (second.id(), &second.body)));
    assert!(received.iter().all(|one| one.is_signed_by(&hook.secret)));
    assert!(received[2].header("webhook-timestamp") > received[0].header("webhook-timestamp"));
    let delivery = hook.deliveries(&world).await.remove(0);
    assert_eq!((&delivery["status"], &delivery["attempts"]), (&json!("delivered"), &json!(3)));
    let row = hook.row(&world).await;
    assert_eq!((&row["failures"], &row["failing_since"], &row["due_at"]), (&json!(0), &Value::Null, &Value::Null));
}

#[tokio::test]
async fn ten_tries_and_no_more() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::Status(500)).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    hook.tried(&world, 1).await;
    for (tried, hours) in [1, 1, 1, 3, 7, 13, 18, 25, 30].into_iter().enumerate() {
        // Not once more before its time has come.
        assert_eq!(hook.attempts(&world).await.len(), tried + 1);
        later(&world, hours * HOUR).await;
        hook.tried(&world, tried + 2).await;
    }
    let delivery = hook.deliveries(&world).await.remove(0);
    assert_eq!((&delivery["status"], &delivery["next_attempt_at"]), (&json!("failed"), &Value::Null));
    assert_eq!((hook.row(&world).await["is_active"].as_i64(), receiver.received().len()), (Some(1), 10));
    later(&world, 30 * HOUR).await;
    assert_eq!(hook.attempts(&world).await.len(), 10);
}

#[tokio::test]
async fn an_endpoint_that_asks_for_time_gets_it() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::With(429, "retry-after: 1800", String::new())).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    let attempt = hook.tried(&world, 1).await.remove(0);
    let delivery = hook.deliveries(&world).await.remove(0);
    assert!((1_799_000..=1_801_000).contains(&wait(&delivery, &attempt)), "{delivery}");
    // What comes meanwhile waits, too.
    ada.task(&project, "Read").await;
    world.drain().await;
    later(&world, 20 * MINUTE).await;
    assert_eq!(receiver.received().len(), 1);
    receiver.answer(Answer::Status(200));
    later(&world, 12 * MINUTE).await;
    receiver.wait_for(3).await;
}

#[tokio::test]
async fn an_endpoint_gets_the_time_it_asks_for_even_where_it_took_the_rest() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::Slow(Duration::from_secs(2))).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    receiver.wait_for(1).await;
    let busy = Answer::With(429, "retry-after: 1800", String::new());
    receiver.answer(Answer::Once(Box::new(busy), Box::new(Answer::Status(204))));
    join_all((0..3).map(async |i| ada.task(&project, &format!("Task {i}")).await)).await;
    world.drain().await;
    hook.tried(&world, 4).await;
    assert_eq!(hook.row(&world).await["failures"], 0);
    ada.task(&project, "Read").await;
    world.drain().await;
    later(&world, 20 * MINUTE).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.received().len(), 4);
    later(&world, 12 * MINUTE).await;
    receiver.wait_for(6).await;
}

#[tokio::test]
async fn while_an_endpoint_fails_one_at_a_time_tries_it() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::Status(503)).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    hook.tried(&world, 1).await;
    for i in 0..8 {
        ada.task(&project, &format!("Task {i}")).await;
    }
    world.drain().await;
    // Two rounds: the one that is due in five seconds, and nothing before.
    hook.tried(&world, 2).await;
    assert_eq!(receiver.received().len(), 2);
    later(&world, 10 * MINUTE).await;
    hook.tried(&world, 3).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.received().len(), 3);
    receiver.answer(Answer::Slow(Duration::from_millis(100)));
    later(&world, 40 * MINUTE).await;
    world
        .eventually("all are there", async || {
            later(&world, 10 * MINUTE).await;
            hook.deliveries(&world).await.iter().all(|delivery| delivery["status"] == "delivered")
        })
        .await;
    assert!((2..=5).contains(&receiver.most_open()), "{}", receiver.most_open());
}

#[tokio::test]
async fn a_dead_endpoint_delays_nobody() {
    let (_, ada, project) = launch().await;
    let (silent, good) = (Receiver::start(Answer::Silent).await, Receiver::good().await);
    for url in [&silent.url, &Receiver::nobody().await, &silent.url, &good.url] {
        Hook::on(&ada, &project, url, &["*"]).await;
    }
    for i in 0..10 {
        let started = std::time::Instant::now();
        ada.task(&project, &format!("Task {i}")).await;
        let received = good.wait_for(i + 1).await;
        let took = received[i].at - started;
        // Each silent one is waited for 15 seconds.
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    assert!(silent.received().len() >= 2);
}
