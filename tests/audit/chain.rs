//! Every event gets one link, whatever happens meanwhile.

use super::*;

/// Each event has one link, and the numbers have no gap.
async fn assert_whole(world: &World) -> usize {
    let links = links(world).await;
    let numbers: Vec<u64> = links.iter().map(|link| link["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=links.len() as u64).collect::<Vec<_>>());
    let mut linked = pluck(&links, "event_id");
    linked.sort_unstable();
    let events = world.sql("SELECT id FROM events ORDER BY id", &[]).await;
    assert_eq!(linked, pluck(&events, "id"));
    links.len()
}

#[tokio::test]
async fn fifty_writes_at_once_make_one_chain() {
    let world = World::new().await;
    let root = world.operator("root").await;
    let project = root.project("Launch").await;
    join_all((0..50).map(|i| {
        let (root, project) = (&root, &project);
        async move { root.task(project, &format!("Task {i}")).await }
    }))
    .await;
    assert_eq!(assert_whole(&world).await, 53);
    let verdict = verdict(&root).await;
    assert_eq!((&verdict["valid"], &verdict["checked"]), (&json!(true), &json!(53)), "{verdict}");
    assert_eq!((&verdict["next_seq"], &verdict["head"]["seq"]), (&Value::Null, &json!(53)));
}

#[tokio::test]
async fn the_sequencer_may_end_at_any_time() {
    let world = World::new().await;
    let root = world.operator("root").await;
    let project = root.project("Launch").await;
    let mut ended = 0;
    for round in 0..4 {
        let writes = join_all((0..10).map(|i| {
            let (root, project) = (&root, &project);
            async move { root.task(project, &format!("Task {round} {i}")).await }
        }));
        let (_, ran) = tokio::join!(writes, end_sequencer(&root));
        ended += usize::from(ran);
    }
    assert!(ended > 0);
    // What was lost with it is told again, by the queue or by the cron.
    world.clock().advance(Duration::from_secs(90));
    world.cron().await;
    // With that of the checkpoint.
    assert_eq!(assert_whole(&world).await, 48);
    assert_eq!(verdict(&root).await["valid"], true);
}

#[tokio::test]
async fn an_event_delivered_twice_has_one_link() {
    let world = World::new().await;
    let root = world.operator("root").await;
    root.project("Launch").await;
    let before = links(&world).await;
    let ids: Vec<Value> = before.iter().map(|link| link["event_id"].clone()).collect();
    world.consume(&ids).await;
    // As after a crash between the link and what comes last.
    world.sql("UPDATE events SET delivered_at = NULL", &[]).await;
    tokio::join!(world.consume(&ids), world.consume(&ids), world.consume(&ids));
    assert_eq!(links(&world).await, before);
    // As after a crash between the database and what the sequencer knows: it is told of them again.
    world.sql("UPDATE events SET delivered_at = NULL", &[]).await;
    end_sequencer(&root).await;
    tokio::join!(world.consume(&ids), world.consume(&ids));
    let after = links(&world).await;
    assert_eq!((after.len(), &after[..3]), (4, &before[..]));
}

/// Two instances in a hand-over: what one does not know, the database tells it.
#[tokio::test]
async fn a_chain_that_went_on_elsewhere_is_gone_on_with() {
    let world = World::new().await;
    let root = world.operator("root").await;
    assert_eq!(links(&world).await.len(), 2);
    let elsewhere =
        "INSERT INTO audit_links (seq, event_id, entity, data, hash) VALUES (3, 'elsewhere', '', '', 'abc')";
    world.sql(elsewhere, &[]).await;
    root.project("Launch").await;
    let links = links(&world).await;
    assert_eq!((links.len(), &links[3]["seq"]), (4, &json!(4)));
}

#[tokio::test]
async fn what_was_there_before_the_chain_is_linked_by_the_cron() {
    let world = World::new().await;
    let root = world.operator("root").await;
    links(&world).await;
    let old = "INSERT INTO events (id, kind, entity_id, data, request_id, created_at, delivered_at)
               SELECT printf('0198c5f2-7d3a-7c41-9b52-%012x', value), 'tag.created', 'x', '{}', 'old', '2025-11-01T00:00:00.000Z', '2025-11-01T00:00:00.000Z'
               FROM (WITH RECURSIVE many (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM many LIMIT 1500) SELECT value FROM many)";
    world.sql(old, &[]).await;
    let unlinked = verdict(&root).await;
    assert_eq!((&unlinked["valid"], unlinked["unlinked"].as_array().unwrap().len()), (&json!(false), 20));
    world.cron().await;
    world.cron().await;
    assert_eq!(assert_whole(&world).await, 1504);
    assert_eq!(verdict(&root).await["valid"], true);
}

/// A link holds nothing that is of a person.
#[tokio::test]
async fn nothing_chained_is_personal() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let project = ada.project("Launch").await;
    world.add_member(&project, &bob).await;
    let task = ada.task(&project, "Write").await;
    let path = format!("/projects/{project}");
    ada.patch(&format!("{path}/tasks/{task}")).json(json!({ "assignee_id": bob.id(), "status": "done" })).await;
    ada.delete(&format!("{path}/team/{}", bob.id())).await;
    world
        .anonymous()
        .post("/auth/login")
        .json(json!({ "email": ada.email, "password": "wrong horse" }))
        .refused(401)
        .await;
    let links = links(&world).await;
    assert!(links.len() >= 9);
    for link in &links {
        for person in [&ada, &bob] {
            let columns = link.as_object().unwrap().values().filter_map(Value::as_str);
            assert!(!columns.into_iter().any(|text| text == person.id().to_string()), "{link}");
            assert!(![&person.email, &person.ip].iter().any(|sign| link.to_string().contains(*sign)));
        }
    }
    // Of what one person did no two links show that it was the same one.
    let actors: Vec<&str> = links.iter().filter_map(|link| link["actor"].as_str()).collect();
    let different: std::collections::HashSet<&&str> = actors.iter().collect();
    assert_eq!(actors.len(), different.len());
}
