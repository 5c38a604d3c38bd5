use super::*;

/// Comments beyond what one delivery of an event removes, each a reply to the next. Their ids are later than any other.
async fn plant(world: &World, project: &str, task: Option<&str>, author: &Person) {
    let insert = "WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i LIMIT 4200)
                  INSERT INTO comments (id, project_id, parent_id, entity_type, entity_id, task_id, author_id, body, created_at, updated_at)
                  SELECT printf('ff000000-7d3a-7c41-9b52-%012x', n), ?1, iif(n < 4200, printf('ff000000-7d3a-7c41-9b52-%012x', n + 1), NULL),
                         iif(?2 IS NULL, 'project', 'task'), ifnull(?2, ?1), ?2, ?3, 'planted', ?4, ?4
                  FROM i";
    let at = "2026-11-01T00:00:00.000Z";
    world.sql(insert, &[json!(project), json!(task), json!(author.id()), json!(at)]).await;
}

/// Delivers the event until nothing is left to do, as the queue does after a while.
async fn deliver(world: &World, kind: &str) {
    let event = world.one("SELECT id FROM events WHERE kind = ?1", &[json!(kind)]).await;
    for _ in 0..2 {
        world.consume(std::slice::from_ref(&event)).await;
    }
    world.drain().await;
}

#[tokio::test]
async fn comments_of_a_deleted_task_are_out_of_sight_at_once_and_go_by_and_by() {
    let world = World::new().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    let (task, other) = (add_task(&world, &project, &ada, None).await, add_task(&world, &project, &ada, None).await);
    let root = say(&ada, &project, json!({ "entity_type": "task", "entity_id": task, "body": "visible" })).await;
    let answer = reply(&bob, &root, "visible").await;
    reply(&bob, &answer, "visible").await;
    bob.delete(&path_of(&answer)).status(204).await;
    ada.post(&format!("{}/star", path_of(&root))).await;
    let kept = [
        say(&ada, &project, json!({ "body": "visible" })).await,
        say(&ada, &project, json!({ "entity_type": "task", "entity_id": other, "body": "visible" })).await,
        say(&ada, &project, json!({ "entity_type": "code", "entity_id": task, "body": "visible" })).await,
    ];
    plant(&world, &project, Some(&task), &bob).await;
    ada.delete(&format!("/projects/{project}/tasks/{task}")).status(204).await;

    let left = "SELECT count(*) FROM comments WHERE entity_type = 'task' AND entity_id = ?1";
    assert_eq!(list(&ada, &project, "").await, kept);
    assert_eq!(list(&ada, &project, "sort=-created_at").await.len(), 3);
    assert_eq!(list(&ada, &project, "entity_type=task").await, kept[1..2]);
    for none in [
        format!("entity_type=task&entity_id={task}"),
        format!("entity_type=task&entity_id={task}&sort=-created_at"),
        format!("parent_id={}", root["id"].as_str().unwrap()),
        "starred=true".into(),
        format!("author={}", bob.id()),
    ] {
        assert_eq!(list(&ada, &project, &none).await.len(), 0, "{none}");
    }
    assert_eq!(ada.get("/search/comments?q=visible").await.total(), 3);
    ada.patch(&path_of(&root)).json(json!({ "body": "x" })).refused_with(404, "COMMENT_NOT_FOUND").await;

    deliver(&world, "task.deleted").await;
    assert_eq!(world.one(left, &[json!(task)]).await, 0);
    assert_eq!(list(&ada, &project, "").await, kept);
}

#[tokio::test]
async fn what_a_deleted_project_leaves_goes_by_and_by() {
    let world = World::new().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    let task = add_task(&world, &project, &ada, None).await;
    say(&ada, &project, json!({ "entity_type": "task", "entity_id": task, "body": "x" })).await;
    plant(&world, &project, None, &ada).await;
    ada.delete(&format!("/projects/{project}")).status(204).await;
    deliver(&world, "project.deleted").await;
    for table in ["projects", "tasks", "comments"] {
        assert_eq!(world.one(&format!("SELECT count(*) FROM {table}"), &[]).await, 0, "{table}");
    }
}
