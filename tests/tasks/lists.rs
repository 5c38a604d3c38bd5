use super::*;

impl Team {
    /// Titles by title, in the list that a query asks for.
    async fn found(&self, query: &str) -> Vec<String> {
        let mut titles = self.titles(query).await;
        titles.sort_unstable();
        titles
    }

    /// Titles in the order of the list, whose total must fit.
    async fn titles(&self, query: &str) -> Vec<String> {
        let list = self.ada.get(&format!("{}?{query}", self.tasks)).await;
        assert_eq!((list.trips(), list.total()), (1, list.items().len() as i64), "{query}");
        pluck(list.items(), "title").into_iter().map(Into::into).collect()
    }

    async fn wrong(&self, query: &str) -> Reply {
        self.ada.get(&format!("{}?{query}", self.tasks)).refused_with(422, "VALIDATION_ERROR").await
    }
}

#[tokio::test]
async fn fifty_tasks_with_all_that_is_on_them_take_one_trip() {
    let team = Team::new().await;
    let (bug, ui) = (team.label("bug").await, team.label("ui").await);
    for i in 0..50 {
        let body = json!({ "title": format!("task {i}"), "label_ids": [ui, bug], "assignee_id": team.bob.id(),
            "due_date": "2026-03-01" });
        team.create(body).await;
    }
    let first = team.ada.get(&format!("{}?sort=created_at&page_size=1", team.tasks)).await.items()[0].clone();
    let attached = "INSERT INTO task_attachments (id, project_id, task_id, external_url, filename, uploaded_at)
                    VALUES ('a', ?1, ?2, 'https://example.com/a', 'a', '2026')";
    team.world.sql(attached, &[json!(team.project), first["id"].clone()]).await;
    let list = team.bob.get(&format!("{}?page_size=50", team.tasks)).await;
    assert_eq!((list.items().len(), list.total(), list.trips()), (50, 50, 1));
    for item in list.items() {
        assert_eq!((item["labels"].as_array().unwrap().len(), &item["assignee"]["display_name"]), (2, &json!("bob")));
    }
    assert_eq!(list.items()[49]["attachment_count"], 1);
    assert_eq!(team.read(&first).await, list.items()[49]);
}

#[tokio::test]
async fn tasks_are_listed_as_asked_and_the_youngest_first_otherwise() {
    let team = Team::new().await;
    team.world.clock().stop();
    for (title, due) in [("a", json!("2026-03-02")), ("b", Value::Null), ("c", json!("2026-03-01")), ("d", Value::Null)]
    {
        team.world.clock().advance(Duration::from_secs(1));
        team.create(json!({ "title": title, "due_date": due })).await;
    }
    team.world.clock().advance(Duration::from_secs(1));
    let b = team.ada.get(&format!("{}?search=b", team.tasks)).await.items()[0].clone();
    team.ada.patch(&team.path(&b)).json(json!({ "description": "touched" })).await;
    for (query, expected) in [
        ("", ["d", "c", "b", "a"]),
        ("sort=-created_at", ["d", "c", "b", "a"]),
        ("sort=created_at", ["a", "b", "c", "d"]),
        ("sort=updated_at", ["a", "c", "d", "b"]),
        ("sort=-updated_at", ["b", "d", "c", "a"]),
        ("sort=due_date", ["c", "a", "d", "b"]),
        ("sort=-due_date", ["a", "c", "d", "b"]),
        ("sort=-created_at&status=open", ["d", "c", "b", "a"]),
        ("sort=due_date&status=open,done&assignee=none", ["c", "a", "d", "b"]),
    ] {
        assert_eq!(team.titles(query).await, expected, "{query}");
    }
    for bad in ["title", "-", "", "CREATED_AT", "created_at;--"] {
        assert_eq!(team.wrong(&format!("sort={bad}")).await.fields(), ["sort"], "{bad}");
    }
}

