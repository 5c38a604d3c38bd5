use super::*;

#[tokio::test]
async fn what_happens_is_told_as_it_is_told_live() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::good().await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    world.drain().await;
    let mut socket = ada.listen().await;
    socket.subscribe(&format!("project:{project}"), None).await;
    let task = ada.task(&project, "Write").await;
    let live = socket.skip_to("task.created").await;
    let [received] = &receiver.wait_for(1).await[..] else { panic!() };
    let payload = received.json();
    assert_eq!(keys(&payload), ["data", "timestamp", "type"]);
    assert_eq!((&payload["type"], &payload["data"]["id"]), (&json!("task.created"), &json!(task)));
    assert_eq!((&payload["data"], &payload["timestamp"]), (&live["data"], &live["timestamp"]));
    assert_eq!((payload["data"]["title"].as_str(), &payload["data"]["actor_id"]), (Some("Write"), &json!(ada.id())));
    assert_eq!((received.path.as_str(), received.header("content-type")), ("/hook", "application/json"));
    assert!(received.is_signed_by(&hook.secret));
    let sent: i64 = received.header("webhook-timestamp").parse().unwrap();
    assert!((world.clock().now() / 1000 - sent).abs() < 10);
    hook.tried(&world, 1).await;
    let listed = ada.get(&format!("{}/deliveries", hook.path())).await;
    let delivery = &listed.items()[0];
    assert_eq!((&delivery["id"], &delivery["status"]), (&json!(received.id()), &json!("delivered")));
    assert_eq!((&delivery["next_attempt_at"], &delivery["attempts"][0]["status"]), (&Value::Null, &json!(204)));
    assert!(delivery["attempts"][0]["latency_ms"].as_i64().unwrap() < 5000);
}

#[tokio::test]
async fn each_webhook_hears_what_it_asked_for() {
    let (world, ada, project) = launch().await;
    let bob = world.sign_up("bob").await;
    world.add_member(&project, &bob).await;
    let (all, some, other) = (Receiver::good().await, Receiver::good().await, Receiver::good().await);
    Hook::on(&ada, &project, &all.url, &["*"]).await;
    Hook::on(&ada, &project, &some.url, &["task.completed", "team.member_left"]).await;
    let elsewhere = ada.project("Other").await;
    Hook::on(&ada, &elsewhere, &other.url, &["*"]).await;
    let task = ada.task(&project, "Write").await;
    let path = format!("/projects/{project}");
    ada.patch(&format!("{path}/tasks/{task}")).json(json!({ "status": "done" })).await;
    ada.post(&format!("{path}/comments")).json(json!({ "body": "Well done." })).status(201).await;
    ada.post(&format!("{path}/tags")).json(json!({ "name": "red" })).status(201).await;
    ada.delete(&format!("{path}/team/{}", bob.id())).status(204).await;
    ada.delete(&format!("{path}/tasks/{task}")).status(204).await;
    ada.patch(&path).json(json!({ "name": "Launched" })).await;
    world.drain().await;
    let kinds = |received: Vec<Received>| {
        let mut kinds: Vec<String> = received.iter().map(|one| one.json()["type"].as_str().unwrap().into()).collect();
        kinds.sort_unstable();
        kinds
    };
    let heard = kinds(all.wait_for(7).await);
    let wanted = [
        "comment.created",
        "project.updated",
        "task.completed",
        "task.created",
        "task.deleted",
        "task.updated",
        "team.member_left",
    ];
    assert_eq!(heard, wanted);
    assert_eq!(kinds(some.wait_for(2).await), ["task.completed", "team.member_left"]);
    assert!(other.received().is_empty());
}

#[tokio::test]
async fn an_event_delivered_twice_is_told_once() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::good().await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.task(&project, "Write").await;
    receiver.wait_for(1).await;
    world.drain().await;
    let event = world.one("SELECT id FROM events WHERE kind = 'task.created'", &[]).await;
    for _ in 0..3 {
        world.sql("UPDATE events SET delivered_at = NULL WHERE kind = 'task.created'", &[]).await;
        world.consume(&[event.clone(), event.clone()]).await;
    }
    ada.patch(&format!("/projects/{project}")).json(json!({ "name": "Launched" })).await;
    let received = receiver.wait_for(2).await;
    assert_eq!(received[1].json()["type"], "project.updated");
    assert_eq!((hook.deliveries(&world).await.len(), receiver.received().len()), (2, 2));
}

#[tokio::test]
async fn what_is_too_much_is_told_by_its_ids() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::good().await;
    Hook::on(&ada, &project, &receiver.url, &["task.created"]).await;
    let planted = ada.task(&project, "Write").await;
    receiver.wait_for(1).await;
    world.drain().await;
    let long = "UPDATE tasks SET description = ?1 WHERE id = ?2";
    world.sql(long, &[json!("words ".repeat(5000)), json!(planted)]).await;
    world.sql("DELETE FROM webhook_deliveries", &[]).await;
    let event = world.one("SELECT id FROM events WHERE kind = 'task.created'", &[]).await;
    world.sql("UPDATE events SET delivered_at = NULL WHERE id = ?1", std::slice::from_ref(&event)).await;
    world.consume(&[event]).await;
    let thin = &receiver.wait_for(2).await[1];
    assert!(thin.body.len() < 20_000);
    assert_eq!(
        thin.json()["data"],
        json!({ "id": planted, "project_id": project, "actor_id": ada.id(), "is_thin": true })
    );
}

#[tokio::test]
async fn a_projects_webhooks_hear_of_its_end_and_go_with_it() {
    let (world, ada, project) = launch().await;
    let (last, none) = (Receiver::good().await, Receiver::good().await);
    let hook = Hook::on(&ada, &project, &last.url, &["project.deleted"]).await;
    let other = Hook::on(&ada, &project, &none.url, &["task.created"]).await;
    ada.delete(&format!("/projects/{project}")).status(204).await;
    ada.get(&hook.path()).refused(404).await;
    let [received] = &last.wait_for(1).await[..] else { panic!() };
    assert_eq!(
        (&received.json()["type"], &received.json()["data"]["id"]),
        (&json!("project.deleted"), &json!(project))
    );
    assert!(received.is_signed_by(&hook.secret));
    world.drain().await;
    world
        .eventually("both are gone", async || {
            later(&world, 1).await;
            world.one("SELECT count(*) FROM webhook_endpoints", &[]).await == 0
        })
        .await;
    assert_eq!(world.one("SELECT count(*) FROM webhook_deliveries", &[]).await, 0);
    assert!(none.received().is_empty(), "{}", other.id);
}

#[tokio::test]
async fn an_inactive_webhook_is_told_nothing() {
    let (world, ada, project) = launch().await;
    let receiver = Receiver::good().await;
    let hook = Hook::on(&ada, &project, &receiver.url, &["*"]).await;
    ada.patch(&hook.path()).json(json!({ "is_active": false })).await;
    ada.task(&project, "Unheard").await;
    world.drain().await;
    assert!(hook.deliveries(&world).await.is_empty());
    ada.patch(&hook.path()).json(json!({ "is_active": true })).await;
    let heard = ada.task(&project, "Heard").await;
    assert_eq!(receiver.wait_for(1).await[0].json()["data"]["id"], heard);
}
