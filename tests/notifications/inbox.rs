use super::*;

/// Ada's project, in which Bob is told of this many comments, each at a second of its own.
async fn bob_told(world: &World, comments: usize) -> (String, [Person; 2]) {
    world.clock().stop();
    let (project, [ada, bob]) = team(world, ["ada", "bob"]).await;
    for i in 0..comments {
        world.clock().advance(Duration::from_secs(1));
        say(&ada, &project, json!({ "body": format!("@bob {i}") })).await;
    }
    (project, [ada, bob])
}

fn ids(reply: &Reply) -> Vec<String> {
    pluck(reply.json["items"].as_array().unwrap(), "id").into_iter().map(Into::into).collect()
}

#[tokio::test]
async fn an_empty_inbox_is_a_list_with_nothing_unread() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let empty = json!({ "items": [], "total": 0, "page": 1, "page_size": 20, "unread": 0 });
    assert_eq!(inbox(&ada, "").await.json, empty);
}

#[tokio::test]
async fn the_newest_comes_first_and_pages_cover_all_once() {
    let world = World::new().await;
    let (_, [_, bob]) = bob_told(&world, 5).await;
    let times: Vec<String> = pluck(&told(&bob).await, "created_at").into_iter().map(Into::into).collect();
    assert!(times.is_sorted_by(|a, b| a > b), "{times:?}");
    let mut seen = Vec::new();
    for page in 1..=3 {
        let reply = inbox(&bob, &format!("page={page}&page_size=2")).await;
        assert_eq!((reply.trips(), reply.total(), &reply.json["unread"]), (1, 5, &json!(5)));
        seen.extend(ids(&reply));
    }
    assert_eq!(seen, ids(&inbox(&bob, "").await));
}

#[tokio::test]
async fn some_are_marked_read_and_marking_again_changes_nothing() {
    let world = World::new().await;
    let (_, [ada, bob]) = bob_told(&world, 3).await;
    let all = ids(&inbox(&bob, "").await);
    let mark = |who: &Person, ids: &[String]| who.post("/notifications/mark-read").json(json!({ "ids": ids }));
    assert_eq!(*mark(&ada, &all).await.data(), json!({ "unread": 0 }), "of Bob's nothing is Ada's");
    world.clock().advance(Duration::from_secs(1));
    assert_eq!(*mark(&bob, &[all[1].to_uppercase(), random_id()]).await.data(), json!({ "unread": 2 }));
    let read = inbox(&bob, "unread=false").await;
    assert_eq!((ids(&read), read.total(), &read.json["unread"]), (vec![all[1].clone()], 1, &json!(2)));
    let item = &read.json["items"][0];
    assert_eq!(item["is_read"], true);
    assert!(item["read_at"].as_str() > item["created_at"].as_str(), "{item}");

    world.clock().advance(Duration::from_secs(1));
    mark(&bob, &all[1..2]).await;
    assert_eq!(inbox(&bob, "unread=false").await.json["items"][0]["read_at"], item["read_at"]);
    let unread = inbox(&bob, "unread=true").await;
    assert_eq!((ids(&unread), unread.total()), (vec![all[0].clone(), all[2].clone()], 2));
    assert_eq!(ids(&inbox(&bob, "unread=true&page=2&page_size=1").await), all[2..]);
    assert_eq!(mark(&bob, &[]).await.data()["unread"], 2);
}

#[tokio::test]
async fn all_are_marked_read_at_once_and_only_ones_own() {
    let world = World::new().await;
    let (project, [ada, bob]) = bob_told(&world, 3).await;
    say(&bob, &project, json!({ "body": "@ada" })).await;
    assert_eq!(inbox(&ada, "").await.json["unread"], 1);
    join_all((0..4).map(|_| bob.post("/notifications/mark-all-read").status(200))).await;
    let read = inbox(&bob, "").await;
    assert_eq!((read.total(), &read.json["unread"]), (3, &json!(0)));
    assert_eq!(inbox(&bob, "unread=true").await.total(), 0);
    assert_eq!(inbox(&ada, "").await.json["unread"], 1);
    say(&ada, &project, json!({ "body": "@bob once more" })).await;
    assert_eq!(inbox(&bob, "").await.json["unread"], 1);
}

