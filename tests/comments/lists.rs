use super::*;

#[tokio::test]
async fn comments_are_listed_by_what_they_are_on() {
    let world = World::new().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    let task = add_task(&world, &project, &ada, None).await;
    let other = add_task(&world, &project, &ada, None).await;
    let on = |kind: &str, id: &str, body: &str| json!({ "entity_type": kind, "entity_id": id, "body": body });
    let root = say(&ada, &project, on("task", &task, "task")).await;
    reply(&bob, &root, "reply").await;
    say(&bob, &project, on("task", &other, "other")).await;
    say(&ada, &project, on("code", "src/main.rs", "code")).await;
    say(&bob, &project, json!({ "body": "project" })).await;
    ada.post(&format!("{}/star", path_of(&root))).await;

    let (ada_id, root_id) = (ada.id(), root["id"].as_str().unwrap());
    for (query, expected) in [
        (String::new(), vec!["task", "reply", "other", "code", "project"]),
        ("sort=-created_at".into(), vec!["project", "code", "other", "reply", "task"]),
        (format!("entity_type=task&entity_id={task}"), vec!["task", "reply"]),
        (format!("entity_type=task&entity_id={}&sort=-created_at", task.to_uppercase()), vec!["reply", "task"]),
        (format!("entity_id={task}"), vec!["task", "reply"]),
        ("entity_type=task".into(), vec!["task", "reply", "other"]),
        ("entity_type=code&entity_id=src/main.rs".into(), vec!["code"]),
        ("entity_type=code&entity_id=SRC/main.rs".into(), vec![]),
        (format!("entity_type=project&entity_id={project}"), vec!["project"]),
        (format!("entity_type=code&entity_id={task}"), vec![]),
        (format!("parent_id={root_id}"), vec!["reply"]),
        (format!("parent_id={root_id}&author={ada_id}"), vec![]),
        (format!("author={ada_id}"), vec!["task", "code"]),
        (format!("author={ada_id}&entity_type=code"), vec!["code"]),
        ("author=0".into(), vec![]),
        ("starred=true".into(), vec!["task"]),
        ("starred=false".into(), vec!["reply", "other", "code", "project"]),
        ("starred=true&entity_type=code".into(), vec![]),
        (format!("starred=true&entity_type=task&entity_id={task}"), vec!["task"]),
        (format!("starred=true&author={ada_id}"), vec!["task"]),
    ] {
        assert_eq!(bodies(&ada, &project, &query).await, expected, "{query}");
    }
    assert_eq!(bodies(&bob, &project, "starred=true").await, [""; 0]);
    for (query, field) in [
        ("entity_type=file", "entity_type"),
        ("parent_id=1", "parent_id"),
        ("starred=maybe", "starred"),
        ("author=ada", "author"),
        ("sort=body", "sort"),
        ("entity_id=", "entity_id"),
    ] {
        let reply = ada.get(&format!("{}?{query}", comments(&project))).refused(422).await;
        assert_eq!(reply.fields(), [field], "{query}");
    }
}

#[tokio::test]
async fn a_list_takes_one_trip_and_its_pages_cover_it_once() {
    let world = World::new().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    for i in 0..7 {
        say(&ada, &project, json!({ "body": format!("{i} @bob") })).await;
        say(&bob, &project, json!({ "entity_type": "code", "entity_id": "a", "body": "-" })).await;
    }
    let mut expected: Vec<String> = (0..7).map(|i| format!("{i} @bob")).collect();
    for sort in ["created_at", "-created_at"] {
        for filter in [
            format!("author={}", ada.id()),
            format!("entity_type=project&entity_id={project}"),
            "entity_type=project".into(),
        ] {
            let mut seen = Vec::new();
            for page in 1..=3 {
                let path = format!("{}?{filter}&sort={sort}&page={page}&page_size=3", comments(&project));
                let reply = ada.get(&path).await;
                assert_eq!((reply.trips(), reply.total()), (1, 7), "{path}");
                seen.extend(pluck(reply.items(), "body").into_iter().map(String::from));
            }
            assert_eq!(seen, expected, "{filter} {sort}");
        }
        expected.reverse();
    }
    let beyond = ada.get(&format!("{}?page=9", comments(&project))).await;
    assert_eq!((beyond.items().len(), beyond.total()), (0, 14));
}
