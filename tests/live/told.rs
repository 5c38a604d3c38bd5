use crate::support::*;

async fn rename(person: &Person, project: &str, name: &str) {
    person.patch(&format!("/projects/{project}")).json(json!({ "name": name })).await;
}

#[tokio::test]
async fn the_team_hears_what_happens_in_order_and_nobody_else_does() {
    let world = World::new().await;
    let (ada, bob, eve) = (world.sign_up("ada").await, world.sign_up("bob").await, world.sign_up("eve").await);
    let project = ada.project("Launch").await;
    world.add_member(&project, &bob).await;
    world.drain().await;
    let (mut here, mut there, mut outside) = (ada.watch(&project).await, bob.watch(&project).await, eve.listen().await);
    for name in ["One", "Two", "Three"] {
        rename(&ada, &project, name).await;
        for socket in [&mut here, &mut there] {
            let told = socket.next().await;
            assert_eq!(keys(&told), ["channel", "data", "seq", "timestamp", "type"]);
            assert_eq!(
                (&told["type"], &told["channel"]),
                (&json!("project.updated"), &json!(format!("project:{project}")))
            );
            assert_eq!((&told["data"]["name"], &told["data"]["actor_id"]), (&json!(name), &json!(ada.id())));
        }
    }
    outside.silent().await;
}

#[tokio::test]
async fn numbers_grow_by_one_whatever_runs_at_once() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    world.drain().await;
    let mut socket = ada.watch(&project).await;
    let first = u64::try_from(1).unwrap();
    join_all((0..20).map(|i| {
        ada.patch(&format!("/projects/{project}")).json(json!({ "name": format!("Name {i}") })).into_future()
    }))
    .await;
    let numbers = socket.numbers(20).await;
    assert_eq!(numbers, (first + 1..=first + 20).collect::<Vec<_>>());
    socket.silent().await;
}

#[tokio::test]
async fn all_sockets_of_a_user_hear_the_same() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(ada.watch(&project).await);
    }
    rename(&ada, &project, "New").await;
    for socket in &mut sockets {
        assert_eq!(socket.skip_to("project.updated").await["data"]["name"], "New");
    }
    // One that leaves takes nothing from the others.
    sockets[0].say(json!({ "type": "unsubscribe", "channel": format!("project:{project}") })).await;
    assert_eq!(sockets[0].next().await["type"], "unsubscribed");
    rename(&ada, &project, "Newer").await;
    for socket in &mut sockets[1..] {
        assert_eq!(socket.next().await["data"]["name"], "Newer");
    }
    sockets[0].silent().await;
}

#[tokio::test]
async fn who_is_removed_loses_the_channel_at_once() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let project = ada.project("Launch").await;
    world.add_member(&project, &bob).await;
    world.drain().await;
    let (mut here, mut there) = (ada.watch(&project).await, bob.watch(&project).await);
    world.sql("DELETE FROM team_members WHERE user_id = ?1", &[json!(bob.id())]).await;
    rename(&ada, &project, "Secret").await;
    assert_eq!(here.next().await["data"]["name"], "Secret");
    let told = there.next().await;
    assert_eq!((&told["type"], &told["code"]), (&json!("unsubscribed"), &json!("PROJECT_NOT_FOUND")));
    there.subscribe(&format!("project:{project}"), Some(0)).await;
    assert_eq!(there.next().await["code"], "PROJECT_NOT_FOUND");
    rename(&ada, &project, "Secret still").await;
    there.silent().await;
}

#[tokio::test]
async fn who_comes_back_to_the_team_hears_again_on_the_same_socket() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let project = ada.project("Launch").await;
    world.add_member(&project, &bob).await;
    world.drain().await;
    let mut socket = bob.watch(&project).await;
    world.sql("DELETE FROM team_members WHERE user_id = ?1", &[json!(bob.id())]).await;
    rename(&ada, &project, "Without Bob").await;
    assert_eq!(socket.next().await["type"], "unsubscribed");
    world.add_member(&project, &bob).await;
    let channel = format!("project:{project}");
    socket.subscribe(&channel, None).await;
    assert_eq!(socket.next().await["type"], "subscribed");
    rename(&ada, &project, "With Bob").await;
    assert_eq!(socket.next().await["data"]["name"], "With Bob");
}

