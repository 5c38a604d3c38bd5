use super::*;

#[tokio::test]
async fn the_activity_tells_what_happened_the_latest_first() {
    let team = Team::new().await;
    team.world.clock().stop();
    let task = team.create(json!({ "title": "t" })).await;
    let other = team.create(json!({ "title": "other" })).await;
    let later = || team.world.clock().advance(Duration::from_secs(1));
    later();
    team.bob.patch(&team.path(&task)).json(json!({ "status": "done", "assignee_id": team.ada.id() })).await;
    later();
    let edge = format!("{}/depends-on/{}", team.path(&task), id(&other));
    team.ada.post(&edge).await;
    later();
    team.ada.delete(&edge).await;

    let list = team.bob.get(&format!("{}/activity", team.path(&task))).await;
    let kinds = ["task.dependency_removed", "task.dependency_added", "task.completed", "task.updated", "task.created"];
    assert_eq!((pluck(list.items(), "kind"), list.total(), list.trips()), (kinds.to_vec(), 5, 1));
    for item in list.items() {
        assert_eq!(keys(item), ["actor", "created_at", "data", "id", "kind"]);
    }
    let updated = &list.items()[3];
    let bob = json!({ "id": team.bob.id(), "username": null, "display_name": "bob", "avatar_url": null });
    assert_eq!(updated["actor"], bob);
    assert_eq!(updated["data"]["status"], json!({ "from": "open", "to": "done" }));
    assert_eq!(updated["data"]["assignee_id"], json!({ "from": null, "to": team.ada.id() }));
    assert_eq!(list.items()[0]["data"], json!({ "depends_on": id(&other) }));
    // Where from it was done stays with us.
    assert!(!list.text.contains(&team.bob.ip) && !list.text.contains(&team.ada.ip), "{}", list.text);
    assert_eq!(team.ada.get(&format!("{}/activity", team.path(&other))).await.total(), 1);
}

#[tokio::test]
async fn the_activity_comes_in_pages() {
    let team = Team::new().await;
    let task = team.create(json!({ "title": "t" })).await;
    for i in 0..4 {
        team.ada.patch(&team.path(&task)).json(json!({ "title": i.to_string() })).await;
    }
    let mut seen = Vec::new();
    for page in 1..=3 {
        let list = team.ada.get(&format!("{}/activity?page={page}&page_size=2", team.path(&task))).await;
        assert_eq!((list.total(), &list.json["page_size"]), (5, &json!(2)));
        seen.extend(pluck(list.items(), "id").into_iter().map(String::from));
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "{seen:?}");
}

#[tokio::test]
async fn nobody_is_named_whose_account_is_gone() {
    let team = Team::new().await;
    let task = team.create(json!({ "title": "t" })).await;
    team.bob.patch(&team.path(&task)).json(json!({ "title": "x" })).await;
    team.world.sql("UPDATE events SET actor_id = 999999 WHERE kind = 'task.updated'", &[]).await;
    let list = team.ada.get(&format!("{}/activity", team.path(&task))).await;
    assert_eq!((&list.items()[0]["actor"], &list.items()[1]["actor"]["id"]), (&Value::Null, &json!(team.ada.id())));
}

#[tokio::test]
async fn the_activity_is_the_teams() {
    let team = Team::new().await;
    let task = team.create(json!({ "title": "t" })).await;
    let eve = team.world.sign_up("eve").await;
    eve.get(&format!("{}/activity", team.path(&task))).refused_with(404, "PROJECT_NOT_FOUND").await;
    team.ada.get(&format!("{}/{NOWHERE}/activity", team.tasks)).refused_with(404, "TASK_NOT_FOUND").await;
    team.ada.delete(&team.path(&task)).await;
    team.ada.get(&format!("{}/activity", team.path(&task))).refused_with(404, "TASK_NOT_FOUND").await;
}
