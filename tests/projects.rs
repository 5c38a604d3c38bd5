use crate::support::*;

const NOWHERE: &str = "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77";

#[tokio::test]
async fn a_project_is_created_read_changed_and_deleted() {
    let world = World::new().await;
    world.clock().stop();
    let ada = world.sign_up("ada").await;
    let body = json!({ "name": "Launch", "description": "Everything for spring." });
    let created = ada.post("/projects").json(body).status(201).await;
    let project = created.data();
    let fields = ["created_at", "description", "id", "is_favorite", "name", "owner_id", "role", "tags", "updated_at"];
    assert_eq!(keys(project), fields);
    assert_eq!((&project["name"], &project["description"]), (&json!("Launch"), &json!("Everything for spring.")));
    assert_eq!((&project["owner_id"], &project["role"]), (&json!(ada.id()), &json!("owner")));
    assert_eq!((&project["is_favorite"], &project["tags"]), (&json!(false), &json!([])));
    let id = project["id"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7);

    let path = format!("/projects/{id}");
    assert_eq!(ada.get(&path).await.data(), project);
    assert_eq!(ada.get(&format!("/projects/{}", id.to_uppercase())).await.data(), project);

    world.clock().advance(Duration::from_secs(1));
    let edited = ada.patch(&path).json(json!({ "name": "Launch 2" })).await;
    assert_eq!((&edited.data()["name"], &edited.data()["description"]), (&json!("Launch 2"), &project["description"]));
    assert_eq!(edited.data()["created_at"], project["created_at"]);
    assert!(edited.data()["updated_at"].as_str() > project["updated_at"].as_str(), "{}", edited.text);
    assert_eq!(ada.get(&path).await.data(), edited.data());
    let cleared = ada.patch(&path).json(json!({ "description": null })).await;
    assert_eq!((&cleared.data()["name"], &cleared.data()["description"]), (&json!("Launch 2"), &Value::Null));

    let deleted = ada.delete(&path).status(204).await;
    assert_eq!(deleted.text, "");
    ada.get(&path).refused_with(404, "PROJECT_NOT_FOUND").await;
    ada.delete(&path).refused_with(404, "PROJECT_NOT_FOUND").await;
    assert_eq!(ada.get("/projects").await.total(), 0);
}

#[tokio::test]
async fn names_keep_what_people_write() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let name = "Größe 🚀 \"quoted\" <b> 'x'; DROP TABLE projects; -- %_\\";
    let id = ada.project(&format!("  {name}  ")).await;
    assert_eq!(ada.get(&format!("/projects/{id}")).await.data()["name"], name);
    let longest = "ß".repeat(160);
    let id = ada.project(&longest).await;
    assert_eq!(ada.get(&format!("/projects/{id}")).await.data()["name"], longest);
}

#[tokio::test]
async fn what_does_not_make_a_project_is_refused_by_field() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let id = ada.project("Launch").await;
    for (body, field) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "   " }), "name"),
        (json!({ "name": "x".repeat(161) }), "name"),
        (json!({ "name": 7 }), "name"),
        (json!({ "name": ["x"] }), "name"),
        (json!({ "name": "a\u{7}b" }), "name"),
        (json!({ "name": "x", "description": "y".repeat(4001) }), "description"),
        (json!({ "name": "x", "description": {} }), "description"),
    ] {
        let created = ada.post("/projects").json(body.clone()).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(created.fields(), [field], "{body}");
        let edited =
            ada.patch(&format!("/projects/{id}")).json(body.clone()).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(edited.fields(), [field], "{body}");
    }
    assert_eq!(ada.post("/projects").json(json!({})).refused(422).await.fields(), ["name"]);
    assert_eq!(ada.get("/projects").await.total(), 1);
}

