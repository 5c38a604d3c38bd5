use super::*;

const TYPES: [&str; 6] = ["audit", "users", "previews", "ai_docs", "workers", "metrics"];

#[tokio::test]
async fn only_operators_export_and_that_is_written_down() {
    let world = World::new().await;
    let (root, ada) = (world.operator("root").await, world.sign_up("ada").await);
    for what in TYPES {
        ada.get(&format!("/admin/export/{what}")).refused_with(403, "AUTH_FORBIDDEN").await;
        world.anonymous().get(&format!("/admin/export/{what}")).refused(401).await;
    }
    ada.get("/admin/export/nonsense").refused_with(403, "AUTH_FORBIDDEN").await;
    root.get("/admin/export/nonsense").refused_with(404, "EXPORT_NOT_FOUND").await;
    root.get("/admin/export/users?format=xml").refused(422).await;
    root.get("/admin/export/users?from=yesterday").refused(422).await;
    let exported = "SELECT actor_id, entity_id, data FROM events WHERE kind = 'admin.exported' ORDER BY id";
    root.head("/admin/export/users").await;
    assert_eq!(world.sql(exported, &[]).await, [] as [Value; 0]);
    root.get("/admin/export/users?format=json&from=2026-01-01").await;
    let exported = world.sql(exported, &[]).await;
    let data: Value = serde_json::from_str(exported[0]["data"].as_str().unwrap()).unwrap();
    assert_eq!((exported.len(), &exported[0]["actor_id"]), (1, &json!(root.id())));
    assert_eq!(exported[0]["entity_id"], "users");
    assert_eq!(data, json!({ "format": "json", "from": "2026-01-01T00:00:00.000Z", "to": null }));
}

/// What machines did, with what must not be told of it.
async fn plant_jobs(world: &World, project: &str) {
    for (kind, id) in
        [("preview", "0186a000-0000-7000-9b52-000000000001"), ("ai_doc", "0186a000-0000-7000-9b52-000000000002")]
    {
        let job = "INSERT INTO jobs (id, kind, project_id, requested_by, tier, status, request, error_code, error_message, worker_id, created_at)
                   VALUES (?1, ?2, ?3, 1, 'pro', 'failed', '{\"entry\":\"secret.html\"}', 'TIMEOUT', 'secret words', 'node-1', '2023-03-02T00:00:00.000Z')";
        world.sql(job, &[json!(id), json!(kind), json!(project)]).await;
    }
    let node = "INSERT INTO worker_nodes (id, type, registered_at, last_heartbeat_at, metrics)
                VALUES ('node-1', 'cpu', '2023-03-02T00:00:00.000Z', '2023-03-02T00:00:00.000Z', '{\"load\":0.5}')";
    world.sql(node, &[]).await;
}

#[tokio::test]
async fn what_machines_did_is_exported_without_what_it_was_about() {
    let world = World::new().await;
    let root = world.operator("root").await;
    let project = root.project("Launch").await;
    plant_jobs(&world, &project).await;
    for (what, end) in [("previews", 1), ("ai_docs", 2)] {
        let found = rows(&root, what, "").await;
        assert_eq!(pluck(&found, "id"), [format!("0186a000-0000-7000-9b52-00000000000{end}")], "{what}");
        assert_eq!((&found[0]["project_id"], &found[0]["error_code"]), (&json!(project), &json!("TIMEOUT")));
        assert!(!found[0].to_string().contains("secret"), "{}", found[0]);
        assert_eq!(rows(&root, what, "from=2024-01-01").await, [] as [Value; 0]);
    }
    let nodes = rows(&root, "workers", "").await;
    assert_eq!((pluck(&nodes, "id"), &nodes[0]["metrics"]), (vec!["node-1"], &json!("{\"load\":0.5}")));
}

#[tokio::test]
async fn every_type_comes_in_every_format_with_the_same_rows() {
    let world = World::new().await;
    let root = world.operator("root").await;
    plant_jobs(&world, &root.project("Launch").await).await;
    world.drain().await;
    for what in TYPES {
        let reply = async |format: &str| {
            let reply = root.get(&format!("/admin/export/{what}{format}")).await;
            let disposition = reply.header("content-disposition");
            assert!(disposition.starts_with("attachment; filename=\"hivesync-"), "{disposition}");
            assert!(reply.trips() <= 2);
            reply
        };
        let csv = reply("?to=2999-01-01").await;
        assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
        let lines: Vec<&str> = csv.text.strip_suffix("\r\n").unwrap().split("\r\n").collect();
        let json = reply("?format=json").await;
        assert_eq!(json.header("content-type"), "application/json");
        let items = json.json["items"].as_array().expect("items").clone();
        let ndjson = rows(&root, what, "").await;
        // Each export is an event more.
        assert!(
            lines.len() > 1 && items.len() >= lines.len() - 1 && ndjson.len() >= items.len(),
            "{what}: {}",
            csv.text
        );
        let columns: Vec<&str> = lines[0].split(',').collect();
        for column in &columns {
            assert!(items.iter().chain(&ndjson).all(|item| item.get(column).is_some()), "{what} {column}");
        }
        assert_eq!(keys(&items[0]), keys(&ndjson[0]), "{what}");
    }
}

