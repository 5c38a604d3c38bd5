use super::*;

const SLOW: [(&str, &str); 2] = [("AI_SILENCE_SECONDS", "60"), ("AI_TIMEOUT_SECONDS", "60")];

fn patient() -> Setup {
    SLOW.iter().fold(World::set_up(), |setup, (name, value)| setup.var(name, value))
}

#[tokio::test]
async fn of_fifty_at_once_as_many_are_queued_as_the_plan_allows() {
    let thinking = Thinking::with(patient()).await;
    let (ada, project) = thinking.author("ada").await;
    thinking.ai.fail(Some(Fault::Late(Duration::from_secs(50))));
    let replies = join_all((0..50).map(|_| ada.ask_for_doc(&project).any())).await;
    let of = |status: u16| replies.iter().filter(|reply| reply.status.as_u16() == status).count();
    assert_eq!((of(201), of(403)), (5, 45));
    let refused = replies.iter().find(|reply| reply.status.as_u16() == 403).unwrap();
    assert_eq!(refused.code(), "TIER_LIMIT_EXCEEDED");
    let details = &refused.json["error"]["details"];
    assert_eq!((&details["limit_type"], &details["limit"]), (&json!("AI documents at a time"), &json!(5)));
    // Only what is queued lies in the store.
    assert_eq!(thinking.world.files().await.len(), 5);
}

#[tokio::test]
async fn a_plan_allows_so_many_a_minute_and_files_so_large() {
    let thinking = Thinking::open().await;
    let world = &thinking.world;
    let bob = world.sign_up("bob").await;
    let project = bob.project("Launch").await;
    let id = bob.doc(&project).await;
    bob.job_in(&project, &id, "completed").await;
    let refused = bob.ask_for_doc(&project).refused_with(403, "TIER_LIMIT_EXCEEDED").await;
    let details = &refused.json["error"]["details"];
    assert_eq!(
        (&details["limit_type"], &details["recommended_tier"]),
        (&json!("AI documents a minute"), &json!("pro"))
    );
    assert!((1..=61).contains(&details["retry_after_seconds"].as_u64().unwrap()), "{details}");
    world.clock().advance(Duration::from_secs(62));
    let large = |bytes: usize| json!({ "path": "a.txt", "contents": "line\n".repeat(bytes / 5) });
    let path = format!("/projects/{project}/ai-docs/request");
    let refused = bob.post(&path).json(large((50 << 10) + 5)).refused_with(403, "TIER_LIMIT_EXCEEDED").await;
    assert_eq!(refused.json["error"]["details"]["limit"], 50 << 10);
    bob.post(&path).json(large((50 << 10) - 5)).status(201).await;
    // The largest of all, escaped.
    let (ada, project) = thinking.author("ada").await;
    ada.post(&format!("/projects/{project}/ai-docs/request")).json(large(1 << 20)).status(201).await;
}

#[tokio::test]
async fn the_free_plan_pauses_between_one_and_the_next() {
    let thinking = Thinking::with(World::set_up().var("LIMIT_AI_DOCS_PER_MINUTE_FREE", "10")).await;
    let world = &thinking.world;
    let bob = world.sign_up("bob").await;
    let project = bob.project("Launch").await;
    let id = bob.doc(&project).await;
    bob.job_in(&project, &id, "completed").await;
    let refused = bob.ask_for_doc(&project).refused_with(403, "TIER_LIMIT_EXCEEDED").await;
    let details = &refused.json["error"]["details"];
    assert_eq!(details["limit_type"], "AI documents without a pause");
    assert!((20..=41).contains(&details["retry_after_seconds"].as_u64().unwrap()), "{details}");
    world.clock().advance(Duration::from_secs(42));
    bob.doc(&project).await;
}

#[tokio::test]
async fn nobody_waits_behind_another_plan() {
    let thinking = Thinking::with(patient()).await;
    let (ada, project) = thinking.author("ada").await;
    let bob = thinking.world.sign_up("bob").await;
    thinking.world.add_member(&project, &bob).await;
    thinking.ai.fail_once(Fault::Late(Duration::from_secs(40)));
    let paid = ada.doc(&project).await;
    thinking.world.eventually("it is asked", async || thinking.ai.asked().len() == 1).await;
    let free = bob.doc(&project).await;
    bob.job_in(&project, &free, "completed").await;
    assert_eq!(ada.job(&project, &paid).await["status"], "running");
}

#[tokio::test]
async fn a_deleted_project_is_no_reason_to_pause() {
    let setup = patient().var("LIMIT_AI_DOCS_PER_MINUTE_FREE", "10");
    let thinking = Thinking::with(setup).await;
    let mut bob = thinking.world.sign_up("bob").await;
    let project = bob.project("Launch").await;
    thinking.ai.fail(Some(Fault::Late(Duration::from_secs(50))));
    bob.doc(&project).await;
    bob.delete(&format!("/projects/{project}")).await;
    thinking.world.drain().await;
    let other = bob.project("Another").await;
    bob.ask_for_doc(&other).refused_with(403, "TIER_LIMIT_EXCEEDED").await;
    thinking.world.clock().advance(Duration::from_secs(61));
    bob.log_in().await;
    bob.doc(&other).await;
}
