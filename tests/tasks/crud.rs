use super::*;

const FIELDS: [&str; 17] = [
    "assignee",
    "assignee_id",
    "attachment_count",
    "comment_count",
    "created_at",
    "created_by",
    "depends_on",
    "description",
    "due_date",
    "id",
    "label_ids",
    "labels",
    "project_id",
    "status",
    "title",
    "updated_at",
    "version",
];

#[tokio::test]
async fn a_task_is_created_read_changed_and_deleted() {
    let team = Team::new().await;
    team.world.clock().stop();
    let (bug, ui) = (team.label("bug").await, team.label("Ui").await);
    let body = json!({ "title": " Write it ", "description": "Two paragraphs.", "status": "in_progress",
        "assignee_id": team.bob.id(), "due_date": "2026-12-24T18:00:00+01:00", "label_ids": [ui, bug, ui] });
    let created = team.ada.post(&team.tasks).json(body).status(201).await;
    let task = created.data();
    assert_eq!(keys(task), FIELDS);
    assert_eq!((&task["title"], &task["description"]), (&json!("Write it"), &json!("Two paragraphs.")));
    assert_eq!((&task["status"], &task["project_id"]), (&json!("in_progress"), &json!(team.project)));
    assert_eq!((&task["assignee_id"], &task["created_by"]), (&json!(team.bob.id()), &json!(team.ada.id())));
    let bob = json!({ "id": team.bob.id(), "username": null, "display_name": "bob", "avatar_url": null });
    assert_eq!(task["assignee"], bob);
    assert_eq!(task["due_date"], "2026-12-24T17:00:00.000Z");
    assert_eq!(task["label_ids"], json!([bug, ui]));
    let label = |id: &str, name: &str| json!({ "id": id, "name": name, "color": null });
    assert_eq!(task["labels"], json!([label(&bug, "bug"), label(&ui, "Ui")]));
    assert_eq!((&task["depends_on"], &task["comment_count"]), (&json!([]), &json!(0)));
    assert_eq!((&task["version"], &task["created_at"]), (&json!(1), &task["updated_at"]));
    assert_eq!(created.header("etag"), "\"1\"");

    let path = team.path(task);
    let read = team.bob.get(&path).await;
    assert_eq!((read.data(), read.header("etag"), read.trips()), (task, "\"1\"", 1));

    team.world.clock().advance(Duration::from_secs(1));
    let edited = team.bob.patch(&path).json(json!({ "title": "Write it well", "status": "done" })).await;
    let now = edited.data();
    assert_eq!((&now["title"], &now["status"], &now["version"]), (&json!("Write it well"), &json!("done"), &json!(2)));
    assert_eq!((edited.header("etag"), edited.trips()), ("\"2\"", 2));
    assert!(now["updated_at"].as_str() > task["updated_at"].as_str(), "{now}");
    for kept in ["description", "assignee", "due_date", "labels", "created_at", "created_by"] {
        assert_eq!(now[kept], task[kept], "{kept}");
    }
    assert_eq!(team.ada.get(&path).await.data(), now);

    assert_eq!(team.bob.delete(&path).status(204).await.text, "");
    team.ada.get(&path).refused_with(404, "TASK_NOT_FOUND").await;
    team.ada.patch(&path).json(json!({ "title": "x" })).refused_with(404, "TASK_NOT_FOUND").await;
    team.ada.delete(&path).refused_with(404, "TASK_NOT_FOUND").await;
    assert_eq!(team.ada.get(&team.tasks).await.total(), 0);
}

#[tokio::test]
async fn a_task_needs_nothing_but_a_title() {
    let team = Team::new().await;
    let task = team.create(json!({ "title": "t" })).await;
    assert_eq!(task["status"], "open");
    for nothing in ["description", "assignee_id", "assignee", "due_date"] {
        assert_eq!(task[nothing], Value::Null, "{nothing}");
    }
    assert_eq!((&task["labels"], &task["label_ids"]), (&json!([]), &json!([])));
    assert_eq!(team.read(&task).await, task);
}

#[tokio::test]
async fn tasks_keep_what_people_write() {
    let team = Team::new().await;
    let title = "Größe 🚀 \"quoted\" <b> 'x'; DROP TABLE tasks; -- %_\\ $.title";
    let description = "line\nline\ttab \\u0041 {\"title\": null}";
    let task = team.create(json!({ "title": title, "description": description })).await;
    assert_eq!((&task["title"], &task["description"]), (&json!(title), &json!(description)));
    let turned = json!({ "title": "x", "description": title });
    let task = team.ada.patch(&team.path(&task)).json(turned).await;
    assert_eq!(team.read(task.data()).await["description"], title);
    let longest = json!({ "title": "ß".repeat(200), "description": "🚀".repeat(10_000) });
    let edited = team.ada.patch(&team.path(task.data())).json(longest.clone()).await;
    assert_eq!((&edited.data()["title"], &edited.data()["description"]), (&longest["title"], &longest["description"]));
}

