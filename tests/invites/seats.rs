//! A team has as many seats as its owner's plan allows, and an invite holds one.

use super::*;

/// A world in which a free project has three seats.
async fn world() -> World {
    World::set_up().without("LIMIT_MEMBERS_FREE").open().await
}

fn send(ada: &Person, invite: &str, name: &str) -> Call {
    ada.post(invite).json(json!({ "email": format!("{name}@example.com") }))
}

#[tokio::test]
async fn members_and_pending_invites_fill_a_team() {
    let world = world().await;
    world.clock().stop();
    let (ada, project, invite) = ada_with_project(&world).await;
    let bob = world.sign_up("bob").await;
    let sent = world.invite(&ada, &project, &bob).await;
    let other = id(&send(&ada, &invite, "cyd").status(201).await);
    let refused = send(&ada, &invite, "dan").refused_with(403, "TIER_LIMIT_EXCEEDED").await;
    assert_eq!(
        refused.json["error"]["details"],
        json!({
            "limit_type": "members", "tier": "free", "limit": 3, "used": 3,
            "upgrade_available": true, "recommended_tier": "pro", "upgrade_reason": "Pro allows 15 members.",
        })
    );
    // Accepting moves to the seat that was held; it takes no other.
    bob.post(&format!("/invites/{sent}/accept")).status(200).await;
    send(&ada, &invite, "dan").refused_with(403, "TIER_LIMIT_EXCEEDED").await;
    ada.delete(&format!("{invite}s/{other}")).status(204).await;
    send(&ada, &invite, "dan").status(201).await;
    world.clock().advance(Duration::from_secs(7 * 24 * 3600));
    let ada = ada.on_another_device().await;
    send(&ada, &invite, "eli").status(201).await;
    send(&ada, &invite, "fay").refused_with(403, "TIER_LIMIT_EXCEEDED").await;

    // Each project has its own seats, and a better plan more of them.
    let next = format!("/projects/{}/team/invite", ada.project("Next").await);
    send(&ada, &next, "gus").status(201).await;
    world.set_tier(&ada, "pro").await;
    send(&ada, &invite, "fay").status(201).await;
}

#[tokio::test]
async fn parallel_invites_never_pass_the_limit() {
    let world = World::set_up().without("LIMIT_MEMBERS_FREE").isolates(&[&[], &[]]).open().await;
    let (ada, _, invite) = ada_with_project(&world).await;
    let names: Vec<String> = (0..10).map(|i| format!("person{i}")).collect();
    let replies =
        join_all(names.iter().enumerate().map(|(i, name)| send(&ada.through(i % 2), &invite, name).any())).await;
    let sent = replies.iter().filter(|reply| reply.status == 201).count();
    let refused = replies.iter().filter(|reply| reply.code() == "TIER_LIMIT_EXCEEDED").count();
    assert_eq!((sent, refused), (2, 8));
}

#[tokio::test]
async fn after_a_downgrade_who_comes_first_gets_the_last_seat() {
    let world = world().await;
    let (ada, project, _) = ada_with_project(&world).await;
    world.set_tier(&ada, "pro").await;
    let mut invited = Vec::new();
    for i in 0..5 {
        let person = world.sign_up(&format!("person{i}")).await;
        // Whose plan it is that counts: the owner's.
        world.set_tier(&person, "premium").await;
        let accept = format!("/invites/{}/accept", world.invite(&ada, &project, &person).await);
        invited.push((person, accept));
    }
    world.set_tier(&ada, "free").await;
    let replies = join_all(invited.iter().map(|(person, accept)| person.post(accept).any())).await;
    let joined = replies.iter().filter(|reply| reply.status == 200).count();
    let full = replies.iter().filter(|reply| (reply.status.as_u16(), reply.code()) == (409, "TEAM_FULL")).count();
    assert_eq!((joined, full), (2, 3), "{replies:?}");
    assert_eq!(ada.get(&format!("/projects/{project}/team")).await.total(), 3);
    // A full team does not end an invite.
    world.set_tier(&ada, "premium").await;
    for (person, accept) in &invited {
        person.post(accept).status(200).await;
    }
    assert_eq!(ada.get(&format!("/projects/{project}/team")).await.total(), 6);
}