#[tokio::test]
async fn pages_cover_the_list_once_even_where_everything_sorts_the_same() {
    let team = Team::new().await;
    team.world.clock().stop();
    join_all((0..9).map(|_| team.create(json!({ "title": "twin" })))).await;
    for query in
        ["", "sort=created_at", "sort=-updated_at", "sort=due_date", "sort=-due_date", "status=open", "search=twin"]
    {
        let mut seen = Vec::new();
        for page in 1..=5 {
            let list = team.ada.get(&format!("{}?{query}&page={page}&page_size=2", team.tasks)).await;
            assert_eq!((list.total(), list.items().len()), (9, if page < 5 { 2 } else { 1 }), "{query}");
            seen.extend(pluck(list.items(), "id").into_iter().map(String::from));
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 9, "{query}");
        let beyond = team.ada.get(&format!("{}?{query}&page=6&page_size=2", team.tasks)).await;
        assert_eq!((beyond.total(), beyond.items().len()), (9, 0), "{query}");
    }
}

#[tokio::test]
async fn tasks_are_filtered_by_status_and_assignee() {
    let team = Team::new().await;
    let (ada, bob) = (json!(team.ada.id()), json!(team.bob.id()));
    for (title, status, who) in [
        ("a", "open", &ada),
        ("b", "in_progress", &bob),
        ("c", "blocked", &Value::Null),
        ("d", "done", &ada),
        ("e", "open", &Value::Null),
    ] {
        team.create(json!({ "title": title, "status": status, "assignee_id": who })).await;
    }
    let by_bob = format!("assignee={bob}");
    for (query, expected) in [
        ("status=open", "ae"),
        ("status=open,blocked", "ace"),
        ("status=done,done", "d"),
        ("assignee=me", "ad"),
        (&by_bob, "b"),
        ("assignee=none", "ce"),
        ("assignee=999999", ""),
        ("status=open&assignee=me", "a"),
        ("status=in_progress&assignee=me", ""),
    ] {
        assert_eq!(team.found(query).await.concat(), expected, "{query}");
    }
    let mine = team.bob.get(&format!("{}?assignee=me", team.tasks)).await;
    assert_eq!(pluck(mine.items(), "title"), ["b"]);
    for bad in ["closed", "", "open,", "open, done", "OPEN", "open%00"] {
        assert_eq!(team.wrong(&format!("status={bad}")).await.fields(), ["status"], "{bad}");
    }
    for bad in ["", "0", "-1", "you", "1.5", "1%20OR%201=1", "99999999999999999999"] {
        assert_eq!(team.wrong(&format!("assignee={bad}")).await.fields(), ["assignee"], "{bad}");
    }
}

#[tokio::test]
async fn tasks_are_filtered_by_all_of_the_labels_named() {
    let team = Team::new().await;
    let (bug, ui, old) = (team.label("bug").await, team.label("ui").await, team.label("old").await);
    for (title, labels) in [("a", vec![&bug]), ("b", vec![&bug, &ui]), ("c", vec![]), ("d", vec![&ui, &old, &bug])] {
        team.create(json!({ "title": title, "label_ids": labels })).await;
    }
    for (labels, expected) in [
        (bug.clone(), "abd"),
        (format!("{bug},{ui}"), "bd"),
        (format!("{ui},{bug},{ui}"), "bd"),
        (format!("{bug},{ui},{old}"), "d"),
        (old.to_uppercase(), "d"),
        (format!("{bug},{NOWHERE}"), ""),
        (NOWHERE.into(), ""),
    ] {
        assert_eq!(team.found(&format!("labels={labels}")).await.concat(), expected, "{labels}");
    }
    let many: Vec<String> = (0..21).map(|i| format!("0198c5f2-7d3a-7c41-9b52-{i:012x}")).collect();
    for bad in ["", "bug", &format!("{bug},"), &many.join(",")] {
        assert_eq!(team.wrong(&format!("labels={bad}")).await.fields(), ["labels"], "{bad}");
    }
}