#[tokio::test]
async fn a_due_date_is_a_moment_or_a_day() {
    let team = Team::new().await;
    let task = team.create(json!({ "title": "t" })).await;
    for (given, kept) in [
        ("2026-12-24", "2026-12-24T00:00:00.000Z"),
        ("2026-12-24T10:00:00Z", "2026-12-24T10:00:00.000Z"),
        ("2026-12-24T10:00:00.1239+05:30", "2026-12-24T04:30:00.123Z"),
        ("1969-12-31T23:59:59.999-00:00", "1969-12-31T23:59:59.999Z"),
        ("9999-12-31", "9999-12-31T00:00:00.000Z"),
    ] {
        let edited = team.ada.patch(&team.path(&task)).json(json!({ "due_date": given })).await;
        assert_eq!(edited.data()["due_date"], kept, "{given}");
    }
}

#[tokio::test]
async fn what_does_not_make_a_task_is_refused_by_field() {
    let team = Team::new().await;
    let task = team.create(json!({ "title": "t" })).await;
    let cy = team.world.sign_up("cy").await;
    let elsewhere = cy.project("Elsewhere").await;
    let foreign = cy.post(&format!("/projects/{elsewhere}/tasks/labels")).json(json!({ "name": "bug" })).await;
    for (body, field) in [
        (json!({ "title": "" }), "title"),
        (json!({ "title": " \n " }), "title"),
        (json!({ "title": "x".repeat(201) }), "title"),
        (json!({ "title": 7 }), "title"),
        (json!({ "title": "a\u{7}b" }), "title"),
        (json!({ "title": "x", "description": "y".repeat(10_001) }), "description"),
        (json!({ "title": "x", "status": "closed" }), "status"),
        (json!({ "title": "x", "status": 1 }), "status"),
        (json!({ "title": "x", "assignee_id": "me" }), "assignee_id"),
        (json!({ "title": "x", "assignee_id": 1.5 }), "assignee_id"),
        (json!({ "title": "x", "assignee_id": -1 }), "assignee_id"),
        (json!({ "title": "x", "assignee_id": cy.id() }), "assignee_id"),
        (json!({ "title": "x", "assignee_id": i64::MAX }), "assignee_id"),
        (json!({ "title": "x", "due_date": "tomorrow" }), "due_date"),
        (json!({ "title": "x", "due_date": "2026-02-30" }), "due_date"),
        (json!({ "title": "x", "due_date": "9999-12-31T23:59:59-01:00" }), "due_date"),
        (json!({ "title": "x", "due_date": 1_700_000_000 }), "due_date"),
        (json!({ "title": "x", "label_ids": "bug" }), "label_ids"),
        (json!({ "title": "x", "label_ids": ["bug"] }), "label_ids"),
        (json!({ "title": "x", "label_ids": [null] }), "label_ids"),
        (json!({ "title": "x", "label_ids": [NOWHERE] }), "label_ids"),
        (json!({ "title": "x", "label_ids": [foreign.data()["id"]] }), "label_ids"),
    ] {
        let created = team.ada.post(&team.tasks).json(body.clone()).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(created.fields(), [field], "{body}");
        let edit = team.ada.patch(&team.path(&task)).json(body.clone());
        assert_eq!(edit.refused_with(422, "VALIDATION_ERROR").await.fields(), [field], "{body}");
    }
    assert_eq!(team.ada.post(&team.tasks).json(json!({})).refused(422).await.fields(), ["title"]);
    assert_eq!(team.ada.get(&team.tasks).await.items(), [task]);
}

