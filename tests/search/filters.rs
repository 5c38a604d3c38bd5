use super::*;

/// Ada with three tasks and three comments in each of two projects, numbered from 1.
async fn ada_with_two_projects(world: &World) -> (Person, String, String) {
    let ada = world.sign_up("ada").await;
    let (one, two) = (ada.project("Launch one").await, ada.project("Launch two").await);
    for (project, from) in [(&one, 1), (&two, 4)] {
        world.add_tasks(project, from, &[("Launch", "it"); 3]).await;
        world.add_comments(project, from, &ada, &["launch it"; 3]).await;
    }
    (ada, one, two)
}

/// The numbers of what is found, whichever way it is looked for.
async fn numbers(person: &Person, kind: &str, more: &str) -> Vec<u32> {
    let mut ways = Vec::new();
    for q in ["launch", "la", "launch it"] {
        let found = person.search_with(kind, q, more).await;
        let mut numbers: Vec<u32> = pluck(found.items(), "id")
            .iter()
            .map(|found| (1..100).find(|number| id(*number) == **found).unwrap())
            .collect();
        assert_eq!(found.total(), numbers.len() as i64, "{more}");
        numbers.sort_unstable();
        ways.push(numbers);
    }
    ways.dedup();
    assert_eq!(ways.len(), 1, "{more}");
    ways.remove(0)
}

#[tokio::test]
async fn tasks_are_filtered_as_their_list_is() {
    let world = World::new().await;
    let (ada, one, two) = ada_with_two_projects(&world).await;
    let set = async |column: &str, value: Value, number: u32| {
        world.sql(&format!("UPDATE tasks SET {column} = ?1 WHERE id = ?2"), &[value, json!(id(number))]).await;
    };
    set("status", json!("done"), 2).await;
    set("status", json!("blocked"), 5).await;
    set("assignee_id", json!(ada.id()), 3).await;
    set("due_date", json!("2026-05-01T00:00:00.000Z"), 1).await;
    set("due_date", json!("2026-06-01T00:00:00.000Z"), 6).await;
    for (label, name) in [(50, "bug"), (51, "later")] {
        let made = "INSERT INTO task_labels (id, project_id, name, created_at) VALUES (?1, ?2, ?3, ?4)";
        world.sql(made, &[json!(id(label)), json!(one), json!(name), json!(WHEN)]).await;
    }
    for (task, label) in [(1, 50), (1, 51), (2, 50)] {
        let made = "INSERT INTO task_label_links (task_id, label_id) VALUES (?1, ?2)";
        world.sql(made, &[json!(id(task)), json!(id(label))]).await;
    }
    for (more, expected) in [
        (String::new(), vec![1, 2, 3, 4, 5, 6]),
        (format!("&project_id={two}"), vec![4, 5, 6]),
        (format!("&project_id={}", two.to_uppercase()), vec![4, 5, 6]),
        ("&status=done".into(), vec![2]),
        ("&status=done,blocked".into(), vec![2, 5]),
        ("&assignee=me".into(), vec![3]),
        (format!("&assignee={}", ada.id()), vec![3]),
        ("&assignee=none".into(), vec![1, 2, 4, 5, 6]),
        ("&assignee=99999".into(), vec![]),
        (format!("&labels={}", id(50)), vec![1, 2]),
        (format!("&labels={},{}", id(50), id(51)), vec![1]),
        (format!("&labels={}", id(99)), vec![]),
        ("&due_after=2026-05-01T00:00:00Z".into(), vec![1, 6]),
        ("&due_before=2026-06-01T00:00:00Z".into(), vec![1]),
        (format!("&project_id={one}&status=open&due_after=2026-01-01T00:00:00Z"), vec![1]),
    ] {
        assert_eq!(numbers(&ada, "tasks", &more).await, expected, "{more}");
    }
    let many = vec![id(1); 21].join(",");
    assert_eq!(numbers(&ada, "tasks", &format!("&labels={many}")).await, [0; 0]);
    let many: Vec<String> = (0..21).map(id).collect();
    for (field, value) in [
        ("project_id", "nonsense"),
        ("status", "finished"),
        ("status", "open,,done"),
        ("assignee", "0"),
        ("assignee", "ada"),
        ("labels", "bug"),
        ("labels", &many.join(",")),
        ("due_after", "tomorrow"),
        ("due_before", "1"),
    ] {
        let refused = ada.search_with("tasks", "launch", &format!("&{field}={value}")).refused(422).await;
        assert_eq!(refused.fields(), [field], "{value}");
    }
}

