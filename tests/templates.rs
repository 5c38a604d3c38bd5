use crate::support::*;

const FROM: &str = "/projects/from-template";

#[tokio::test]
async fn templates_are_listed_with_all_they_hold() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let list = ada.get("/projects/templates").await;
    assert!(list.total() >= 4);
    for template in list.items() {
        assert_eq!(keys(template), ["description", "id", "labels", "name", "tags", "tasks"]);
        let task = &template["tasks"][0];
        assert_eq!(keys(task), ["description", "labels", "title"]);
    }
    world.anonymous().get("/projects/templates").refused(401).await;
}

#[tokio::test]
async fn each_template_becomes_a_project_with_all_it_holds() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for template in ada.get("/projects/templates").await.items() {
        let created = ada.post(FROM).json(json!({ "template_id": template["id"] })).status(201).await;
        assert_eq!(created.trips(), 2);
        let project = created.data();
        let id = &project["id"];
        assert_eq!(ada.get(&format!("/projects/{}", id.as_str().unwrap())).await.data(), project);
        assert_eq!((&project["name"], &project["description"]), (&template["name"], &template["description"]));
        assert_eq!((&project["owner_id"], &project["role"]), (&json!(ada.id()), &json!("owner")));
        let mut wanted = pluck(template["tags"].as_array().unwrap(), "name");
        wanted.sort_unstable();
        assert_eq!(pluck(project["tags"].as_array().unwrap(), "name"), wanted);

        let labels = "SELECT name, color FROM task_labels WHERE project_id = ?1 ORDER BY rowid";
        let labels = world.sql(labels, std::slice::from_ref(id)).await;
        assert_eq!(json!(labels), template["labels"]);
        let tasks = "SELECT t.title, t.description, t.status, t.created_by, t.assignee_id,
                            (SELECT json_group_array(name) FROM (
                               SELECT l.name FROM task_label_links k JOIN task_labels l ON l.id = k.label_id
                               WHERE k.task_id = t.id ORDER BY l.name)) AS labels
                     FROM tasks t WHERE t.project_id = ?1 ORDER BY t.created_at DESC";
        let tasks = world.sql(tasks, std::slice::from_ref(id)).await;
        let wanted = template["tasks"].as_array().unwrap();
        assert_eq!(pluck(&tasks, "title"), pluck(wanted, "title"), "in their order");
        for (task, wanted) in tasks.iter().zip(wanted) {
            let mut labels: Vec<&str> = wanted["labels"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            labels.sort_unstable();
            assert_eq!(task["labels"].as_str().unwrap(), json!(labels).to_string());
            assert_eq!(task["description"], wanted["description"]);
            assert_eq!((&task["status"], &task["created_by"]), (&json!("open"), &json!(ada.id())));
        }
    }
    let events = world.sql("SELECT data FROM events WHERE kind = 'project.created' ORDER BY rowid", &[]).await;
    assert_eq!(pluck(&events, "data")[0], r#"{"template":"software-release"}"#);
    assert_eq!(world.one("SELECT count(*) FROM events WHERE kind = 'task.created'", &[]).await, 0);
}

#[tokio::test]
async fn a_project_from_a_template_has_the_name_and_description_it_is_given() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let create = |mut body: Value| {
        body["template_id"] = json!("onboarding");
        ada.post(FROM).json(body).status(201).into_future()
    };
    let named = ada.post(FROM).json(json!({ "template_id": "onboarding", "name": " Bea's first month " })).await;
    assert_eq!(named.data()["name"], "Bea's first month");
    assert!(named.data()["description"].is_string());
    let described = create(json!({ "description": "Words" })).await;
    assert_eq!(described.data()["description"], "Words");
    assert_eq!(create(json!({ "description": null })).await.data()["description"], Value::Null);
}

#[tokio::test]
async fn there_is_no_project_from_what_is_no_template() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for nothing in ["nonsense", "SOFTWARE-RELEASE", "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77", "' OR 1=1"] {
        ada.post(FROM).json(json!({ "template_id": nothing })).refused_with(404, "TEMPLATE_NOT_FOUND").await;
    }
    for (body, field) in [
        (json!({}), "template_id"),
        (json!({ "template_id": "" }), "template_id"),
        (json!({ "template_id": 7 }), "template_id"),
        (json!({ "template_id": "onboarding", "name": "" }), "name"),
        (json!({ "template_id": "onboarding", "name": "x".repeat(161) }), "name"),
        (json!({ "template_id": "onboarding", "description": "x".repeat(4001) }), "description"),
    ] {
        let reply = ada.post(FROM).json(body.clone()).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(reply.fields(), [field], "{body}");
    }
    ada.get("/projects/from-template").refused(405).await;
    assert_eq!(ada.get("/projects").await.total(), 0);
}

#[tokio::test]
async fn a_template_counts_as_a_project_and_what_is_refused_leaves_nothing() {
    let world = World::with(&[("LIMIT_PROJECTS_FREE", "2")]).await;
    let ada = world.sign_up("ada").await;
    ada.project("One").await;
    let create = || ada.post(FROM).json(json!({ "template_id": "bug-tracker" }));
    let replies = join_all((0..6).map(|_| create().any())).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 403, 403, 403, 403, 403]);
    let refused = create().refused_with(403, "TIER_LIMIT_EXCEEDED").await;
    assert_eq!(refused.json["error"]["details"]["used"], 2);
    assert_eq!(world.one("SELECT count(DISTINCT project_id) FROM tasks", &[]).await, 1);
    assert_eq!(world.one("SELECT count(*) FROM projects", &[]).await, 2);
}

#[tokio::test]
async fn the_same_request_twice_is_one_project() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let create = || ada.post(FROM).json(json!({ "template_id": "personal-kanban" })).header("idempotency-key", "once");
    let (first, second) = (create().status(201).await, create().status(201).await);
    assert_eq!(first.text, second.text);
    assert_eq!(ada.get("/projects").await.total(), 1);
}
