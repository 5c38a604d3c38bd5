use crate::support::*;

async fn switch(world: &World, name: &str, on: bool) {
    world.sql("UPDATE switches SET is_on = ?2 WHERE name = ?1", &[json!(name), json!(u8::from(on))]).await;
}

#[tokio::test]
async fn maintenance_keeps_everybody_but_operators_out() {
    let world = World::new().await;
    let (mut ada, root) = (world.sign_up("ada").await, world.operator("root").await);
    let project = ada.project("Launch").await;
    let task = ada.task(&project, "Write").await;
    let attachments = format!("/projects/{project}/tasks/{task}/attachments");
    let file = ada.post(&attachments).upload("a.txt", "words").await.data()["url"].as_str().unwrap().to_owned();
    let (_, file) = file.split_once("/api/v1").unwrap();
    switch(&world, "maintenance", true).await;

    for path in ["/projects", "/user/me", "/notifications", &format!("/projects/{project}")] {
        let closed = ada.get(path).refused_with(503, "MAINTENANCE").await;
        assert_eq!((closed.trips(), closed.number("retry-after")), (1, 60), "{path}");
    }
    ada.post("/projects").json(json!({ "name": "Other" })).refused_with(503, "MAINTENANCE").await;
    ada.get(file).refused_with(503, "MAINTENANCE").await;
    world
        .stranger("eve")
        .post("/auth/register")
        .json(json!({ "email": "eve@example.com", "password": PASSWORD }))
        .refused_with(503, "MAINTENANCE")
        .await;
    assert_eq!(world.one("SELECT count(*) FROM users", &[]).await, 2);
    // Who is nobody costs no trip; the isolate has learned it from the others.
    let nobody = world.anonymous();
    for path in ["/projects", "/billing/plans", "/nothing"] {
        assert_eq!(nobody.get(path).refused_with(503, "MAINTENANCE").await.trips(), 0, "{path}");
    }
    nobody.get("/health").await;
    ada.log_in().await;
    ada.refresh().await;

    root.get("/projects").await;
    root.project("Repairs").await;
    root.get("/admin/overview").await;

    switch(&world, "maintenance", false).await;
    assert_eq!(ada.get("/projects").await.total(), 1);
    nobody.get("/billing/plans").await;
}

#[tokio::test]
async fn read_only_lets_nobody_write_but_operators() {
    let world = World::new().await;
    let (mut ada, root) = (world.sign_up("ada").await, world.operator("root").await);
    let project = ada.project("Launch").await;
    world.drain().await;
    switch(&world, "read_only", true).await;
    let written = "SELECT (SELECT count(*) FROM projects) AS projects, (SELECT count(*) FROM users) AS users,
                          (SELECT count(*) FROM events) AS events";
    let before = world.sql(written, &[]).await;
    let refused = ada.post("/projects").json(json!({ "name": "Other" })).refused_with(503, "READ_ONLY").await;
    assert_eq!((refused.trips(), refused.number("retry-after")), (2, 60));
    ada.patch(&format!("/projects/{project}")).json(json!({ "name": "Lunch" })).refused_with(503, "READ_ONLY").await;
    ada.delete(&format!("/projects/{project}")).refused_with(503, "READ_ONLY").await;
    ada.patch("/profile").json(json!({ "display_name": "A" })).refused_with(503, "READ_ONLY").await;
    world
        .stranger("eve")
        .post("/auth/register")
        .json(json!({ "email": "eve@example.com", "password": PASSWORD }))
        .refused_with(503, "READ_ONLY")
        .await;
    assert_eq!(world.sql(written, &[]).await, before);
    assert_eq!(ada.get(&format!("/projects/{project}")).await.data()["name"], "Launch");
    // What was answered before is not told apart from what never was.
    ada.log_in().await;
    ada.refresh().await;
    ada.post("/auth/logout").status(204).await;
    root.project("Repairs").await;
    world.drain().await;
    switch(&world, "read_only", false).await;
    ada.log_in().await;
    ada.project("Other").await;
}

#[tokio::test]
async fn a_program_of_an_operators_is_held_to_the_switches() {
    let world = World::new().await;
    let root = world.operator("root").await;
    let program = root.program(&["read", "write"]).await;
    let project = json!({ "name": "Repairs" });
    switch(&world, "read_only", true).await;
    program.get("/projects").await;
    program.post("/projects").json(project.clone()).refused_with(503, "READ_ONLY").await;
    switch(&world, "maintenance", true).await;
    program.get("/projects").refused_with(503, "MAINTENANCE").await;
    root.post("/projects").json(project).status(201).await;
}
