//! Every route once, with what it takes to succeed.

use lemonsqueezy_stand_in::Delivery;
use reqwest::Method;

use super::drawing::Drawing;
use crate::support::*;

/// A route with what it takes to succeed.
pub struct Step {
    pub who: Person,
    pub route: Route,
    pub path: String,
    pub body: Option<Value>,
    /// What the payment provider's webhook carries.
    pub signed: Option<Delivery>,
    /// A body that is no JSON of a user's, and what stands above it.
    pub raw: Option<Raw>,
}

#[derive(Clone)]
pub struct Raw {
    pub bytes: Vec<u8>,
    pub headers: Vec<(&'static str, String)>,
    /// Whether it is a worker's, who signs it.
    pub by_worker: bool,
}

impl Step {
    pub fn call_as(&self, who: &Person) -> Call {
        let method = Method::from_bytes(self.route.method.to_uppercase().as_bytes()).unwrap();
        let call = who.call(method, &self.path);
        if self.is_socket() {
            let key = "dGhlIHNhbXBsZSBub25jZQ==";
            let call = call.header("connection", "upgrade").header("upgrade", "websocket");
            return call.header("sec-websocket-version", "13").header("sec-websocket-key", key);
        }
        if let Some(Delivery { event, body, signature, .. }) = &self.signed {
            return call.header("x-event-name", event).header("x-signature", signature).body(body.clone());
        }
        if let Some(Raw { bytes, headers, by_worker }) = &self.raw {
            let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
            return if *by_worker { sign(call, &who.world, "machine-1", &bytes[..]) } else { call.body(&bytes[..]) };
        }
        match &self.body {
            Some(body) => call.json(body.clone()),
            None => call,
        }
    }

    pub fn call(&self) -> Call {
        self.call_as(&self.who)
    }

    pub fn has_id(&self) -> bool {
        self.route.path.contains('{') && !self.is_socket()
    }

