use crate::support::*;

async fn rename(person: &Person, project: &str, names: std::ops::Range<u32>) {
    for i in names {
        person.patch(&format!("/projects/{project}")).json(json!({ "name": format!("Name {i}") })).await;
        // A message tells of a thing as it is when it is told.
        person.world.drain().await;
    }
}

/// The numbers and names of so many messages.
async fn heard(socket: &mut Socket, count: usize) -> Vec<(u64, String)> {
    let mut heard = Vec::new();
    for _ in 0..count {
        let message = socket.next().await;
        assert_eq!(message["type"], "project.updated", "{message}");
        heard.push((message["seq"].as_u64().unwrap(), message["data"]["name"].as_str().unwrap().to_owned()));
    }
    heard
}

fn numbered(from: u64, to: u64) -> Vec<(u64, String)> {
    (from..=to).map(|seq| (seq, format!("Name {seq}"))).collect()
}

#[tokio::test]
async fn who_comes_back_gets_exactly_what_was_missed() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Name 1").await;
    world.drain().await;
    let mut socket = ada.watch(&project).await;
    rename(&ada, &project, 2..4).await;
    assert_eq!(heard(&mut socket, 2).await, numbered(2, 3));
    socket.close().await;
    rename(&ada, &project, 4..8).await;
    let mut socket = ada.listen().await;
    socket.subscribe(&format!("project:{project}"), Some(3)).await;
    let told = socket.next().await;
    assert_eq!(told, json!({ "type": "subscribed", "channel": format!("project:{project}"), "seq": 7 }));
    assert_eq!(heard(&mut socket, 4).await, numbered(4, 7));
    rename(&ada, &project, 8..9).await;
    assert_eq!(heard(&mut socket, 1).await, numbered(8, 8));
    socket.silent().await;
}

#[tokio::test]
async fn who_missed_nothing_gets_nothing() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Name 1").await;
    world.drain().await;
    let mut socket = ada.listen().await;
    socket.subscribe(&format!("project:{project}"), Some(1)).await;
    assert_eq!(socket.next().await["seq"], 1);
    socket.silent().await;
}

#[tokio::test]
async fn numbers_that_were_never_given_mean_a_new_start() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Name 1").await;
    world.drain().await;
    let mut socket = ada.listen().await;
    let channel = format!("project:{project}");
    socket.subscribe(&channel, Some(99)).await;
    assert_eq!(socket.next().await, json!({ "type": "subscribed", "channel": channel, "seq": 1 }));
    assert_eq!(socket.next().await, json!({ "type": "resync", "channel": channel, "seq": 1 }));
    rename(&ada, &project, 2..3).await;
    assert_eq!(heard(&mut socket, 1).await, numbered(2, 2));
}

#[tokio::test]
async fn subscribing_again_gives_what_was_before_and_doubles_nothing() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Name 1").await;
    rename(&ada, &project, 2..4).await;
    let mut socket = ada.watch(&project).await;
    rename(&ada, &project, 4..5).await;
    assert_eq!(heard(&mut socket, 1).await, numbered(4, 4));
    let channel = format!("project:{project}");
    socket.subscribe(&channel, Some(1)).await;
    assert_eq!(socket.next().await, json!({ "type": "subscribed", "channel": channel, "seq": 4 }));
    assert_eq!(heard(&mut socket, 2).await, numbered(2, 3));
    socket.subscribe(&channel, Some(4)).await;
    assert_eq!(socket.next().await["type"], "subscribed");
    socket.silent().await;
}

#[tokio::test]
async fn who_leaves_while_joining_has_left() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Name 1").await;
    rename(&ada, &project, 2..4).await;
    let channel = format!("project:{project}");
    let mut socket = ada.listen().await;
    socket.subscribe(&channel, Some(1)).await;
    socket.say(json!({ "type": "unsubscribe", "channel": channel })).await;
    socket.skip_to("unsubscribed").await;
    world.drain().await;
    while let Ok(message) = tokio::time::timeout(Duration::from_millis(500), socket.next()).await {
        assert_ne!(message["seq"], 4, "{message}");
    }
    rename(&ada, &project, 4..5).await;
    socket.silent().await;
}

#[tokio::test]
async fn asking_twice_at_once_joins_once() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Name 1").await;
    rename(&ada, &project, 2..4).await;
    let mut socket = ada.listen().await;
    for _ in 0..3 {
        socket.subscribe(&format!("project:{project}"), Some(1)).await;
    }
    let (mut numbers, mut answers) = (Vec::new(), 0);
    while numbers.len() < 2 || answers < 3 {
        let message = socket.next().await;
        match message["type"].as_str() {
            Some("project.updated") => numbers.push(message["seq"].as_u64().unwrap()),
            Some("subscribed") => answers += 1,
            _ => answers += u32::from(message["code"] == "CONFLICT"),
        }
    }
    assert_eq!(numbers, [2, 3]);
    rename(&ada, &project, 4..5).await;
    assert_eq!(socket.next().await["seq"], 4);
    socket.silent().await;
}

#[tokio::test]
async fn a_thousand_missed_messages_come_in_order() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    world.drain().await;
    let channel = format!("project:{project}");
    for _ in 0..3 {
        world.flood(&channel, ada.id(), "words", 400).await;
    }
    let mut socket = ada.listen().await;
    socket.subscribe(&format!("project:{project}"), Some(1)).await;
    assert_eq!(socket.next().await["seq"], 1201);
    assert_eq!(socket.numbers(1200).await, (2..=1201).collect::<Vec<_>>());
}

#[tokio::test]
async fn sleep_and_eviction_lose_and_double_nothing() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let project = ada.project("Name 1").await;
    world.add_member(&project, &bob).await;
    world.drain().await;
    let (mut here, mut there) = (ada.watch(&project).await, bob.watch(&project).await);
    let channel = format!("project:{project}");
    for i in 2..12 {
        match i % 4 {
            0 => world.evict("ChannelLog", &channel).await,
            1 => world.hibernate("UserSockets", &bob.id().to_string()).await,
            _ => {}
        }
        rename(&ada, &project, i..i + 1).await;
        for socket in [&mut here, &mut there] {
            assert_eq!(heard(socket, 1).await, numbered(u64::from(i), u64::from(i)));
        }
    }
}
