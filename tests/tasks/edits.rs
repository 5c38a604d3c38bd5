use super::*;

#[tokio::test]
async fn two_tabs_do_not_overwrite_each_other_unseen() {
    let team = Team::new().await;
    let task = team.create(json!({ "title": "first", "description": "kept" })).await;
    let path = team.path(&task);
    let (left, right) = (team.ada.get(&path).await, team.bob.get(&path).await);
    assert_eq!(left.header("etag"), right.header("etag"));
    let saved = team.ada.patch(&path).header("if-match", left.header("etag")).json(json!({ "title": "left" })).await;
    let late = || team.bob.patch(&path).json(json!({ "title": "right" }));
    late().header("if-match", right.header("etag")).refused_with(412, "PRECONDITION_FAILED").await;
    assert_eq!(team.read(&task).await, *saved.data());
    let again = team.bob.get(&path).await;
    let saved = late().header("if-match", again.header("etag")).await;
    assert_eq!((&saved.data()["title"], &saved.data()["version"]), (&json!("right"), &json!(3)));
}

#[tokio::test]
async fn a_task_is_not_deleted_with_changes_nobody_saw() {
    let team = Team::new().await;
    let task = team.create(json!({ "title": "first" })).await;
    let path = team.path(&task);
    team.bob.patch(&path).json(json!({ "title": "second" })).await;
    team.ada.delete(&path).header("if-match", "\"1\"").refused_with(412, "PRECONDITION_FAILED").await;
    team.ada.delete(&path).header("if-match", "\"2\"").status(204).await;
    team.ada.delete(&path).header("if-match", "\"2\"").refused_with(404, "TASK_NOT_FOUND").await;
}

#[tokio::test]
async fn if_match_takes_one_tag_or_many_weakened_on_the_way_or_any() {
    let team = Team::new().await;
    let task = team.create(json!({ "title": "0" })).await;
    let path = team.path(&task);
    let edit = |tags: &str, title: usize| {
        team.ada.patch(&path).header("if-match", tags).json(json!({ "title": title.to_string() })).any()
    };
    for (i, tags) in ["\"1\"", "W/\"2\"", "\"9\", \"3\"", "\"1\",W/\"4\" ", "*"].into_iter().enumerate() {
        assert_eq!(edit(tags, i + 1).await.status, 200, "{tags}");
    }
    for tags in ["\"5\"", "6", "\"6", "\"abc\"", "\"6.0\"", "\"-6\"", "nonsense", "\"99999999999999999999\""] {
        let refused = edit(tags, 9).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (412, "PRECONDITION_FAILED"), "{tags}");
    }
    assert_eq!(team.read(&task).await["version"], 6);
}

#[tokio::test]
async fn an_edit_changes_what_it_names_and_null_clears() {
    let team = Team::new().await;
    let (bug, ui) = (team.label("bug").await, team.label("ui").await);
    let full = json!({ "title": "t", "description": "d", "assignee_id": team.bob.id(), "due_date": "2026-03-01", "label_ids": [bug] });
    let task = team.create(full).await;
    let edit = async |body: Value| team.ada.patch(&team.path(&task)).json(body).await.data().clone();
    for (body, field, now) in [
        (json!({ "description": null }), "description", Value::Null),
        (json!({ "assignee_id": null }), "assignee_id", Value::Null),
        (json!({ "due_date": null }), "due_date", Value::Null),
        (json!({ "label_ids": [ui] }), "label_ids", json!([ui])),
        (json!({ "label_ids": [ui, bug] }), "label_ids", json!([bug, ui])),
        (json!({ "label_ids": [] }), "label_ids", json!([])),
        (json!({ "description": "" }), "description", json!("")),
        (json!({ "assignee_id": team.ada.id() }), "assignee_id", json!(team.ada.id())),
        (json!({ "status": "blocked" }), "status", json!("blocked")),
    ] {
        let before = team.read(&task).await;
        let after = edit(body.clone()).await;
        assert_eq!(after[field], now, "{body}");
        let differs = keys(&after).into_iter().filter(|key| after[*key] != before[*key]);
        let beside = [field, "version", "updated_at", "assignee", "labels"];
        assert_eq!(differs.filter(|key| !beside.contains(key)).collect::<Vec<_>>(), [""; 0], "{body}");
        assert_eq!(said(team.events("task.updated").await.last().unwrap())["changed"], json!([field]), "{body}");
    }
}

#[tokio::test]
async fn an_edit_that_changes_nothing_leaves_no_trace() {
    let team = Team::new().await;
    let label = team.label("bug").await;
    let body = json!({ "title": "t", "description": "d", "status": "done", "assignee_id": team.bob.id(),
        "due_date": "2026-03-01", "label_ids": [label] });
    let task = team.create(body.clone()).await;
    for nothing in [body, json!({}), json!({ "title": " t " }), json!({ "title": null, "status": null })] {
        let same = team.bob.patch(&team.path(&task)).header("if-match", "\"1\"").json(nothing.clone()).await;
        assert_eq!((same.data(), same.header("etag")), (&task, "\"1\""), "{nothing}");
    }
    let nulls = team.create(json!({ "title": "t" })).await;
    let cleared = json!({ "description": null, "assignee_id": null, "due_date": null, "label_ids": [] });
    assert_eq!(team.ada.patch(&team.path(&nulls)).json(cleared).await.data(), &nulls);
    for kind in ["task.updated", "task.completed"] {
        assert_eq!(team.events(kind).await.len(), 0, "{kind}");
    }
}

#[tokio::test]
async fn a_task_is_completed_whenever_it_becomes_done() {
    let team = Team::new().await;
    let task = team.create(json!({ "title": "t", "assignee_id": team.bob.id() })).await;
    for (i, status) in ["done", "done", "open", "in_progress", "done"].into_iter().enumerate() {
        team.bob.patch(&team.path(&task)).json(json!({ "status": status, "title": i.to_string() })).await;
    }
    assert_eq!(team.events("task.updated").await.len(), 5);
    let completed = team.events("task.completed").await;
    assert_eq!(completed.len(), 2);
    assert_eq!(said(&completed[0]), json!({ "assignee_id": team.bob.id(), "created_by": team.ada.id() }));
    team.world.drain().await;
}