    pub fn is_socket(&self) -> bool {
        self.route.method == "get" && self.route.path.starts_with("/ws")
    }
}

/// Every route once, in an order in which all of them succeed. A new route is added here.
pub async fn steps(shop: &Shop) -> Vec<Step> {
    let world = &shop.world;
    let ada = world.sign_up("ada").await;
    let (phone, tablet) = (ada.on_another_device().await, ada.on_another_device().await);
    let project = ada.project("Launch").await;
    let tag = ada.post(&format!("/projects/{project}/tags")).json(json!({ "name": "red" })).await;
    let tag = tag.data()["id"].as_str().unwrap().to_owned();
    let label = ada.post(&format!("/projects/{project}/tasks/labels")).json(json!({ "name": "bug" })).await;
    let label = label.data()["id"].as_str().unwrap().to_owned();
    let (task, other_task) = (ada.task(&project, "Write").await, ada.task(&project, "Read").await);
    let attachments = format!("/projects/{project}/tasks/{task}/attachments");
    let attachment = ada.post(&attachments).upload("sketch.txt", "a sketch").await.data().clone();
    let (_, signed_query) = attachment["url"].as_str().unwrap().split_once('?').unwrap();
    let attachment = attachment["id"].as_str().unwrap().to_owned();
    let comment = ada.post(&format!("/projects/{project}/comments")).json(json!({ "body": "First." })).await;
    let comment = comment.data()["id"].as_str().unwrap().to_owned();
    let doc = world.plant_doc(&project).await;
    let question = ada.post("/support/question").json(json!({ "question": "How do I log in?" })).await;
    let question = question.data()["question_id"].as_str().unwrap().to_owned();
    let escalated = ada.post("/support/question").json(json!({ "question": "Xyzzy?" })).await;
    let escalated = escalated.data()["question_id"].as_str().unwrap().to_owned();
    let (dan, eli) = (world.sign_up("dan").await, world.sign_up("eli").await);
    let [accepted, declined] = [world.invite(&ada, &project, &dan).await, world.invite(&ada, &project, &eli).await];
    let (bea, _) = shop.subscriber("bea", "pro", "monthly").await;
    let revoked = world.invite(&ada, &project, &bea).await;
    let (cyd, receipt) = shop.unheard_buyer("cyd").await;
    let [key, spare] = ["CI", "Spare"].map(|name| ada.post("/api-keys").json(json!({ "name": name })).status(201));
    let id = |made: Reply| made.data()["id"].as_str().unwrap().to_owned();
    let (key, spare) = (id(key.await), id(spare.await));
    let receiver = Receiver::good().await;
    let hook =
        json!({ "project_id": project, "url": receiver.url, "events": ["project.deleted"], "description": "One" });
    let webhook = ada.post("/webhooks").json(hook.clone()).await.data()["id"].as_str().unwrap().to_owned();
    let tested = ada.post(&format!("/webhooks/{webhook}/test")).await;
    let delivery = tested.data()["delivery_id"].as_str().unwrap().to_owned();
    let hook_patch = json!({ "url": receiver.url, "events": ["*"], "is_active": true, "description": null });
    let rotation = json!({ "overlap_seconds": 60 });
    let range = json!({ "after": "2026-01-01", "before": "2026-01-02", "only_failed": true });
    let project_id = project.clone();
    let drawing = Drawing::begin(world, &ada, &project).await;
    let refresh = json!({ "refresh_token": ada.refresh_token });
    let (_, token) = ada.login_link().await;
    let ids = [
        ("{action}", "previews".to_owned()),
        ("{session_id}", tablet.session()),
        ("{api_key_id}/regenerate", format!("{key}/regenerate")),
        ("{api_key_id}", spare),
        ("ai-docs/jobs/{job_id}", format!("ai-docs/jobs/{doc}")),
        ("{project_id}", project),
        ("{sha256}", drawing.sha256.clone()),
        ("{job_id}/cancel", format!("{}/cancel", drawing.waiting)),
        ("{job_id}/artifacts/{name}", format!("{}/artifacts/iphone-15-2.png", drawing.running)),
        ("{job_id}/{name}", drawing.shown.clone()),
        ("{file_id}", drawing.file.clone()),
        ("{job_id}", drawing.drawn.clone()),
        ("{tag_id}", tag),
        ("{label_id}", label.clone()),
        ("{task_id}", task),
        ("{other_task_id}", other_task),
        ("{comment_id}", comment.clone()),
        ("{attachment_id}", attachment),
        ("{user_id}", dan.id().to_string()),
        ("{invite_id}/accept", format!("{accepted}/accept")),
        ("{invite_id}/decline", format!("{declined}/decline")),
        ("{invite_id}", revoked),
        ("{type}", "users".into()),
        ("{webhook_id}", webhook),
        ("{delivery_id}", delivery),
        ("admin/questions/{question_id}", format!("admin/questions/{escalated}")),
        ("{question_id}", question),
    ];
    // What its webhooks say of what these do comes too late to matter.
    shop.provider.hold(true);
    let webhook = Delivery::signed("order_created", b"{}".to_vec(), WEBHOOK_SECRET);
    let task_patch = json!({ "title": "Write 2", "description": null, "status": "done", "assignee_id": ada.id(),
        "due_date": "2026-03-01", "label_ids": [label] });
    let task_body = json!({ "title": "Third", "description": "words", "status": "open", "assignee_id": ada.id(),
        "due_date": "2026-03-01T09:30:00+01:00", "label_ids": [label] });
    let end = chrono::DateTime::from_timestamp_millis(world.clock().now() + 30 * 86_400_000).unwrap();
    let key_body = json!({ "name": "Another", "scopes": ["read", "write"], "expires_at": end.to_rfc3339() });
    let checkout = json!({ "tier": "pro", "billing_cycle": "yearly" });
    let login = json!({ "email": ada.email, "password": PASSWORD });
    let step = |who: &Person, line: &str, body: Option<Value>| {
        let (method, path) = line.split_once(' ').unwrap();
        let found = routes().into_iter().find(|route| route.line() == line);
        let route = found.unwrap_or_else(|| panic!("{method} {path} is not in src/routes.rs"));
        let path = ids.iter().fold(route.path.clone(), |path, (name, id)| path.replace(name, id));
        Step { who: who.clone(), route, path, body, signed: None, raw: None }
    };
    let code_comment = json!({ "entity_type": "code", "entity_id": "src/main.rs", "body": "Here." });
    let search = |line: &str| {
        let step = step(&ada, line, None);
        Step { path: format!("{}?q=launch", step.path), ..step }
    };
    let nobody = world.anonymous();
    let raw = |line: &str, raw: Raw| {
        let who = if raw.by_worker { &nobody } else { &ada };
        Step { raw: Some(raw), ..step(who, line, None) }
    };
    let root = world.operator("root").await;
    let download = step(&nobody, "GET /files/{attachment_id}", None);
    let hooks = step(&ada, "GET /webhooks", None);
    let linked = json!({ "external_url": "https://example.com/a.png", "filename": "a.png" });
    vec![
        step(&nobody, "GET /health", None),
        step(&nobody, "GET /monitoring/health", None),
        step(&root, "GET /monitoring/metrics", None),
        step(&nobody, "POST /auth/register", Some(json!({ "email": "new@example.com", "password": PASSWORD }))),
        step(&nobody, "POST /auth/login", Some(login)),
        step(&nobody, "POST /auth/refresh", Some(refresh)),
        step(&ada, "POST /auth/session-token", None),
        step(&nobody, "POST /auth/session-exchange", Some(json!({ "token": token }))),
        step(&ada, "GET /auth/me", None),
        step(&ada, "GET /auth/sessions", None),
        step(&ada, "DELETE /auth/sessions/{session_id}", None),
        step(&phone, "POST /auth/logout", None),
        step(&ada, "GET /api-keys", None),
        step(&ada, "POST /api-keys", Some(key_body)),
        step(&ada, "POST /api-keys/{api_key_id}/regenerate", Some(json!({ "overlap_seconds": 60 }))),
        step(&ada, "DELETE /api-keys/{api_key_id}", None),
        step(&ada, "GET /user/me", None),
        step(&nobody, "GET /billing/plans", None),
        step(&ada, "GET /billing/status", None),
        step(&ada, "POST /billing/start-checkout", Some(checkout)),
        step(&cyd, "POST /billing/confirm", Some(receipt)),
        step(&bea, "GET /billing/portal", None),
        step(&bea, "POST /billing/cancel", None),
        step(&bea, "POST /billing/resume", None),
        Step { signed: Some(webhook), ..step(&nobody, "POST /billing/webhook", None) },
        step(&ada, "GET /profile", None),
        step(&ada, "PATCH /profile", Some(json!({ "display_name": "Ada", "preferences": { "theme": "dark" } }))),
        step(&ada, "GET /projects", None),
        step(&ada, "POST /projects", Some(json!({ "name": "Other", "description": "words" }))),
        step(&ada, "GET /projects/templates", None),
        step(&ada, "POST /projects/from-template", Some(json!({ "template_id": "bug-tracker", "name": "Bugs" }))),
        step(&ada, "GET /projects/{project_id}", None),
        step(&ada, "PATCH /projects/{project_id}", Some(json!({ "name": "Launch 2" }))),
        step(&ada, "POST /projects/{project_id}/favorite", None),
        step(&ada, "DELETE /projects/{project_id}/favorite", None),
        step(&ada, "GET /projects/{project_id}/tags", None),
        step(&ada, "POST /projects/{project_id}/tags", Some(json!({ "name": "blue", "color": "#0000ff" }))),
        step(&ada, "DELETE /projects/{project_id}/tags/{tag_id}", None),
        step(&ada, "GET /projects/{project_id}/tasks/{task_id}/attachments", None),
        step(&ada, "POST /projects/{project_id}/tasks/{task_id}/attachments", Some(linked)),
        Step { path: format!("{}?{signed_query}", download.path), ..download },
        step(&ada, "DELETE /projects/{project_id}/tasks/{task_id}/attachments/{attachment_id}", None),
        search("GET /search/projects"),
        search("GET /search/tasks"),
        search("GET /search/comments"),
        Step { path: format!("{}?project_id={project_id}", hooks.path), ..hooks },
        step(&ada, "POST /webhooks", Some(hook)),
        step(&ada, "GET /webhooks/{webhook_id}", None),
        step(&ada, "PATCH /webhooks/{webhook_id}", Some(hook_patch)),
        step(&ada, "POST /webhooks/{webhook_id}/rotate-secret", Some(rotation)),
        step(&ada, "POST /webhooks/{webhook_id}/test", None),
        step(&ada, "POST /webhooks/{webhook_id}/replay", Some(range)),
        step(&ada, "GET /webhooks/{webhook_id}/deliveries", None),
        step(&ada, "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/replay", None),
        step(&ada, "DELETE /webhooks/{webhook_id}", None),
        step(&ada, "POST /ws/ticket", None),
        step(&ada, "GET /ws", None),
        step(&ada, "GET /ws/{client_id}", None),
        step(&ada, "POST /projects/{project_id}/team/invite", Some(json!({ "email": "fay@example.com" }))),
        step(&ada, "GET /projects/{project_id}/team/invites", None),
        step(&ada, "DELETE /projects/{project_id}/team/invites/{invite_id}", None),
        step(&dan, "GET /invites", None),
        step(&dan, "POST /invites/{invite_id}/accept", None),
        step(&eli, "POST /invites/{invite_id}/decline", None),
        step(&ada, "GET /projects/{project_id}/team", None),
        step(&ada, "DELETE /projects/{project_id}/team/{user_id}", None),
        step(&ada, "GET /projects/{project_id}/tasks", None),
        step(&ada, "POST /projects/{project_id}/tasks", Some(task_body)),
        step(&ada, "GET /projects/{project_id}/tasks/labels", None),
        step(&ada, "POST /projects/{project_id}/tasks/labels", Some(json!({ "name": "chore", "color": "#0000ff" }))),
        step(&ada, "GET /projects/{project_id}/tasks/{task_id}", None),
        step(&ada, "PATCH /projects/{project_id}/tasks/{task_id}", Some(task_patch)),
        step(&ada, "POST /projects/{project_id}/tasks/{task_id}/depends-on/{other_task_id}", None),
        step(&ada, "DELETE /projects/{project_id}/tasks/{task_id}/depends-on/{other_task_id}", None),
        step(&ada, "GET /projects/{project_id}/tasks/{task_id}/activity", None),
        step(&ada, "DELETE /projects/{project_id}/tasks/labels/{label_id}", None),
        step(&ada, "DELETE /projects/{project_id}/tasks/{task_id}", None),
        step(&ada, "GET /projects/{project_id}/comments", None),
        step(&ada, "POST /projects/{project_id}/comments", Some(code_comment)),
        step(&ada, "PATCH /projects/{project_id}/comments/{comment_id}", Some(json!({ "body": "First!" }))),
        step(&ada, "POST /projects/{project_id}/comments/{comment_id}/star", None),
        step(&ada, "DELETE /projects/{project_id}/comments/{comment_id}/star", None),
        step(&ada, "DELETE /projects/{project_id}/comments/{comment_id}", None),
        step(&ada, "POST /projects/{project_id}/previews/request", Some(drawing.body.clone())),
        raw("PUT /projects/{project_id}/previews/files/{sha256}", drawing.upload.clone()),
        step(&ada, "GET /projects/{project_id}/previews/jobs", None),
        step(&ada, "GET /projects/{project_id}/previews/jobs/{job_id}", None),
        step(&ada, "GET /projects/{project_id}/previews/jobs/{job_id}/artifact", None),
        step(&ada, "POST /projects/{project_id}/previews/jobs/{job_id}/cancel", None),
        step(&nobody, "GET /previews/{job_id}/{name}", None),
        raw("POST /workers/heartbeat", drawing.heartbeat.clone()),
        raw("POST /workers/claim", drawing.claim.clone()),
        step(&nobody, "GET /workers/files/{file_id}", None),
        raw("PUT /workers/jobs/{job_id}/artifacts/{name}", drawing.picture.clone()),
        raw("POST /workers/callback", drawing.callback.clone()),
        raw("POST /worker/callback", drawing.callback.clone()),
        step(&ada, "GET /notifications", None),
        step(&ada, "POST /notifications/mark-read", Some(json!({ "ids": [comment] }))),
        step(&ada, "POST /notifications/mark-all-read", None),
        step(&ada, "GET /notifications/settings", None),
        step(&ada, "PATCH /notifications/settings", Some(json!({ "mention": { "email": false } }))),
        step(&root, "GET /admin/overview", None),
        step(&root, "GET /admin/export/{type}", None),
        step(&root, "GET /admin/workers", None),
        step(&root, "GET /admin/queues", None),
        step(&root, "GET /admin/questions", None),
        step(&root, "GET /admin/questions/{question_id}", None),
        step(&root, "POST /admin/maintenance/{action}", Some(json!({ "on": true }))),
        step(&root, "GET /admin/logs/audit", None),
        step(&root, "GET /admin/logs/audit/verify", None),
        step(
            &ada,
            "POST /projects/{project_id}/ai-docs/request",
            Some(json!({ "path": "src/main.rs", "contents": "fn main() {}",
            "style": "long", "format": "diff", "language": "en" })),
        ),
        step(&ada, "GET /projects/{project_id}/ai-docs/jobs", None),
        step(&ada, "GET /projects/{project_id}/ai-docs/jobs/{job_id}", None),
        step(&ada, "POST /projects/{project_id}/ai-docs/jobs/{job_id}/cancel", None),
        step(&ada, "GET /projects/{project_id}/ai-docs/history", None),
        step(&ada, "GET /support/faq", None),
        step(&ada, "POST /support/question", Some(json!({ "question": "How do I log in?" }))),
        step(&ada, "GET /support/questions/{question_id}", None),
        step(&ada, "POST /support/questions/{question_id}/feedback", Some(json!({ "helpful": true }))),
        step(&ada, "DELETE /projects/{project_id}", None),
    ]
}
