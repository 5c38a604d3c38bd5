use super::*;

#[tokio::test]
async fn replies_nest_and_are_counted() {
    let world = World::new().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    let root = say(&ada, &project, json!({ "body": "root" })).await;
    let first = reply(&bob, &root, "first").await;
    reply(&ada, &root, "second").await;
    let deeper = reply(&ada, &first, "deeper").await;
    assert_eq!(first["parent_id"], root["id"]);
    assert_eq!(deeper["parent_id"], first["id"]);
    let counts: Vec<i64> = list(&ada, &project, "").await.iter().map(|c| c["reply_count"].as_i64().unwrap()).collect();
    assert_eq!(counts, [2, 1, 0, 0]);
}

#[tokio::test]
async fn a_reply_is_on_what_its_parent_is_on() {
    let world = World::new().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    let other = ada.project("Other").await;
    let task = add_task(&world, &project, &ada, None).await;
    let root = say(&ada, &project, json!({ "entity_type": "task", "entity_id": task, "body": "root" })).await;
    let in_code = json!({ "entity_type": "code", "entity_id": "a", "parent_id": root["id"], "body": "x" });
    for (at, body) in [
        (&project, json!({ "parent_id": root["id"], "body": "x" })),
        (&project, in_code),
        (&other, json!({ "parent_id": root["id"], "body": "x" })),
        (&project, json!({ "parent_id": random_id(), "body": "x" })),
    ] {
        ada.post(&comments(at)).json(body).refused_with(404, "COMMENT_NOT_FOUND").await;
    }
    assert_eq!(list(&ada, &project, "").await, [root]);
}

#[tokio::test]
async fn what_has_replies_leaves_a_tombstone() {
    let world = World::new().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    let root = say(&bob, &project, json!({ "body": "embarrassing words for @ada" })).await;
    reply(&ada, &root, "reply").await;
    ada.post(&format!("{}/star", path_of(&root))).await;
    bob.delete(&path_of(&root)).status(204).await;

    let seen = list(&ada, &project, "").await;
    let tombstone = &seen[0];
    assert_eq!((&tombstone["id"], &tombstone["body"]), (&root["id"], &Value::Null));
    assert_eq!((&tombstone["is_deleted"], &tombstone["reply_count"]), (&json!(true), &json!(1)));
    assert_eq!((&tombstone["mentions"], &tombstone["star_count"]), (&json!([]), &json!(0)));
    assert_eq!((&tombstone["is_starred"], &tombstone["version"]), (&json!(false), &json!(2)));
    assert_eq!(list(&ada, &project, &format!("parent_id={}", root["id"].as_str().unwrap())).await.len(), 1);

    bob.patch(&path_of(&root)).json(json!({ "body": "back" })).refused_with(404, "COMMENT_NOT_FOUND").await;
    bob.delete(&path_of(&root)).refused_with(404, "COMMENT_NOT_FOUND").await;
    bob.post(&format!("{}/star", path_of(&root))).refused_with(404, "COMMENT_NOT_FOUND").await;
    let more = reply_to(&root, "more");
    ada.post(&comments(&project)).json(more).refused_with(404, "COMMENT_NOT_FOUND").await;

    let kept = world.sql("SELECT body FROM comments ORDER BY id", &[]).await;
    assert_eq!(pluck(&kept, "body"), ["", "reply"]);
    let found = "SELECT count(*) FROM comments_fts WHERE comments_fts MATCH ?1";
    assert_eq!(world.one(found, &[json!("embarrassing")]).await, 0);
    assert_eq!(world.one(found, &[json!("reply")]).await, 1);
}

