use super::*;

#[tokio::test]
async fn labels_are_created_listed_and_deleted() {
    let team = Team::new().await;
    let labels = format!("{}/labels", team.tasks);
    assert_eq!(team.ada.get(&labels).await.json, json!({ "items": [], "total": 0, "page": 1, "page_size": 20 }));
    let ui = team.bob.post(&labels).json(json!({ "name": " ui ", "color": "#FF0000" })).status(201).await;
    assert_eq!(keys(ui.data()), ["color", "created_at", "id", "name"]);
    assert_eq!((&ui.data()["name"], &ui.data()["color"]), (&json!("ui"), &json!("#ff0000")));
    let bug = team.ada.post(&labels).json(json!({ "name": "Bug" })).status(201).await;
    assert_eq!(bug.data()["color"], Value::Null);
    let list = team.bob.get(&labels).await;
    assert_eq!((list.items(), list.trips()), (&[bug.data().clone(), ui.data().clone()][..], 1));

    let path = format!("{labels}/{}", id(ui.data()));
    team.ada.delete(&path).status(204).await;
    team.ada.delete(&path).refused_with(404, "LABEL_NOT_FOUND").await;
    assert_eq!(pluck(team.ada.get(&labels).await.items(), "name"), ["Bug"]);
    let [created, other] = &team.events("label.created").await[..] else { panic!("two events") };
    assert_eq!((&created["entity_id"], &other["entity_id"]), (&ui.data()["id"], &bug.data()["id"]));
    assert_eq!(team.events("label.deleted").await[0]["entity_id"], ui.data()["id"]);
}

#[tokio::test]
async fn a_label_that_goes_leaves_its_tasks_with_a_new_version() {
    let team = Team::new().await;
    let (bug, ui) = (team.label("bug").await, team.label("ui").await);
    let with = team.create(json!({ "title": "with", "label_ids": [bug, ui] })).await;
    let without = team.create(json!({ "title": "without", "label_ids": [ui] })).await;
    team.bob.delete(&format!("{}/labels/{bug}", team.tasks)).status(204).await;
    let now = team.read(&with).await;
    assert_eq!((&now["label_ids"], pluck(now["labels"].as_array().unwrap(), "name")), (&json!([ui]), vec!["ui"]));
    assert_eq!(now["version"], 2);
    assert_eq!(team.read(&without).await, without);
    let stale = team.ada.patch(&team.path(&with)).header("if-match", "\"1\"").json(json!({ "title": "x" }));
    stale.refused_with(412, "PRECONDITION_FAILED").await;
}

#[tokio::test]
async fn a_projects_labels_have_different_names_whatever_the_case() {
    let team = Team::new().await;
    let other = format!("/projects/{}/tasks/labels", team.ada.project("Other").await);
    team.label("bug").await;
    let labels = format!("{}/labels", team.tasks);
    team.ada.post(&labels).json(json!({ "name": " BUG " })).refused_with(409, "LABEL_EXISTS").await;
    team.ada.post(&other).json(json!({ "name": "bug" })).status(201).await;
    let replies = join_all((0..6).map(|_| team.bob.post(&labels).json(json!({ "name": "new" })).any())).await;
    assert_eq!(statuses(&replies), [201, 409, 409, 409, 409, 409]);
    assert_eq!(team.events("label.created").await.len(), 3);
}

#[tokio::test]
async fn what_does_not_make_a_label_is_refused_by_field() {
    let team = Team::new().await;
    let labels = format!("{}/labels", team.tasks);
    for (body, field) in [
        (json!({}), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "name": "x".repeat(51) }), "name"),
        (json!({ "name": null }), "name"),
        (json!({ "name": "x", "color": "red" }), "color"),
        (json!({ "name": "x", "color": "#fff" }), "color"),
        (json!({ "name": "x", "color": "#12345g" }), "color"),
    ] {
        let reply = team.ada.post(&labels).json(body.clone()).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(reply.fields(), [field], "{body}");
    }
    assert_eq!(team.ada.get(&labels).await.total(), 0);
}

#[tokio::test]
async fn a_label_is_reached_through_its_own_project_only() {
    let team = Team::new().await;
    let bug = team.label("bug").await;
    let other = team.ada.project("Other").await;
    team.ada.delete(&format!("/projects/{other}/tasks/labels/{bug}")).refused_with(404, "LABEL_NOT_FOUND").await;
    for nothing in ["nonsense", "1", NOWHERE] {
        team.ada.delete(&format!("{}/labels/{nothing}", team.tasks)).refused_with(404, "LABEL_NOT_FOUND").await;
    }
    let eve = team.world.sign_up("eve").await;
    eve.delete(&format!("{}/labels/{bug}", team.tasks)).refused_with(404, "PROJECT_NOT_FOUND").await;
    eve.get(&format!("{}/labels", team.tasks)).refused_with(404, "PROJECT_NOT_FOUND").await;
    assert_eq!(team.ada.get(&format!("{}/labels", team.tasks)).await.total(), 1);
}

#[tokio::test]
async fn labels_and_tasks_do_not_stand_in_each_others_way() {
    let team = Team::new().await;
    let task = team.create(json!({ "title": "t" })).await;
    team.ada.get(&format!("{}/labels/{}", team.tasks, id(&task))).refused_with(405, "METHOD_NOT_ALLOWED").await;
    team.ada.delete(&format!("{}/labels/{}", team.tasks, id(&task))).refused_with(404, "LABEL_NOT_FOUND").await;
    team.ada.get(&format!("{}/label", team.tasks)).refused_with(404, "TASK_NOT_FOUND").await;
    assert_eq!(team.read(&task).await, task);
}

#[tokio::test]
async fn a_task_has_20_labels_at_most_and_a_project_200() {
    let team = Team::new().await;
    let (first, label) = (team.label("first").await, format!("{}/labels", team.tasks));
    let more = "INSERT INTO task_labels (id, project_id, name, created_at)
                SELECT printf('0198c5f2-7d3a-7c41-9b52-%012x', value), ?1, 'label ' || value, '2026-01-01T00:00:00.000Z'
                FROM (WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 198) SELECT value FROM n)";
    team.world.sql(more, &[json!(team.project)]).await;
    let last = team.ada.post(&label).json(json!({ "name": "last" })).status(201).await;
    team.ada.post(&label).json(json!({ "name": "one more" })).refused_with(409, "TOO_MANY").await;
    team.ada.post(&label).json(json!({ "name": "first" })).refused_with(409, "LABEL_EXISTS").await;
    let list = team.ada.get(&label).await;
    assert_eq!((list.items().len(), list.total()), (200, 200));

    let all: Vec<Value> = list.items().iter().map(|label| label["id"].clone()).collect();
    let task = team.create(json!({ "title": "t", "label_ids": all[..20] })).await;
    assert_eq!(task["labels"].as_array().unwrap().len(), 20);
    let too_many = json!({ "title": "t", "label_ids": all[..21] });
    assert_eq!(team.ada.post(&team.tasks).json(too_many.clone()).refused(422).await.fields(), ["label_ids"]);
    assert_eq!(team.ada.patch(&team.path(&task)).json(too_many).refused(422).await.fields(), ["label_ids"]);
    let others = json!({ "label_ids": [first, last.data()["id"]] });
    assert_eq!(team.ada.patch(&team.path(&task)).json(others).await.data()["labels"].as_array().unwrap().len(), 2);
}
