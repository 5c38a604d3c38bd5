use super::*;

async fn notices(person: &Person) -> Vec<(String, Value)> {
    let list = person.get("/notifications").await;
    list.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["type"].as_str().unwrap().to_owned(), item["payload"].clone()))
        .collect()
}

#[tokio::test]
async fn who_asked_is_told_how_it_ended() {
    let studio = Studio::new().await;
    let bob = studio.world.sign_up("bob").await;
    studio.world.add_member(&studio.project, &bob).await;
    let job = studio.ask(&bob, page()).status(201).await.data()["id"].clone();
    studio.machine.finish_one().await;
    studio.ask(&bob, page()).status(201).await;
    let claimed = studio.machine.take().await;
    studio.machine.tell(studio.machine.failure(&claimed, "page_broken")).await;
    studio.world.drain().await;
    let told = notices(&bob).await;
    assert_eq!(told.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["preview_failed", "preview_ready"]);
    assert_eq!(told[0].1, json!({ "job_id": claimed["job_id"], "error_code": "page_broken" }));
    assert_eq!(told[1].1["job_id"], job);
    assert!(notices(&studio.ada).await.is_empty());
}

#[tokio::test]
async fn the_team_hears_each_step() {
    let studio = Studio::new().await;
    let mut socket = studio.ada.watch(&studio.project).await;
    let job = studio.request().await;
    studio.machine.finish_one().await;
    for (kind, status) in
        [("preview.requested", None), ("preview.started", None), ("preview.completed", Some("completed"))]
    {
        let message = socket.skip_to(kind).await;
        assert_eq!((&message["data"]["id"], &message["data"]["platform"]), (&json!(job), &json!("ios")), "{message}");
        if let Some(status) = status {
            assert_eq!(message["data"]["status"], status);
        }
    }
}

#[tokio::test]
async fn a_webhook_hears_each_step() {
    let studio = Studio::new().await;
    let receiver = Receiver::good().await;
    let steps = ["preview.canceled", "preview.requested", "preview.started"];
    let hook = json!({ "project_id": studio.project, "url": receiver.url, "events": steps });
    studio.ada.post("/webhooks").json(hook).status(201).await;
    let job = studio.request().await;
    studio.machine.take().await;
    studio.ada.post(&format!("{}/jobs/{job}/cancel", studio.path)).await;
    let heard: Vec<Value> = receiver.wait_for(3).await.iter().map(Received::json).collect();
    assert!(heard.iter().all(|event| event["data"]["id"] == *job), "{heard:?}");
    let mut kinds = pluck(&heard, "type");
    kinds.sort_unstable();
    assert_eq!(kinds, steps);
}

/// Delivering an event twice does nothing twice.
#[tokio::test]
async fn a_message_that_comes_twice_tells_once() {
    let studio = Studio::new().await;
    studio.request().await;
    studio.machine.finish_one().await;
    studio.world.drain().await;
    studio.world.sql("UPDATE events SET delivered_at = NULL WHERE kind LIKE 'preview.%'", &[]).await;
    let events = studio.world.sql("SELECT id FROM events WHERE kind LIKE 'preview.%'", &[]).await;
    let bodies: Vec<Value> = events.iter().map(|event| event["id"].clone()).collect();
    assert_eq!(studio.world.consume(&bodies).await["acked"], 3);
    assert_eq!(notices(&studio.ada).await.len(), 1);
    assert!(studio.world.files().await.iter().any(|key| key.ends_with("iphone-15.png")));
}
