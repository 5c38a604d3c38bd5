use super::*;

#[tokio::test]
async fn a_provider_that_fails_for_good_fails_the_job() {
    let thinking = Thinking::open().await;
    let world = &thinking.world;
    let (ada, project) = thinking.author("ada").await;
    world.set_tier(&ada, "premium").await;
    for (fault, code) in [
        (Fault::Status(400), "provider_refused"),
        (Fault::Status(401), "provider_refused"),
        (Fault::Busy(3600), "provider_overloaded"),
        (Fault::Garbage, "provider_garbage"),
        (Fault::Drop, "provider_unreachable"),
        (Fault::Truncate, "provider_truncated"),
    ] {
        thinking.ai.fail(Some(fault));
        let id = ada.doc(&project).await;
        let failed = ada.job_in(&project, &id, "failed").await;
        assert_eq!((&failed["error"]["code"], &failed["attempt"]), (&json!(code), &json!(1)), "{failed}");
        assert!(failed["error"]["message"].as_str().unwrap().ends_with('.') && failed["result"].is_null());
        world.drain().await;
        assert!(world.files_of(&id).await.is_empty());
    }
    let told = ada.get("/notifications?type=ai_docs_failed").await;
    assert_eq!(told.json["total"], 6);
    let history = ada.get(&format!("/projects/{project}/ai-docs/history")).await;
    assert!(history.items().iter().all(|job| job["status"] == "failed" && job["summary"].is_null()));
}

#[tokio::test]
async fn what_takes_too_long_is_tried_once_more() {
    let thinking = Thinking::hasty().await;
    let (ada, project) = thinking.author("ada").await;
    thinking.ai.fail_once(Fault::Stall);
    let id = ada.doc(&project).await;
    let done = ada.job_in(&project, &id, "completed").await;
    assert_eq!(done["attempt"], 2);
    thinking.world.drain().await;
    let steps = thinking.world.steps_of(&id).await;
    assert_eq!(steps[2], "ai_docs.retried");
    assert_eq!(steps.len(), 5, "{steps:?}");
    for (fault, code) in [(Fault::Late(Duration::from_secs(20)), "timeout"), (Fault::Stall, "provider_stalled")] {
        let before = thinking.ai.asked().len();
        thinking.ai.fail(Some(fault));
        let id = ada.doc(&project).await;
        let failed = ada.job_in(&project, &id, "failed").await;
        assert_eq!((&failed["error"]["code"], &failed["attempt"]), (&json!(code), &json!(2)));
        assert_eq!(thinking.ai.asked().len(), before + 2);
        thinking.world.drain().await;
        assert!(thinking.world.files_of(&id).await.is_empty());
    }
}

#[tokio::test]
async fn a_first_piece_may_come_late() {
    let setup = World::set_up().var("AI_TIMEOUT_SECONDS", "10").var("AI_SILENCE_SECONDS", "1");
    let thinking = Thinking::with(setup).await;
    let (ada, project) = thinking.author("ada").await;
    thinking.ai.fail(Some(Fault::Late(Duration::from_secs(2))));
    let id = ada.doc(&project).await;
    assert_eq!(ada.job_in(&project, &id, "completed").await["attempt"], 1);
}

#[tokio::test]
async fn a_busy_provider_is_asked_again_later_and_once() {
    let thinking = Thinking::open().await;
    let world = &thinking.world;
    let (ada, project) = thinking.author("ada").await;
    for (fault, end) in [(Fault::Busy(5), "completed"), (Fault::Status(503), "failed")] {
        thinking.ai.fail_once(fault);
        let id = ada.doc(&project).await;
        world
            .eventually("it waits again", async || {
                let job = ada.job(&project, &id).await;
                job["status"] == "queued" && job["attempt"] == 2
            })
            .await;
        if end == "failed" {
            thinking.ai.fail(Some(Fault::Status(500)));
        }
        // Half a minute later.
        world.run_jobs(&[&id]).await;
        let over = ada.job_in(&project, &id, end).await;
        assert_eq!(over["attempt"], 2);
    }
}

#[tokio::test]
async fn a_message_that_comes_twice_asks_once() {
    let thinking = Thinking::open().await;
    let world = &thinking.world;
    let (ada, project) = thinking.author("ada").await;
    thinking.ai.fail(Some(Fault::Slow(Duration::from_millis(10))));
    let id = ada.doc(&project).await;
    let again: [&str; 3] = [&id, &id, "nonsense"];
    let (first, second) = futures::join!(world.run_jobs(&again), world.run_jobs(&again));
    assert_eq!((first["acked"].as_u64(), second["acked"].as_u64()), (Some(3), Some(3)));
    ada.job_in(&project, &id, "completed").await;
    world.drain().await;
    world.run_jobs(&[&id]).await;
    assert_eq!(thinking.ai.asked().len(), 1);
    assert_eq!(world.one("SELECT count(*) FROM ai_doc_history", &[]).await, 1);
    assert_eq!(world.one("SELECT count(*) FROM notifications WHERE type = 'ai_docs_ready'", &[]).await, 1);
    // Every event, delivered again.
    world.sql("UPDATE events SET delivered_at = NULL, created_at = '2026-01-01T00:00:00.000Z' WHERE kind LIKE 'ai_docs.%'", &[]).await;
    world.cron().await;
    world.drain().await;
    assert_eq!(thinking.ai.asked().len(), 1);
    assert_eq!(world.one("SELECT count(*) FROM notifications WHERE type = 'ai_docs_ready'", &[]).await, 1);
    assert_eq!(ada.job(&project, &id).await["status"], "completed");
}

