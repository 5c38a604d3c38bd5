use crate::support::*;

/// The lines of the requests with these ids, once all of them are there.
async fn lines(world: &World, replies: &[&Reply]) -> Vec<Value> {
    let ids: Vec<&str> = replies.iter().map(|reply| reply.header("x-request-id")).collect();
    let of = |logs: &[String]| -> Vec<Value> {
        let lines = logs.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let all: Vec<Value> = lines.filter(|line| !line["route"].is_null() || !line["status"].is_null()).collect();
        let mine = |id: &&str| all.iter().find(|line| line["request_id"] == **id).cloned();
        ids.iter().filter_map(mine).collect()
    };
    world.eventually("each request has its line", async || of(&world.logs().await).len() == ids.len()).await;
    of(&world.logs().await)
}

#[tokio::test]
async fn each_request_is_one_line() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    let nobody = world.anonymous();
    let replies = [
        ada.get(&format!("/projects/{project}")).await,
        ada.get("/projects/0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77").refused(404).await,
        nobody.get("/projects").refused(401).await,
        nobody.get("/nothing/here").refused(404).await,
        ada.post("/projects").json(json!({})).refused(422).await,
    ];
    let lines = lines(&world, &replies.iter().collect::<Vec<_>>()).await;
    for (line, reply) in lines.iter().zip(&replies) {
        let fields = [
            "code",
            "level",
            "method",
            "ms",
            "request_id",
            "route",
            "status",
            "tier",
            "time",
            "trips",
            "user",
            "version",
        ];
        assert_eq!(keys(line), fields);
        assert_eq!(line["status"], reply.status.as_u16());
        assert_eq!(line["trips"], reply.trips());
        assert_eq!(line["code"].as_str().unwrap_or_default(), reply.code());
        assert_eq!(line["level"], "info");
        assert!(line["ms"].as_i64().is_some_and(|ms| (0..60_000).contains(&ms)), "{line}");
        chrono::DateTime::parse_from_rfc3339(line["time"].as_str().unwrap()).unwrap();
    }
    let routes: Vec<&Value> = lines.iter().map(|line| &line["route"]).collect();
    let project = json!("/projects/{project_id}");
    assert_eq!(routes, [&project, &project, &json!("/projects"), &Value::Null, &json!("/projects")]);
    // One user is told from another, and from nobody.
    assert_eq!(lines[0]["user"], lines[1]["user"]);
    assert_eq!(lines[0]["tier"], "free");
    assert!(lines[0]["user"].as_str().is_some_and(|user| user.len() == 12), "{}", lines[0]);
    assert!(lines[2]["user"].is_null());
    let mine = world.logs().await;
    for reply in &replies {
        let id = reply.header("x-request-id");
        assert_eq!(mine.iter().filter(|line| line.contains(id)).count(), 1, "{id}");
    }
}

#[tokio::test]
async fn what_people_are_and_say_is_in_no_line() {
    const CANARY: &str = "cormorant";
    let world = World::new().await;
    let mut ada = world.sign_up(CANARY).await;
    let bob = world.sign_up("cormorant-guest").await;
    ada.try_password("cormorant password").refused(401).await;
    ada.refresh().await;
    let project = ada.project("The cormorant").await;
    ada.post(&format!("/projects/{project}/team/invite")).json(json!({ "email": bob.email })).await;
    let task = ada.task(&project, "A cormorant").await;
    let attachments = format!("/projects/{project}/tasks/{task}/attachments");
    let file =
        ada.post(&attachments).upload("cormorant.txt", "cormorant").await.data()["url"].as_str().unwrap().to_owned();
    let (_, file) = file.split_once("/api/v1").unwrap();
    ada.get(file).await;
    ada.get(&format!("{file}x")).refused(403).await;
    ada.post(&format!("/projects/{project}/comments")).json(json!({ "body": "Cormorant!" })).status(201).await;
    ada.get("/search/projects?q=cormorant").await;
    ada.get("/nothing/cormorant").refused(404).await;
    ada.patch("/profile")
        .json(json!({ "display_name": "Cormorant", "avatar_url": "ftp://cormorant" }))
        .refused(422)
        .await;
    ada.patch("/profile").json(json!({ "cormorant": 1 })).any().await;
    ada.post("/projects").body("{\"cormorant").header("content-type", "application/json").refused(400).await;
    ada.post("/projects").header("idempotency-key", "cormorant-key").json(json!({ "name": "cormorant" })).await;
    let (_, link) = ada.login_link().await;
    let browser = ada.in_browser().await;
    let ticket = ada.post("/ws/ticket").await.data()["ticket"].as_str().unwrap().to_owned();
    ada.get(&format!("/ws?ticket={ticket}")).refused(426).await;
    // A failure of ours, too.
    world.sql("ALTER TABLE project_tags RENAME TO elsewhere", &[]).await;
    let broken = ada.post(&format!("/projects/{project}/tags")).json(json!({ "name": "cormorant" })).refused(500).await;
    world.drain().await;
    world.cron().await;

    let id = broken.header("x-request-id").to_owned();
    let logged = async || world.logs().await.iter().filter(|line| line.contains(&id)).count() == 2;
    world.eventually("the failure and its cause are logged", logged).await;
    let logs = world.logs().await.join("\n").to_lowercase();
    assert!(logs.contains("\"about\":\"queue\"") && logs.contains("\"about\":\"cron\""));
    let (signature, session) = (file.split("signature=").nth(1).unwrap(), ada.session());
    let tokens = [ada.access_token.as_deref().unwrap(), &ada.refresh_token, &link, &ticket, signature, &session];
    let cookie = browser.cookie.as_deref().unwrap();
    let secrets = tokens.into_iter().chain([cookie, CANARY, &ada.email, &ada.ip, &bob.ip, PASSWORD]);
    for secret in secrets {
        assert!(!logs.contains(&secret.to_lowercase()), "'{secret}' is logged");
    }
}

#[tokio::test]
async fn the_level_says_which_lines_are_written() {
    for (level, failures) in [("error", 2), ("off", 1)] {
        let world = World::with(&[("LOG_LEVEL", level)]).await;
        let ada = world.sign_up("ada").await;
        let project = ada.project("Launch").await;
        world.sql("ALTER TABLE project_tags RENAME TO elsewhere", &[]).await;
        let broken = ada.post(&format!("/projects/{project}/tags")).json(json!({ "name": "red" })).refused(500).await;
        let id = broken.header("x-request-id").to_owned();
        let logged = async || world.logs().await.iter().filter(|line| line.contains(&id)).count() == failures;
        world.eventually("the failure is logged", logged).await;
        let logs = world.logs().await;
        assert!(!logs.iter().any(|line| line.contains("\"level\":\"info\"")), "{logs:?}");
    }
}
