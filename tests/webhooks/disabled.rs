use super::*;

async fn notices(world: &World, person: &Person) -> Vec<Value> {
    world.drain().await;
    person.awake().await.get("/notifications?type=webhook_disabled").await.json["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn who_is_gone_is_told_nothing_more_and_the_owner_learns_of_it() {
    let (world, ada, project) = launch().await;
    let bob = world.sign_up("bob").await;
    world.add_member(&project, &bob).await;
    let receiver = Receiver::start(Answer::Status(410)).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    hook.tried(&world, 1).await;
    let shown = ada.get(&hook.path()).await.data().clone();
    assert_eq!((&shown["is_active"], &shown["disabled_reason"]), (&json!(false), &json!("gone")));
    assert_eq!(hook.deliveries(&world).await[0]["status"], "canceled");
    let told = world.eventually("it is told", async || notices(&world, &ada).await.len() == 1);
    told.await;
    let notice = notices(&world, &ada).await.remove(0);
    assert_eq!((&notice["payload"]["webhook_id"], &notice["project_id"]), (&json!(hook.id), &json!(project)));
    assert!(notices(&world, &bob).await.is_empty());
    ada.task(&project, "Unheard").await;
    world.drain().await;
    later(&world, HOUR).await;
    assert_eq!(receiver.received().len(), 1);

    receiver.answer(Answer::Status(204));
    let shown = ada.awake().await.patch(&hook.path()).json(json!({ "is_active": true })).await.data().clone();
    assert_eq!(
        (&shown["is_active"], &shown["disabled_reason"], &shown["failures"]),
        (&json!(true), &Value::Null, &json!(0))
    );
    ada.awake().await.task(&project, "Heard").await;
    receiver.wait_for(2).await;
}

#[tokio::test]
async fn twenty_failures_in_a_row_are_enough() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::Status(500)).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    join_all((0..20).map(async |i| ada.task(&project, &format!("Task {i}")).await)).await;
    world.drain().await;
    hook.tried(&world, 1).await;
    while hook.row(&world).await["is_active"] == 1 {
        let tried = hook.attempts(&world).await.len();
        assert!(tried < 20);
        later(&world, 40 * MINUTE).await;
        hook.tried(&world, tried + 1).await;
    }
    let row = hook.row(&world).await;
    assert_eq!(
        (&row["disabled_reason"], &row["failures"], &row["due_at"]),
        (&json!("failing"), &json!(20), &Value::Null)
    );
    assert_eq!((hook.attempts(&world).await.len(), receiver.received().len()), (20, 20));
    let statuses = hook.deliveries(&world).await;
    assert!(statuses.iter().any(|delivery| delivery["status"] == "canceled"), "{statuses:?}");
    assert!(statuses.iter().all(|delivery| delivery["status"] != "pending"));
    assert_eq!(notices(&world, &ada).await.len(), 1);
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'webhook.disabled'", &[]).await, 1);
}

#[tokio::test]
async fn a_success_among_failures_starts_the_count_anew() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::Status(500)).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    world
        .sql(
            "UPDATE webhook_endpoints SET failures = 18, strikes = 18, failing_since = '2026-11-20T00:00:00.000Z'",
            &[],
        )
        .await;
    receiver.answer(Answer::Status(200));
    ada.task(&project, "Write").await;
    hook.tried(&world, 1).await;
    receiver.answer(Answer::Status(500));
    ada.task(&project, "Read").await;
    hook.tried(&world, 2).await;
    let row = hook.row(&world).await;
    assert_eq!((&row["is_active"], &row["failures"], &row["strikes"]), (&json!(1), &json!(1), &json!(1)));
}

#[tokio::test]
async fn five_days_of_nothing_but_failures_are_enough() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::start(Answer::Status(500)).await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    hook.tried(&world, 1).await;
    for days in [5, 1] {
        world.sql("UPDATE webhook_deliveries SET tries = 1", &[]).await;
        assert_eq!(hook.row(&world).await["is_active"], 1);
        let tried = hook.attempts(&world).await.len();
        later(&world, days * 24 * HOUR - HOUR).await;
        hook.tried(&world, tried + 1).await;
    }
    let row = hook.row(&world).await;
    assert_eq!((&row["is_active"], &row["disabled_reason"]), (&json!(0), &json!("failing")));
    assert_eq!(notices(&world, &ada).await.len(), 1);
}
