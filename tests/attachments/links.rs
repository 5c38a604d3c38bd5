use super::*;

#[tokio::test]
async fn a_link_works_without_a_session_for_five_minutes() {
    let desk = Desk::new().await;
    desk.world.clock().stop();
    let attachment = desk.attach("a.txt", "hello").await;
    let url = attachment["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/api/v1/files/{}?", desk.world.url(0), id(&attachment))), "{url}");
    let expires = chrono::DateTime::parse_from_rfc3339(attachment["url_expires_at"].as_str().unwrap()).unwrap();
    let left = expires.timestamp_millis() - desk.world.clock().now();
    assert!((299_000..=300_000).contains(&left), "{left}");

    let anyone = desk.world.anonymous();
    desk.world.clock().advance(Duration::from_secs(298));
    assert_eq!(anyone.get(&link(&attachment)).await.text, "hello");
    desk.world.clock().advance(Duration::from_secs(2));
    anyone.get(&link(&attachment)).refused_with(410, "LINK_EXPIRED").await;
    let listed = desk.ada.get(&desk.path).await.items()[0].clone();
    assert_eq!(anyone.get(&link(&listed)).await.text, "hello", "listing again gives a new one");
}

#[tokio::test]
async fn a_link_is_good_as_it_was_made_or_not_at_all() {
    let desk = Desk::new().await;
    let (one, other) = (desk.attach("a.txt", "one").await, desk.attach("b.txt", "two").await);
    let good = link(&one);
    let (path, query) = good.split_once('?').unwrap();
    let expires: i64 = query.split("expires=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
    let flipped = match good.ends_with('A') {
        true => format!("{}B", &good[..good.len() - 1]),
        false => format!("{}A", &good[..good.len() - 1]),
    };
    for forged in [
        path.to_owned(),
        good.replace(id(&one), id(&other)),
        good.replace(&format!("user={}", desk.ada.id()), "user=999"),
        good.replace(&expires.to_string(), &(expires + 3600).to_string()),
        good.replace(&expires.to_string(), "9223372036854775807"),
        good.replace(&expires.to_string(), "1e99"),
        good.replace("signature=", "signature=A"),
        good[..good.len() - 2].to_owned(),
        good.split("&signature").next().unwrap().to_owned(),
        format!("{}=", good),
        flipped,
    ] {
        // A session does not mend it.
        for person in [&desk.world.anonymous(), &desk.ada] {
            let reply = person.get(&forged).refused_with(403, "LINK_INVALID").await;
            assert_eq!(reply.trips(), 0, "{forged}");
        }
    }
    assert_eq!(desk.world.anonymous().get(&good).await.text, "one");
}

#[tokio::test]
async fn a_link_ends_with_its_users_membership() {
    let desk = Desk::new().await;
    let bob = desk.world.sign_up("bob").await;
    desk.world.add_member(&desk.project, &bob).await;
    let attachment = desk.attach("a.txt", "hello").await;
    let bobs = bob.get(&desk.path).await.items()[0].clone();
    assert_ne!(link(&bobs), link(&attachment));
    let anyone = desk.world.anonymous();
    assert_eq!(anyone.get(&link(&bobs)).await.text, "hello");

    desk.world.sql("DELETE FROM team_members WHERE user_id = ?1", &[json!(bob.id())]).await;
    anyone.get(&link(&bobs)).refused_with(404, "ATTACHMENT_NOT_FOUND").await;
    assert_eq!(anyone.get(&link(&attachment)).await.text, "hello", "ada's still works");
    desk.world.sql("UPDATE users SET status = 'suspended' WHERE id = ?1", &[json!(desk.ada.id())]).await;
    anyone.get(&link(&attachment)).refused_with(404, "ATTACHMENT_NOT_FOUND").await;
}

#[tokio::test]
async fn members_share_attachments_and_strangers_see_none() {
    let desk = Desk::new().await;
    let (bob, eve) = (desk.world.sign_up("bob").await, desk.world.sign_up("eve").await);
    desk.world.add_member(&desk.project, &bob).await;
    let attachment = desk.attach("a.txt", "hello").await;
    let place = format!("{}/{}", desk.path, id(&attachment));
    for (call, code) in [
        (eve.get(&desk.path), "PROJECT_NOT_FOUND"),
        (eve.post(&desk.path).upload("b.txt", "x"), "PROJECT_NOT_FOUND"),
        (eve.post(&desk.path).header("content-type", "image/png"), "PROJECT_NOT_FOUND"),
        (eve.delete(&place), "PROJECT_NOT_FOUND"),
    ] {
        call.refused_with(404, code).await;
    }
    bob.post(&desk.path).upload("b.txt", "x").status(201).await;
    bob.delete(&place).status(204).await;
    assert_eq!(pluck(desk.ada.get(&desk.path).await.items(), "filename"), ["b.txt"]);
}

#[tokio::test]
async fn an_attachment_is_reached_through_its_own_task_only() {
    let desk = Desk::new().await;
    let attachment = desk.attach("a.txt", "hello").await;
    let sibling = desk.world.plant_task(&desk.project, "Another").await;
    let elsewhere = desk.ada.project("Other").await;
    for wrong in [desk.path.replace(&desk.task, &sibling), desk.path.replace(&desk.project, &elsewhere)] {
        desk.ada.delete(&format!("{wrong}/{}", id(&attachment))).refused_with(404, "ATTACHMENT_NOT_FOUND").await;
    }
    let wrong = desk.path.replace(&desk.project, &elsewhere);
    desk.ada.get(&wrong).refused_with(404, "TASK_NOT_FOUND").await;
    desk.ada.post(&wrong).upload("b.txt", "x").refused_with(404, "TASK_NOT_FOUND").await;
    assert_eq!(desk.ada.get(&desk.path).await.total(), 1);
    assert_eq!(desk.world.files().await, [desk.key(&attachment)]);
}
