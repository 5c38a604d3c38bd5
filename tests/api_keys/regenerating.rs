use super::*;

async fn works(who: &Person, key: &str) -> bool {
    let reply = who.bearing(key).get("/projects").any().await;
    assert!([200, 401].contains(&reply.status.as_u16()), "{}", reply.text);
    reply.status == 200
}

#[tokio::test]
async fn the_old_secret_works_until_the_overlap_ends() {
    let world = World::new().await;
    world.clock().stop();
    let ada = world.sign_up("ada").await;
    let made = create(&ada, "CI").status(201).await;
    let (path, first) = (path_of(&made), key_of(&made));
    let again = regenerate(&ada, &path, 60).status(201).await;
    let second = key_of(&again);
    assert_ne!(first, second);
    assert_eq!((&again.data()["id"], &again.data()["name"]), (&made.data()["id"], &json!("CI")));
    let (shown, until) = (&ada.get("/api-keys").await, in_time(&world, 60));
    assert_eq!(
        (&shown.items()[0]["last_four"], &shown.items()[0]["overlap_until"]),
        (&json!(&second[41..]), &json!(until))
    );
    assert_eq!(again.data()["overlap_until"], until);
    world.clock().advance(Duration::from_secs(59));
    assert!(works(&ada, first).await && works(&ada, second).await);
    world.clock().advance(Duration::from_secs(1));
    assert!(!works(&ada, first).await && works(&ada, second).await);
    assert_eq!(ada.get("/api-keys").await.items()[0]["overlap_until"], Value::Null);
}

#[tokio::test]
async fn the_overlap_is_a_day_if_nothing_is_said() {
    let world = World::new().await;
    world.clock().stop();
    let ada = world.sign_up("ada").await;
    let made = create(&ada, "CI").status(201).await;
    let again = ada.post(&format!("{}/regenerate", path_of(&made))).json(json!({})).status(201).await;
    assert_eq!(again.data()["overlap_until"], in_time(&world, 86_400));
}

#[tokio::test]
async fn without_an_overlap_only_the_latest_works() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let made = create(&ada, "CI").status(201).await;
    let path = path_of(&made);
    let second = regenerate(&ada, &path, 600).status(201).await;
    assert!(works(&ada, key_of(&made)).await && works(&ada, key_of(&second)).await);
    let third = regenerate(&ada, &path, 0).status(201).await;
    assert_eq!(third.data()["overlap_until"], Value::Null);
    for old in [&made, &second] {
        assert!(!works(&ada, key_of(old)).await);
    }
    assert!(works(&ada, key_of(&third)).await);
    assert_eq!(world.one("SELECT count(*) FROM api_key_secrets", &[]).await, 1);
}

/// An answer may be lost: who asks once more cuts off nobody.
#[tokio::test]
async fn a_second_regeneration_keeps_the_first_ones_promise() {
    let world = World::new().await;
    world.clock().stop();
    let ada = world.sign_up("ada").await;
    let made = create(&ada, "CI").status(201).await;
    let path = path_of(&made);
    let lost = regenerate(&ada, &path, 60).status(201).await;
    world.clock().advance(Duration::from_secs(30));
    let got = regenerate(&ada, &path, 60).status(201).await;
    world.clock().advance(Duration::from_secs(29));
    assert!(works(&ada, key_of(&made)).await);
    world.clock().advance(Duration::from_secs(1));
    assert!(!works(&ada, key_of(&made)).await && works(&ada, key_of(&lost)).await && works(&ada, key_of(&got)).await);

    for _ in 0..3 {
        regenerate(&ada, &path, 600).status(201).await;
    }
    regenerate(&ada, &path, 600).refused_with(409, "TOO_MANY").await;
    assert!(works(&ada, key_of(&got)).await);
    regenerate(&ada, &path, 0).status(201).await;
}

#[tokio::test]
async fn of_regenerations_at_once_one_happens() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let ada = world.sign_up("ada").await;
    let made = create(&ada, "CI").status(201).await;
    let replies = join_all((0..6).map(|i| regenerate(&ada.through(i % 2), &path_of(&made), 60).any())).await;
    let done: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 201).collect();
    assert!(
        replies.iter().all(|reply| reply.status == 201 || reply.code() == "CONFLICT" || reply.code() == "TOO_MANY")
    );
    // Some may have come one after the other. The latest is the one that is not replaced.
    assert_eq!(world.one("SELECT count(*) FROM api_key_secrets WHERE expires_at IS NULL", &[]).await, 1);
    assert_eq!(world.one("SELECT count(*) FROM api_key_secrets", &[]).await, done.len() + 1);
    assert!(works(&ada, key_of(&made)).await);
    for reply in done {
        assert!(works(&ada, key_of(reply)).await);
    }
}

#[tokio::test]
async fn revoking_ends_every_secret_at_once() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let ada = world.sign_up("ada").await;
    let made = create(&ada, "CI").status(201).await;
    let again = regenerate(&ada, &path_of(&made), 604_800).status(201).await;
    for isolate in [0, 1] {
        assert!(
            works(&ada.through(isolate), key_of(&made)).await && works(&ada.through(isolate), key_of(&again)).await
        );
    }
    ada.delete(&path_of(&made)).await;
    for isolate in [0, 1] {
        assert!(
            !works(&ada.through(isolate), key_of(&made)).await && !works(&ada.through(isolate), key_of(&again)).await
        );
    }
    assert_eq!(world.one("SELECT count(*) FROM api_key_secrets", &[]).await, 0);
}

#[tokio::test]
async fn a_key_revoked_while_it_is_regenerated_stays_revoked() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let ada = world.sign_up("ada").await;
    for round in 0..4 {
        let made = create(&ada, &format!("{round}")).status(201).await;
        let path = path_of(&made);
        let (again, _) = futures::join!(regenerate(&ada, &path, 60).any(), ada.through(1).delete(&path).into_future());
        assert!(!works(&ada, key_of(&made)).await);
        assert!(again.status != 201 || !works(&ada, key_of(&again)).await);
    }
}
