use super::*;

/// Fails where an index does not say exactly what its table says, or a row lies apart from its project.
async fn check_indexes(world: &World) {
    for table in ["projects", "tasks", "comments"] {
        world.sql(&format!("INSERT INTO {table}_fts ({table}_fts, rank) VALUES ('integrity-check', 1)"), &[]).await;
    }
    for table in ["tasks", "comments"] {
        let astray = format!("SELECT count(*) FROM {table} WHERE n >> 28 <> slot OR n & 268435455 = 0");
        assert_eq!(world.one(&astray, &[]).await, 0, "{table}");
    }
}

async fn totals(person: &Person, q: &str) -> [i64; 3] {
    let mut totals = [0; 3];
    for (total, kind) in totals.iter_mut().zip(["projects", "tasks", "comments"]) {
        *total = person.search(kind, q).await.total();
    }
    totals
}

#[tokio::test]
async fn what_is_changed_is_found_as_it_is_now() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Before").await;
    world.add_tasks(&project, 1, &[("Before", "before"), ("Before", "")]).await;
    world.add_comments(&project, 1, &ada, &["before"]).await;
    ada.patch(&format!("/projects/{project}")).json(json!({ "name": "After" })).await;
    world.sql("UPDATE tasks SET title = 'After', version = version + 1 WHERE id = ?1", &[json!(id(1))]).await;
    world.sql("UPDATE tasks SET title = 'After', description = 'after' WHERE id = ?1", &[json!(id(2))]).await;
    world.sql("UPDATE comments SET body = 'after'", &[]).await;
    assert_eq!(totals(&ada, "before").await, [0, 1, 0]);
    assert_eq!(totals(&ada, "after").await, [1, 2, 1]);
    world.sql("UPDATE tasks SET description = NULL", &[]).await;
    assert_eq!(totals(&ada, "before").await, [0, 0, 0]);
    check_indexes(&world).await;
}

#[tokio::test]
async fn deleted_comments_are_never_found() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Project").await;
    world.add_comments(&project, 1, &ada, &["launch"; 3]).await;
    world.sql("DELETE FROM comments WHERE id = ?1", &[json!(id(1))]).await;
    world.sql("UPDATE comments SET deleted_at = ?1 WHERE id = ?2", &[json!(WHEN), json!(id(2))]).await;
    for q in ["launch", "la"] {
        let found = ada.search("comments", q).await;
        assert_eq!((pluck(found.items(), "id"), found.total()), (vec![&*id(3)], 1));
    }
    check_indexes(&world).await;
}

#[tokio::test]
async fn with_a_project_goes_everything_that_was_found_in_it() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let (gone, kept) = (ada.project("Launch").await, ada.project("Launch").await);
    for (project, from) in [(&gone, 1), (&kept, 101)] {
        world.add_tasks(project, from, &[("Launch", "launch"); 20]).await;
        world.add_comments(project, from, &ada, &["launch"; 20]).await;
    }
    assert_eq!(totals(&ada, "launch").await, [2, 40, 40]);
    ada.delete(&format!("/projects/{gone}")).status(204).await;
    assert_eq!(totals(&ada, "launch").await, [1, 20, 20]);
    check_indexes(&world).await;
    ada.delete(&format!("/projects/{kept}")).status(204).await;
    assert_eq!(totals(&ada, "launch").await, [0, 0, 0]);
    check_indexes(&world).await;
    for table in ["tasks", "comments"] {
        assert_eq!(world.one(&format!("SELECT count(*) FROM {table}"), &[]).await, 0);
    }
}

#[tokio::test]
async fn rows_lie_with_their_project_in_whatever_order_they_come() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let mut projects = Vec::new();
    for _ in 0..4 {
        projects.push(ada.project("Launch").await);
    }
    for number in 0..40 {
        let project = &projects[(number as usize * 7) % 4];
        world.add_tasks(project, number, &[("Launch", "")]).await;
        world.add_comments(project, number, &ada, &["launch"]).await;
        if number % 5 == 4 {
            world.sql("DELETE FROM tasks WHERE id = ?1", &[json!(id(number - 2))]).await;
            world.sql("UPDATE comments SET body = body || ' again' WHERE id = ?1", &[json!(id(number - 3))]).await;
        }
    }
    check_indexes(&world).await;
    assert_eq!(totals(&ada, "launch").await, [4, 32, 40]);
    assert_eq!(totals(&ada, "again").await, [0, 0, 8]);
    let apart = "SELECT count(*) FROM (SELECT project_id, max(n) - min(n) AS width FROM comments GROUP BY project_id) WHERE width > 20";
    assert_eq!(world.one(apart, &[]).await, 0);
}

#[tokio::test]
async fn the_cron_merges_what_writes_leave_apart() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    for number in 0..7 {
        world.add_tasks(&project, number, &[("Launch", "")]).await;
        world.add_comments(&project, number, &ada, &["launch"]).await;
    }
    let segments = "SELECT (SELECT count(DISTINCT segid) FROM tasks_fts_idx) + (SELECT count(DISTINCT segid) FROM comments_fts_idx)";
    assert!(world.one(segments, &[]).await.as_i64() > Some(4));
    for _ in 0..3 {
        world.cron().await;
    }
    assert_eq!(world.one(segments, &[]).await, 2);
    assert_eq!(totals(&ada, "launch").await, [1, 7, 7]);
    check_indexes(&world).await;
}
