//! The log as operators read it.

use super::*;

async fn ids(root: &Person, query: &str) -> Vec<String> {
    let reply = root.get(&format!("/admin/logs/audit?page_size=100&{query}")).await;
    assert_eq!(reply.total() as usize, reply.items().len(), "{query}");
    pluck(reply.items(), "id").into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn only_operators_read_the_log_and_that_is_written_down() {
    let world = World::new().await;
    let (root, ada) = (world.operator("root").await, world.sign_up("ada").await);
    for path in ["/admin/logs/audit", "/admin/logs/audit/verify"] {
        ada.get(path).refused_with(403, "AUTH_FORBIDDEN").await;
        world.anonymous().get(path).refused(401).await;
    }
    let viewed = "SELECT actor_id, entity_id, data FROM events WHERE kind = 'admin.viewed' ORDER BY id";
    assert_eq!(world.sql(viewed, &[]).await, [] as [Value; 0]);
    root.get(&format!("/admin/logs/audit?user_id={}&entity_id=my%20secret&severity=info", ada.id())).await;
    let walk = root.get("/admin/logs/audit/verify?from_seq=2").await;
    assert_eq!((walk.trips(), root.get("/admin/logs/audit").await.trips()), (2, 2));
    let viewed = world.sql(viewed, &[]).await;
    assert_eq!(pluck(&viewed, "entity_id"), ["audit", "audit chain", "audit"]);
    assert_eq!(viewed[0]["actor_id"], root.id());
    let asked: Value = serde_json::from_str(viewed[0]["data"].as_str().unwrap()).unwrap();
    assert_eq!(asked, json!({ "user_id": ada.id(), "entity_id": "of another kind", "severity": "info" }));
}

#[tokio::test]
async fn the_log_tells_who_did_what_and_how_severe_it_was() {
    let world = World::new().await;
    let root = world.operator("root").await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    world
        .anonymous()
        .post("/auth/login")
        .json(json!({ "email": ada.email, "password": "wrong horse" }))
        .refused(401)
        .await;
    links(&world).await;
    let reply = root.get("/admin/logs/audit").await;
    let items = reply.items();
    assert_eq!(pluck(items, "kind")[..3], ["login.failed", "project.created", "session.created"]);
    assert_eq!(pluck(items, "severity")[..3], ["warning", "info", "info"]);
    let created = &items[1];
    assert_eq!(created["actor"], json!({ "id": ada.id(), "email": "ad***@example.com" }));
    assert_eq!((&created["entity_id"], &created["project_id"]), (&json!(project), &json!(project)));
    assert_eq!(created["ip_address"], ada.ip);
    assert_eq!(created["link"]["hash"].as_str().unwrap().len(), 64);
    assert!(!reply.text.contains("ada@"), "{}", reply.text);
    // One that has none shows that.
    world.sql("DELETE FROM audit_links WHERE event_id = ?1", &[created["id"].clone()]).await;
    let again = root.get("/admin/logs/audit?event=project.created").await;
    assert_eq!(again.items()[0]["link"], Value::Null);
}

#[tokio::test]
async fn the_log_is_filtered_by_each_and_by_all() {
    let world = World::new().await;
    let root = world.operator("root").await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let (first, second) = (ada.project("First").await, ada.project("Second").await);
    let task = ada.task(&first, "Write").await;
    ada.task(&second, "Read").await;
    bob.project("His").await;
    bob.try_password("wrong horse").refused(401).await;
    let of = async |condition: &str| {
        let rows = world.sql(&format!("SELECT id FROM events WHERE {condition} ORDER BY id DESC"), &[]).await;
        assert!(!rows.is_empty(), "{condition}");
        pluck(&rows, "id").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let (a, b) = (ada.id(), bob.id());
    for (query, condition) in [
        (format!("user_id={a}"), format!("actor_id = {a}")),
        ("event=task.created".into(), "kind = 'task.created'".into()),
        ("event=task.".into(), "kind LIKE 'task.%'".into()),
        ("severity=warning&to=2999-01-01".into(), "kind IN ('login.failed')".into()),
        (format!("project_id={first}"), format!("project_id = '{first}'")),
        (format!("entity_id={task}"), format!("entity_id = '{task}'")),
        (format!("entity_id={b}"), format!("entity_id = '{b}'")),
        (format!("project_id={first}&event=task."), format!("project_id = '{first}' AND kind LIKE 'task.%'")),
        (format!("user_id={a}&event=project."), format!("actor_id = {a} AND kind LIKE 'project.%'")),
        (format!("user_id={a}&project_id={second}"), format!("actor_id = {a} AND project_id = '{second}'")),
        (
            format!("user_id={a}&project_id={first}&entity_id={task}&event=task.&severity=info"),
            format!("entity_id = '{task}'"),
        ),
    ] {
        assert_eq!(ids(&root, &query).await, of(&condition).await, "{query}");
    }
    for nothing in [
        format!("user_id={b}&project_id={first}"),
        format!("entity_id={task}&user_id={b}"),
        "event=login.failed&severity=info".into(),
        format!("user_id={a}&to=2020-01-01"),
        "from=2999-01-01".into(),
        format!("entity_id={task}&from=2999-01-01T00:00:00Z"),
        "severity=critical".into(),
        "user_id=0".into(),
    ] {
        assert_eq!(ids(&root, &nothing).await, [""; 0], "{nothing}");
    }
    for (wrong, field) in [
        ("event=nonsense", "event"),
        ("event=task", "event"),
        ("severity=loud", "severity"),
        ("user_id=ada", "user_id"),
        ("project_id=7", "project_id"),
        ("from=yesterday", "from"),
        ("page=2001&page_size=50", "page"),
        ("user_id=1&event=task.&page=1000000", "page"),
    ] {
        let refused = root.get(&format!("/admin/logs/audit?{wrong}")).refused(422).await;
        assert_eq!(refused.fields(), [field], "{wrong}");
    }
}

#[tokio::test]
async fn the_log_comes_in_pages_and_by_time() {
    let world = World::new().await;
    let root = world.operator("root").await;
    let project = root.project("Launch").await;
    world.clock().stop();
    let mut times = Vec::new();
    for i in 0..6 {
        world.clock().advance(Duration::from_secs(1));
        let made = root.post(&format!("/projects/{project}/tasks")).json(json!({ "title": format!("Task {i}") })).await;
        times.push(made.data()["created_at"].as_str().unwrap().to_owned());
    }
    let all = ids(&root, "event=task.").await;
    assert_eq!(all.len(), 6);
    for path in
        ["event=task.", &format!("project_id={project}&event=task."), &format!("user_id={}&event=task.", root.id())]
    {
        let page = root.get(&format!("/admin/logs/audit?{path}&page=2&page_size=4")).await;
        assert_eq!((page.total(), pluck(page.items(), "id")), (6, vec![&*all[4], &*all[5]]), "{path}");
        let span = ids(&root, &format!("{path}&from={}&to={}", times[1], times[3])).await;
        assert_eq!(span, [&*all[3], &*all[4]], "{path}");
    }
}
