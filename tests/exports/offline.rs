//! An export is checked without the service.

use audit_chain::{Checkpoint, Export, Fault, Verdict};

use super::*;

fn verdict(lines: &[String], checkpoints: &[Checkpoint]) -> Verdict {
    let mut export = Export::default();
    for line in lines {
        export.line(line).unwrap_or_else(|why| panic!("{why}: {line}"));
    }
    export.end(true, checkpoints)
}

#[tokio::test]
async fn an_export_that_was_edited_is_found() {
    let world = World::new().await;
    let root = world.operator("root").await;
    let project = root.project("Launch").await;
    let ada = world.sign_up("ada").await;
    world.add_member(&project, &ada).await;
    let task = json!({ "title": "Write", "assignee_id": ada.id() });
    root.post(&format!("/projects/{project}/tasks")).json(task).await;
    world.drain().await;
    world.cron().await;
    let [key] = &world.files_below("audit/checkpoints/").await[..] else { panic!("one checkpoint") };
    let checkpoint: Checkpoint = serde_json::from_str(&world.file(key).await).unwrap();
    world.drain().await;
    let text = root.get("/admin/export/audit?format=ndjson").await.text;
    // That of the export itself has no link yet.
    let all: Vec<String> = text.lines().map(str::to_owned).collect();
    let told = verdict(&all, &[]);
    assert_eq!((told.faults.len(), told.unlinked, told.young), (0, 0, 1));
    let mut lines: Vec<String> =
        text.lines().filter(|line| !line.contains("\"link\":null")).map(str::to_owned).collect();
    let clean = verdict(&lines, std::slice::from_ref(&checkpoint));
    assert_eq!((clean.events, clean.first, clean.last), (7, Some(1), Some(7)));
    assert_eq!((clean.faults.len(), clean.unlinked, clean.young, clean.erased), (0, 0, 0, 0));
    lines.reverse();
    assert_eq!(verdict(&lines, &[]), clean, "in whatever order");
    lines.reverse();

    let edited = |from: &str, to: &str| {
        let edited: Vec<String> = lines.iter().map(|line| line.replacen(from, to, 1)).collect();
        assert!(edited != lines, "{from} is in none of {lines:?}");
        verdict(&edited, &[]).faults
    };
    assert_eq!(edited("project.created", "project.deleted"), [(3, Fault::HashDiffers)].into());
    assert_eq!(edited("\"actor_id\":1", "\"actor_id\":2").values().next(), Some(&Fault::EventChanged));
    let assignee = format!("\\\"assignee_id\\\":{}", ada.id());
    for other in [root.id(), 999_999] {
        let other = format!("\\\"assignee_id\\\":{other}");
        assert_eq!(edited(&assignee, &other), [(6, Fault::EventChanged)].into(), "{other}");
    }
    assert_eq!(
        edited(&format!("\"actor_id\":{}", root.id()), "\"actor_id\":999999").values().next(),
        Some(&Fault::EventChanged)
    );
    // The checkpoint names nobody.
    assert_eq!(edited("\"openings\":{", "\"others\":{").len(), 6, "nobody without an opening is erased");

    let mut shorter = lines.clone();
    shorter.remove(3);
    assert_eq!(verdict(&shorter, &[]).faults, [(4, Fault::LinkMissing)].into());
    shorter.truncate(2);
    assert_eq!(verdict(&shorter, &[]).faults, [].into(), "its end alone tells nothing");
    assert_eq!(verdict(&shorter, std::slice::from_ref(&checkpoint)).faults, [(6, Fault::CutOff)].into());
    let other = Checkpoint { hash: audit_chain::START.into(), ..checkpoint };
    assert_eq!(verdict(&lines, &[other]).faults, [(6, Fault::CheckpointDiffers)].into());
}

#[tokio::test]
async fn what_is_not_linked_or_erased_is_told() {
    let world = World::new().await;
    let root = world.operator("root").await;
    let ada = world.sign_up("ada").await;
    world.drain().await;
    world.sql("UPDATE audit_salts SET salt = NULL WHERE user_id = ?1", &[json!(ada.id())]).await;
    let text = root.get("/admin/export/audit?format=ndjson").await.text;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let told = verdict(&lines, &[]);
    assert_eq!((told.events, told.erased, told.faults.len()), (5, 2, 0));
    assert_eq!((told.unlinked, told.young), (0, 1));
}