#[tokio::test]
async fn what_is_a_persons_is_redacted_and_no_cell_is_a_formula() {
    let world = World::new().await;
    let root = world.operator("root").await;
    let ada = world.sign_up("ada").await;
    ada.project("Launch").await;
    world.sql("UPDATE users SET username = '-2+3' WHERE id = ?1", &[json!(ada.id())]).await;
    world.sql("UPDATE events SET entity_id = '=cmd|'' /C calc''!A0,\"x\"' WHERE kind = 'project.created'", &[]).await;
    let users = root.get("/admin/export/users").await.text;
    let line = users.lines().find(|line| line.contains("ad***@example.com")).expect("Ada");
    assert!(line.starts_with(&format!("{},ad***@example.com,\"'-2+3\",free,active,0,", ada.id())), "{line}");
    assert!(line.ends_with(",1,1,1"), "{line}");
    let audit = root.get("/admin/export/audit").await.text;
    assert!(audit.contains(",\"'=cmd|' /C calc'!A0,\"\"x\"\"\","), "{audit}");
    for text in [&users, &audit, &root.get("/admin/export/audit?format=ndjson").await.text] {
        for secret in ["ada@", "$argon2", &ada.ip, "salt"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        let hash = world.one("SELECT refresh_hash FROM sessions WHERE user_id = ?1", &[json!(ada.id())]).await;
        assert!(!text.contains(hash.as_str().unwrap()));
    }
}

#[tokio::test]
async fn exports_are_of_a_time() {
    let world = World::new().await;
    world.clock().stop();
    let mut root = world.operator("root").await;
    world.clock().advance(Duration::from_secs(24 * 60 * 60));
    let mut ada = world.sign_up("ada").await;
    let since = world.one("SELECT created_at FROM users WHERE id = ?1", &[json!(ada.id())]).await;
    let since = since.as_str().unwrap();
    world.clock().advance(Duration::from_secs(24 * 60 * 60));
    ada.refresh().await;
    root.refresh().await;
    ada.project("Launch").await;
    assert_eq!(pluck(&rows(&root, "users", &format!("from={since}")).await, "email"), ["ad***@example.com"]);
    assert_eq!(pluck(&rows(&root, "users", &format!("to={since}")).await, "email"), ["ro***@example.com"]);
    let kinds = ["user.registered", "session.created"];
    assert_eq!(pluck(&rows(&root, "audit", &format!("to={since}")).await, "kind"), kinds);
    let later = rows(&root, "audit", &format!("from={since}")).await;
    let later = pluck(&later, "kind");
    assert_eq!(later[..2], kinds);
    assert!(later.contains(&"project.created"), "{later:?}");
    let metrics = rows(&root, "metrics", &format!("from={since}")).await;
    let day = since.split('T').next().unwrap();
    let of_ada = |row: &&Value| row["day"] == day;
    assert_eq!(
        pluck(&metrics.iter().filter(of_ada).cloned().collect::<Vec<_>>(), "kind"),
        ["session.created", "user.registered"]
    );
    assert!(metrics.iter().any(|row| row["kind"] == "project.created" && row["events"] == 1 && row["actors"] == 1));
    assert_eq!(rows(&root, "metrics", "to=2020-01-01").await, [] as [Value; 0]);
}

#[tokio::test]
async fn figures_reach_back_over_months() {
    let world = World::new().await;
    let root = world.operator("root").await;
    for (id, day) in [("0186a000", "2023-03-02"), ("0187a000", "2023-04-20")] {
        let insert = "INSERT INTO events (id, kind, actor_id, entity_id, data, request_id, created_at, delivered_at)
                      VALUES (?1, 'tag.created', 1, 'x', '{}', 'old', ?2, ?2)";
        world
            .sql(insert, &[json!(format!("{id}-0000-7000-9b52-1f0e6a2d9c77")), json!(format!("{day}T00:00:00.000Z"))])
            .await;
    }
    let rows = rows(&root, "metrics", "").await;
    assert_eq!(pluck(&rows, "day")[..2], ["2023-03-02", "2023-04-20"]);
}
