//! Accepting and declining: by whom, how often, and at once with what else.

use super::*;

#[tokio::test]
async fn an_invite_is_answered_by_whom_it_is_for() {
    let world = World::new().await;
    let (ada, project, _) = ada_with_project(&world).await;
    let (bob, eve) = (world.sign_up("bob").await, world.sign_up("eve").await);
    let sent = world.invite(&ada, &project, &bob).await;
    for who in [&eve, &ada] {
        for answer in ["accept", "decline"] {
            who.post(&format!("/invites/{sent}/{answer}")).refused_with(404, "INVITE_NOT_FOUND").await;
        }
    }
    bob.post("/invites/0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77/accept").refused_with(404, "INVITE_NOT_FOUND").await;
    assert_eq!(ada.get(&format!("/projects/{project}/team")).await.total(), 1);
}

#[tokio::test]
async fn accepting_again_shows_the_project_as_long_as_one_is_on_the_team() {
    let world = World::new().await;
    let (ada, project, invite) = ada_with_project(&world).await;
    let bob = world.sign_up("bob").await;
    let accept = format!("/invites/{}/accept", world.invite(&ada, &project, &bob).await);
    let first = bob.post(&accept).status(200).await;
    assert_eq!(bob.post(&accept).status(200).await.data(), first.data());
    assert_eq!(joined(&world).await, 1);
    bob.post(&accept.replace("accept", "decline")).refused_with(410, "INVITE_OVER").await;
    ada.post(&invite).json(json!({ "email": bob.email })).refused_with(409, "ALREADY_MEMBER").await;

    ada.delete(&format!("/projects/{project}/team/{}", bob.id())).await;
    bob.post(&accept).refused_with(410, "INVITE_OVER").await;
    bob.get(&format!("/projects/{project}")).refused(404).await;
    let again = world.invite(&ada, &project, &bob).await;
    bob.post(&format!("/invites/{again}/accept")).status(200).await;
}

#[tokio::test]
async fn what_was_declined_or_revoked_cannot_be_accepted() {
    let world = World::new().await;
    let (ada, project, invite) = ada_with_project(&world).await;
    let bob = world.sign_up("bob").await;
    let declined = world.invite(&ada, &project, &bob).await;
    bob.post(&format!("/invites/{declined}/decline")).status(204).await;
    let revoked = world.invite(&ada, &project, &bob).await;
    ada.delete(&format!("{invite}s/{revoked}")).status(204).await;
    for over in [declined, revoked] {
        for answer in ["accept", "decline"] {
            bob.post(&format!("/invites/{over}/{answer}")).refused_with(410, "INVITE_OVER").await;
        }
    }
    assert_eq!(bob.get("/invites").await.total(), 0);
    assert_eq!(ada.get(&format!("{invite}s?status=declined")).await.total(), 1);
    let events = world.sql("SELECT kind FROM events WHERE kind LIKE 'team.%' ORDER BY rowid", &[]).await;
    let kinds = ["team.member_invited", "team.invite_declined", "team.member_invited", "team.invite_revoked"];
    assert_eq!(pluck(&events, "kind"), kinds);
}

#[tokio::test]
async fn of_many_accepts_at_once_one_joins_and_all_see_the_project() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let (ada, project, _) = ada_with_project(&world).await;
    let bob = world.sign_up("bob").await;
    let accept = format!("/invites/{}/accept", world.invite(&ada, &project, &bob).await);
    let replies = join_all((0..8).map(|i| bob.through(i % 2).post(&accept).into_future())).await;
    assert!(replies.iter().all(|reply| reply.data()["id"] == project));
    assert_eq!((joined(&world).await, ada.get(&format!("/projects/{project}/team")).await.total()), (json!(1), 2));
}

#[tokio::test]
async fn accepted_declined_and_revoked_at_once_one_of_them_holds() {
    let world = World::new().await;
    let (ada, project, invite) = ada_with_project(&world).await;
    let bob = world.sign_up("bob").await;
    let sent = world.invite(&ada, &project, &bob).await;
    let answers = [
        bob.post(&format!("/invites/{sent}/accept")),
        bob.post(&format!("/invites/{sent}/decline")),
        ada.delete(&format!("{invite}s/{sent}")),
    ];
    let replies = join_all(answers.map(Call::any)).await;
    assert_eq!(replies.iter().filter(|reply| reply.status.is_success()).count(), 1, "{replies:?}");
    let on_the_team = ada.get(&format!("/projects/{project}/team")).await.total() == 2;
    assert_eq!(on_the_team, replies[0].status == 200);
    let after =
        world.one("SELECT count(*) FROM events WHERE kind LIKE 'team.%' AND kind <> 'team.member_invited'", &[]);
    assert_eq!(after.await, 1);
}

#[tokio::test]
async fn the_invites_to_a_deleted_project_are_gone() {
    let world = World::new().await;
    let (ada, project, _) = ada_with_project(&world).await;
    let (bob, cyd) = (world.sign_up("bob").await, world.sign_up("cyd").await);
    let sent = world.invite(&ada, &project, &bob).await;
    let accepted = world.invite(&ada, &project, &cyd).await;
    cyd.post(&format!("/invites/{accepted}/accept")).await;
    let (deleted, answer) = tokio::join!(
        ada.delete(&format!("/projects/{project}")).status(204),
        bob.post(&format!("/invites/{sent}/accept")).any()
    );
    assert_eq!(deleted.text, "");
    assert!([200, 404, 410].contains(&answer.status.as_u16()), "{answer:?}");
    assert_eq!(bob.get("/invites").await.total(), 0);
    for (who, invite) in [(&bob, sent), (&cyd, accepted)] {
        let reply = who.post(&format!("/invites/{invite}/accept")).any().await;
        assert!([404, 410].contains(&reply.status.as_u16()), "{reply:?}");
        assert_eq!(who.get("/projects").await.total(), 0);
    }
}