#[tokio::test]
async fn an_inbox_is_filtered_by_type() {
    let world = World::new().await;
    let (project, [ada, bob]) = bob_told(&world, 1).await;
    say(&ada, &project, json!({ "body": "@bob" })).await;
    let root = say(&bob, &project, json!({ "body": "x" })).await;
    reply(&ada, &root, "y").await;
    for (query, expected) in [("type=mention", 2), ("type=comment_added", 1), ("type=team_invite&unread=true", 0)] {
        let reply = inbox(&bob, query).await;
        assert_eq!(
            (ids(&reply).len(), reply.total(), &reply.json["unread"]),
            (expected, expected as i64, &json!(3)),
            "{query}"
        );
    }
    for (query, field) in
        [("type=worker_down", "type"), ("type=", "type"), ("unread=maybe", "unread"), ("page=0", "page")]
    {
        assert_eq!(bob.get(&format!("/notifications?{query}")).refused(422).await.fields(), [field], "{query}");
    }
}

#[tokio::test]
async fn what_a_project_told_is_seen_while_one_is_on_its_team() {
    let world = World::new().await;
    let (project, [ada, bob]) = bob_told(&world, 2).await;
    let other = bob.project("Own").await;
    world.add_member(&other, &ada).await;
    say(&ada, &other, json!({ "body": "hello @bob" })).await;
    assert_eq!(inbox(&bob, "").await.json["unread"], 3);
    remove(&world, &project, &bob).await;
    for query in ["", "unread=true", "type=mention"] {
        let seen = inbox(&bob, query).await;
        assert_eq!((ids(&seen).len(), seen.total(), &seen.json["unread"]), (1, 1, &json!(1)), "{query}");
        assert_eq!(seen.json["items"][0]["project_id"], other);
    }
    assert_eq!(bob.post("/notifications/mark-all-read").await.data()["unread"], 0);
    world.add_member(&project, &bob).await;
    assert_eq!(inbox(&bob, "").await.total(), 3);
    ada.delete(&format!("/projects/{project}")).status(204).await;
    assert_eq!(inbox(&bob, "").await.total(), 1, "a deleted project tells nothing any more");
}

#[tokio::test]
async fn names_and_titles_are_those_of_now() {
    let world = World::new().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    let task = add_task(&world, &project, &ada, None).await;
    let comment = say(&ada, &project, json!({ "entity_type": "task", "entity_id": task, "body": "@bob" })).await;
    assert_eq!(types(&bob).await, ["mention"]);
    ada.patch(&format!("/projects/{project}")).json(json!({ "name": "Launch 2" })).await;
    ada.patch("/profile").json(json!({ "display_name": "Ada Lovelace" })).await;
    world.sql("UPDATE tasks SET title = 'Another'", &[]).await;
    let seen = &told(&bob).await[0];
    assert_eq!((&seen["project_name"], &seen["task_title"]), (&json!("Launch 2"), &json!("Another")));
    assert_eq!(seen["actor"]["display_name"], "Ada Lovelace");
    ada.delete(&path_of(&comment)).status(204).await;
    world.sql("DELETE FROM tasks", &[]).await;
    let seen = &told(&bob).await[0];
    assert_eq!((&seen["task_title"], &seen["entity_id"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn what_are_no_ids_is_refused_by_field() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let many: Vec<String> = (0..201).map(|_| random_id()).collect();
    for ids in [json!(["1"]), json!("x"), json!([null]), json!({}), json!(null), json!([[]]), json!(many)] {
        let reply = ada.post("/notifications/mark-read").json(json!({ "ids": ids })).refused(422).await;
        assert_eq!(reply.fields(), ["ids"], "{ids}");
    }
    assert_eq!(ada.post("/notifications/mark-read").json(json!({})).refused(422).await.fields(), ["ids"]);
    ada.post("/notifications/mark-read").json(json!({ "ids": many[..200] })).await;
}