#[tokio::test]
async fn comments_are_filtered_by_where_who_and_when() {
    let world = World::new().await;
    let (ada, one, two) = ada_with_two_projects(&world).await;
    let bob = world.sign_up("bob").await;
    world.sql("UPDATE comments SET author_id = ?1 WHERE id = ?2", &[json!(bob.id()), json!(id(2))]).await;
    let code = "UPDATE comments SET entity_type = 'code', entity_id = 'src/main.rs' WHERE id = ?1";
    world.sql(code, &[json!(id(3))]).await;
    let old = "UPDATE comments SET created_at = '2026-01-01T00:00:00.000Z' WHERE id = ?1";
    world.sql(old, &[json!(id(5))]).await;
    for (more, expected) in [
        (format!("&project_id={one}"), vec![1, 2, 3]),
        (format!("&project_id={two}"), vec![4, 5, 6]),
        ("&entity_type=code".into(), vec![3]),
        ("&entity_type=task".into(), vec![]),
        (format!("&author={}", bob.id()), vec![2]),
        ("&to=2026-02-01T00:00:00Z".into(), vec![5]),
        ("&from=2026-10-01&to=2026-10-02".into(), vec![1, 2, 3, 4, 6]),
        ("&from=2026-10-01T02:00:00%2B02:00".into(), vec![1, 2, 3, 4, 6]),
        (format!("&project_id={two}&from=2026-02-01T00:00:00Z&entity_type=project"), vec![4, 6]),
    ] {
        assert_eq!(numbers(&ada, "comments", &more).await, expected, "{more}");
    }
    let of_bob = ada.search_with("comments", "launch", &format!("&author={}", bob.id())).await;
    let item = &of_bob.items()[0];
    assert_eq!(
        keys(item),
        [
            "author",
            "created_at",
            "entity_id",
            "entity_type",
            "id",
            "parent_id",
            "project_id",
            "project_name",
            "snippet",
            "updated_at"
        ]
    );
    assert_eq!((&item["author"]["id"], &item["project_name"]), (&json!(bob.id()), &json!("Launch one")));
    for (field, value) in [
        ("project_id", "x"),
        ("entity_type", "file"),
        ("author", "bob"),
        ("from", "x"),
        ("to", "2026"),
        ("to", "10000-01-01T00:00:00Z"),
    ] {
        let refused = ada.search_with("comments", "launch", &format!("&{field}={value}")).refused(422).await;
        assert_eq!(refused.fields(), [field]);
    }
}

#[tokio::test]
async fn projects_are_filtered_by_favorite() {
    let world = World::new().await;
    let (ada, one, two) = ada_with_two_projects(&world).await;
    ada.post(&format!("/projects/{one}/favorite")).await;
    for q in ["launch", "la"] {
        let favorites = ada.search_with("projects", q, "&favorite=true").await;
        assert_eq!((pluck(favorites.items(), "id"), favorites.total()), (vec![&*one], 1));
        assert_eq!(favorites.items()[0]["is_favorite"], true);
        assert_eq!(pluck(ada.search_with("projects", q, "&favorite=false").await.items(), "id"), [&*two]);
    }
    assert_eq!(ada.search_with("projects", "launch", "&favorite=maybe").refused(422).await.fields(), ["favorite"]);
}
