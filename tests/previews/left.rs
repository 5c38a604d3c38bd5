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
