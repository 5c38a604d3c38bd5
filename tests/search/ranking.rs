use super::*;

#[tokio::test]
async fn what_is_called_so_comes_first_then_what_begins_so_then_titles_then_descriptions() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Ranks").await;
    let tasks = [
        ("The café around the corner", ""),
        ("Lunch", "at the café"),
        ("Café and more", ""),
        ("CAFE", ""),
        ("Cafeteria", "café"),
        ("Nothing", "here"),
    ];
    world.add_tasks(&project, 1, &tasks).await;
    world.sql("UPDATE tasks SET updated_at = '2026-10-01T00:00:0' || (n % 10) || '.000Z'", &[]).await;
    let expected = ["CAFE", "Cafeteria", "Café and more", "The café around the corner", "Lunch"];
    assert_eq!(ada.titles("café").await, expected);
    assert_eq!(ada.titles("cafe").await, expected);
}

#[tokio::test]
async fn the_whole_query_ranks_where_it_has_several_words() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Ranks").await;
    let tasks = [
        ("Plan", "the big launch"),
        ("Launch the big plan", ""),
        ("big  launch", ""),
        ("Big launch day", ""),
        ("Big Launch", ""),
    ];
    world.add_tasks(&project, 1, &tasks).await;
    let found = ada.titles("big launch").await;
    assert_eq!(found[..2], ["Big Launch", "Big launch day"]);
    assert_eq!(found[4], "Plan");
}

#[tokio::test]
async fn short_queries_are_ranked_alike() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Ranks").await;
    let tasks = [("Das Öl", ""), ("Auto", "braucht Öl"), ("Öl wechseln", ""), ("öl", "")];
    world.add_tasks(&project, 1, &tasks).await;
    for q in ["öl", "ÖL"] {
        assert_eq!(ada.titles(q).await, ["öl", "Öl wechseln", "Das Öl", "Auto"], "{q}");
    }
    let tasks = [("新計画", ""), ("案", "計画"), ("計画表", ""), ("計画", "")];
    world.add_tasks(&project, 11, &tasks).await;
    assert_eq!(ada.titles("計画").await, ["計画", "計画表", "新計画", "案"]);
}

#[tokio::test]
async fn projects_are_ranked_by_name_and_then_the_last_updated_first() {
    let world = World::new().await;
    world.clock().stop();
    let ada = world.sign_up("ada").await;
    let mut ids = Vec::new();
    for name in ["Relaunch", "Other", "Launch B", "Launch A", "launch"] {
        world.clock().advance(Duration::from_secs(1));
        ids.push(ada.project(name).await);
    }
    world.clock().advance(Duration::from_secs(1));
    ada.patch(&format!("/projects/{}", ids[1])).json(json!({ "description": "after the launch" })).await;
    let found = ada.search("projects", "LAUNCH").await;
    assert_eq!(pluck(found.items(), "name"), ["launch", "Launch A", "Launch B", "Relaunch", "Other"]);
    world.clock().advance(Duration::from_secs(1));
    ada.patch(&format!("/projects/{}", ids[2])).json(json!({ "description": "touched" })).await;
    let found = ada.search("projects", "launch").await;
    assert_eq!(pluck(found.items(), "name"), ["launch", "Launch B", "Launch A", "Relaunch", "Other"]);
}

#[tokio::test]
async fn the_newest_comments_come_first() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let (one, two) = (ada.project("One").await, ada.project("Two").await);
    for number in 1..=6 {
        let project = if number % 2 == 0 { &one } else { &two };
        world.add_comments(project, number, &ada, &["launch"]).await;
    }
    let expected: Vec<String> = (1..=6).rev().map(id).collect();
    for q in ["launch", "la"] {
        assert_eq!(pluck(ada.search("comments", q).await.items(), "id"), expected, "{q}");
    }
}

#[tokio::test]
async fn pages_cover_what_is_found_once_even_where_all_of_it_ranks_the_same() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    world.add_tasks(&project, 1, &[("Launch it", "launch"); 9]).await;
    world.add_comments(&project, 1, &ada, &["launch"; 9]).await;
    for (kind, q) in [("tasks", "launch"), ("tasks", "la"), ("comments", "launch"), ("comments", "la")] {
        let mut seen = Vec::new();
        for page in 1..=5 {
            let found = ada.search_with(kind, q, &format!("&page={page}&page_size=2")).await;
            assert_eq!((found.total(), &found.json["page"], &found.json["page_size"]), (9, &json!(page), &json!(2)));
            seen.extend(pluck(found.items(), "id").into_iter().map(String::from));
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=9).map(id).collect::<Vec<_>>(), "{kind} {q}");
        let beyond = ada.search_with(kind, q, "&page=6&page_size=2").await;
        assert_eq!((beyond.items().len(), beyond.total()), (0, 9));
    }
}
