use super::*;

#[tokio::test]
async fn only_the_author_edits_and_the_owner_may_delete_too() {
    let world = World::new().await;
    let (project, [ada, bob, cyd]) = team(&world, ["ada", "bob", "cyd"]).await;
    let comment = say(&bob, &project, json!({ "body": "Mine." })).await;
    for other in [&ada, &cyd] {
        let edit = other.patch(&path_of(&comment));
        edit.json(json!({ "body": "Never said" })).refused_with(403, "AUTH_FORBIDDEN").await;
        other.patch(&path_of(&comment)).json(json!({ "body": "" })).refused_with(403, "AUTH_FORBIDDEN").await;
    }
    cyd.delete(&path_of(&comment)).refused_with(403, "AUTH_FORBIDDEN").await;
    assert_eq!(bodies(&cyd, &project, "").await, ["Mine."]);
    ada.delete(&path_of(&comment)).status(204).await;

    let of_the_owner = say(&ada, &project, json!({ "body": "Ada's." })).await;
    bob.delete(&path_of(&of_the_owner)).refused_with(403, "AUTH_FORBIDDEN").await;
    ada.patch(&path_of(&of_the_owner)).json(json!({ "body": "Ada's own." })).await;
    let of_a_member = say(&bob, &project, json!({ "body": "Bob's." })).await;
    bob.delete(&path_of(&of_a_member)).status(204).await;
    assert_eq!(bodies(&bob, &project, "").await, ["Ada's own."]);
}

#[tokio::test]
async fn a_stranger_finds_no_comments() {
    let world = World::new().await;
    let (project, [ada]) = team(&world, ["ada"]).await;
    let eve = world.sign_up("eve").await;
    let comment = say(&ada, &project, json!({ "body": "Between us." })).await;
    let (all, path) = (comments(&project), path_of(&comment));
    let new = json!({ "body": "Hello" });
    for (call, code) in [
        (eve.get(&all), "PROJECT_NOT_FOUND"),
        (eve.post(&all).json(new.clone()), "PROJECT_NOT_FOUND"),
        (eve.post(&all).json(json!({ "body": "" })), "PROJECT_NOT_FOUND"),
        (eve.patch(&path).json(new.clone()), "PROJECT_NOT_FOUND"),
        (eve.delete(&path), "PROJECT_NOT_FOUND"),
        (eve.post(&format!("{path}/star")), "PROJECT_NOT_FOUND"),
        (eve.delete(&format!("{path}/star")), "PROJECT_NOT_FOUND"),
    ] {
        call.refused_with(404, code).await;
    }
    // Nor through a project of her own.
    let own = eve.project("Mine").await;
    let id = comment["id"].as_str().unwrap();
    let through = format!("{}/{id}", comments(&own));
    eve.patch(&through).json(new.clone()).refused_with(404, "COMMENT_NOT_FOUND").await;
    eve.delete(&through).refused_with(404, "COMMENT_NOT_FOUND").await;
    eve.post(&format!("{through}/star")).refused_with(404, "COMMENT_NOT_FOUND").await;
    let reply = json!({ "parent_id": id, "body": "Hello" });
    eve.post(&comments(&own)).json(reply).refused_with(404, "COMMENT_NOT_FOUND").await;
    for filter in
        [format!("parent_id={id}"), format!("author={}", ada.id()), format!("entity_type=project&entity_id={project}")]
    {
        assert_eq!(list(&eve, &own, &filter).await.len(), 0, "{filter}");
    }
    assert_eq!(list(&ada, &project, "").await, [comment]);
}

#[tokio::test]
async fn who_left_the_team_comments_and_edits_no_more() {
    let world = World::new().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    let comment = say(&bob, &project, json!({ "body": "Bye." })).await;
    world.sql("DELETE FROM team_members WHERE user_id = ?1", &[json!(bob.id())]).await;
    bob.get(&comments(&project)).refused_with(404, "PROJECT_NOT_FOUND").await;
    bob.post(&comments(&project)).json(json!({ "body": "Still here" })).refused_with(404, "PROJECT_NOT_FOUND").await;
    bob.patch(&path_of(&comment)).json(json!({ "body": "Never mind" })).refused_with(404, "PROJECT_NOT_FOUND").await;
    bob.delete(&path_of(&comment)).refused_with(404, "PROJECT_NOT_FOUND").await;
    assert_eq!(list(&ada, &project, "").await, [comment], "what was said stays, with who said it");
}

/// The permission was right a trip ago; the write looks again. Here the world changes right in front of it:
/// the request's key is what its batch writes first.
#[tokio::test]
async fn what_changes_between_the_look_and_the_write_counts() {
    let world = World::new().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    let task = add_task(&world, &project, &ada, None).await;
    let on_task = json!({ "entity_type": "task", "entity_id": task, "body": "x" });
    let root = say(&ada, &project, on_task.clone()).await;
    let removed = format!("DELETE FROM team_members WHERE user_id = {}", bob.id());
    for (meanwhile, body, code) in [
        (&*removed, on_task.clone(), "PROJECT_NOT_FOUND"),
        ("DELETE FROM projects", on_task.clone(), "PROJECT_NOT_FOUND"),
        ("DELETE FROM tasks", on_task, "TASK_NOT_FOUND"),
        ("DELETE FROM comments", reply_to(&root, "x"), "COMMENT_NOT_FOUND"),
        ("UPDATE comments SET body = '', deleted_at = updated_at", reply_to(&root, "x"), "COMMENT_NOT_FOUND"),
    ] {
        let trigger = format!("CREATE TRIGGER meanwhile BEFORE INSERT ON idempotency_keys BEGIN {meanwhile}; END");
        world.sql(&trigger, &[]).await;
        let call = bob.post(&comments(&project)).header("idempotency-key", code).json(body);
        call.refused_with(404, code).await;
        world.sql("DROP TRIGGER meanwhile", &[]).await;
        assert_eq!(list(&bob, &project, "").await, std::slice::from_ref(&root), "{meanwhile}");
    }
}
