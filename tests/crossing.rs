//! Two teams share a service and nothing else.

use reqwest::Method;

use crate::support::*;

/// A team with one of everything, and a word that stands in all it wrote.
struct Camp {
    word: &'static str,
    owner: Person,
    member: Person,
    /// What stands for each name in a route's path.
    ids: Vec<(&'static str, String)>,
}

impl Camp {
    async fn pitch(world: &World, word: &'static str, names: [&str; 3]) -> Camp {
        let [mut owner, mut member, guest] = names.map(|name| world.stranger(name));
        for person in [&mut owner, &mut member] {
            person.register().await;
            person.log_in().await;
        }
        let id = |reply: Reply| reply.data()["id"].as_str().unwrap().to_owned();
        let project = owner.project(&format!("The {word} project")).await;
        let path = format!("/projects/{project}");
        world.add_member(&project, &member).await;
        let invite = owner.post(&format!("{path}/team/invite")).json(json!({ "email": guest.email })).await;
        let tag = owner.post(&format!("{path}/tags")).json(json!({ "name": format!("{word} tag") })).await;
        let label = owner.post(&format!("{path}/tasks/labels")).json(json!({ "name": format!("{word} label") })).await;
        let label = id(label);
        let task = json!({ "title": format!("A {word} task"), "description": format!("About {word}s."),
            "assignee_id": member.id(), "label_ids": [label] });
        let task = id(owner.post(&format!("{path}/tasks")).json(task).await);
        let other = owner.task(&project, &format!("Another {word} task")).await;
        owner.post(&format!("{path}/tasks/{task}/depends-on/{other}")).await;
        let attachments = format!("{path}/tasks/{task}/attachments");
        let link = json!({ "external_url": format!("https://example.com/{word}"), "filename": format!("{word}.txt") });
        let attachment = id(owner.post(&attachments).json(link).await);
        let comment = json!({ "entity_type": "task", "entity_id": task, "body": format!("So {word}!") });
        let comment = id(owner.post(&format!("{path}/comments")).json(comment).await);
        let key = id(owner.post("/api-keys").json(json!({ "name": format!("{word} key") })).await);
        let hook = json!({ "project_id": project, "url": Receiver::nobody().await, "events": ["project.deleted"] });
        let webhook = id(owner.post("/webhooks").json(hook).await);
        let tested = owner.post(&format!("/webhooks/{webhook}/test")).refused(502).await;
        let delivery = tested.json["error"]["details"]["delivery_id"].as_str().unwrap().to_owned();
        let question = owner.post("/support/question").json(json!({ "question": format!("Is a {word} rare?") })).await;
        let question = question.data()["question_id"].as_str().unwrap().to_owned();
        let document = world.plant_doc(&project).await;
        let page = json!({ "files": [{ "path": "index.html", "contents": format!("{word}.") }], "platform": "ios" });
        let preview = id(owner.post(&format!("{path}/previews/request")).json(page).await);
        let ids = vec![
            ("{job_id}", preview),
            ("{document_id}", document),
            ("{webhook_id}", webhook),
            ("{delivery_id}", delivery),
            ("{api_key_id}", key),
            ("{project_id}", project),
            ("{user_id}", member.id().to_string()),
            ("{invite_id}", id(invite)),
            ("{tag_id}", id(tag)),
            ("{label_id}", label),
            ("{task_id}", task),
            ("{other_task_id}", other),
            ("{attachment_id}", attachment),
            ("{comment_id}", comment),
            ("{session_id}", member.session()),
            ("{question_id}", question),
        ];
        Camp { word, owner, member, ids }
    }

    fn id(&self, name: &str) -> &str {
        self.ids.iter().find(|(known, _)| *known == name).map(|(_, id)| id.as_str()).unwrap_or_else(|| panic!("{name}"))
    }

    fn shows_in(&self, text: &str) -> bool {
        let ids = self.ids.iter().filter(|(name, _)| *name != "{user_id}").map(|(_, id)| id.as_str());
        [self.word, &self.owner.email, &self.member.email].into_iter().chain(ids).any(|sign| text.contains(sign))
    }
}

/// The names in braces.
fn names(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| part.starts_with('{')).collect()
}

fn filled(path: &str, id: impl Fn(usize, &str) -> String) -> String {
    let documents = path.contains("/ai-docs/");
    names(path).into_iter().enumerate().fold(path.to_owned(), |path, (at, name)| {
        let kind = if name == "{job_id}" && documents { "{document_id}" } else { name };
        path.replacen(name, &id(at, kind), 1)
    })
}

