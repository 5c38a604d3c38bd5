use super::*;

const NOWHERE: &str = "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77";

#[tokio::test]
async fn a_comment_is_written_listed_changed_and_deleted() {
    let world = World::new().await;
    world.clock().stop();
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    let written = bob.post(&comments(&project)).json(json!({ "body": "  First.  " })).status(201).await;
    let comment = written.data();
    assert_eq!(
        keys(comment),
        [
            "author",
            "author_id",
            "body",
            "created_at",
            "entity_id",
            "entity_type",
            "id",
            "is_deleted",
            "is_starred",
            "mentions",
            "parent_id",
            "project_id",
            "reply_count",
            "star_count",
            "updated_at",
            "version"
        ]
    );
    assert_eq!((&comment["entity_type"], &comment["entity_id"]), (&json!("project"), &json!(project)));
    assert_eq!((&comment["body"], &comment["parent_id"]), (&json!("First."), &Value::Null));
    let author = json!({ "id": bob.id(), "username": "bob", "display_name": "bob", "avatar_url": null });
    assert_eq!((&comment["author_id"], &comment["author"]), (&json!(bob.id()), &author));
    assert_eq!((&comment["version"], &comment["is_deleted"]), (&json!(1), &json!(false)));
    assert_eq!(list(&ada, &project, "").await, std::slice::from_ref(comment), "what was promised is what is there");

    world.clock().advance(Duration::from_secs(1));
    let edited = bob.patch(&path_of(comment)).json(json!({ "body": "First!" })).await;
    assert_eq!((&edited.data()["body"], &edited.data()["version"]), (&json!("First!"), &json!(2)));
    assert_eq!(edited.header("etag"), "\"2\"");
    assert_eq!(edited.data()["created_at"], comment["created_at"]);
    assert!(edited.data()["updated_at"].as_str() > comment["updated_at"].as_str(), "{}", edited.text);
    assert_eq!(list(&bob, &project, "").await, [edited.data().clone()]);

    bob.delete(&path_of(comment)).status(204).await;
    bob.delete(&path_of(comment)).refused_with(404, "COMMENT_NOT_FOUND").await;
    assert_eq!(list(&bob, &project, "").await.len(), 0);
}

#[tokio::test]
async fn comments_keep_what_people_write() {
    let world = World::new().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    for body in
        ["**bold** <script>alert(1)</script>", "a\n\n\tb", "'; DROP TABLE comments; --", "🚀 \"ß\" %_\\ $1 {{x}}"]
    {
        assert_eq!(say(&ada, &project, json!({ "body": body })).await["body"], body);
    }
    let longest = "ß".repeat(10_000);
    assert_eq!(say(&ada, &project, json!({ "body": longest })).await["body"], longest);
    assert_eq!(bodies(&ada, &project, "").await.last(), Some(&longest));
}

#[tokio::test]
async fn what_does_not_make_a_comment_is_refused_by_field() {
    let world = World::new().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    let comment = say(&ada, &project, json!({ "body": "Fine." })).await;
    for (body, field) in [
        (json!({}), "body"),
        (json!({ "body": "" }), "body"),
        (json!({ "body": " \n " }), "body"),
        (json!({ "body": "x".repeat(10_001) }), "body"),
        (json!({ "body": "a\u{7}" }), "body"),
        (json!({ "body": 7 }), "body"),
        (json!({ "body": null }), "body"),
    ] {
        let reply = ada.post(&comments(&project)).json(body.clone()).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(reply.fields(), [field], "{body}");
        let reply = ada.patch(&path_of(&comment)).json(body.clone()).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(reply.fields(), [field], "{body}");
    }
    for (body, field) in [
        (json!({ "body": "x", "entity_type": "file" }), "entity_type"),
        (json!({ "body": "x", "entity_id": NOWHERE }), "entity_id"),
        (json!({ "body": "x", "entity_id": "" }), "entity_id"),
        (json!({ "body": "x", "entity_type": "task" }), "entity_id"),
        (json!({ "body": "x", "entity_type": "task", "entity_id": "1" }), "entity_id"),
        (json!({ "body": "x", "entity_type": "code" }), "entity_id"),
        (json!({ "body": "x", "parent_id": "1" }), "parent_id"),
    ] {
        let reply = ada.post(&comments(&project)).json(body.clone()).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(reply.fields(), [field], "{body}");
    }
    assert_eq!(bodies(&ada, &project, "").await, ["Fine."]);
}

