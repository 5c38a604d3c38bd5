//! Inviting tells nothing of people who are not on the team.

use super::*;

/// What of an answer does not depend on when it was given and to what.
fn shape(reply: &Reply, typed: &[&str]) -> Value {
    let mut shape = reply.json.clone();
    for field in ["id", "created_at", "expires_at"] {
        assert!(shape["data"][field].take().is_string());
    }
    for field in ["email", "username"] {
        if shape["data"][field].as_str().is_some_and(|text| typed.contains(&text)) {
            shape["data"][field] = json!("as typed");
        }
    }
    json!([reply.status.as_u16(), shape])
}

#[tokio::test]
async fn the_answer_is_the_same_whether_or_not_there_is_such_a_person() {
    let world = World::new().await;
    let (ada, _, invite) = ada_with_project(&world).await;
    sign_up_as(&world, "bob", "bobby").await;
    for (field, known, unknown) in
        [("email", "bob@example.com", "nobody@example.com"), ("username", "bobby", "nobody.at.all")]
    {
        let bodies = [known, unknown].map(|typed| json!({ field: typed }));
        for status in [201, 409] {
            let [one, other] = [
                ada.post(&invite).json(bodies[0].clone()).status(status).await,
                ada.post(&invite).json(bodies[1].clone()).status(status).await,
            ];
            match status {
                201 => assert_eq!(shape(&one, &[known]), shape(&other, &[unknown])),
                _ => assert_eq!(one.json["error"], other.json["error"]),
            }
        }
    }
    let list = ada.get(&format!("{invite}s")).await;
    assert_eq!(list.total(), 4);
    let mut kinds: Vec<Vec<&str>> = list.items().iter().map(keys).collect();
    kinds.dedup();
    assert_eq!(kinds.len(), 1);
    let events = world.sql("SELECT DISTINCT data FROM events WHERE kind = 'team.member_invited'", &[]).await;
    assert_eq!(events, [json!({ "data": "{}" })]);
}

#[tokio::test]
async fn a_name_and_an_address_do_not_show_that_they_are_one_persons() {
    let world = World::new().await;
    let (ada, project, invite) = ada_with_project(&world).await;
    let bob = sign_up_as(&world, "bob", "bobby").await;
    let by_name = ada.post(&invite).json(json!({ "username": "bobby" })).status(201).await;
    let by_email = ada.post(&invite).json(json!({ "email": bob.email })).status(201).await;
    ada.post(&invite).json(json!({ "username": "BOBBY" })).refused_with(409, "INVITE_EXISTS").await;
    assert_eq!(bob.get("/invites").await.total(), 2);

    // Declining one leaves the other as it is.
    bob.post(&format!("/invites/{}/decline", id(&by_name))).status(204).await;
    assert_eq!(pluck(ada.get(&format!("{invite}s")).await.items(), "id"), [id(&by_email)]);
    let by_name = ada.post(&invite).json(json!({ "username": "bobby" })).status(201).await;

    // On the team everyone knows everyone: accepting one settles both, and joins once.
    let accept = |sent: &Reply| bob.post(&format!("/invites/{}/accept", id(sent))).status(200).into_future();
    let (first, second) = tokio::join!(accept(&by_name), accept(&by_email));
    assert_eq!(first.data(), second.data());
    assert_eq!((joined(&world).await, bob.get("/invites").await.total()), (json!(1), 0));
    assert_eq!(ada.get(&format!("{invite}s")).await.total(), 0);
    // No other invite is left to come back with.
    ada.delete(&format!("/projects/{project}/team/{}", bob.id())).await;
    for sent in [by_name, by_email] {
        bob.post(&format!("/invites/{}/accept", id(&sent))).refused_with(410, "INVITE_OVER").await;
    }
}

#[tokio::test]
async fn a_name_nobody_had_goes_to_nobody_who_takes_it_later() {
    let world = World::new().await;
    let (ada, project, invite) = ada_with_project(&world).await;
    let sent = ada.post(&invite).json(json!({ "username": "mallory" })).status(201).await;
    let mallory = sign_up_as(&world, "m", "mallory").await;
    assert_eq!(mallory.get("/invites").await.total(), 0);
    mallory.post(&format!("/invites/{}/accept", id(&sent))).refused_with(404, "INVITE_NOT_FOUND").await;
    mallory.get(&format!("/projects/{project}")).refused(404).await;
    // Nor does the owner see that somebody has it now.
    ada.post(&invite).json(json!({ "username": "mallory" })).refused_with(409, "INVITE_EXISTS").await;
    ada.delete(&format!("{invite}s/{}", id(&sent))).status(204).await;
    ada.post(&invite).json(json!({ "username": "mallory" })).status(201).await;
    assert_eq!(mallory.get("/invites").await.total(), 1);
}

#[tokio::test]
async fn who_is_on_the_team_is_not_invited_by_either() {
    let world = World::new().await;
    let (ada, project, invite) = ada_with_project(&world).await;
    let bob = sign_up_as(&world, "bob", "bobby").await;
    ada.post(&invite).json(json!({ "username": "bobby" })).status(201).await;
    world.add_member(&project, &bob).await;
    for body in [
        json!({ "email": "ADA@example.com" }),
        json!({ "email": "bob@example.com" }),
        json!({ "username": "bobby" }),
        json!({ "username": "BoBBy" }),
    ] {
        ada.post(&invite).json(body).refused_with(409, "ALREADY_MEMBER").await;
    }
    // A person of another project is nobody here.
    let other = ada.project("Other").await;
    ada.post(&format!("/projects/{other}/team/invite")).json(json!({ "username": "bobby" })).status(201).await;
}

#[tokio::test]
async fn the_same_invite_many_times_at_once_is_one() {
    let world = World::new().await;
    let (ada, _, invite) = ada_with_project(&world).await;
    let send = || ada.post(&invite).json(json!({ "email": "bob@example.com" }));
    let replies = join_all((0..6).map(|_| send().any())).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
    assert_eq!(ada.get(&format!("{invite}s")).await.total(), 1);
    let keyed = || ada.post(&invite).json(json!({ "email": "cyd@example.com" })).header("idempotency-key", "once");
    let (first, second) = (keyed().status(201).await, keyed().status(201).await);
    assert_eq!(first.text, second.text);
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'team.member_invited'", &[]).await, 2);
}

#[tokio::test]
async fn registering_and_being_invited_at_once_meet() {
    let world = World::new().await;
    let (ada, _, invite) = ada_with_project(&world).await;
    for i in 0..4 {
        let mut person = world.stranger(&format!("person{i}"));
        let email = person.email.clone();
        tokio::join!(person.register(), ada.post(&invite).json(json!({ "email": email })).status(201));
        person.log_in().await;
        assert_eq!(person.get("/invites").await.total(), 1);
    }
}
