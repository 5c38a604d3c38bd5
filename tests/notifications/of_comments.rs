use super::*;

#[tokio::test]
async fn those_a_comment_mentions_are_told_who_said_it_where() {
    let world = World::new().await;
    let (project, [ada, bob, cyd]) = team(&world, ["ada", "bob", "cyd"]).await;
    let task = add_task(&world, &project, &ada, None).await;
    let comment = say(&ada, &project, json!({ "entity_type": "task", "entity_id": task, "body": "Look, @bob" })).await;
    let seen = told(&bob).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(
        keys(&seen[0]),
        [
            "actor",
            "created_at",
            "entity_id",
            "id",
            "is_read",
            "payload",
            "project_id",
            "project_name",
            "read_at",
            "task_title",
            "type"
        ]
    );
    let payload = json!({ "actor_id": ada.id(), "comment_id": comment["id"], "entity_type": "task", "task_id": task });
    assert_eq!((&seen[0]["type"], &seen[0]["payload"]), (&json!("mention"), &payload));
    let actor = json!({ "id": ada.id(), "username": "ada", "display_name": "ada", "avatar_url": null });
    assert_eq!((&seen[0]["actor"], &seen[0]["entity_id"]), (&actor, &json!(task)));
    assert_eq!((&seen[0]["project_id"], &seen[0]["project_name"]), (&json!(project), &json!("Launch")));
    assert_eq!(seen[0]["task_title"], "Write the announcement");
    assert_eq!((&seen[0]["is_read"], &seen[0]["read_at"]), (&json!(false), &Value::Null));
    assert_eq!(seen[0]["created_at"], comment["created_at"]);
    assert!(uuid::Uuid::parse_str(seen[0]["id"].as_str().unwrap()).is_ok());
    assert_eq!(types(&ada).await, [""; 0], "nobody is told what they did");
    assert_eq!(types(&cyd).await, [""; 0], "nor what does not concern them");
}

#[tokio::test]
async fn a_comment_on_a_task_is_told_to_whom_it_concerns() {
    let world = World::new().await;
    let (project, [ada, bob, cyd, dan, eli]) = team(&world, ["ada", "bob", "cyd", "dan", "eli"]).await;
    let task = add_task(&world, &project, &bob, Some(&cyd)).await;
    let on = |body: &str| json!({ "entity_type": "task", "entity_id": task, "body": body });
    say(&dan, &project, on("first")).await;
    assert_eq!((types(&bob).await, types(&cyd).await), (vec!["comment_added".into()], vec!["comment_added".into()]));
    say(&bob, &project, on("second")).await;
    for (who, expected) in [(&bob, 1), (&cyd, 2), (&dan, 1), (&ada, 0), (&eli, 0)] {
        assert_eq!(told(who).await.len(), expected, "{}", who.name);
    }
}

#[tokio::test]
async fn a_comment_on_no_task_is_told_to_the_owner_and_those_in_the_talk() {
    let world = World::new().await;
    let (project, [ada, bob, cyd, dan]) = team(&world, ["ada", "bob", "cyd", "dan"]).await;
    let on = |path: &str| json!({ "entity_type": "code", "entity_id": path, "body": "x" });
    let root = say(&bob, &project, on("src/main.rs")).await;
    reply(&cyd, &root, "y").await;
    say(&dan, &project, on("src/lib.rs")).await;
    for (who, expected) in [(&ada, 3), (&bob, 1), (&cyd, 0), (&dan, 0)] {
        assert_eq!(types(who).await, vec!["comment_added"; expected], "{}", who.name);
    }
    let seen = told(&bob).await;
    assert_eq!((&seen[0]["payload"]["parent_id"], &seen[0]["entity_id"]), (&root["id"], &json!("src/main.rs")));
    let stored = world.sql("SELECT payload FROM notifications", &[]).await;
    assert!(stored.iter().all(|row| !row.to_string().contains("src/")), "payloads hold nothing people wrote");
}

#[tokio::test]
async fn a_mention_is_told_once_and_instead_of_the_comment() {
    let world = World::new().await;
    let (project, [ada, bob, cyd]) = team(&world, ["ada", "bob", "cyd"]).await;
    let task = add_task(&world, &project, &ada, Some(&bob)).await;
    let comment = say(&ada, &project, json!({ "entity_type": "task", "entity_id": task, "body": "@bob" })).await;
    assert_eq!(types(&bob).await, ["mention"]);
    for (body, of_bob, of_cyd) in [("@bob!", 1, 0), ("@bob and @cyd", 1, 1), ("nobody", 1, 1), ("@cyd @bob", 1, 1)] {
        ada.patch(&path_of(&comment)).json(json!({ "body": body })).await;
        assert_eq!(
            (types(&bob).await, types(&cyd).await),
            (vec!["mention".into(); of_bob], vec!["mention".into(); of_cyd])
        );
    }
    assert_eq!(types(&ada).await, [""; 0]);
}

