use crate::support::*;

/// A project of Ada's with Bob on its team.
async fn ada_and_bob(world: &World) -> (Person, Person, String) {
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let id = ada.project("Launch").await;
    world.add_member(&id, &bob).await;
    (ada, bob, id)
}

fn place(project: &str, person: &Person) -> String {
    format!("/projects/{project}/team/{}", person.id())
}

async fn team(who: &Person, project: &str) -> Vec<i64> {
    let list = who.get(&format!("/projects/{project}/team")).await;
    list.items().iter().map(|member| member["user_id"].as_i64().unwrap()).collect()
}

async fn assign(world: &World, project: &str, n: u32, person: &Person) {
    let insert = "INSERT INTO tasks (id, project_id, title, assignee_id, created_at, updated_at)
                  VALUES (?1, ?2, 'Do it', ?3, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')";
    let id = format!("0198c5f2-7d3a-7c41-9b52-{n:012x}");
    world.sql(insert, &[json!(id), json!(project), json!(person.id())]).await;
}

#[tokio::test]
async fn the_team_is_listed_its_owner_first() {
    let world = World::new().await;
    let (bob, ada) = (world.sign_up("bob").await, world.sign_up("ada").await);
    let id = ada.project("Launch").await;
    world.add_member(&id, &bob).await;
    let list = bob.get(&format!("/projects/{id}/team")).await;
    assert_eq!((list.total(), list.trips()), (2, 1));
    let fields = ["avatar_url", "display_name", "email", "joined_at", "role", "user_id", "username"];
    assert_eq!(keys(&list.items()[0]), fields);
    assert_eq!(pluck(list.items(), "role"), ["owner", "member"]);
    assert_eq!(pluck(list.items(), "email"), ["ada@example.com", "bob@example.com"]);
    assert_eq!(list.items()[1]["user_id"], bob.id());

    let second = ada.get(&format!("/projects/{id}/team?page=2&page_size=1")).await;
    assert_eq!((second.total(), pluck(second.items(), "display_name")), (2, vec!["bob"]));
    let eve = world.sign_up("eve").await;
    eve.get(&format!("/projects/{id}/team")).refused_with(404, "PROJECT_NOT_FOUND").await;
}

#[tokio::test]
async fn the_owner_removes_a_member_who_sees_nothing_any_more() {
    let world = World::new().await;
    let (ada, bob, id) = ada_and_bob(&world).await;
    bob.post(&format!("/projects/{id}/favorite")).await;
    ada.post(&format!("/projects/{id}/favorite")).await;
    ada.delete(&place(&id, &bob)).status(204).await;
    bob.get(&format!("/projects/{id}")).refused_with(404, "PROJECT_NOT_FOUND").await;
    bob.get(&format!("/projects/{id}/team")).refused_with(404, "PROJECT_NOT_FOUND").await;
    assert_eq!(bob.get("/projects").await.total(), 0);
    assert_eq!(team(&ada, &id).await, [ada.id()]);
    assert_eq!(world.one("SELECT user_id FROM project_favorites", &[]).await, ada.id());
    let event = world.sql("SELECT * FROM events WHERE kind LIKE 'team.%'", &[]).await;
    assert_eq!(pluck(&event, "kind"), ["team.member_removed"]);
    assert_eq!((&event[0]["entity_id"], &event[0]["project_id"]), (&json!(bob.id().to_string()), &json!(id)));
}

#[tokio::test]
async fn a_member_leaves() {
    let world = World::new().await;
    let (ada, bob, id) = ada_and_bob(&world).await;
    bob.delete(&place(&id, &bob)).status(204).await;
    assert_eq!(team(&ada, &id).await, [ada.id()]);
    bob.delete(&place(&id, &bob)).refused_with(404, "PROJECT_NOT_FOUND").await;
    ada.delete(&place(&id, &bob)).refused_with(404, "MEMBER_NOT_FOUND").await;
    let kinds = world.sql("SELECT kind FROM events WHERE kind LIKE 'team.%'", &[]).await;
    assert_eq!(pluck(&kinds, "kind"), ["team.member_left"]);
}

#[tokio::test]
async fn what_was_assigned_to_who_goes_is_nobodys_in_that_project() {
    let world = World::new().await;
    let (ada, bob, id) = ada_and_bob(&world).await;
    let other = ada.project("Other").await;
    world.add_member(&other, &bob).await;
    for (n, project, person) in [(1, &id, &bob), (2, &id, &bob), (3, &id, &ada), (4, &other, &bob)] {
        assign(&world, project, n, person).await;
    }
    ada.delete(&place(&id, &bob)).await;
    let tasks =
        world.sql("SELECT assignee_id, version, updated_at > created_at AS touched FROM tasks ORDER BY id", &[]);
    let freed = json!({ "assignee_id": null, "version": 2, "touched": 1 });
    let kept = |person: &Person| json!({ "assignee_id": person.id(), "version": 1, "touched": 0 });
    assert_eq!(tasks.await, [freed.clone(), freed, kept(&ada), kept(&bob)]);
}

#[tokio::test]
async fn the_owner_can_neither_leave_nor_be_removed() {
    let world = World::new().await;
    let (ada, bob, id) = ada_and_bob(&world).await;
    ada.delete(&place(&id, &ada)).refused_with(409, "OWNER_STAYS").await;
    bob.delete(&place(&id, &ada)).refused_with(403, "AUTH_FORBIDDEN").await;
    assert_eq!(team(&ada, &id).await, [ada.id(), bob.id()]);
}

#[tokio::test]
async fn a_member_cannot_remove_another() {
    let world = World::new().await;
    let (ada, bob, id) = ada_and_bob(&world).await;
    let cyd = world.sign_up("cyd").await;
    world.add_member(&id, &cyd).await;
    bob.delete(&place(&id, &cyd)).refused_with(403, "AUTH_FORBIDDEN").await;
    assert_eq!(team(&ada, &id).await.len(), 3);
}

#[tokio::test]
async fn who_is_not_on_the_team_cannot_be_removed() {
    let world = World::new().await;
    let (ada, bob, id) = ada_and_bob(&world).await;
    let eve = world.sign_up("eve").await;
    let mine = eve.project("Mine").await;
    for nobody in [eve.id(), 0, -1, 4711, i64::MAX] {
        let path = format!("/projects/{id}/team/{nobody}");
        ada.delete(&path).refused_with(404, "MEMBER_NOT_FOUND").await;
        bob.delete(&path).refused_with(404, "MEMBER_NOT_FOUND").await;
        eve.delete(&path).refused_with(404, "PROJECT_NOT_FOUND").await;
    }
    for nonsense in ["me", "1.5", "9223372036854775808", "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77", "%20", "🚀"] {
        ada.delete(&format!("/projects/{id}/team/{nonsense}")).refused_with(404, "MEMBER_NOT_FOUND").await;
    }
    eve.delete(&place(&id, &bob)).refused_with(404, "PROJECT_NOT_FOUND").await;
    eve.delete(&place(&mine, &bob)).refused_with(404, "MEMBER_NOT_FOUND").await;
    assert_eq!(team(&ada, &id).await, [ada.id(), bob.id()]);
}

#[tokio::test]
async fn removed_and_leaving_at_once_one_goes_once() {
    let world = World::new().await;
    let (ada, bob, id) = ada_and_bob(&world).await;
    let replies = join_all((0..8).map(|i| [&ada, &bob][i % 2].delete(&place(&id, &bob)).any())).await;
    let done = replies.iter().filter(|reply| reply.status == 204).count();
    assert_eq!(done, 1);
    assert!(replies.iter().all(|reply| [204, 404].contains(&reply.status.as_u16())), "{replies:?}");
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind LIKE 'team.%'", &[]).await, 1);
}

#[tokio::test]
async fn a_deleted_project_counts_no_more_though_its_rows_go_later() {
    let world = World::with(&[("LIMIT_PROJECTS_FREE", "1")]).await;
    let (ada, bob, id) = ada_and_bob(&world).await;
    // Nothing is delivered until it is let go.
    world.sql("ALTER TABLE comments RENAME TO elsewhere", &[]).await;
    ada.delete(&format!("/projects/{id}")).status(204).await;
    assert_eq!(world.one("SELECT count(*) FROM projects", &[]).await, 1);
    assert_eq!(ada.get("/billing/status").await.data()["usage"]["projects"]["used"], 0);
    for who in [&ada, &bob] {
        assert_eq!(who.get("/projects").await.total(), 0);
        who.get(&format!("/projects/{id}")).refused_with(404, "PROJECT_NOT_FOUND").await;
        who.get(&format!("/projects/{id}/team")).refused_with(404, "PROJECT_NOT_FOUND").await;
        who.delete(&place(&id, &bob)).refused_with(404, "PROJECT_NOT_FOUND").await;
    }
    ada.project("Next").await;
    world.sql("ALTER TABLE elsewhere RENAME TO comments", &[]).await;
}

#[tokio::test]
async fn a_deleted_project_goes_in_pieces_however_much_there_is() {
    let world = World::new().await;
    let (ada, bob, id) = ada_and_bob(&world).await;
    let kept = ada.project("Kept").await;
    for (offset, project, many) in [(0, &id, 2_300), (100_000, &kept, 30)] {
        let count = format!("WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < {many})");
        let id = format!("printf('0198c5f2-7d3a-7c41-9b52-%012x', n + {offset})");
        let at = "'2026-01-01T00:00:00.000Z'";
        let tasks = format!(
            "INSERT INTO tasks (id, project_id, title, created_at, updated_at) {count} SELECT {id}, ?1, 'x', {at}, {at} FROM c"
        );
        // One long thread on the first task.
        let parent = format!("CASE WHEN n > 1 THEN printf('0198c5f2-7d3a-7c41-9b52-%012x', n + {offset} - 1) END");
        let comments = format!(
            "INSERT INTO comments (id, project_id, parent_id, entity_type, entity_id, body, created_at, updated_at)
             {count} SELECT {id}, ?1, {parent}, 'project', ?1, 'x', {at}, {at} FROM c"
        );
        world.sql(&tasks, &[json!(project)]).await;
        world.sql(&comments, &[json!(project)]).await;
    }
    assert_eq!(world.one("SELECT count(*) FROM comments", &[]).await, 2_330);
    ada.delete(&format!("/projects/{id}")).await;
    world.drain().await;
    for table in ["projects", "tasks", "comments"] {
        let column = if table == "projects" { "id" } else { "project_id" };
        let left = world.sql(&format!("SELECT DISTINCT {column} AS project FROM {table}"), &[]).await;
        assert_eq!(pluck(&left, "project"), [&kept], "{table}");
    }
    assert_eq!(world.one("SELECT count(*) FROM comments", &[]).await, 30);
    assert_eq!(world.one("SELECT count(*) FROM users WHERE id = ?1", &[json!(bob.id())]).await, 1);
}
