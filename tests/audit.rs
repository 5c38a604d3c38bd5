//! The audit log and its chain.

mod chain;
mod list;
mod verify;

use crate::support::*;

const LINKS: &str = "SELECT * FROM audit_links ORDER BY seq";

/// Everything is linked once everything is delivered.
async fn links(world: &World) -> Vec<Value> {
    world.drain().await;
    world.sql(LINKS, &[]).await
}

/// Ends the sequencer's object, which must run for that.
async fn end_sequencer(root: &Person) {
    verdict(root).await;
    root.world.evict("AuditSequencer", "sequencer").await;
}

/// What a walk through all of the chain finds.
async fn verdict(root: &Person) -> Value {
    root.get("/admin/logs/audit/verify").await.data().clone()
}

async fn broken(root: &Person) -> (u64, String) {
    let verdict = verdict(root).await;
    assert_eq!(verdict["valid"], false, "{verdict}");
    let broken = &verdict["first_broken"];
    (broken["seq"].as_u64().unwrap_or_default(), broken["reason"].as_str().unwrap_or_default().to_owned())
}
