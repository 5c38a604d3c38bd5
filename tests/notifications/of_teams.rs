use super::*;

async fn invite(world: &World, project: &str, inviter: &Person, email: Option<&str>, user: Option<&Person>) -> String {
    let id = random_id();
    let insert =
        "INSERT INTO team_invites (id, project_id, inviter_id, email, username, user_id, created_at, expires_at)
                  VALUES (?1, ?2, ?3, ?4, iif(?4 IS NULL, 'name', NULL), ?5, ?6, ?7)";
    let (at, until) = (json!("2026-11-01T00:00:00.000Z"), json!("2999-01-01T00:00:00.000Z"));
    let user = user.map(Person::id);
    world.sql(insert, &[json!(id), json!(project), json!(inviter.id()), json!(email), json!(user), at, until]).await;
    id
}

#[tokio::test]
async fn whoever_is_invited_is_told_to_which_project_by_whom() {
    let world = World::new().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    let (bob, cyd) = (world.sign_up("bob").await, world.sign_up("cyd").await);
    for (invite, invited) in [
        (invite(&world, &project, &ada, Some("bob@example.com"), None).await, &bob),
        (invite(&world, &project, &ada, None, Some(&cyd)).await, &cyd),
    ] {
        let event =
            happened(&world, "team.member_invited", Some(&ada), &json!({ "project": project, "entity": invite })).await;
        world.sql("UPDATE events SET delivered_at = NULL WHERE id = ?1", &[json!(event)]).await;
        deliver(&world, &event).await;
        let seen = told(invited).await;
        assert_eq!((seen.len(), &seen[0]["type"]), (1, &json!("team_invite")));
        let payload = json!({ "actor_id": ada.id(), "invite_id": invite, "project_id": project });
        assert_eq!((&seen[0]["payload"], &seen[0]["project_id"]), (&payload, &Value::Null));
        assert_eq!((&seen[0]["project_name"], &seen[0]["actor"]["username"]), (&json!("Launch"), &json!("ada")));
    }
    // What the project is called later is not theirs to know.
    ada.patch(&format!("/projects/{project}")).json(json!({ "name": "Secret" })).await;
    assert_eq!(told(&bob).await[0]["project_name"], "Launch");
}

#[tokio::test]
async fn whoever_registers_is_told_of_every_invite_that_waits() {
    let world = World::new().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    let other = ada.project("Other").await;
    let first = invite(&world, &project, &ada, Some("new@example.com"), None).await;
    invite(&world, &other, &ada, Some("new@example.com"), None).await;
    let revoked = invite(&world, &other, &ada, Some("new@example.com"), None).await;
    world.sql("UPDATE team_invites SET status = 'revoked' WHERE id = ?1", &[json!(revoked)]).await;
    let about = json!({ "project": project, "entity": first });
    happened(&world, "team.member_invited", Some(&ada), &about).await;
    assert_eq!(world.one("SELECT count(*) FROM notifications", &[]).await, 0, "nobody to tell yet");

    let new = world.sign_up("new").await;
    let mut names: Vec<String> = pluck(&told(&new).await, "project_name").into_iter().map(Into::into).collect();
    names.sort_unstable();
    assert_eq!(names, ["Launch", "Other"]);
    deliver_all_again(&world).await;
    assert_eq!(types(&new).await.len(), 2, "an invite is told once, whichever event tells it");
}

#[tokio::test]
async fn the_owner_is_told_who_joined_and_who_left() {
    let world = World::new().await;
    let (project, [ada, bob, cyd]) = team(&world, ["ada", "bob", "cyd"]).await;
    let about = json!({ "project": project, "entity": bob.id() });
    happened(&world, "team.member_joined", Some(&bob), &about).await;
    world.clock().advance(Duration::from_secs(1));
    happened(&world, "team.member_left", Some(&bob), &about).await;
    let seen = told(&ada).await;
    assert_eq!(pluck(&seen, "type"), ["team_member_left", "team_joined"]);
    for notification in &seen {
        assert_eq!(notification["payload"], json!({ "actor_id": bob.id(), "user_id": bob.id() }));
        assert_eq!((&notification["project_id"], &notification["actor"]["username"]), (&json!(project), &json!("bob")));
    }
    without(&ada, "team_joined").await;
    without(&ada, "team_member_left").await;
    happened(&world, "team.member_joined", Some(&cyd), &json!({ "project": project, "entity": cyd.id() })).await;
    happened(&world, "team.member_left", Some(&cyd), &json!({ "project": project, "entity": cyd.id() })).await;
    assert_eq!((types(&ada).await.len(), types(&bob).await.len(), types(&cyd).await.len()), (2, 0, 0));
}

#[tokio::test]
async fn whoever_is_removed_is_told_from_what() {
    let world = World::new().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    remove(&world, &project, &bob).await;
    happened(&world, "team.member_removed", Some(&ada), &json!({ "project": project, "entity": bob.id() })).await;
    let seen = told(&bob).await;
    assert_eq!((&seen[0]["type"], &seen[0]["project_id"]), (&json!("team_removed"), &Value::Null));
    assert_eq!(seen[0]["payload"], json!({ "actor_id": ada.id(), "project_id": project }));
    assert_eq!(seen[0]["project_name"], "Launch");
    assert_eq!(types(&ada).await, [""; 0]);
}