#[tokio::test]
async fn what_cannot_be_kept_is_tried_once_more() {
    let thinking = Thinking::open().await;
    let world = &thinking.world;
    let (ada, project) = thinking.author("ada").await;
    world.sql("ALTER TABLE ai_doc_history RENAME TO elsewhere", &[]).await;
    let id = ada.doc(&project).await;
    let failed = ada.job_in(&project, &id, "failed").await;
    assert_eq!((&failed["error"]["code"], &failed["attempt"]), (&json!("storage_failed"), &json!(2)));
    assert_eq!(thinking.ai.asked().len(), 2);
    world.sql("ALTER TABLE elsewhere RENAME TO ai_doc_history", &[]).await;
    let id = ada.doc(&project).await;
    ada.job_in(&project, &id, "completed").await;
}

#[tokio::test]
async fn what_cannot_be_read_is_tried_once_more_and_what_is_gone_is_not() {
    let thinking = Thinking::open().await;
    let world = &thinking.world;
    let (ada, project) = thinking.author("ada").await;
    for (stored, code, attempt) in [(true, "storage_failed", 2), (false, "input_lost", 1)] {
        let id = world.plant_doc(&project).await;
        if stored {
            // Not sealed as it should be, it fails to open.
            world.plant_files(&[format!("ai-docs/{id}.input")]).await;
        }
        world.run_jobs(&[&id]).await;
        let failed = ada.job_in(&project, &id, "failed").await;
        assert_eq!((&failed["error"]["code"], &failed["attempt"]), (&json!(code), &json!(attempt)));
    }
    assert!(thinking.ai.asked().is_empty());
}

#[tokio::test]
async fn a_job_whose_message_was_lost_gets_another() {
    let thinking = Thinking::open().await;
    let world = &thinking.world;
    let (ada, project) = thinking.author("ada").await;
    let id = world.plant_doc(&project).await;
    let since = async |seconds: i64| {
        let at = "UPDATE jobs SET queued_at = strftime('%Y-%m-%dT%H:%M:%fZ', ?1 / 1000.0 - ?2, 'unixepoch')";
        world.sql(at, &[json!(world.clock().now()), json!(seconds)]).await;
        world.cron().await;
    };
    // Its input is not there: that it fails shows that it ran.
    since(120).await;
    since(8 * 60).await;
    assert_eq!(ada.job(&project, &id).await["status"], "queued");
    since(5 * 60 + 10).await;
    ada.job_in(&project, &id, "failed").await;
}

#[tokio::test]
async fn an_answer_to_what_was_canceled_leaves_nothing() {
    let thinking = Thinking::open().await;
    let world = &thinking.world;
    let (ada, project) = thinking.author("ada").await;
    // It takes some seconds to answer.
    thinking.ai.say(Some(&"word".repeat(12)));
    thinking.ai.fail_once(Fault::Slow(Duration::from_millis(300)));
    let id = ada.doc(&project).await;
    world.eventually("it runs", async || thinking.ai.asked().len() == 1).await;
    ada.post(&format!("/projects/{project}/ai-docs/jobs/{id}/cancel")).await;
    // Another one comes after it in the same lane: by then it has been answered.
    let next = ada.doc(&project).await;
    ada.job_in(&project, &next, "completed").await;
    world.drain().await;
    assert_eq!(ada.job(&project, &id).await["status"], "canceled");
    assert!(world.files_of(&id).await.is_empty());
    assert_eq!(world.one("SELECT count(*) FROM ai_doc_history WHERE job_id = ?1", &[json!(id)]).await, 0);
    assert_eq!(world.one("SELECT count(*) FROM notifications", &[]).await, 1);
}

#[tokio::test]
async fn an_answer_in_plain_words_is_a_summary_and_half_an_object_is_none() {
    let thinking = Thinking::with(World::set_up().var("LIMIT_AI_DOC_TOKENS_PREMIUM", "50")).await;
    let (ada, project) = thinking.author("ada").await;
    thinking.ai.say(Some("It starts a server."));
    let id = ada.doc(&project).await;
    let done = ada.job_in(&project, &id, "completed").await;
    assert_eq!(done["result"]["summary"], "It starts a server.");
    thinking.ai.say(Some("{\"summary\": \"It"));
    let id = ada.doc(&project).await;
    assert_eq!(ada.job_in(&project, &id, "failed").await["error"]["code"], "provider_garbage");
    // More than the plan's tokens.
    thinking.ai.say(Some(&format!("{{\"summary\": \"{}\"}}", "word ".repeat(200))));
    let id = ada.doc(&project).await;
    assert_eq!(ada.job_in(&project, &id, "failed").await["error"]["code"], "provider_truncated");
}
