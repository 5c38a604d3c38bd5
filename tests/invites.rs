mod answers;
mod oracles;
mod seats;

use crate::support::*;

/// A project of Ada's, and where its people are invited.
async fn ada_with_project(world: &World) -> (Person, String, String) {
    let ada = world.sign_up("ada").await;
    let id = ada.project("Launch").await;
    (ada, id.clone(), format!("/projects/{id}/team/invite"))
}

/// Someone with a username.
async fn sign_up_as(world: &World, name: &str, username: &str) -> Person {
    let mut person = world.stranger(name);
    let body = json!({ "email": person.email, "password": PASSWORD, "username": username });
    world.anonymous().post("/auth/register").json(body).status(201).await;
    person.log_in().await;
    person
}

fn id(reply: &Reply) -> String {
    reply.data()["id"].as_str().unwrap().into()
}

async fn joined(world: &World) -> Value {
    world.one("SELECT count(*) FROM events WHERE kind = 'team.member_joined'", &[]).await
}

#[tokio::test]
async fn someone_is_invited_sees_it_and_joins() {
    let world = World::new().await;
    world.clock().stop();
    let (ada, project, invite) = ada_with_project(&world).await;
    let bob = world.sign_up("bob").await;
    let sent = ada.post(&invite).json(json!({ "email": " BOB@example.com" })).status(201).await;
    let fields = ["created_at", "email", "expires_at", "id", "inviter_id", "project_id", "status", "username"];
    assert_eq!((keys(sent.data()), sent.trips()), (fields.to_vec(), 2));
    assert_eq!((&sent.data()["email"], &sent.data()["username"]), (&json!("bob@example.com"), &Value::Null));
    assert_eq!((&sent.data()["status"], &sent.data()["inviter_id"]), (&json!("pending"), &json!(ada.id())));
    let list = ada.get(&format!("{invite}s")).await;
    assert_eq!((list.items(), list.total(), list.trips()), (&[sent.data().clone()][..], 1, 1));

    let mine = bob.get("/invites").await;
    let fields = ["created_at", "expires_at", "id", "inviter", "project_id", "project_name"];
    assert_eq!((keys(&mine.items()[0]), mine.total(), mine.trips()), (fields.to_vec(), 1, 1));
    assert_eq!((&mine.items()[0]["project_name"], &mine.items()[0]["project_id"]), (&json!("Launch"), &json!(project)));
    assert_eq!(keys(&mine.items()[0]["inviter"]), ["avatar_url", "display_name", "id", "username"]);
    assert_eq!(mine.items()[0]["inviter"]["display_name"], "ada");

    bob.get(&format!("/projects/{project}")).refused(404).await;
    let accepted = bob.post(&format!("/invites/{}/accept", id(&sent))).status(200).await;
    assert_eq!((&accepted.data()["id"], &accepted.data()["role"]), (&json!(project), &json!("member")));
    assert_eq!(accepted.trips(), 2);
    assert_eq!(bob.get(&format!("/projects/{project}")).await.data(), accepted.data());
    assert_eq!(ada.get(&format!("/projects/{project}/team")).await.total(), 2);
    assert_eq!(bob.get("/invites").await.total(), 0);
    assert_eq!(ada.get(&format!("{invite}s")).await.total(), 0);
    let accepted = ada.get(&format!("{invite}s?status=accepted")).await;
    assert_eq!((accepted.total(), &accepted.items()[0]["status"]), (1, &json!("accepted")));

    let events = world.sql("SELECT * FROM events WHERE kind LIKE 'team.%' ORDER BY rowid", &[]).await;
    assert_eq!(pluck(&events, "kind"), ["team.member_invited", "team.member_joined"]);
    assert_eq!((&events[0]["entity_id"], &events[0]["actor_id"]), (&sent.data()["id"], &json!(ada.id())));
    assert_eq!((&events[1]["entity_id"], &events[1]["actor_id"]), (&json!(bob.id().to_string()), &json!(bob.id())));
    assert!(events.iter().all(|event| event["project_id"] == project && !event.to_string().contains("example.com")));
}

#[tokio::test]
async fn an_invite_to_an_address_waits_for_who_registers_it() {
    let world = World::new().await;
    let (ada, project, invite) = ada_with_project(&world).await;
    let sent = ada.post(&invite).json(json!({ "email": "bob@example.com" })).status(201).await;
    let bob = world.sign_up("bob").await;
    assert_eq!(pluck(bob.get("/invites").await.items(), "id"), [id(&sent)]);
    bob.post(&format!("/invites/{}/accept", id(&sent))).await;
    bob.get(&format!("/projects/{project}")).await;
    let cyd = world.sign_up("cyd").await;
    assert_eq!(cyd.get("/invites").await.total(), 0);
}

