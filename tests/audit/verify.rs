//! What somebody changes behind the service's back shows.

use super::*;

#[tokio::test]
async fn a_row_that_was_changed_is_found() {
    for (column, value, reason) in [
        ("actor_id", json!(77), "event_changed"),
        ("actor_id", json!(999_999), "event_changed"),
        ("data", json!("{\"user_id\":999999}"), "event_changed"),
        ("actor_id", Value::Null, "event_changed"),
        ("entity_id", json!("0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77"), "event_changed"),
        ("data", json!("{\"size\":1}"), "event_changed"),
        ("kind", json!("task.deleted"), "hash_differs"),
        ("project_id", Value::Null, "hash_differs"),
        ("created_at", json!("2026-01-01T00:00:00.000Z"), "hash_differs"),
    ] {
        let (world, root) = chained().await;
        let other = world.sign_up("other").await;
        links(&world).await;
        let value = if value == json!(77) { json!(other.id()) } else { value };
        let edit =
            format!("UPDATE events SET {column} = ?1 WHERE id = (SELECT event_id FROM audit_links WHERE seq = 5)");
        world.sql(&edit, &[value]).await;
        assert_eq!(broken(&root).await, (5, reason.into()), "{column}");
    }
}

#[tokio::test]
async fn a_row_that_was_removed_is_found() {
    let (world, root) = chained().await;
    world.sql("DELETE FROM events WHERE id = (SELECT event_id FROM audit_links WHERE seq = 4)", &[]).await;
    assert_eq!(broken(&root).await, (4, "event_missing".into()));
}

#[tokio::test]
async fn a_link_that_was_removed_or_changed_is_found() {
    let (world, root) = chained().await;
    world.sql("DELETE FROM audit_links WHERE seq = 4", &[]).await;
    assert_eq!(broken(&root).await, (4, "link_missing".into()));
    let part = root.get("/admin/logs/audit/verify?from_seq=5").await;
    assert_eq!(part.data()["first_broken"], json!({ "seq": 4, "reason": "link_missing" }));

    let (world, root) = chained().await;
    let copied = "UPDATE audit_links SET hash = (SELECT hash FROM audit_links WHERE seq = 1) WHERE seq = 6";
    world.sql(copied, &[]).await;
    assert_eq!(broken(&root).await, (6, "hash_differs".into()));
}

#[tokio::test]
async fn a_link_that_was_put_in_is_found() {
    let (world, root) = chained().await;
    let forged = "INSERT INTO audit_links SELECT 9, 'forged', actor, entity, data, hash FROM audit_links WHERE seq = 8";
    world.sql(forged, &[]).await;
    assert_eq!(broken(&root).await, (9, "event_missing".into()));

    let (world, root) = chained().await;
    let event = "INSERT INTO events (id, kind, entity_id, data, request_id, created_at, delivered_at)
                 VALUES ('forged', 'tag.created', 'x', '{}', 'x', '2025-01-01T00:00:00.000Z', '2025-01-01T00:00:00.000Z')";
    world.sql(event, &[]).await;
    assert_eq!(verdict(&root).await["unlinked"], json!(["forged"]));
    world.drain().await;
    world.sql(&forged.replace("SELECT 9", "SELECT 10"), &[]).await;
    assert_eq!(broken(&root).await, (10, "event_changed".into()));
}

/// The end of the chain has nobody after it; but the sequencer remembers where it was.
#[tokio::test]
async fn an_end_that_was_cut_off_is_found() {
    let (world, root) = chained().await;
    let cut = "DELETE FROM audit_links WHERE seq > 6";
    world.sql("DELETE FROM events WHERE id IN (SELECT event_id FROM audit_links WHERE seq > 6)", &[]).await;
    world.sql(cut, &[]).await;
    assert_eq!(broken(&root).await, (7, "cut_off".into()));
    // The chain goes on, and the scar stays.
    end_sequencer(&root).await;
    for _ in 0..3 {
        root.project("More").await;
    }
    assert!(links(&world).await.len() >= 9);
    assert_eq!(broken(&root).await, (8, "witness_differs".into()));
}

/// Whoever can write all of the database can make a chain that fits, but not the one that was seen.
#[tokio::test]
async fn a_chain_that_was_written_anew_is_found() {
    let (world, root) = chained().await;
    write_anew(&world).await;
    assert_eq!(broken(&root).await, (8, "witness_differs".into()));
    end_sequencer(&root).await;
    root.project("More").await;
    links(&world).await;
    assert_eq!(broken(&root).await, (8, "witness_differs".into()));
}

