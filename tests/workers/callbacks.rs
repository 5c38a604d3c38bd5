use super::*;

fn without(body: &Value, name: &str) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().remove(name);
    body
}

fn with(body: &Value, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[name] = value;
    body
}

#[tokio::test]
async fn the_same_again_is_the_same_answer_and_another_is_refused() {
    let studio = Studio::new().await;
    let job = studio.request().await;
    let claimed = studio.machine.take().await;
    let success = studio.machine.draw(&claimed).await;
    let first = studio.machine.tell(success.clone()).await;
    assert_eq!(first.trips(), 2);
    let again = studio.machine.tell(success.clone()).await;
    assert_eq!((again.data(), again.trips()), (first.data(), 1));
    let failure = studio.machine.failure(&claimed, "page_broken");
    studio.machine.tell(failure).refused_with(409, "JOB_OVER").await;
    studio
        .machine
        .tell(with(&success, "asset_keys", json!(["previews/x/1/ipad.png"])))
        .refused_with(409, "JOB_OVER")
        .await;
    assert_eq!(studio.steps(&job).await, ["requested", "started", "completed"]);
    // Even once its files are gone.
    studio.world.clock().advance(Duration::from_secs(25 * 3600));
    studio.world.cron().await;
    assert_eq!(studio.machine.tell(success).await.data()["status"], "expired");
}

#[tokio::test]
async fn of_many_callbacks_at_once_one_counts() {
    let studio = Studio::new().await;
    studio.machine.heartbeat(&[]).await;
    let job = studio.request().await;
    let claimed = studio.machine.take().await;
    let success = studio.machine.draw(&claimed).await;
    let failure = studio.machine.failure(&claimed, "page_broken");
    let tell =
        |i: usize| studio.machine.tell(if i.is_multiple_of(2) { success.clone() } else { failure.clone() }).any();
    let replies = join_all((0..10).map(tell)).await;
    assert!(replies.iter().all(|reply| [200, 409].contains(&reply.status.as_u16())), "{replies:?}");
    assert!(replies.iter().any(|reply| reply.status == 200));
    let steps = studio.steps(&job).await;
    assert_eq!(steps.len(), 3, "{steps:?}");
    assert_eq!(studio.world.one("SELECT completed + failed FROM worker_nodes", &[]).await, 1);
}

#[tokio::test]
async fn before_a_claim_there_is_no_attempt_to_end() {
    let studio = Studio::new().await;
    let job = studio.request().await;
    let made_up = json!({ "job_id": job, "attempt_token": "1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" });
    studio.machine.tell(studio.machine.failure(&made_up, "page_broken")).refused_with(409, "ATTEMPT_OVER").await;
    let claimed = studio.machine.take().await;
    studio.machine.tell(studio.machine.failure(&made_up, "page_broken")).refused_with(409, "ATTEMPT_OVER").await;
    let unknown =
        json!({ "job_id": "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77", "attempt_token": claimed["attempt_token"] });
    studio.machine.tell(studio.machine.failure(&unknown, "page_broken")).refused_with(404, "JOB_NOT_FOUND").await;
    let other_kind = with(&studio.machine.failure(&claimed, "x"), "job_type", json!("ai_doc"));
    studio.machine.tell(other_kind).refused_with(404, "JOB_NOT_FOUND").await;
    assert_eq!(studio.status(&job).await, "running");
}

#[tokio::test]
async fn a_timeout_is_tried_once_more_and_anything_else_is_not() {
    let studio = Studio::new().await;
    let job = studio.request().await;
    let first = studio.machine.take().await;
    let timeout = studio.machine.failure(&first, "timeout");
    assert_eq!(studio.machine.tell(timeout.clone()).await.data()["status"], "queued");
    assert_eq!(studio.machine.tell(timeout).await.data()["attempt"], 2, "the same again");
    let second = studio.machine.take().await;
    assert_eq!(second["attempt"], 2);
    let failed = studio.machine.tell(studio.machine.failure(&second, "timeout")).await;
    assert_eq!(failed.data(), &json!({ "job_id": job, "status": "failed", "attempt": 2 }));
    assert_eq!(studio.steps(&job).await, ["requested", "started", "retried", "started", "failed"]);

    let job = studio.request().await;
    let claimed = studio.machine.take().await;
    // The kind need not be said.
    studio.machine.tell(without(&studio.machine.failure(&claimed, "page_broken"), "job_type")).await;
    let preview = studio.get(&job).await;
    assert_eq!(
        (&preview["status"], &preview["error"]),
        (&json!("failed"), &json!({ "code": "page_broken", "message": "It did not work." }))
    );
}

#[tokio::test]
async fn what_was_not_brought_does_not_count() {
    let studio = Studio::at(World::with(&[("LIMIT_SNAPSHOTS_PER_PREVIEW_FREE", "2")]).await).await;
    let job = studio.request().await;
    let claimed = studio.machine.take().await;
    let success = studio.machine.draw(&claimed).await;
    let layout = success["layout_json_key"].as_str().unwrap().to_owned();
    let picture = success["asset_keys"][0].clone();
    let key = |name: &str| json!(layout.replace("layout.json", name));
    for n in [2, 3] {
        studio.machine.bring(&claimed, &format!("iphone-15-{n}.png"), PNG).status(201).await;
    }
    for (body, field) in [
        (without(&success, "layout_json_key"), "layout_json_key"),
        (without(&success, "asset_keys"), "asset_keys"),
        (with(&success, "layout_json_key", picture.clone()), "layout_json_key"),
        (with(&success, "asset_keys", json!([picture, key("iphone-15-9.png")])), "asset_keys"),
        (with(&success, "asset_keys", json!([picture, picture])), "asset_keys"),
        (with(&success, "asset_keys", json!([key("layout.json")])), "asset_keys"),
        (with(&success, "asset_keys", json!(["attachments/x/y/z.png"])), "asset_keys"),
        (with(&success, "asset_keys", json!([picture, key("iphone-15-2.png"), key("iphone-15-3.png")])), "asset_keys"),
        (with(&success, "platform", json!("android")), "platform"),
        (with(&success, "error", json!({ "code": "x", "message": "y" })), "error"),
        (with(&success, "status", json!("FAIL")), "error"),
        (with(&studio.machine.failure(&claimed, "Not a code!"), "status", json!("FAIL")), "error.code"),
        (with(&success, "warnings", json!(vec!["w"; 21])), "warnings"),
    ] {
        let reply = studio.machine.tell(body.clone()).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(reply.fields(), [field], "{body}");
    }
    assert_eq!(studio.status(&job).await, "running");
    studio.machine.tell(with(&success, "platform", json!("ios"))).await;
    assert_eq!(studio.status(&job).await, "completed");
}

#[tokio::test]
async fn the_older_address_is_the_same() {
    let studio = Studio::new().await;
    let job = studio.request().await;
    let claimed = studio.machine.take().await;
    let success = studio.machine.draw(&claimed).await;
    studio.machine.post("/worker/callback", success).await;
    assert_eq!(studio.status(&job).await, "completed");
}