#[tokio::test]
async fn what_is_delivered_twice_or_in_another_order_is_told_once() {
    let world = World::new().await;
    let (project, [ada, bob, cyd]) = team(&world, ["ada", "bob", "cyd"]).await;
    let comment = say(&bob, &project, json!({ "body": "for @cyd" })).await;
    bob.patch(&path_of(&comment)).json(json!({ "body": "for @cyd, too" })).await;
    reply(&cyd, &comment, "seen").await;
    world.drain().await;
    let all = "SELECT id, user_id, type, event_id, payload FROM notifications ORDER BY id, user_id";
    let before = world.sql(all, &[]).await;
    assert_eq!(before.len(), 4, "{before:?}");
    for _ in 0..2 {
        deliver_all_again(&world).await;
        assert_eq!(world.sql(all, &[]).await, before);
    }
    // Had the edit come first, it would have been the edit that told.
    world.sql("DELETE FROM notifications", &[]).await;
    deliver_all_again(&world).await;
    assert_eq!((types(&ada).await.len(), types(&bob).await.len(), types(&cyd).await), (2, 1, vec!["mention".into()]));
}

#[tokio::test]
async fn one_event_delivered_many_times_at_once_is_told_once() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    say(&ada, &project, json!({ "body": "@bob" })).await;
    world.drain().await;
    world.sql("DELETE FROM notifications", &[]).await;
    world.sql("UPDATE events SET delivered_at = NULL", &[]).await;
    let events = world.sql("SELECT id FROM events", &[]).await;
    let ids: Vec<Value> = events.iter().map(|event| event["id"].clone()).collect();
    join_all((0..6).map(|_| world.consume(&ids))).await;
    assert_eq!(types(&bob).await, ["mention"]);
}

#[tokio::test]
async fn who_turned_mentions_off_is_still_told_of_comments_that_concern_them() {
    let world = World::new().await;
    let (project, [ada, bob, cyd, dan]) = team(&world, ["ada", "bob", "cyd", "dan"]).await;
    let task = add_task(&world, &project, &ada, Some(&bob)).await;
    without(&bob, "mention").await;
    without(&cyd, "mention").await;
    without(&dan, "comment_added").await;
    without(&ada, "comment_added").await;
    let on = |body: &str| json!({ "entity_type": "task", "entity_id": task, "body": body });
    say(&ada, &project, on("@bob @cyd @dan")).await;
    assert_eq!(types(&bob).await, ["comment_added"]);
    assert_eq!((types(&cyd).await, types(&dan).await), (vec![], vec!["mention".into()]));
    say(&dan, &project, on("done")).await;
    assert_eq!((types(&ada).await, types(&bob).await.len()), (vec![], 2));
}

#[tokio::test]
async fn who_is_not_on_the_team_any_more_is_not_told() {
    let world = World::new().await;
    let (project, [ada, bob, cyd]) = team(&world, ["ada", "bob", "cyd"]).await;
    let task = add_task(&world, &project, &cyd, Some(&bob)).await;
    remove(&world, &project, &bob).await;
    let root = say(&cyd, &project, json!({ "entity_type": "task", "entity_id": task, "body": "@bob" })).await;
    reply(&ada, &root, "x").await;
    world.drain().await;
    assert_eq!(world.sql("SELECT id FROM notifications WHERE user_id = ?1", &[json!(bob.id())]).await.len(), 0);
    assert_eq!(types(&cyd).await, ["comment_added"]);
}

#[tokio::test]
async fn a_comment_that_is_gone_before_it_is_delivered_is_told_to_nobody() {
    let world = World::new().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    let comment = say(&ada, &project, json!({ "body": "@bob" })).await;
    reply(&ada, &comment, "and a reply").await;
    ada.delete(&path_of(&comment)).status(204).await;
    world.drain().await;
    world.sql("DELETE FROM notifications", &[]).await;
    deliver_all_again(&world).await;
    assert_eq!(types(&bob).await, [""; 0]);
}

#[tokio::test]
async fn twenty_watchers_are_told_by_one_statement() {
    let world = World::new().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    let task = add_task(&world, &project, &ada, None).await;
    let comment = json!({ "entity_type": "task", "entity_id": task, "body": "x" });
    for i in 0..20 {
        let (user, id) = (1000 + i, random_id());
        let at = json!("2026-11-01T00:00:00.000Z");
        let insert = "INSERT INTO users (id, email, password_hash, created_at, updated_at) VALUES (?1, ?2, '', ?3, ?3)";
        world.sql(insert, &[json!(user), json!(format!("{user}@example.com")), at.clone()]).await;
        let insert = "INSERT INTO team_members (project_id, user_id, role, joined_at) VALUES (?1, ?2, 'member', ?3)";
        world.sql(insert, &[json!(project), json!(user), at.clone()]).await;
        let insert = "INSERT INTO comments (id, project_id, entity_type, entity_id, task_id, author_id, body, created_at, updated_at)
                      VALUES (?1, ?2, 'task', ?3, ?3, ?4, 'x', ?5, ?5)";
        world.sql(insert, &[json!(id), json!(project), json!(task), json!(user), at]).await;
    }
    say(&bob, &project, comment).await;
    world.drain().await;
    let told = world.sql("SELECT user_id FROM notifications WHERE type = 'comment_added'", &[]).await;
    assert_eq!(told.len(), 21);
    assert_eq!(types(&ada).await, ["comment_added"]);
}