async fn camps(world: &World) -> [Camp; 2] {
    let camps = [
        Camp::pitch(world, "aardvark", ["ada", "abe", "ann"]).await,
        Camp::pitch(world, "wombat", ["wil", "wes", "win"]).await,
    ];
    world.drain().await;
    camps
}

#[tokio::test]
async fn no_path_leads_into_another_teams_things() {
    let world = World::new().await;
    let [theirs, ours] = camps(&world).await;
    let before = world.sql("SELECT name FROM projects UNION ALL SELECT title FROM tasks UNION ALL SELECT body FROM comments ORDER BY 1", &[]).await;
    let mut tried = 0;
    // What a link, a token or a signature opens has no team, and operators have none; a file's hash is nobody's.
    let is_own = |path: &str| {
        let open = ["/ws/", "/files/", "/previews/", "/workers/", "/admin/"].iter().any(|part| path.starts_with(part));
        !open && !path.contains("{sha256}")
    };
    for route in routes().into_iter().filter(|route| !names(&route.path).is_empty() && is_own(&route.path)) {
        let method = Method::from_bytes(route.method.to_uppercase().as_bytes()).unwrap();
        // Every way to put theirs in the place of ours.
        for mask in 1..1 << names(&route.path).len() {
            let path =
                filled(&route.path, |at, name| if mask >> at & 1 == 1 { &theirs } else { &ours }.id(name).to_owned());
            for person in [&ours.owner, &ours.member] {
                let reply = person.call(method.clone(), &path).json(json!({})).refused(404).await;
                assert!(!theirs.shows_in(reply.text.replace(&path, "").as_str()), "{} {}", route.line(), reply.text);
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried}");
    let after = world.sql("SELECT name FROM projects UNION ALL SELECT title FROM tasks UNION ALL SELECT body FROM comments ORDER BY 1", &[]).await;
    assert_eq!(before, after);
}

#[tokio::test]
async fn nothing_a_team_reads_shows_the_other() {
    let world = World::new().await;
    let [theirs, ours] = camps(&world).await;
    let (mut read, mut shown) = (0, 0);
    for route in routes().into_iter().filter(|route| route.method == "get" && !route.path.starts_with("/ws")) {
        if ["/files/", "/previews/", "/workers/", "/admin/export/"].iter().any(|part| route.path.starts_with(part)) {
            continue;
        }
        let path = filled(&route.path, |_, name| ours.id(name).to_owned());
        for person in [&ours.owner, &ours.member] {
            for query in ["", "?q=wombat", "?q=aardvark", "?q=a", "?search=aardvark", "?entity_type=task"] {
                let reply = person.get(&format!("{path}{query}")).any().await;
                assert!(!theirs.shows_in(&reply.text), "{}{query}: {}", route.line(), reply.text);
                shown += usize::from(ours.shows_in(&reply.text));
                read += 1;
            }
        }
    }
    assert!(read > 100 && shown > 40, "{shown} of {read}");
}

#[tokio::test]
async fn no_socket_hears_the_other_team() {
    let world = World::new().await;
    let [theirs, ours] = camps(&world).await;
    let (project, mut socket) = (theirs.id("{project_id}"), ours.member.listen().await);
    for (channel, code) in
        [(format!("project:{project}"), "PROJECT_NOT_FOUND"), (format!("user:{}", theirs.member.id()), "NOT_FOUND")]
    {
        socket.subscribe(&channel, Some(0)).await;
        assert_eq!(socket.next().await["code"], code);
    }
    socket.subscribe(&format!("project:{}", ours.id("{project_id}")), Some(0)).await;
    socket.skip_to("subscribed").await;
    let path = format!("/projects/{project}");
    theirs.owner.patch(&format!("{path}/tasks/{}", theirs.id("{task_id}"))).json(json!({ "status": "done" })).await;
    theirs.member.post(&format!("{path}/comments")).json(json!({ "body": "aardvark" })).status(201).await;
    world.drain().await;
    let ours_done = json!({ "status": "done" });
    let path = format!("/projects/{}/tasks/{}", ours.id("{project_id}"), ours.id("{task_id}"));
    ours.owner.patch(&path).json(ours_done).await;
    loop {
        let message = socket.next().await;
        assert!(!theirs.shows_in(&message.to_string()), "{message}");
        if message["type"] == "task.completed" {
            break;
        }
    }
}