#[tokio::test]
async fn a_tombstone_goes_with_its_last_reply() {
    let world = World::new().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    let root = say(&ada, &project, json!({ "body": "root" })).await;
    let (left, right) = (reply(&ada, &root, "left").await, reply(&ada, &root, "right").await);
    let leaf = reply(&ada, &left, "leaf").await;
    for comment in [&root, &left] {
        ada.delete(&path_of(comment)).status(204).await;
    }
    assert_eq!(bodies(&ada, &project, "").await, ["-", "-", "right", "leaf"]);
    ada.delete(&path_of(&leaf)).status(204).await;
    assert_eq!(bodies(&ada, &project, "").await, ["-", "right"], "the root stays for its other reply");
    ada.delete(&path_of(&right)).status(204).await;
    assert_eq!(list(&ada, &project, "").await.len(), 0);

    let root = say(&ada, &project, json!({ "body": "alive" })).await;
    let leaf = reply(&ada, &root, "leaf").await;
    ada.delete(&path_of(&leaf)).status(204).await;
    assert_eq!(bodies(&ada, &project, "").await, ["alive"]);
}

/// The database nests ten triggers; a thread may be deeper.
#[tokio::test]
async fn a_deep_thread_goes_as_easily_as_a_flat_one() {
    let world = World::new().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    let task = add_task(&world, &project, &ada, None).await;
    for entity in [json!({ "body": "0" }), json!({ "entity_type": "task", "entity_id": task, "body": "0" })] {
        let mut thread = vec![say(&ada, &project, entity).await];
        for depth in 1..30 {
            thread.push(reply(&ada, thread.last().unwrap(), &depth.to_string()).await);
        }
        for comment in &thread[..15] {
            ada.delete(&path_of(comment)).status(204).await;
        }
        for comment in thread[15..].iter().rev() {
            ada.delete(&path_of(comment)).status(204).await;
        }
        assert_eq!(list(&ada, &project, "").await.len(), 0);
    }
    let mut last = say(&ada, &project, json!({ "body": "0" })).await;
    let mut on_task = say(&ada, &project, json!({ "entity_type": "task", "entity_id": task, "body": "0" })).await;
    for depth in 1..15 {
        last = reply(&ada, &last, &depth.to_string()).await;
        on_task = reply(&ada, &on_task, &depth.to_string()).await;
    }
    world.sql("DELETE FROM tasks", &[]).await;
    assert_eq!(list(&ada, &project, "").await.len(), 15);
    ada.delete(&format!("/projects/{project}")).status(204).await;
    world.drain().await;
    assert_eq!(world.one("SELECT count(*) FROM comments", &[]).await, 0);
}

#[tokio::test]
async fn of_many_deletions_at_once_one_succeeds() {
    let world = World::new().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    for replies in 0..2 {
        let root = say(&ada, &project, json!({ "body": "root" })).await;
        for _ in 0..replies {
            reply(&ada, &root, "reply").await;
        }
        let answers = join_all((0..6).map(|_| ada.delete(&path_of(&root)).any())).await;
        let mut statuses: Vec<u16> = answers.iter().map(|reply| reply.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 404, 404, 404, 404, 404]);
        let events = "SELECT count(*) FROM events WHERE kind = 'comment.deleted' AND entity_id = ?1";
        assert_eq!(world.one(events, &[root["id"].clone()]).await, 1);
    }
}

#[tokio::test]
async fn replies_and_deletions_at_once_leave_no_reply_without_its_thread() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    for round in 0..5 {
        let root = say(&ada, &project, json!({ "body": "root" })).await;
        let call = |i: usize| match i == round {
            true => ada.through(i % 2).delete(&path_of(&root)).any(),
            false => bob.through(i % 2).post(&comments(&project)).json(reply_to(&root, "reply")).any(),
        };
        let answers = join_all((0..5).map(call)).await;
        assert_eq!(answers[round].status, 204);
        let made = answers.iter().filter(|answer| answer.status == 201).count();
        assert!(answers.iter().all(|answer| [201, 204, 404].contains(&answer.status.as_u16())), "{answers:?}");
        let seen = list(&ada, &project, "").await;
        assert_eq!(seen.len(), if made > 0 { made + 1 } else { 0 }, "{seen:?}");
        if made > 0 {
            assert_eq!((&seen[0]["is_deleted"], &seen[0]["reply_count"]), (&json!(true), &json!(made)));
        }
        let gone = join_all(seen.iter().skip(1).map(|comment| bob.delete(&path_of(comment)).status(204)));
        gone.await;
        assert_eq!(list(&ada, &project, "").await.len(), 0, "the last of them took the tombstone along");
    }
}
