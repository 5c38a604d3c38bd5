//! What is put aside every day.

use super::*;

const PUT_ASIDE: &str = "audit/checkpoints/";

#[tokio::test]
async fn every_day_the_chain_is_put_aside_once() {
    let (world, mut root) = chained().await;
    world.cron().await;
    world.cron().await;
    let [key] = &world.files_below(PUT_ASIDE).await[..] else { panic!("one checkpoint") };
    let text = world.file(key).await;
    let checkpoint: Value = serde_json::from_str(&text).unwrap();
    let day = checkpoint["created_at"].as_str().unwrap().split('T').next().unwrap();
    assert_eq!((key, &checkpoint["seq"]), (&format!("{PUT_ASIDE}{day}.json"), &json!(8)));
    let told = world.sql("SELECT entity_id, data FROM events WHERE kind = 'audit.checkpointed'", &[]).await;
    assert_eq!(told, [json!({ "entity_id": day, "data": "{\"seq\":8}" })]);
    // As after a crash between the two stores: what is there stays as it is.
    root.project("Another").await;
    world.drain().await;
    world.sql("DELETE FROM cursors WHERE name = 'audit checkpoint'", &[]).await;
    world.cron().await;
    assert_eq!((world.files_below(PUT_ASIDE).await.len(), world.file(key).await), (1, text));
    world.clock().advance(Duration::from_secs(24 * 60 * 60));
    world.cron().await;
    assert_eq!(world.files_below(PUT_ASIDE).await.len(), 2);
    world.drain().await;
    root.refresh().await;
    let verdict = verdict(&root).await;
    assert_eq!(verdict["checkpoints"], json!({ "compared": 2, "agree": 2, "foreign": 0 }), "{verdict}");
    assert_eq!(verdict["valid"], true);
}

#[tokio::test]
async fn a_chain_that_is_not_the_one_put_aside_is_found() {
    let (world, root) = chained().await;
    world.cron().await;
    root.project("Another").await;
    links(&world).await;
    write_anew(&world).await;
    assert_eq!(broken(&root).await, (8, "checkpoint_differs".into()));
    let part = root.get("/admin/logs/audit/verify?to_seq=7").await;
    assert_eq!(part.data()["checkpoints"], json!({ "compared": 0, "agree": 0, "foreign": 0 }));
}

/// Who could write to the bucket, too, has no secret to sign with.
#[tokio::test]
async fn a_checkpoint_that_we_did_not_sign_is_told() {
    let world =
        World::set_up().isolates(&[&[], &[("SESSION_SECRET", "aT4nQ8zK2xW6cR1mB9yL5hJ3dF7gS0pB")]]).open().await;
    let root = world.operator("root").await;
    links(&world).await;
    world.cron().await;
    assert_eq!(verdict(&root).await["checkpoints"], json!({ "compared": 1, "agree": 1, "foreign": 0 }));
    assert_eq!(verdict(&root.through(1)).await["checkpoints"], json!({ "compared": 1, "agree": 1, "foreign": 1 }));
}