#[tokio::test]
async fn someone_is_invited_by_name_whatever_its_case() {
    let world = World::new().await;
    let (ada, _, invite) = ada_with_project(&world).await;
    let bob = sign_up_as(&world, "bob", "Bobby").await;
    let sent = ada.post(&invite).json(json!({ "username": "bOBBY" })).status(201).await;
    assert_eq!((&sent.data()["username"], &sent.data()["email"]), (&json!("bOBBY"), &Value::Null));
    assert_eq!(pluck(bob.get("/invites").await.items(), "id"), [id(&sent)]);
}

#[tokio::test]
async fn an_invite_is_by_email_or_by_username() {
    let world = World::new().await;
    let (ada, _, invite) = ada_with_project(&world).await;
    for (body, field) in [
        (json!({}), "email"),
        (json!({ "email": null, "username": null }), "email"),
        (json!({ "email": "bob@example.com", "username": "bob" }), "username"),
        (json!({ "email": "bob" }), "email"),
        (json!({ "email": 7 }), "email"),
        (json!({ "username": "b" }), "username"),
        (json!({ "username": "bob smith" }), "username"),
    ] {
        let reply = ada.post(&invite).json(body.clone()).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(reply.fields(), [field], "{body}");
    }
    assert_eq!(ada.get(&format!("{invite}s")).await.total(), 0);
}

#[tokio::test]
async fn only_the_owner_invites_and_revokes_and_only_the_team_sees() {
    let world = World::new().await;
    let (ada, project, invite) = ada_with_project(&world).await;
    let (bob, eve) = (world.sign_up("bob").await, world.sign_up("eve").await);
    world.add_member(&project, &bob).await;
    let sent = world.invite(&ada, &project, &world.stranger("cyd")).await;
    let path = format!("{invite}s/{sent}");
    let body = json!({ "email": "dan@example.com" });
    bob.post(&invite).json(body.clone()).refused_with(403, "AUTH_FORBIDDEN").await;
    bob.post(&invite).json(json!({})).refused_with(403, "AUTH_FORBIDDEN").await;
    bob.delete(&path).refused_with(403, "AUTH_FORBIDDEN").await;
    assert_eq!(pluck(bob.get(&format!("{invite}s")).await.items(), "id"), [&sent]);
    eve.post(&invite).json(body).refused_with(404, "PROJECT_NOT_FOUND").await;
    eve.delete(&path).refused_with(404, "PROJECT_NOT_FOUND").await;
    eve.get(&format!("{invite}s")).refused_with(404, "PROJECT_NOT_FOUND").await;

    let other = ada.project("Other").await;
    ada.delete(&format!("/projects/{other}/team/invites/{sent}")).refused_with(404, "INVITE_NOT_FOUND").await;
    ada.delete(&path).status(204).await;
    ada.delete(&path).refused_with(404, "INVITE_NOT_FOUND").await;
    assert_eq!(ada.get(&format!("{invite}s")).await.total(), 0);
    assert_eq!(ada.get(&format!("{invite}s?status=revoked")).await.total(), 1);
    ada.get(&format!("{invite}s?status=all")).refused_with(422, "VALIDATION_ERROR").await;
}

#[tokio::test]
async fn an_invite_is_over_after_a_week() {
    let world = World::new().await;
    world.clock().stop();
    let (ada, project, invite) = ada_with_project(&world).await;
    let bob = world.sign_up("bob").await;
    let sent = world.invite(&ada, &project, &bob).await;
    world.clock().advance(Duration::from_secs(7 * 24 * 3600 - 1));
    let (ada, bob) = (ada.on_another_device().await, bob.on_another_device().await);
    assert_eq!(bob.get("/invites").await.total(), 1);
    ada.post(&invite).json(json!({ "email": bob.email })).refused_with(409, "INVITE_EXISTS").await;
    world.clock().advance(Duration::from_secs(1));
    assert_eq!(bob.get("/invites").await.total(), 0);
    for answer in ["accept", "decline"] {
        bob.post(&format!("/invites/{sent}/{answer}")).refused_with(410, "INVITE_OVER").await;
    }
    assert_eq!(ada.get(&format!("{invite}s")).await.total(), 0);
    let expired = ada.get(&format!("{invite}s?status=expired")).await;
    assert_eq!((pluck(expired.items(), "id"), pluck(expired.items(), "status")), (vec![&*sent], vec!["expired"]));
    ada.delete(&format!("{invite}s/{sent}")).refused_with(404, "INVITE_NOT_FOUND").await;
    let again = world.invite(&ada, &project, &bob).await;
    bob.post(&format!("/invites/{again}/accept")).status(200).await;
    assert_eq!(ada.get(&format!("{invite}s?status=expired")).await.total(), 0);
}
