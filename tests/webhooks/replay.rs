use super::*;

#[tokio::test]
async fn a_test_is_sent_at_once_and_logged() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::With(200, "x-a: b", "thank you".into())).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["task.deleted"]).await;
    let path = format!("{}/test", hook.path());
    let tested = ada.post(&path).await.data().clone();
    let [received] = &receiver.received()[..] else { panic!("{tested}") };
    assert_eq!(
        (&tested["status"], &tested["answer"], &tested["error"]),
        (&json!(200), &json!("thank you"), &Value::Null)
    );
    assert_eq!((&received.json()["type"], &tested["delivery_id"]), (&json!("webhook.test"), &json!(received.id())));
    assert!(received.is_signed_by(&hook.secret) && tested["latency_ms"].as_i64().unwrap() >= 0);

    receiver.answer(Answer::With(500, "x-a: b", "broken".into()));
    let failed = ada.post(&path).refused_with(502, "WEBHOOK_DELIVERY_FAILED").await;
    let details = &failed.json["error"]["details"];
    assert_eq!((&details["status"], &details["answer"]), (&json!(500), &json!("broken")));
    ada.patch(&hook.path()).json(json!({ "url": Receiver::nobody().await })).await;
    let failed = ada.post(&path).refused_with(502, "WEBHOOK_DELIVERY_FAILED").await;
    assert_eq!(failed.json["error"]["details"]["error"], "No connection could be made.");

    let log = ada.get(&format!("{}/deliveries?event=webhook.test", hook.path())).await;
    assert_eq!(pluck(log.items(), "status"), ["failed", "failed", "delivered"]);
    // A test says nothing of how deliveries fare, and is not repeated.
    assert_eq!((&hook.row(&world).await["failures"], &hook.row(&world).await["due_at"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn one_delivery_is_sent_again_as_it_was() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::good().await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    let task = ada.task(&project, "Write").await;
    hook.tried(&world, 1).await;
    ada.patch(&format!("/projects/{project}/tasks/{task}")).json(json!({ "title": "Rewrite" })).await;
    hook.tried(&world, 2).await;
    let first = receiver.received().remove(0);
    let path = format!("{}/deliveries/{}/replay", hook.path(), first.id());
    let replayed = ada.post(&path).await.data().clone();
    assert_eq!((&replayed["id"], &replayed["status"]), (&json!(first.id()), &json!("pending")));
    let again = &receiver.wait_for(3).await[2];
    assert_eq!((again.id(), &again.body), (first.id(), &first.body));
    let attempts = hook.tried(&world, 3).await;
    let numbers: Vec<i64> =
        attempts.iter().filter(|a| a["delivery_id"] == first.id()).map(|a| a["n"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [1, 2]);

    let never = "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77";
    ada.post(&format!("{}/deliveries/{never}/replay", hook.path())).refused_with(404, "DELIVERY_NOT_FOUND").await;
    let other = Hook::on(&ada, &project, &receiver.url, &["task.deleted"]).await;
    ada.post(&format!("{}/deliveries/{}/replay", other.path(), first.id()))
        .refused_with(404, "DELIVERY_NOT_FOUND")
        .await;
    ada.patch(&hook.path()).json(json!({ "is_active": false })).await;
    ada.post(&path).refused_with(409, "WEBHOOK_DISABLED").await;
}

#[tokio::test]
async fn what_failed_in_some_time_is_sent_again() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::good().await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["task.created"]).await;
    for i in 0..4 {
        ada.task(&project, &format!("Task {i}")).await;
        hook.tried(&world, i + 1).await;
    }
    let rows = hook.deliveries(&world).await;
    let fail = "UPDATE webhook_deliveries SET status = 'failed' WHERE id IN (?1, ?2, ?3)";
    world.sql(fail, &[rows[0]["id"].clone(), rows[1]["id"].clone(), rows[3]["id"].clone()]).await;
    let range = |only_failed: bool| json!({ "after": rows[1]["created_at"], "before": "2100-01-01", "only_failed": only_failed });
    let path = format!("{}/replay", hook.path());
    assert_eq!(ada.post(&path).json(range(true)).await.data(), &json!({ "replayed": 2, "next_after": null }));
    let mut again: Vec<String> = receiver.wait_for(6).await[4..].iter().map(|one| one.id().to_owned()).collect();
    again.sort_unstable();
    assert_eq!(again, [rows[1]["id"].as_str().unwrap(), rows[3]["id"].as_str().unwrap()]);
    hook.tried(&world, 6).await;
    assert_eq!(ada.post(&path).json(range(true)).await.data(), &json!({ "replayed": 0, "next_after": null }));
    assert_eq!(ada.post(&path).json(range(false)).await.data(), &json!({ "replayed": 3, "next_after": null }));
    receiver.wait_for(9).await;
    for bad in [json!({ "after": "2026-01-01" }), json!({ "after": "x", "before": "2026-01-01" })] {
        ada.post(&path).json(bad).refused(422).await;
    }
}

#[tokio::test]
async fn more_than_a_thousand_are_sent_again_in_pieces_each_once() {
    let (world, ada, project) = launch().await;
    let silent = Receiver::start(Answer::Silent).await;
    let hook = Hook::on(&ada, &project, &silent.url, &["task.deleted"]).await;
    // A thousand and five, of which the thousandth has two of its own moment.
    let plant = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1004)
         INSERT INTO webhook_deliveries (id, webhook_id, event_id, event, body, status, created_at, finished_at)
         SELECT printf('0198c5f2-7d3a-7c41-9b52-%012x', i), ?1, 'event ' || i, 'task.created', '{}', 'delivered', at, at
         FROM (SELECT i, strftime('%Y-%m-%dT%H:%M:%fZ', '2026-11-20', '+' || iif(i IN (1000, 1001), 999, i) || ' seconds') AS at FROM n)";
    world.sql(plant, &[json!(hook.id)]).await;
    let path = format!("{}/replay", hook.path());
    let mut range = json!({ "after": "2026-11-20", "before": "2026-11-21", "only_failed": false });
    let first = ada.post(&path).json(range.clone()).await.data().clone();
    assert_eq!(first, json!({ "replayed": 1002, "next_after": "2026-11-20T00:16:42.000Z" }));
    range["after"] = first["next_after"].clone();
    let rest = ada.post(&path).json(range.clone()).await.data().clone();
    assert_eq!(rest, json!({ "replayed": 3, "next_after": null }));
    assert_eq!(ada.post(&path).json(range).await.data()["replayed"], 0);
    let waiting = "SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'";
    assert_eq!(world.one(waiting, &[]).await, 1005);
}

