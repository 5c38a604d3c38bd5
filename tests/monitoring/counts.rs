use crate::support::*;

const ALL: &str = "SELECT * FROM request_counts WHERE minute = 'all'";

/// The row of all time, once it holds so many requests.
async fn all(world: &World, requests: i64) -> Value {
    let sum = "SELECT ifnull(sum(s2xx + s3xx + s4xx + s5xx), 0) FROM request_counts WHERE minute = 'all'";
    world.eventually("the isolate told", async || world.one(sum, &[]).await == requests).await;
    world.sql(ALL, &[]).await.remove(0)
}

#[tokio::test]
async fn requests_are_counted_and_none_pays_for_it() {
    let world = World::new().await;
    let nobody = world.anonymous();
    // The first one is told at once, the others when it is time again.
    assert_eq!(nobody.get("/health").await.trips(), 0);
    assert_eq!(all(&world, 1).await["s2xx"], 1);
    for _ in 0..5 {
        assert_eq!(nobody.get("/health").await.trips(), 0);
        nobody.get("/projects").refused(401).await;
    }
    assert_eq!(all(&world, 1).await["s2xx"], 1);
    assert_eq!(world.one("SELECT count(*) FROM request_counts", &[]).await, 2);
}

#[tokio::test]
async fn what_a_switch_refuses_is_no_failure() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    world.sql("UPDATE switches SET is_on = 1 WHERE name = 'maintenance'", &[]).await;
    for _ in 0..3 {
        ada.get("/projects").refused_with(503, "MAINTENANCE").await;
    }
    world.clock().advance(Duration::from_secs(10));
    ada.get("/projects").refused_with(503, "MAINTENANCE").await;
    let row = all(&world, 6).await;
    assert_eq!((&row["s5xx"], &row["switched"], &row["s2xx"]), (&json!(4), &json!(4), &json!(2)));
    let bounds = ["ms_10", "ms_25", "ms_50", "ms_100", "ms_250", "ms_500", "ms_1000", "ms_2500", "ms_5000"];
    let within: Vec<i64> = bounds.iter().map(|bound| row[bound].as_i64().unwrap()).collect();
    assert!(within.is_sorted() && within[8] <= 6, "{within:?}");
}
