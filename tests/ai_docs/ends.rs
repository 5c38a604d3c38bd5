use super::*;

const CANARY: &str = "canary-9c41a7d2e6";

/// Whether the word stands in any row of any table, any stored file, or the log.
async fn leaks(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'
                  AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '%\\_fts%' ESCAPE '\\'";
    for table in world.sql(tables, &[]).await {
        let table = table["name"].as_str().unwrap();
        let rows = world.sql(&format!("SELECT * FROM {table}"), &[]).await;
        found.extend(rows.iter().filter(|row| row.to_string().contains(CANARY)).map(|_| table.to_owned()));
    }
    for key in world.files().await {
        let bytes = world.file_bytes(&key).await;
        if String::from_utf8_lossy(&bytes).contains(CANARY) {
            found.push(key);
        }
    }
    found.extend(world.logs().await.into_iter().filter(|line| line.contains(CANARY)));
    found
}

#[tokio::test]
async fn what_is_handed_in_is_nowhere_to_be_read() {
    let thinking = Thinking::hasty().await;
    let world = &thinking.world;
    let (ada, project) = thinking.author("ada").await;
    let body = json!({ "path": "a.rs", "contents": format!("fn a() {{}}\n// {CANARY}\n"),
        "context": [{ "path": "b.rs", "contents": format!("// {CANARY}") }] });
    let faults = [None, Some(Fault::Garbage), Some(Fault::Status(400)), Some(Fault::Truncate), Some(Fault::Stall)];
    for fault in faults {
        thinking.ai.fail(fault);
        let call = ada.post(&format!("/projects/{project}/ai-docs/request")).json(body.clone());
        let call = call.header("idempotency-key", format!("key-{}", thinking.ai.asked().len()));
        let id = call.status(201).await.data()["id"].as_str().unwrap().to_owned();
        // While it waits or runs, too: there it lies sealed.
        assert_eq!(leaks(world).await, [""; 0]);
        world
            .eventually("it is over", async || {
                !["queued", "running"].contains(&ada.job(&project, &id).await["status"].as_str().unwrap())
            })
            .await;
        world.drain().await;
        assert_eq!(leaks(world).await, [""; 0]);
    }
    assert!(thinking.ai.asked().iter().all(|asked| asked.message("user").contains(CANARY)));
    assert!(world.files().await.iter().all(|key| !key.ends_with(".input")));
}

#[tokio::test]
async fn a_document_goes_after_a_day_and_its_summary_stays() {
    let thinking = Thinking::open().await;
    let world = &thinking.world;
    let (mut ada, project) = thinking.author("ada").await;
    let id = ada.doc(&project).await;
    let summary = ada.job_in(&project, &id, "completed").await["result"]["summary"].clone();
    world.drain().await;
    world.clock().advance(Duration::from_secs(24 * 60 * 60 + 60));
    world.cron().await;
    world.drain().await;
    ada.log_in().await;
    let expired = ada.job(&project, &id).await;
    assert_eq!((&expired["status"], &expired["result"]), (&json!("expired"), &Value::Null));
    assert!(world.files().await.is_empty());
    let history = ada.get(&format!("/projects/{project}/ai-docs/history")).await;
    assert_eq!((&history.items()[0]["summary"], &history.items()[0]["status"]), (&summary, &json!("expired")));
}

#[tokio::test]
async fn what_a_crash_left_is_found_by_the_cron() {
    let thinking = Thinking::open().await;
    let world = &thinking.world;
    let keys: Vec<String> = ["a.input", "b.json"].iter().map(|name| format!("ai-docs/{name}")).collect();
    world.plant_files(&keys).await;
    world.cron().await;
    assert_eq!(world.files().await.len(), 2);
    world.clock().advance(Duration::from_secs(155 * 60));
    world.cron().await;
    assert_eq!(world.files().await, ["ai-docs/b.json"]);
    world.clock().advance(Duration::from_secs(24 * 60 * 60));
    world.cron().await;
    assert!(world.files().await.is_empty());
}

#[tokio::test]
async fn a_deleted_project_takes_its_documents_along() {
    let thinking = Thinking::open().await;
    let world = &thinking.world;
    let (ada, project) = thinking.author("ada").await;
    let id = ada.doc(&project).await;
    ada.job_in(&project, &id, "completed").await;
    ada.delete(&format!("/projects/{project}")).await;
    world.drain().await;
    assert!(world.files().await.is_empty());
    ada.get(&format!("/projects/{project}/ai-docs/jobs/{id}")).refused_with(404, "PROJECT_NOT_FOUND").await;
}

#[tokio::test]
async fn the_team_hears_of_every_step() {
    let thinking = Thinking::open().await;
    let (ada, project) = thinking.author("ada").await;
    let mut socket = ada.listen().await;
    socket.subscribe(&format!("project:{project}"), Some(0)).await;
    let id = ada.doc(&project).await;
    for (kind, status) in
        [("ai_docs.requested", None), ("ai_docs.started", None), ("ai_docs.completed", Some("completed"))]
    {
        let message = socket.skip_to(kind).await;
        assert_eq!(message["data"]["id"], json!(id), "{message}");
        assert_eq!(message["data"]["path"], "src/main.rs");
        if let Some(status) = status {
            assert_eq!(message["data"]["status"], status);
        }
    }
}