#[tokio::test]
async fn a_replay_goes_at_once_even_where_the_endpoint_failed() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::With(503, "retry-after: 3600", String::new())).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    hook.tried(&world, 1).await;
    receiver.answer(Answer::Status(204));
    let delivery = receiver.received()[0].id().to_owned();
    ada.post(&format!("{}/deliveries/{delivery}/replay", hook.path())).await;
    receiver.wait_for(2).await;
    hook.tried(&world, 2).await;
    assert_eq!(hook.row(&world).await["failures"], 0);
}

#[tokio::test]
async fn a_replay_during_an_attempt_that_fails_is_not_lost() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::Late(Duration::from_secs(3), 503, "retry-after: 3600")).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    let delivery = receiver.wait_for(1).await.remove(0).id().to_owned();
    receiver.answer(Answer::Status(204));
    ada.post(&format!("{}/deliveries/{delivery}/replay", hook.path())).await;
    assert!(hook.attempts(&world).await.is_empty());
    let attempts = hook.tried(&world, 2).await;
    assert_eq!((&attempts[0]["status"], &attempts[1]["status"]), (&json!(503), &json!(204)));
    assert_eq!(receiver.received()[1].id(), delivery);
    assert_eq!(hook.deliveries(&world).await[0]["status"], "delivered");
}

#[tokio::test]
async fn the_log_is_filtered_and_old_lines_go() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::good().await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    let task = ada.task(&project, "Write").await;
    ada.delete(&format!("/projects/{project}/tasks/{task}")).status(204).await;
    hook.tried(&world, 2).await;
    let list = async |query: &str| ada.get(&format!("{}/deliveries{query}", hook.path())).await.total();
    assert_eq!((list("").await, list("?event=task.created").await, list("?status=delivered").await), (2, 1, 2));
    assert_eq!((list("?status=failed").await, list("?event=nonsense").await), (0, 0));
    ada.get(&format!("{}/deliveries?status=nonsense", hook.path())).refused(422).await;
    later(&world, 29 * 24 * HOUR).await;
    assert_eq!(hook.deliveries(&world).await.len(), 2);
    later(&world, 2 * 24 * HOUR).await;
    assert!(hook.deliveries(&world).await.is_empty() && hook.attempts(&world).await.is_empty());
}