#[tokio::test]
async fn a_stranger_gets_404_for_someone_elses_project() {
    let world = World::new().await;
    let (ada, eve) = (world.sign_up("ada").await, world.sign_up("eve").await);
    let path = format!("/projects/{}", ada.project("Secret").await);
    let tag = ada.post(&format!("{path}/tags")).json(json!({ "name": "red" })).await.data()["id"].clone();
    let hidden = eve.get(&path).refused_with(404, "PROJECT_NOT_FOUND").await;
    let nowhere = eve.get(&format!("/projects/{NOWHERE}")).refused_with(404, "PROJECT_NOT_FOUND").await;
    assert_eq!(hidden.json["error"], nowhere.json["error"]);

    eve.patch(&path).json(json!({ "name": "Mine" })).refused_with(404, "PROJECT_NOT_FOUND").await;
    eve.patch(&path).json(json!({ "name": "" })).refused_with(404, "PROJECT_NOT_FOUND").await;
    eve.delete(&path).refused_with(404, "PROJECT_NOT_FOUND").await;
    eve.post(&format!("{path}/favorite")).refused_with(404, "PROJECT_NOT_FOUND").await;
    eve.delete(&format!("{path}/favorite")).refused_with(404, "PROJECT_NOT_FOUND").await;
    eve.get(&format!("{path}/tags")).refused_with(404, "PROJECT_NOT_FOUND").await;
    eve.post(&format!("{path}/tags")).json(json!({ "name": "x" })).refused_with(404, "PROJECT_NOT_FOUND").await;
    eve.delete(&format!("{path}/tags/{}", tag.as_str().unwrap())).refused_with(404, "PROJECT_NOT_FOUND").await;
    assert_eq!(eve.get("/projects").await.total(), 0);
    assert_eq!(eve.get("/projects?search=Secret").await.total(), 0);
    assert_eq!(ada.get(&path).await.data()["name"], "Secret");
    assert_eq!(ada.get(&path).await.data()["tags"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_member_sees_and_contributes_but_only_the_owner_edits_and_deletes() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let id = ada.project("Launch").await;
    world.add_member(&id, &bob).await;
    let path = format!("/projects/{id}");
    assert_eq!(bob.get(&path).await.data()["role"], "member");
    assert_eq!(bob.get("/projects").await.items()[0]["role"], "member");
    assert_eq!(bob.get(&path).await.data()["owner_id"], ada.id());

    bob.patch(&path).json(json!({ "name": "Mine" })).refused_with(403, "AUTH_FORBIDDEN").await;
    bob.patch(&path).json(json!({ "name": "" })).refused_with(403, "AUTH_FORBIDDEN").await;
    bob.delete(&path).refused_with(403, "AUTH_FORBIDDEN").await;

    let tag = bob.post(&format!("{path}/tags")).json(json!({ "name": "red" })).status(201).await;
    assert_eq!(ada.get(&format!("{path}/tags")).await.items(), [tag.data().clone()]);
    bob.delete(&format!("{path}/tags/{}", tag.data()["id"].as_str().unwrap())).status(204).await;

    world.sql("DELETE FROM team_members WHERE user_id = ?1", &[json!(bob.id())]).await;
    bob.get(&path).refused_with(404, "PROJECT_NOT_FOUND").await;
    assert_eq!(ada.get(&path).await.data()["name"], "Launch");
}

#[tokio::test]
async fn deleting_a_project_takes_everything_below_it() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let (doomed, kept) = (ada.project("Doomed").await, ada.project("Kept").await);
    for id in [&doomed, &kept] {
        world.add_member(id, &bob).await;
        ada.post(&format!("/projects/{id}/tags")).json(json!({ "name": "red" })).await;
        bob.post(&format!("/projects/{id}/favorite")).await;
    }
    ada.delete(&format!("/projects/{doomed}")).status(204).await;
    assert_eq!(world.one("SELECT count(*) FROM team_members WHERE project_id = ?1", &[json!(doomed)]).await, 0);
    world.drain().await;
    for table in ["team_members", "project_tags", "project_favorites"] {
        let rows = world.sql(&format!("SELECT DISTINCT project_id FROM {table}"), &[]).await;
        assert_eq!(pluck(&rows, "project_id"), [&kept], "{table}");
    }
    bob.get(&format!("/projects/{doomed}")).refused(404).await;
    bob.get(&format!("/projects/{kept}")).await;
}

#[tokio::test]
async fn of_many_deletions_at_once_one_succeeds() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let path = format!("/projects/{}", ada.project("Launch").await);
    let replies = join_all((0..6).map(|_| ada.delete(&path).any())).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404, 404, 404, 404, 404]);
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'project.deleted'", &[]).await, 1);
}

