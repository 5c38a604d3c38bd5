use super::*;

fn about(project: &str, task: &str, data: Value) -> Value {
    json!({ "project": project, "task": task, "entity": task, "data": data })
}

#[tokio::test]
async fn the_new_assignee_is_told() {
    let world = World::new().await;
    let (project, [ada, bob, cyd]) = team(&world, ["ada", "bob", "cyd"]).await;
    let task = add_task(&world, &project, &ada, Some(&bob)).await;
    let created = about(&project, &task, json!({ "assignee_id": bob.id(), "status": "open" }));
    happened(&world, "task.created", Some(&ada), &created).await;
    let seen = told(&bob).await;
    assert_eq!((seen.len(), &seen[0]["type"]), (1, &json!("task_assigned")));
    assert_eq!(seen[0]["payload"], json!({ "actor_id": ada.id(), "task_id": task }));
    assert_eq!((&seen[0]["task_title"], &seen[0]["entity_id"]), (&json!("Write the announcement"), &Value::Null));

    let moved = json!({ "changed": ["assignee_id"], "assignee_id": { "from": bob.id(), "to": cyd.id() } });
    happened(&world, "task.updated", Some(&bob), &about(&project, &task, moved)).await;
    let others = [
        json!({ "changed": ["assignee_id"], "assignee_id": { "from": cyd.id(), "to": null } }),
        json!({ "changed": ["title"] }),
        json!({ "changed": ["status"], "status": { "from": "open", "to": "blocked" } }),
    ];
    for data in others {
        happened(&world, "task.updated", Some(&ada), &about(&project, &task, data)).await;
    }
    let nobody = about(&project, &task, json!({ "assignee_id": null, "status": "open" }));
    happened(&world, "task.created", Some(&ada), &nobody).await;
    assert_eq!(types(&cyd).await, ["task_assigned"]);
    assert_eq!((types(&ada).await.len(), types(&bob).await.len()), (0, 1));
}

#[tokio::test]
async fn a_done_task_is_told_to_whoever_made_it_and_was_to_do_it() {
    let world = World::new().await;
    let (project, [ada, bob, cyd]) = team(&world, ["ada", "bob", "cyd"]).await;
    let task = add_task(&world, &project, &bob, Some(&cyd)).await;
    let done = about(&project, &task, json!({ "assignee_id": cyd.id(), "created_by": bob.id() }));
    let event = happened(&world, "task.completed", Some(&ada), &done).await;
    for who in [&bob, &cyd] {
        assert_eq!(types(who).await, ["task_completed"]);
    }
    happened(&world, "task.completed", Some(&cyd), &done).await;
    let ones_own = about(&project, &task, json!({ "assignee_id": bob.id(), "created_by": bob.id() }));
    happened(&world, "task.completed", Some(&bob), &ones_own).await;
    for (who, expected) in [(&ada, 0), (&bob, 2), (&cyd, 1)] {
        assert_eq!(types(who).await.len(), expected, "{}", who.name);
    }
    world.sql("UPDATE events SET delivered_at = NULL WHERE id = ?1", &[json!(event)]).await;
    deliver(&world, &event).await;
    assert_eq!(types(&bob).await.len(), 2);
}

#[tokio::test]
async fn nobody_is_told_of_tasks_they_turned_off_or_do_not_see() {
    let world = World::new().await;
    let (project, [ada, bob, cyd]) = team(&world, ["ada", "bob", "cyd"]).await;
    let task = add_task(&world, &project, &bob, Some(&cyd)).await;
    for kind in ["task_assigned", "task_completed"] {
        without(&bob, kind).await;
    }
    remove(&world, &project, &cyd).await;
    for receiver in [&bob, &cyd] {
        let created = json!({ "assignee_id": receiver.id(), "status": "open" });
        happened(&world, "task.created", Some(&ada), &about(&project, &task, created)).await;
    }
    let done = json!({ "assignee_id": cyd.id(), "created_by": bob.id() });
    happened(&world, "task.completed", Some(&ada), &about(&project, &task, done.clone())).await;
    happened(&world, "task.completed", Some(&ada), &about(&project, &random_id(), done)).await;
    assert_eq!(world.one("SELECT count(*) FROM notifications", &[]).await, 0);
}
