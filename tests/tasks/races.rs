use super::*;

#[tokio::test]
async fn of_many_edits_from_the_same_version_one_wins() {
    let team = Team::new().await;
    let task = team.create(json!({ "title": "t" })).await;
    let path = team.path(&task);
    let edit = |i: usize| {
        [&team.ada, &team.bob][i % 2]
            .patch(&path)
            .header("if-match", "\"1\"")
            .json(json!({ "title": format!("by {i}") }))
            .any()
    };
    let replies = join_all((0..10).map(edit)).await;
    assert_eq!(statuses(&replies), [200, 412, 412, 412, 412, 412, 412, 412, 412, 412]);
    let winner = replies.iter().find(|reply| reply.status == 200).unwrap();
    assert_eq!((team.read(&task).await, team.events("task.updated").await.len()), (winner.data().clone(), 1));
}

#[tokio::test]
async fn edits_of_different_fields_at_once_all_hold() {
    let team = Team::new().await;
    let label = team.label("bug").await;
    let task = team.create(json!({ "title": "t" })).await;
    let edits = [
        json!({ "title": "new" }),
        json!({ "description": "new" }),
        json!({ "status": "blocked" }),
        json!({ "assignee_id": team.bob.id() }),
        json!({ "due_date": "2026-03-01" }),
        json!({ "label_ids": [label] }),
    ];
    join_all(edits.iter().map(|edit| team.ada.patch(&team.path(&task)).json(edit.clone()).into_future())).await;
    let now = team.read(&task).await;
    assert_eq!((&now["title"], &now["description"], &now["status"]), (&json!("new"), &json!("new"), &json!("blocked")));
    assert_eq!((&now["assignee_id"], &now["label_ids"]), (&json!(team.bob.id()), &json!([label])));
    assert_eq!((&now["due_date"], &now["version"]), (&json!("2026-03-01T00:00:00.000Z"), &json!(7)));
    assert_eq!(team.events("task.updated").await.len(), 6);
}

#[tokio::test]
async fn whoever_completes_a_task_at_once_completes_it_once() {
    let team = Team::new().await;
    let task = team.create(json!({ "title": "t" })).await;
    let path = team.path(&task);
    let done = || team.bob.patch(&path).json(json!({ "status": "done" })).into_future();
    for reply in join_all((0..8).map(|_| done())).await {
        assert_eq!((&reply.data()["status"], &reply.data()["version"]), (&json!("done"), &json!(2)));
    }
    assert_eq!((team.events("task.updated").await.len(), team.events("task.completed").await.len()), (1, 1));
}

#[tokio::test]
async fn a_create_sent_again_and_again_makes_one_task() {
    let team = Team::new().await;
    let create = || team.ada.post(&team.tasks).header("idempotency-key", "k1").json(json!({ "title": "once" })).any();
    for reply in join_all((0..6).map(|_| create())).await {
        assert!([201, 409].contains(&reply.status.as_u16()), "{}", reply.text);
        assert!(reply.status == 201 || reply.code() == "IDEMPOTENCY_IN_PROGRESS", "{}", reply.text);
    }
    let again = create().await;
    assert_eq!((again.status.as_u16(), again.header("idempotency-replayed")), (201, "true"));
    let list = team.ada.get(&team.tasks).await;
    assert_eq!((list.total(), &list.items()[0]), (1, again.data()));
    assert_eq!(team.events("task.created").await.len(), 1);
}

#[tokio::test]
async fn of_many_deletions_at_once_one_succeeds() {
    let team = Team::new().await;
    let path = team.path(&team.create(json!({ "title": "t" })).await);
    let replies = join_all((0..6).map(|_| team.ada.delete(&path).any())).await;
    assert_eq!(statuses(&replies), [204, 404, 404, 404, 404, 404]);
    assert_eq!(team.events("task.deleted").await.len(), 1);
}

#[tokio::test]
async fn an_edit_that_meets_a_deletion_happens_or_does_not() {
    let team = Team::new().await;
    let path = team.path(&team.create(json!({ "title": "t" })).await);
    let edits = (0..8).map(|i| team.bob.patch(&path).json(json!({ "title": i.to_string() })).any());
    let (edits, deleted) = tokio::join!(join_all(edits), team.ada.delete(&path).status(204).into_future());
    assert_eq!(deleted.text, "");
    let happened = edits.iter().filter(|reply| reply.status == 200).count();
    for lost in edits.iter().filter(|reply| reply.status != 200) {
        assert_eq!((lost.status.as_u16(), lost.code()), (404, "TASK_NOT_FOUND"));
    }
    assert_eq!(team.events("task.updated").await.len(), happened);
}

/// Each is made wholly or not at all.
#[tokio::test]
async fn a_label_or_a_member_may_go_while_tasks_are_made_with_them() {
    let team = Team::new().await;
    let label = team.label("bug").await;
    let labelled = json!({ "title": "t", "label_ids": [label] });
    let assigned = json!({ "title": "t", "assignee_id": team.bob.id() });
    let create = |body: &Value| team.ada.post(&team.tasks).json(body.clone()).any();
    let label = format!("{}/labels/{label}", team.tasks);
    let (bodies, bob) = ([&labelled, &assigned], [json!(team.bob.id())]);
    let (replies, _, _) = tokio::join!(
        join_all((0..16).map(|i| create(bodies[i % 2]))),
        team.ada.delete(&label).status(204),
        team.world.sql("DELETE FROM team_members WHERE user_id = ?1", &bob),
    );
    let made = replies.iter().filter(|reply| reply.status == 201).count();
    for refused in replies.iter().filter(|reply| reply.status != 201) {
        assert!(["CONFLICT", "VALIDATION_ERROR"].contains(&refused.code()), "{}", refused.text);
    }
    assert_eq!(team.world.one("SELECT count(*) FROM tasks", &[]).await, made);
    assert_eq!(team.events("task.created").await.len(), made);
    assert_eq!(team.world.one("SELECT count(*) FROM task_label_links", &[]).await, 0);
    for body in bodies {
        assert_eq!(create(body).await.status, 422);
    }
}

/// The key of a create is written first of all, so what happens then happens between the look and the deed.
#[tokio::test]
async fn what_went_since_it_was_seen_is_missed_in_time() {
    let team = Team::new().await;
    let label = team.label("bug").await;
    let body = json!({ "title": "t", "label_ids": [label], "assignee_id": team.bob.id() });
    let (ada, bob) = (team.ada.id(), team.bob.id());
    for (meanwhile, status, code) in [
        (format!("DELETE FROM team_members WHERE user_id = {bob}"), 409, "CONFLICT"),
        (format!("DELETE FROM task_labels WHERE id = '{label}'"), 409, "CONFLICT"),
        (format!("DELETE FROM team_members WHERE user_id = {ada}"), 404, "PROJECT_NOT_FOUND"),
        (format!("DELETE FROM projects WHERE id = '{}'", team.project), 404, "PROJECT_NOT_FOUND"),
    ] {
        let trigger = format!("CREATE TRIGGER meanwhile AFTER INSERT ON idempotency_keys BEGIN {meanwhile}; END");
        team.world.sql(&trigger, &[]).await;
        let create = team.ada.post(&team.tasks).header("idempotency-key", "k").json(body.clone());
        create.refused_with(status, code).await;
        team.world.sql("DROP TRIGGER meanwhile", &[]).await;
    }
    assert_eq!(team.world.one("SELECT count(*) FROM tasks", &[]).await, 0);
    team.ada.post(&team.tasks).header("idempotency-key", "k").json(body).status(201).await;
}