#[tokio::test]
async fn many_projects_created_at_once_are_all_there() {
    let world = World::set_up().isolates(&[&[], &[]]).open().await;
    let ada = world.sign_up("ada").await;
    let people: Vec<Person> = (0..12).map(|i| ada.through(i % 2)).collect();
    let ids = join_all(people.iter().map(|person| person.project("Twin"))).await;
    let list = ada.get("/projects?page_size=50").await;
    let mut listed = pluck(list.items(), "id");
    let mut ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    listed.sort_unstable();
    ids.sort_unstable();
    assert_eq!(listed, ids);
}

#[tokio::test]
async fn what_is_no_id_names_no_project() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for id in ["1", "nonsense", "null", "%00", "..%2F..", "'%20OR%201=1", &"x".repeat(3000), "🚀"] {
        ada.get(&format!("/projects/{id}")).refused_with(404, "PROJECT_NOT_FOUND").await;
    }
}

#[tokio::test]
async fn a_favorite_is_ones_own_and_marking_it_twice_changes_nothing() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let id = ada.project("Launch").await;
    world.add_member(&id, &bob).await;
    let (path, favorite) = (format!("/projects/{id}"), format!("/projects/{id}/favorite"));
    for _ in 0..2 {
        let marked = ada.post(&favorite).status(200).await;
        assert_eq!((&marked.data()["id"], &marked.data()["is_favorite"]), (&json!(id), &json!(true)));
    }
    assert_eq!(ada.get(&path).await.data()["is_favorite"], true);
    assert_eq!(ada.get("/projects").await.items()[0]["is_favorite"], true);
    assert_eq!(bob.get(&path).await.data()["is_favorite"], false);
    bob.post(&favorite).await;
    for _ in 0..2 {
        ada.delete(&favorite).status(204).await;
    }
    assert_eq!(ada.get(&path).await.data()["is_favorite"], false);
    assert_eq!(bob.get(&path).await.data()["is_favorite"], true);
}

#[tokio::test]
async fn marking_a_favorite_many_times_at_once_works() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let favorite = format!("/projects/{}/favorite", ada.project("Launch").await);
    join_all((0..6).map(|_| ada.post(&favorite).into_future())).await;
    assert_eq!(world.one("SELECT count(*) FROM project_favorites", &[]).await, 1);
    join_all((0..6).map(|_| ada.delete(&favorite).into_future())).await;
    assert_eq!(world.one("SELECT count(*) FROM project_favorites", &[]).await, 0);
}

#[tokio::test]
async fn what_meets_a_deletion_happens_before_it_or_finds_nothing() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for round in 0..6 {
        let path = format!("/projects/{}", ada.project("Doomed").await);
        let (tags, favorite) = (format!("{path}/tags"), format!("{path}/favorite"));
        let mut calls = vec![
            ada.post(&tags).json(json!({ "name": "red" })),
            ada.post(&favorite),
            ada.patch(&path).json(json!({ "name": "Saved" })),
            ada.get(&path),
            ada.delete(&favorite),
            ada.get(&tags),
        ];
        calls.insert(round, ada.delete(&path));
        for reply in join_all(calls.into_iter().map(Call::any)).await {
            let found = reply.status.is_success() || reply.code() == "PROJECT_NOT_FOUND";
            assert!(found, "{} {}", reply.status, reply.text);
        }
        ada.get(&path).refused_with(404, "PROJECT_NOT_FOUND").await;
    }
    world.drain().await;
    for table in ["projects", "team_members", "project_tags", "project_favorites"] {
        assert_eq!(world.one(&format!("SELECT count(*) FROM {table}"), &[]).await, 0, "{table}");
    }
}