/// Without their salt nobody can tell any more whose the events are, and the chain holds.
#[tokio::test]
async fn after_an_erasure_the_chain_still_holds() {
    let (world, root) = chained().await;
    let ada = world.sign_up("ada").await;
    ada.project("Hers").await;
    let before = links(&world).await;
    world.sql("UPDATE audit_salts SET salt = NULL WHERE user_id = ?1", &[json!(ada.id())]).await;
    let erased = verdict(&root).await;
    assert_eq!((&erased["valid"], &erased["erased"]), (&json!(true), &json!(3)), "{erased}");
    // What she does after it is chained, too, and opened by nobody.
    ada.project("Another").await;
    assert_eq!(links(&world).await[..before.len()], before);
    let erased = verdict(&root).await;
    assert_eq!((&erased["valid"], &erased["erased"]), (&json!(true), &json!(4)), "{erased}");
}

/// Who it was is forgotten, and nothing else.
#[tokio::test]
async fn an_edit_of_what_names_an_erased_user_is_found() {
    let (world, root) = chained().await;
    let (ada, project) = (world.sign_up("ada").await, root.project("Another").await);
    world.add_member(&project, &ada).await;
    let task = json!({ "title": "Write", "assignee_id": ada.id() });
    root.post(&format!("/projects/{project}/tasks")).json(task).await;
    let last = links(&world).await.len() as u64;
    world.sql("UPDATE audit_salts SET salt = NULL WHERE user_id = ?1", &[json!(ada.id())]).await;
    assert_eq!(verdict(&root).await["valid"], true);
    let edit = "UPDATE events SET data = json_set(data, '$.created', 1)
                WHERE kind = 'task.created' AND data ->> '$.assignee_id' = ?1";
    world.sql(edit, &[json!(ada.id())]).await;
    assert_eq!(broken(&root).await, (last, "event_changed".into()));
}

/// Whoever takes somebody's salt away takes the proof away, and that shows.
#[tokio::test]
async fn a_user_of_whom_nothing_is_known_is_not_erased() {
    let (world, root) = chained().await;
    world.sql("DELETE FROM audit_salts WHERE user_id = ?1", &[json!(root.id())]).await;
    assert_eq!(broken(&root).await, (1, "event_changed".into()));
}

/// An operator may ask for a number that is nobody's.
#[tokio::test]
async fn a_number_that_is_nobodys_breaks_nothing() {
    let (world, root) = chained().await;
    root.get("/admin/logs/audit?user_id=3").await;
    links(&world).await;
    world.sign_up("ada").await;
    assert_eq!(world.sign_up("bob").await.id(), 3);
    links(&world).await;
    let whole = verdict(&root).await;
    assert_eq!((&whole["valid"], &whole["erased"]), (&json!(true), &json!(0)), "{whole}");
}

#[tokio::test]
async fn a_salt_goes_with_its_user_and_that_there_was_one_stays() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let salts = "SELECT salt IS NOT NULL AS has_salt FROM audit_salts";
    assert_eq!(world.sql(salts, &[]).await, [json!({ "has_salt": 1 })]);
    world.sql("DELETE FROM users WHERE id = ?1", &[json!(ada.id())]).await;
    assert_eq!(world.sql(salts, &[]).await, [json!({ "has_salt": 0 })]);
}

#[tokio::test]
async fn a_walk_goes_in_parts() {
    let (_, root) = chained().await;
    let part = root.get("/admin/logs/audit/verify?from_seq=3&to_seq=5").await;
    let data = part.data();
    assert_eq!((&data["valid"], &data["checked"], &data["next_seq"]), (&json!(true), &json!(3), &json!(6)));
    assert_eq!((&data["from"], &data["to"]), (&json!(3), &json!(5)));
    let rest = root.get("/admin/logs/audit/verify?from_seq=6").await;
    assert_eq!((&rest.data()["valid"], &rest.data()["next_seq"]), (&json!(true), &Value::Null));
    let beyond = root.get("/admin/logs/audit/verify?from_seq=600").await;
    assert_eq!((&beyond.data()["valid"], &beyond.data()["checked"]), (&json!(true), &json!(0)));
    for (query, field) in [
        ("from_seq=0", "from_seq"),
        ("from_seq=-1", "from_seq"),
        ("from_seq=x", "from_seq"),
        ("from_seq=5&to_seq=4", "to_seq"),
        ("to_seq=18446744073709551615", "to_seq"),
        ("from_seq=99999999999999999999", "from_seq"),
    ] {
        let refused = root.get(&format!("/admin/logs/audit/verify?{query}")).refused(422).await;
        assert_eq!(refused.fields(), [field], "{query}");
    }
}