#[tokio::test]
async fn a_stranger_learns_nothing_of_a_task() {
    let team = Team::new().await;
    let eve = team.world.sign_up("eve").await;
    let own = eve.project("Own").await;
    let task = team.create(json!({ "title": "Secret" })).await;
    let hidden = eve.get(&team.path(&task)).refused_with(404, "PROJECT_NOT_FOUND").await;
    let nowhere = eve.get(&format!("/projects/{NOWHERE}/tasks/{NOWHERE}")).refused_with(404, "PROJECT_NOT_FOUND").await;
    assert_eq!(hidden.json["error"], nowhere.json["error"]);
    // Not through a project of one's own, either.
    let through = format!("/projects/{own}/tasks/{}", id(&task));
    eve.get(&through).refused_with(404, "TASK_NOT_FOUND").await;
    eve.patch(&through).json(json!({ "title": "Mine" })).refused_with(404, "TASK_NOT_FOUND").await;
    eve.delete(&through).refused_with(404, "TASK_NOT_FOUND").await;
    eve.get(&format!("{through}/activity")).refused_with(404, "TASK_NOT_FOUND").await;
    // And not after one has left.
    team.world.sql("DELETE FROM team_members WHERE user_id = ?1", &[json!(team.bob.id())]).await;
    team.bob.get(&team.path(&task)).refused_with(404, "PROJECT_NOT_FOUND").await;
    team.bob.get(&team.tasks).refused_with(404, "PROJECT_NOT_FOUND").await;
    team.bob.patch(&team.path(&task)).json(json!({ "title": "x" })).refused_with(404, "PROJECT_NOT_FOUND").await;
    assert_eq!(team.read(&task).await, task);
}

#[tokio::test]
async fn deleting_a_task_takes_what_is_on_it_and_frees_what_waited_for_it() {
    let team = Team::new().await;
    let bug = team.label("bug").await;
    let doomed = team.create(json!({ "title": "doomed", "label_ids": [bug] })).await;
    let waiting = team.create(json!({ "title": "waiting" })).await;
    let before = team.create(json!({ "title": "before" })).await;
    team.ada.post(&format!("{}/depends-on/{}", team.path(&waiting), id(&doomed))).await;
    team.ada.post(&format!("{}/depends-on/{}", team.path(&doomed), id(&before))).await;
    let comment = "INSERT INTO comments (id, project_id, entity_type, entity_id, task_id, body, created_at, updated_at)
                   VALUES (?1, ?2, 'task', ?3, ?3, 'words', '2026', '2026')";
    team.world.sql(comment, &[json!(NOWHERE), json!(team.project), doomed["id"].clone()]).await;
    assert_eq!(team.read(&doomed).await["comment_count"], 1);

    team.ada.delete(&team.path(&doomed)).status(204).await;
    let freed = team.read(&waiting).await;
    assert_eq!((&freed["depends_on"], &freed["version"]), (&json!([]), &json!(3)));
    assert_eq!(team.read(&before).await, before);
    for table in ["comments", "task_label_links", "task_dependencies"] {
        assert_eq!(team.world.one(&format!("SELECT count(*) FROM {table}"), &[]).await, 0, "{table}");
    }
    let [deleted] = &team.events("task.deleted").await[..] else { panic!("one event") };
    assert_eq!((&deleted["entity_id"], &deleted["task_id"]), (&doomed["id"], &doomed["id"]));
    assert_eq!(deleted["project_id"], team.project);
}

#[tokio::test]
async fn events_say_what_happened_but_nothing_of_what_was_written() {
    let team = Team::new().await;
    let label = team.label("secret label").await;
    let task = team.create(json!({ "title": "secret title", "assignee_id": team.bob.id() })).await;
    let body = json!({ "title": "secret too", "description": "secret words", "status": "done", "assignee_id": null,
        "due_date": "2026-03-01", "label_ids": [label] });
    team.bob.patch(&team.path(&task)).json(body).await;
    let created = &team.events("task.created").await[0];
    assert_eq!(said(created), json!({ "assignee_id": team.bob.id(), "status": "open" }));
    let updated = &team.events("task.updated").await[0];
    let data = said(updated);
    let changed = data["changed"].as_array().unwrap().clone();
    let mut changed: Vec<&str> = changed.iter().map(|field| field.as_str().unwrap()).collect();
    changed.sort_unstable();
    assert_eq!(changed, ["assignee_id", "description", "due_date", "label_ids", "status", "title"]);
    assert_eq!(data["status"], json!({ "from": "open", "to": "done" }));
    assert_eq!(data["assignee_id"], json!({ "from": team.bob.id(), "to": null }));
    assert_eq!(keys(&data), ["assignee_id", "changed", "status"]);
    let completed = &team.events("task.completed").await[0];
    assert_eq!(said(completed), json!({ "assignee_id": null, "created_by": team.ada.id() }));
    for event in [created, updated, completed] {
        assert_eq!((&event["task_id"], &event["entity_id"]), (&task["id"], &task["id"]));
        assert_eq!(event["project_id"], team.project);
    }
    for event in [updated, completed] {
        assert_eq!((&event["actor_id"], &event["ip_address"]), (&json!(team.bob.id()), &json!(team.bob.ip)));
    }
    let told = team.world.sql("SELECT group_concat(data) AS all_of_it FROM events", &[]).await;
    assert!(!told[0]["all_of_it"].as_str().unwrap().contains("secret"), "{told:?}");
    team.world.drain().await;
}
