use super::*;

const ID: &str = "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77";

async fn hours_later(desk: &Desk, hours: u64) {
    desk.world.clock().advance(Duration::from_secs(hours * 3600));
    desk.world.cron().await;
}

#[tokio::test]
async fn deleting_a_task_deletes_its_files() {
    let desk = Desk::new().await;
    let sibling = desk.world.plant_task(&desk.project, "Another").await;
    let kept = desk.ada.post(&desk.path.replace(&desk.task, &sibling)).upload("kept.txt", "x").await;
    for name in ["a.txt", "b.txt"] {
        desk.attach(name, "x").await;
    }
    desk.world.sql("DELETE FROM tasks WHERE id = ?1", &[json!(desk.task)]).await;
    announce(&desk, "task.deleted", &desk.task).await;
    let key = format!("attachments/{}/{sibling}/{}", desk.project, id(kept.data()));
    assert_eq!(desk.world.files().await, [key]);
}

/// What a deletion announces, and its delivery, twice.
async fn announce(desk: &Desk, kind: &str, entity: &str) {
    let event = "INSERT INTO events (id, kind, project_id, entity_id, data, request_id, created_at)
                 VALUES (?1, ?2, ?3, ?4, '{}', 'test', '2026-11-01T00:00:00.000Z')";
    desk.world.sql(event, &[json!(ID), json!(kind), json!(desk.project), json!(entity)]).await;
    for _ in 0..2 {
        desk.world.consume(&[json!(ID)]).await;
    }
}

#[tokio::test]
async fn deleting_a_project_deletes_all_its_files_and_no_others() {
    let desk = Desk::new().await;
    let project = desk.ada.project("Other").await;
    let task = desk.world.plant_task(&project, "Another").await;
    let other = format!("/projects/{project}/tasks/{task}/attachments");
    let kept = desk.ada.post(&other).upload("kept.txt", "x").await;
    desk.attach("a.txt", "x").await;
    let many = |i: u32| format!("attachments/{}/{}/{i:04}", desk.project, desk.task);
    desk.world.plant_files(&(0..1100).map(many).collect::<Vec<_>>()).await;
    desk.ada.delete(&format!("/projects/{}", desk.project)).status(204).await;
    desk.world.drain().await;
    assert_eq!(desk.world.files().await, [format!("attachments/{project}/{task}/{}", id(kept.data()))]);
}

#[tokio::test]
async fn a_file_nobody_knows_of_is_deleted_once_it_is_old() {
    let desk = Desk::new().await;
    let known = desk.attach("known.txt", "x").await;
    let orphan = format!("attachments/{ID}/{ID}/{ID}");
    let elsewhere = "previews/1".to_owned();
    desk.world.plant_files(&[orphan.clone(), elsewhere.clone()]).await;
    desk.world.cron().await;
    assert_eq!(desk.world.files().await.len(), 3, "it may be in the middle of its upload");
    hours_later(&desk, 2).await;
    let mut left = vec![desk.key(&known), elsewhere];
    left.sort_unstable();
    assert_eq!(desk.world.files().await, left);
}

#[tokio::test]
async fn a_lost_file_is_marked_until_it_turns_up() {
    let desk = Desk::new().await;
    let (lost, kept) = (desk.attach("lost.txt", "x").await, desk.attach("kept.txt", "x").await);
    let known = |reply: Reply, item: usize| reply.items()[item]["url"].as_str().map(str::to_owned);
    desk.world.lose_files(&[desk.key(&lost)]).await;
    desk.world.anonymous().get(&link(&lost)).refused_with(404, "ATTACHMENT_NOT_FOUND").await;
    desk.world.cron().await;
    assert_eq!(marked(&desk).await, [] as [&str; 0], "the upload may be younger than the listing");

    hours_later(&desk, 2).await;
    let ada = desk.ada.awake().await;
    assert_eq!(marked(&desk).await, [id(&lost)]);
    assert_eq!(known(ada.get(&desk.path).await, 0), None);
    assert!(known(ada.get(&desk.path).await, 1).is_some_and(|url| url.contains(id(&kept))));
    assert!(desk.world.logs().await.iter().any(|line| line.contains("lost") && line.contains(&desk.key(&lost))));

    desk.world.plant_files(&[desk.key(&lost)]).await;
    hours_later(&desk, 1).await;
    assert_eq!(marked(&desk).await, [] as [&str; 0]);
}

async fn marked(desk: &Desk) -> Vec<String> {
    let rows = desk.world.sql("SELECT id FROM task_attachments WHERE lost_at IS NOT NULL", &[]).await;
    pluck(&rows, "id").into_iter().map(str::to_owned).collect()
}

/// A page a round, from where the last one ended.
#[tokio::test]
async fn the_cron_comes_round_to_every_file() {
    let desk = Desk::new().await;
    let known = desk.attach("known.txt", "x").await;
    // Before and behind what is known, more than a page.
    let before = (0..600).map(|i| format!("attachments/0000/{i:04}"));
    let behind = (0..900).map(|i| format!("attachments/ffff/{i:04}"));
    desk.world.plant_files(&before.chain(behind).collect::<Vec<_>>()).await;
    let lost = desk.attach("lost.txt", "x").await;
    desk.world.lose_files(&[desk.key(&lost)]).await;
    desk.world.clock().advance(Duration::from_secs(2 * 3600));
    let cursor = "SELECT value FROM cursors WHERE name = 'attachments'";
    desk.world.cron().await;
    assert_eq!(desk.world.files().await.len(), 502, "the first page is done");
    assert_eq!(desk.world.one(cursor, &[]).await, "attachments/ffff/0398");
    desk.world.cron().await;
    assert_eq!(desk.world.files().await, [desk.key(&known)]);
    assert_eq!(desk.world.one(cursor, &[]).await, "", "it begins anew");
    assert_eq!(marked(&desk).await, [id(&lost)]);
}