#[tokio::test]
async fn tasks_are_filtered_by_when_they_are_due() {
    let team = Team::new().await;
    for (title, due) in [
        ("a", json!("2026-02-28T23:59:59.999Z")),
        ("b", json!("2026-03-01")),
        ("c", json!("2026-03-31T23:00:00-02:00")),
        ("d", Value::Null),
    ] {
        team.create(json!({ "title": title, "due_date": due })).await;
    }
    for (query, expected) in [
        ("due_after=2026-03-01", "bc"),
        ("due_before=2026-03-01", "a"),
        ("due_after=2026-03-01&due_before=2026-04-01", "b"),
        ("due_before=2026-04-01T01:00:00Z", "ab"),
        ("due_before=2026-04-01T03:00:00.001%2B02:00", "abc"),
        ("due_after=2026-03-01T00:00:00.001Z&status=open", "c"),
        ("due_after=2027-01-01", ""),
    ] {
        assert_eq!(team.found(query).await.concat(), expected, "{query}");
    }
    for bad in ["", "soon", "2026-3-1", "2026-03-01T00:00"] {
        assert_eq!(team.wrong(&format!("due_after={bad}")).await.fields(), ["due_after"], "{bad}");
        assert_eq!(team.wrong(&format!("due_before={bad}")).await.fields(), ["due_before"], "{bad}");
    }
}

#[tokio::test]
async fn a_search_looks_into_titles_and_descriptions_of_this_project() {
    let team = Team::new().await;
    for (title, description) in [
        ("Write the announcement", "Two paragraphs"),
        ("Größe ändern", "a \"quoted\" word*"),
        ("計画を立てる", "🚀 launch NOT lunch"),
        ("it's 100% {done} ^(yes)", ""),
        ("ok", "z"),
    ] {
        team.create(json!({ "title": title, "description": description })).await;
    }
    team.ada.task(&team.ada.project("Other").await, "announcement elsewhere").await;
    for (search, expected) in [
        ("ANNOUNCE", vec!["Write the announcement"]),
        ("nouncem", vec!["Write the announcement"]),
        ("write paragraphs", vec!["Write the announcement"]),
        ("write quoted", vec![]),
        ("größe", vec!["Größe ändern"]),
        ("\"quoted\"", vec!["Größe ändern"]),
        ("word*", vec!["Größe ändern"]),
        ("計画を", vec!["計画を立てる"]),
        ("計画", vec!["計画を立てる"]),
        ("🚀", vec!["計画を立てる"]),
        ("NOT", vec!["計画を立てる"]),
        ("not launch", vec!["計画を立てる"]),
        ("100%", vec!["it's 100% {done} ^(yes)"]),
        ("{done}", vec!["it's 100% {done} ^(yes)"]),
        ("^(yes) it's", vec!["it's 100% {done} ^(yes)"]),
        ("OK", vec!["ok"]),
        ("z", vec!["ok"]),
        ("no z", vec![]),
        ("title:write", vec![]),
        ("\"", vec!["Größe ändern"]),
        ("\"\"\"", vec![]),
        ("' OR 1=1 --", vec![]),
    ] {
        let encoded: String = form_urlencoded::byte_serialize(search.as_bytes()).collect();
        assert_eq!(team.found(&format!("search={encoded}")).await, expected, "{search}");
    }
    assert_eq!(team.found("search=").await.len(), 5);
    assert_eq!(team.found("search=%20").await.len(), 5);
    assert_eq!(team.found(&format!("search={}", "y".repeat(100))).await.len(), 0);
    assert_eq!(team.wrong(&format!("search={}", "y".repeat(101))).await.fields(), ["search"]);
    assert_eq!(team.titles("search=announce&status=done").await, [""; 0]);
}

#[tokio::test]
async fn a_search_finds_what_tasks_say_now() {
    let team = Team::new().await;
    let task = team.create(json!({ "title": "before" })).await;
    team.ada.patch(&team.path(&task)).json(json!({ "title": "after" })).await;
    assert_eq!((team.found("search=before").await.len(), team.found("search=after").await.len()), (0, 1));
    team.ada.delete(&team.path(&task)).await;
    assert_eq!(team.found("search=after").await.len(), 0);
}
