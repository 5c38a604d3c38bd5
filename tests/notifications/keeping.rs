use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn the_cron_drops_what_was_read_after_90_days_and_the_rest_after_180() {
    let world = World::new().await;
    let (project, [ada, bob]) = team(&world, ["ada", "bob"]).await;
    for body in ["@bob read", "@bob unread"] {
        say(&ada, &project, json!({ "body": body })).await;
    }
    let read = told(&bob).await[1]["id"].clone();
    bob.post("/notifications/mark-read").json(json!({ "ids": [read] })).await;
    let left = async || world.one("SELECT count(*) FROM notifications", &[]).await;
    for (days, expected) in [(89, 2), (2, 1), (88, 1), (2, 0)] {
        world.clock().advance(DAY * days);
        world.cron().await;
        assert_eq!(left().await, expected);
    }
}

#[tokio::test]
async fn the_cron_drops_a_thousand_at_a_time() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    world.drain().await;
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
                INSERT INTO notifications (id, user_id, event_id, type, payload, created_at, read_at)
                SELECT 'n' || i, ?1, 'e' || i, 'mention', '{}', '2020-01-01T00:00:00.000Z', iif(i <= 1100, '2020-01-02T00:00:00.000Z', NULL) FROM n";
    world.sql(many, &[json!(ada.id())]).await;
    let left = async || world.one("SELECT count(*) FROM notifications", &[]).await.as_i64().unwrap();
    for expected in [500, 0] {
        world.cron().await;
        assert_eq!(left().await, expected);
    }
}
