use super::*;

/// As text they are more than memory may grow.
const MANY: usize = 300_000;
const ALLOWED: usize = 40 * 1024 * 1024;

/// A service with a long history.
async fn old_world(events: usize) -> (World, Person) {
    let world = World::set_up().inspected().open().await;
    let root = world.operator("root").await;
    world.drain().await;
    let many = format!(
        "INSERT INTO events (id, kind, actor_id, entity_id, data, request_id, created_at, delivered_at)
         SELECT printf('0186a000-0000-7000-9b52-%012x', n), 'task.updated', {}, 'x', '{{\"changed\":[\"title\",\"status\"]}}', 'r',
                '2023-03-02T00:00:00.000Z', '2023-03-02T00:00:00.000Z'
         FROM (WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many LIMIT {events}) SELECT n FROM many)",
        root.id()
    );
    world.sql(&many, &[]).await;
    (world, root)
}

async fn open(root: &Person, path: &str) -> reqwest::Response {
    let request = root.world.client.get(format!("{}/api/v1{path}", root.world.url(0)));
    let request = request.header("authorization", format!("Bearer {}", root.access_token.as_ref().unwrap()));
    let response = request.timeout(Duration::from_secs(300)).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response
}

#[tokio::test]
async fn a_long_history_streams_with_memory_flat() {
    let (world, root) = old_world(MANY).await;
    open(&root, "/admin/export/audit?to=2023-01-01").await.bytes().await.unwrap();
    for format in ["csv", "ndjson"] {
        let before = world.memory().await;
        let (mut peak, mut rows, mut chunks, mut length) = (0, 0, 0, 0);
        let mut response = open(&root, &format!("/admin/export/audit?format={format}")).await;
        while let Some(bytes) = response.chunk().await.unwrap() {
            rows += bytes.iter().filter(|byte| **byte == b'\n').count();
            length += bytes.len();
            chunks += 1;
            if chunks % 200 == 0 {
                peak = peak.max(world.memory().await);
            }
        }
        assert!(rows >= MANY, "{rows} rows");
        assert!(length > ALLOWED, "{length} bytes could have been held");
        assert!(peak > 0 && peak < before + ALLOWED, "{format}: from {before} to {peak} bytes");
    }
}

#[tokio::test]
async fn an_export_that_fails_in_the_middle_has_no_end() {
    let (world, root) = old_world(100_000).await;
    let mut response = open(&root, "/admin/export/audit?format=json").await;
    let mut text = response.chunk().await.unwrap().expect("a beginning").to_vec();
    world.sql("ALTER TABLE audit_links RENAME TO lost", &[]).await;
    let broke = loop {
        match response.chunk().await {
            Ok(Some(bytes)) => text.extend(bytes),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    let ends = text.ends_with(b"]}\n");
    assert!(broke && !ends, "it ended as if it were whole after {} bytes", text.len());
}

#[tokio::test]
async fn a_reader_who_leaves_leaves_nothing_behind() {
    let (_, root) = old_world(100_000).await;
    for _ in 0..3 {
        let mut response = open(&root, "/admin/export/audit").await;
        response.chunk().await.unwrap().expect("a beginning");
        drop(response);
    }
    root.get("/admin/export/audit?to=2023-01-01").await;
}
