//! The audit log and its chain.

mod chain;
mod checkpoints;
mod list;
mod verify;

use crate::support::*;

const LINKS: &str = "SELECT * FROM audit_links ORDER BY seq";

/// Everything is linked once everything is delivered.
async fn links(world: &World) -> Vec<Value> {
    world.drain().await;
    world.sql(LINKS, &[]).await
}

/// Ends the sequencer's object, unless the runtime was quicker. Whether it ran.
async fn end_sequencer(root: &Person) -> bool {
    verdict(root).await;
    root.world.evict_if_running("AuditSequencer", "sequencer").await
}

/// What a walk through all of the chain finds.
async fn verdict(root: &Person) -> Value {
    root.get("/admin/logs/audit/verify").await.data().clone()
}

/// A chain of some length, and who looks at it.
async fn chained() -> (World, Person) {
    let world = World::new().await;
    let root = world.operator("root").await;
    let project = root.project("Launch").await;
    for i in 0..5 {
        root.task(&project, &format!("Task {i}")).await;
    }
    assert_eq!(links(&world).await.len(), 8);
    (world, root)
}

/// Changes the kind of the third event, and makes every hash from there on anew.
async fn write_anew(world: &World) {
    let edit = "UPDATE events SET kind = 'tag.deleted' WHERE id = (SELECT event_id FROM audit_links WHERE seq = 3)";
    world.sql(edit, &[]).await;
    let rows = "SELECT l.seq, l.event_id, e.kind, e.project_id, e.created_at, l.actor, l.entity, l.data
                FROM audit_links l JOIN events e ON e.id = l.event_id ORDER BY l.seq";
    let mut last = audit_chain::START.to_owned();
    for row in world.sql(rows, &[]).await {
        let entry: audit_chain::Entry = serde_json::from_value(row.clone()).unwrap();
        last = audit_chain::link(&last, row["seq"].as_u64().unwrap(), &entry);
        world.sql("UPDATE audit_links SET hash = ?2 WHERE seq = ?1", &[row["seq"].clone(), json!(last)]).await;
    }
}

async fn broken(root: &Person) -> (u64, String) {
    let verdict = verdict(root).await;
    assert_eq!(verdict["valid"], false, "{verdict}");
    let broken = &verdict["first_broken"];
    (broken["seq"].as_u64().unwrap_or_default(), broken["reason"].as_str().unwrap_or_default().to_owned())
}