#[tokio::test]
async fn a_comment_is_on_a_task_of_its_own_project_only() {
    let world = World::new().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    let other = ada.project("Other").await;
    let (task, foreign) = (add_task(&world, &project, &ada, None).await, add_task(&world, &other, &ada, None).await);
    let on = |task: &str| json!({ "entity_type": "task", "entity_id": task, "body": "x" });
    let comment = say(&ada, &project, on(&task.to_uppercase())).await;
    assert_eq!((&comment["entity_type"], &comment["entity_id"]), (&json!("task"), &json!(task)));
    assert_eq!(world.one("SELECT task_id FROM comments", &[]).await, task);
    for nothing in [&foreign, NOWHERE] {
        ada.post(&comments(&project)).json(on(nothing)).refused_with(404, "TASK_NOT_FOUND").await;
    }
    world.sql("DELETE FROM tasks WHERE id = ?1", &[json!(task)]).await;
    assert_eq!(list(&ada, &project, "").await.len(), 0, "a task takes its comments along");
}

#[tokio::test]
async fn a_comment_is_on_code_by_its_path_in_the_project() {
    let world = World::new().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    let on = |path: &str| json!({ "entity_type": "code", "entity_id": path, "body": "x" });
    let longest = "p/".repeat(255) + "ab";
    for path in ["src/main.rs", "a b/[id]/größe.md", &longest] {
        assert_eq!(say(&ada, &project, on(path)).await["entity_id"], path);
    }
    for path in ["/etc/passwd", "../secret", "src/../../x", "./a", "a//b", "a/", "C:/x", "a\\b", "a\nb", "a\u{202e}b"] {
        let reply = ada.post(&comments(&project)).json(on(path)).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(reply.fields(), ["entity_id"], "{path}");
    }
    let too_long = ada.post(&comments(&project)).json(on(&format!("{longest}c"))).refused(422).await;
    assert_eq!(too_long.fields(), ["entity_id"]);
}

#[tokio::test]
async fn a_repeated_comment_is_one_comment() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    let send = |i: usize| {
        let call = ada.through(i % 2).post(&comments(&project)).header("idempotency-key", "once");
        call.json(json!({ "body": "Sent by a bad network." })).any()
    };
    let replies = join_all((0..6).map(send)).await;
    assert!(replies.iter().all(|reply| [201, 409].contains(&reply.status.as_u16())), "{replies:?}");
    let again = send(0).await;
    assert_eq!((again.status.as_u16(), list(&ada, &project, "").await), (201, vec![again.data().clone()]));
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'comment.created'", &[]).await, 1);
}

#[tokio::test]
async fn two_tabs_do_not_overwrite_each_other_unseen() {
    let world = World::new().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    let comment = say(&ada, &project, json!({ "body": "0" })).await;
    let edit =
        |from: &str, body: &str| ada.patch(&path_of(&comment)).header("if-match", from).json(json!({ "body": body }));
    let replies = join_all((1..=5).map(|i| edit("\"1\"", &i.to_string()).any())).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412]);
    let winner = replies.iter().find(|reply| reply.status == 200).unwrap();
    assert_eq!(list(&ada, &project, "").await, [winner.data().clone()]);

    edit("\"1\"", "late").refused_with(412, "PRECONDITION_FAILED").await;
    edit("W/\"1\"", "weak").refused_with(412, "PRECONDITION_FAILED").await;
    edit("nonsense", "late").refused_with(412, "PRECONDITION_FAILED").await;
    assert_eq!(edit("\"1\", \"2\"", "either").await.header("etag"), "\"3\"");
    assert_eq!(edit("*", "any").await.header("etag"), "\"4\"");
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'comment.updated'", &[]).await, 3);
}

#[tokio::test]
async fn events_say_what_happened_but_not_what_was_said() {
    let world = World::new().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    let task = add_task(&world, &project, &ada, None).await;
    let comment =
        say(&ada, &project, json!({ "entity_type": "task", "entity_id": task, "body": "Secret for @bob" })).await;
    ada.patch(&path_of(&comment)).json(json!({ "body": "Secret for nobody" })).await;
    ada.delete(&path_of(&comment)).status(204).await;
    let on_code = json!({ "entity_type": "code", "entity_id": "secret/path.rs", "body": "Secret" });
    let on_code = say(&ada, &project, on_code).await;

    let events = world.sql("SELECT * FROM events WHERE kind LIKE 'comment.%' ORDER BY rowid", &[]).await;
    assert_eq!(pluck(&events, "kind"), ["comment.created", "comment.updated", "comment.deleted", "comment.created"]);
    for (event, mentions) in events.iter().zip([json!([bob.id()]), json!([]), json!([]), json!([])]) {
        assert_eq!((&event["actor_id"], &event["project_id"]), (&json!(ada.id()), &json!(project)));
        let data: Value = serde_json::from_str(event["data"].as_str().unwrap()).unwrap();
        assert_eq!((keys(&data), &data["mentions"]), (vec!["entity_type", "mentions", "parent_id"], &mentions));
        assert!(!event.to_string().to_lowercase().contains("secret"), "{event}");
    }
    for event in &events[..3] {
        assert_eq!((&event["entity_id"], &event["task_id"]), (&comment["id"], &json!(task)));
    }
    assert_eq!((&events[3]["entity_id"], &events[3]["task_id"]), (&on_code["id"], &Value::Null));
}
