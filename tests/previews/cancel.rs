use super::*;

#[tokio::test]
async fn who_asked_and_the_owner_may_cancel() {
    let studio = Studio::new().await;
    let (bob, cyd) = (studio.world.sign_up("bob").await, studio.world.sign_up("cyd").await);
    for person in [&bob, &cyd] {
        studio.world.add_member(&studio.project, person).await;
    }
    let ask = async || studio.ask(&bob, page()).status(201).await.data()["id"].as_str().unwrap().to_owned();
    let job = ask().await;
    studio.cancel(&cyd, &job).refused_with(403, "AUTH_FORBIDDEN").await;
    let canceled = studio.cancel(&bob, &job).await;
    assert_eq!((&canceled.data()["status"], canceled.trips()), (&json!("canceled"), 2));
    assert_eq!(studio.cancel(&bob, &job).await.data()["status"], "canceled");
    assert_eq!(studio.steps(&job).await, ["requested", "canceled"]);
    let job = ask().await;
    studio.cancel(&studio.ada, &job).await;
    studio.machine.claim(0).status(204).await;
}

#[tokio::test]
async fn a_worker_hears_of_it_and_what_it_brought_goes() {
    let studio = Studio::new().await;
    let job = studio.request().await;
    let claimed = studio.machine.take().await;
    let success = studio.machine.draw(&claimed).await;
    studio.cancel(&studio.ada, &job).await;
    let heard = studio.machine.heartbeat(&[&job]).await;
    assert_eq!(heard.data(), &json!({ "draining": false, "canceled": [job] }));
    let late = studio.machine.tell(success).refused_with(409, "JOB_OVER").await;
    assert_eq!(late.json["error"]["details"]["status"], "canceled");
    studio.machine.bring(&claimed, "layout.json", b"{}").refused_with(409, "JOB_OVER").await;
    studio.world.drain().await;
    assert!(!studio.world.files().await.iter().any(|key| key.starts_with("previews/")));
}

#[tokio::test]
async fn what_is_over_is_not_canceled() {
    let studio = Studio::new().await;
    let job = studio.request().await;
    studio.machine.finish_one().await;
    let reply = studio.cancel(&studio.ada, &job).refused_with(409, "JOB_OVER").await;
    assert_eq!(reply.json["error"]["details"]["status"], "completed");
}

/// Of a cancel and a callback at once one happens, and the other hears of it.
#[tokio::test]
async fn a_cancel_and_a_callback_at_once_agree() {
    let studio = Studio::at(World::with(&[("LIMIT_PREVIEWS_PER_HOUR_FREE", "99")]).await).await;
    for _ in 0..8 {
        let job = studio.request().await;
        let claimed = studio.machine.take().await;
        let success = studio.machine.draw(&claimed).await;
        let (canceled, told) =
            futures::join!(studio.cancel(&studio.ada, &job).any(), studio.machine.tell(success).any());
        let statuses = (canceled.status.as_u16(), told.status.as_u16(), studio.status(&job).await);
        assert!(
            [(200, 409, "canceled".to_owned()), (409, 200, "completed".to_owned())].contains(&statuses),
            "{statuses:?}"
        );
    }
}
