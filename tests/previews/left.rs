use super::*;

#[tokio::test]
async fn a_deleted_project_leaves_no_files() {
    let studio = Studio::new().await;
    studio.request().await;
    studio.machine.finish_one().await;
    let bystander = studio.ada.project("Another").await;
    studio.ada.post(&format!("/projects/{bystander}/previews/request")).json(page()).status(201).await;
    assert_eq!(studio.world.files().await.len(), 4);
    studio.ada.delete(&format!("/projects/{}", studio.project)).await;
    studio.world.drain().await;
    assert_eq!(studio.world.files().await.len(), 1, "those of the other project");
    assert_eq!(studio.world.one("SELECT count(*) FROM jobs WHERE project_id IS NOT NULL", &[]).await, 1);
    assert_eq!(studio.world.one("SELECT count(*) FROM projects", &[]).await, 1);
}

#[tokio::test]
async fn files_nobody_knows_of_go_by_age() {
    let studio = Studio::new().await;
    let old = [
        "previews/0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77/1/layout.json",
        "preview-files/0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77",
    ];
    studio.world.plant_files(&old.map(str::to_owned)).await;
    studio.request().await;
    studio.world.cron().await;
    assert_eq!(studio.world.files().await.len(), 1, "what was handed in just now");
}

#[tokio::test]
async fn a_job_whose_files_are_lost_fails_and_blocks_nobody() {
    let studio = Studio::new().await;
    let job = studio.request().await;
    studio.world.lose_files(&studio.world.files().await).await;
    studio.machine.claim(0).status(204).await;
    let preview = studio.get(&job).await;
    assert_eq!((&preview["status"], &preview["error"]["code"]), (&json!("failed"), &json!("files_gone")));
    studio.request().await;
}

#[tokio::test]
async fn what_one_delivery_cannot_delete_goes_by_age() {
    let studio = Studio::new().await;
    let job = studio.request().await;
    let id = |n: usize| format!("{}{n:012x}", &job[..24]);
    let plant = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
        INSERT INTO jobs (id, kind, project_id, tier, status, request, created_at)
        SELECT substr(?1, 1, 24) || printf('%012x', i), 'preview', ?2, 'free', 'completed', '{}', ?3 FROM n";
    studio.world.sql(plant, &[json!(job), json!(studio.project), json!("2026-11-01T00:00:00.000Z")]).await;
    let files = [1, 250].map(|n| format!("previews/{}/1/layout.json", id(n)));
    studio.world.plant_files(&files).await;
    studio.ada.delete(&format!("/projects/{}", studio.project)).await;
    studio.world.drain().await;
    assert_eq!(studio.world.files().await, files[..1]);
    studio.world.clock().advance(Duration::from_secs(28 * 60 * 60));
    studio.world.cron().await;
    assert!(studio.world.files().await.is_empty());
}
