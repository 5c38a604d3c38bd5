use crate::support::*;

async fn ada_with_project(world: &World) -> (Person, String) {
    let ada = world.sign_up("ada").await;
    let path = format!("/projects/{}", ada.project("Launch").await);
    (ada, path)
}

#[tokio::test]
async fn tags_are_created_listed_and_deleted() {
    let world = World::new().await;
    let (ada, path) = ada_with_project(&world).await;
    let tags = format!("{path}/tags");
    let red = ada.post(&tags).json(json!({ "name": "red", "color": "#FF0000" })).status(201).await;
    assert_eq!(keys(red.data()), ["color", "created_at", "id", "name"]);
    assert_eq!((&red.data()["name"], &red.data()["color"]), (&json!("red"), &json!("#ff0000")));
    let blue = ada.post(&tags).json(json!({ "name": "blue" })).status(201).await;
    assert_eq!(blue.data()["color"], Value::Null);

    let list = ada.get(&tags).await;
    assert_eq!((list.items(), list.total()), (&[blue.data().clone(), red.data().clone()][..], 2));
    assert_eq!(ada.get(&path).await.data()["tags"], json!(list.items()));
    assert_eq!(ada.get("/projects").await.items()[0]["tags"], json!(list.items()));

    let red = format!("{tags}/{}", red.data()["id"].as_str().unwrap());
    ada.delete(&red).status(204).await;
    ada.delete(&red).refused_with(404, "TAG_NOT_FOUND").await;
    assert_eq!(pluck(ada.get(&tags).await.items(), "name"), ["blue"]);
}

#[tokio::test]
async fn a_projects_tags_have_different_names_whatever_the_case() {
    let world = World::new().await;
    let (ada, path) = ada_with_project(&world).await;
    let other = format!("/projects/{}", ada.project("Other").await);
    ada.post(&format!("{path}/tags")).json(json!({ "name": "red" })).status(201).await;
    ada.post(&format!("{path}/tags")).json(json!({ "name": " RED " })).refused_with(409, "TAG_EXISTS").await;
    ada.post(&format!("{other}/tags")).json(json!({ "name": "red" })).status(201).await;
}

#[tokio::test]
async fn a_project_has_200_tags_at_most() {
    let world = World::new().await;
    let (ada, path) = ada_with_project(&world).await;
    let tags = format!("{path}/tags");
    let first = ada.post(&tags).json(json!({ "name": "first" })).status(201).await;
    let more = "INSERT INTO project_tags (id, project_id, name, created_at)
                SELECT printf('0198c5f2-7d3a-7c41-9b52-%012x', value), ?1, 'tag ' || value, '2026-01-01T00:00:00.000Z'
                FROM (WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 198) SELECT value FROM n)";
    world.sql(more, &[json!(path.rsplit('/').next())]).await;
    let replies = join_all((0..3).map(|i| ada.post(&tags).json(json!({ "name": format!("last {i}") })).any())).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
    ada.post(&tags).json(json!({ "name": "one more" })).refused_with(409, "TOO_MANY").await;
    ada.post(&tags).json(json!({ "name": "first" })).refused_with(409, "TAG_EXISTS").await;
    assert_eq!(ada.get(&tags).await.total(), 200);
    ada.delete(&format!("{tags}/{}", first.data()["id"].as_str().unwrap())).status(204).await;
    ada.post(&tags).json(json!({ "name": "one more" })).status(201).await;
}

#[tokio::test]
async fn of_many_tags_of_one_name_at_once_one_is_made() {
    let world = World::new().await;
    let (ada, path) = ada_with_project(&world).await;
    let tags = format!("{path}/tags");
    let replies = join_all((0..6).map(|_| ada.post(&tags).json(json!({ "name": "red" })).any())).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'tag.created'", &[]).await, 1);
}

#[tokio::test]
async fn a_tag_is_reached_through_its_own_project_only() {
    let world = World::new().await;
    let (ada, path) = ada_with_project(&world).await;
    let other = format!("/projects/{}", ada.project("Other").await);
    let tag = ada.post(&format!("{path}/tags")).json(json!({ "name": "red" })).await;
    let id = tag.data()["id"].as_str().unwrap();
    ada.delete(&format!("{other}/tags/{id}")).refused_with(404, "TAG_NOT_FOUND").await;
    for nothing in ["nonsense", "1", "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77"] {
        ada.delete(&format!("{path}/tags/{nothing}")).refused_with(404, "TAG_NOT_FOUND").await;
    }
    assert_eq!(ada.get(&format!("{path}/tags")).await.total(), 1);
}

#[tokio::test]
async fn of_many_deletions_of_a_tag_at_once_one_succeeds() {
    let world = World::new().await;
    let (ada, path) = ada_with_project(&world).await;
    let tag = ada.post(&format!("{path}/tags")).json(json!({ "name": "red" })).await;
    let tag = format!("{path}/tags/{}", tag.data()["id"].as_str().unwrap());
    let replies = join_all((0..6).map(|_| ada.delete(&tag).any())).await;
    let done = replies.iter().filter(|reply| reply.status == 204).count();
    assert_eq!(done, 1);
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'tag.deleted'", &[]).await, 1);
}

#[tokio::test]
async fn what_does_not_make_a_tag_is_refused_by_field() {
    let world = World::new().await;
    let (ada, path) = ada_with_project(&world).await;
    for (body, field) in [
        (json!({}), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "name": "x".repeat(51) }), "name"),
        (json!({ "name": true }), "name"),
        (json!({ "name": "x", "color": "red" }), "color"),
        (json!({ "name": "x", "color": "#fff" }), "color"),
        (json!({ "name": "x", "color": "#12345g" }), "color"),
        (json!({ "name": "x", "color": 5 }), "color"),
    ] {
        let reply = ada.post(&format!("{path}/tags")).json(body.clone()).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(reply.fields(), [field], "{body}");
    }
    assert_eq!(ada.get(&format!("{path}/tags")).await.total(), 0);
}
