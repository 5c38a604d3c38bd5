use crate::support::*;

const DEAD: &str = "CREATE TRIGGER dead BEFORE UPDATE OF delivered_at ON events BEGIN SELECT RAISE(ABORT, 'DEAD'); END";

#[tokio::test]
async fn a_consumer_that_dies_half_way_tells_nothing_twice() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    world.drain().await;
    let mut socket = ada.watch(&project).await;
    // It told, but dies before it can note that it did.
    world.sql(DEAD, &[]).await;
    for i in 0..5 {
        ada.patch(&format!("/projects/{project}")).json(json!({ "name": format!("Name {i}") })).await;
    }
    let mut heard = socket.numbers(5).await;
    heard.sort_unstable();
    assert_eq!(heard, [2, 3, 4, 5, 6]);
    let waiting = world.sql("SELECT id FROM events WHERE delivered_at IS NULL ORDER BY id DESC", &[]).await;
    assert_eq!(waiting.len(), 5);
    // From here on the queue's own tries note it, too.
    world.sql("DROP TRIGGER dead", &[]).await;
    let backwards: Vec<Value> = waiting.iter().chain(&waiting).map(|row| row["id"].clone()).collect();
    world.consume(&backwards).await;
    world.drain().await;
    ada.patch(&format!("/projects/{project}")).json(json!({ "name": "Last" })).await;
    assert_eq!(socket.next().await["seq"], 7);
    socket.silent().await;
}

#[tokio::test]
async fn what_a_channel_did_not_take_is_told_later() {
    let world = World::set_up().jammable().open().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let (silent, heard) = (ada.project("Silent").await, bob.project("Heard").await);
    world.drain().await;
    let (mut here, mut there) = (ada.watch(&silent).await, bob.watch(&heard).await);
    let channel = format!("project:{silent}");
    world.jam(&channel).await;
    ada.patch(&format!("/projects/{silent}")).json(json!({ "name": "New" })).await;
    bob.patch(&format!("/projects/{heard}")).json(json!({ "name": "New" })).await;
    assert_eq!(there.next().await["type"], "project.updated");
    here.silent().await;
    world.unjam(&channel).await;
    world.clock().advance(Duration::from_secs(120));
    world.cron().await;
    assert_eq!(here.next().await["seq"], 2);
    world.drain().await;
}

/// Opens and resumes until it has heard so many messages; answers with their numbers as they came.
async fn hear_all(person: Person, channel: String, until: std::sync::Arc<std::sync::atomic::AtomicU64>) -> Vec<u64> {
    let path = format!("/ws?token={}", person.access_token.clone().unwrap());
    let mut heard: Vec<u64> = vec![1];
    loop {
        let last = *heard.last().unwrap();
        if last == until.load(std::sync::atomic::Ordering::Relaxed) {
            return heard;
        }
        let Some(mut socket) = person.try_open(&path).await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        if socket.try_subscribe(&channel, last).await.is_none() {
            continue;
        }
        while let Some(message) = socket.try_next().await {
            if message["channel"] == channel && message["type"] == "project.updated" {
                heard.push(message["seq"].as_u64().unwrap());
            }
            assert_ne!(message["type"], "resync");
            if heard.last().copied() == Some(until.load(std::sync::atomic::Ordering::Relaxed)) {
                return heard;
            }
        }
    }
}

#[tokio::test]
async fn two_hundred_sockets_miss_nothing_when_the_service_restarts_under_load() {
    let world = World::set_up().var("LIMIT_MEMBERS_FREE", "50").open().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    let mut team = vec![ada.clone()];
    for name in ["bob", "cyd", "dan"] {
        let member = world.sign_up(name).await;
        world.add_member(&project, &member).await;
        team.push(member);
    }
    world.drain().await;
    let channel = format!("project:{project}");
    let until = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(u64::MAX));
    let sockets = team.iter().flat_map(|member| vec![member.clone(); 50]);
    let sockets: Vec<_> =
        sockets.map(|member| tokio::spawn(hear_all(member, channel.clone(), until.clone()))).collect();
    let path = format!("/projects/{project}");
    for i in 0..120 {
        if i % 40 == 20 {
            world.restart().await;
        }
        // Who gets no answer tries again; both tries may have happened.
        while ada.patch(&path).json(json!({ "name": format!("Name {i}") })).try_once().await.is_none() {}
    }
    // The queue's memory ended with the process; the cron finds what it forgot.
    world.clock().advance(Duration::from_secs(120));
    let waiting = "SELECT count(*) FROM events WHERE delivered_at IS NULL";
    while world.one(waiting, &[]).await != 0 {
        world.cron().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let told = world.one("SELECT count(*) FROM events WHERE kind = 'project.updated'", &[]).await.as_u64().unwrap();
    assert!(told >= 120, "{told}");
    until.store(told + 1, std::sync::atomic::Ordering::Relaxed);
    // One more, so that who waits looks again.
    ada.patch(&path).json(json!({ "name": "Last" })).await;
    until.store(told + 2, std::sync::atomic::Ordering::Relaxed);
    let heard = tokio::time::timeout(Duration::from_secs(60), join_all(sockets)).await.expect("all to hear all");
    for numbers in heard {
        assert_eq!(numbers.unwrap(), (1..=told + 2).collect::<Vec<_>>());
    }
}