#[tokio::test]
async fn nobody_is_told_who_declined_an_invite() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let project = ada.project("Launch").await;
    let mut socket = ada.watch(&project).await;
    let invite = world.invite(&ada, &project, &bob).await;
    assert_eq!(socket.skip_to("team.member_invited").await["data"]["id"], json!(invite));
    bob.post(&format!("/invites/{invite}/decline")).status(204).await;
    world.drain().await;
    socket.silent().await;
}

#[tokio::test]
async fn a_change_and_what_it_completes_are_told_in_this_order() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    world.drain().await;
    let mut socket = ada.watch(&project).await;
    for i in 0..8 {
        let task = ada.task(&project, &format!("Task {i}")).await;
        assert_eq!(socket.next().await["type"], "task.created");
        ada.patch(&format!("/projects/{project}/tasks/{task}")).json(json!({ "status": "done" })).await;
        let told = [socket.next().await, socket.next().await];
        assert_eq!(told.each_ref().map(|it| it["type"].as_str().unwrap()), ["task.updated", "task.completed"]);
    }
}

#[tokio::test]
async fn a_deleted_project_says_so_and_falls_silent() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    world.drain().await;
    let mut socket = ada.watch(&project).await;
    ada.delete(&format!("/projects/{project}")).status(204).await;
    assert_eq!(socket.next().await["type"], "project.deleted");
    let told = socket.next().await;
    assert_eq!((&told["type"], &told["code"]), (&json!("unsubscribed"), &json!("PROJECT_NOT_FOUND")));
}

#[tokio::test]
async fn a_team_sees_who_is_there() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let project = ada.project("Launch").await;
    world.add_member(&project, &bob).await;
    let mut here = ada.watch(&project).await;
    let present = async |socket: &mut Socket, ids: &[i64]| loop {
        if socket.skip_to("presence").await["data"]["user_ids"] == json!(ids) {
            return;
        }
    };
    present(&mut here, &[ada.id()]).await;
    let there = bob.watch(&project).await;
    present(&mut here, &[ada.id(), bob.id()]).await;
    // Even while everything sleeps.
    world.hibernate("UserSockets", &bob.id().to_string()).await;
    world.evict("ChannelLog", &format!("project:{project}")).await;
    there.close().await;
    present(&mut here, &[ada.id()]).await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go_and_can_resume() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    world.drain().await;
    let (mut quick, mut slow) = (ada.watch(&project).await, ada.watch(&project).await);
    // What fits the buffers of both machines, and what the service keeps for it, many times over.
    let text = "x".repeat(4000);
    let (mut sent, deadline) = (0, std::time::Instant::now() + Duration::from_secs(60));
    let channel = format!("project:{project}");
    while world.sockets_open(&ada).await == 2 {
        assert!(std::time::Instant::now() < deadline, "{sent} messages were kept for who takes none");
        world.flood(&channel, ada.id(), &text, 500).await;
        assert_eq!(quick.numbers(500).await.len(), 500);
        sent += 500;
    }
    let mut last = 1;
    loop {
        match slow.next_or_close().await {
            Ok(message) => {
                assert_eq!(message["seq"], last + 1);
                last += 1;
            }
            Err(code) => {
                assert_eq!(code, 1013);
                break;
            }
        }
    }
    assert!(last < sent, "{last} of {sent}");
    let mut again = ada.listen().await;
    again.subscribe(&channel, Some(last)).await;
    again.skip_to("subscribed").await;
    let missed = again.numbers(usize::try_from(sent + 1 - last).unwrap()).await;
    assert_eq!(missed, (last + 1..=sent + 1).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_message_delivered_twice_is_heard_once() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    world.drain().await;
    let mut socket = ada.watch(&project).await;
    rename(&ada, &project, "New").await;
    assert_eq!(socket.next().await["seq"], 2);
    let events = world.sql("SELECT id FROM events WHERE kind = 'project.updated'", &[]).await;
    world.drain().await;
    for _ in 0..3 {
        world.sql("UPDATE events SET delivered_at = NULL WHERE kind = 'project.updated'", &[]).await;
        let outcome = world.consume(&[events[0]["id"].clone(), events[0]["id"].clone()]).await;
        assert_eq!(outcome["retried"], 0, "{outcome}");
    }
    rename(&ada, &project, "Newer").await;
    assert_eq!(socket.next().await["seq"], 3);
    socket.silent().await;
}
