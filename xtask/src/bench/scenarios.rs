//! What the Workers are asked for, and how much of it.

use anyhow::Result;

use super::contender::Running;
use super::load::request;
use super::rounds::Finding;
use super::{PASSWORD, upload};

/// The first of the users in bench/seed.sql who only log in.
const FIRST_LOGIN: usize = 3;
/// The reader's project with 200 tasks there.
const BUSY: usize = 1;
/// The writer's project there, with a team of 50.
pub const TEAM: usize = 2001;
/// Who commented on that project's first task, besides the writer.
const WATCHERS: usize = 20;

/// Who sends what.
pub struct Scenario {
    pub name: &'static str,
    pub connections: usize,
    /// Requests of one round.
    pub requests: usize,
    /// How much of the peer's processor time it may take; `None`: the peer cannot do it.
    pub allowed: Option<f64>,
    /// Whether something goes on after the answer.
    pub settles: bool,
    /// What the peer does not do for the same answer.
    pub more: Option<&'static str>,
    pub sends: Sends,
    /// What must have come of so many requests when all of it has settled.
    pub proof: Option<fn(&mut Running, usize) -> Result<Finding>>,
}

pub enum Sends {
    /// One request for each connection, again and again.
    Again(fn(&Tokens, usize) -> Vec<u8>),
    /// The payment provider's events.
    Events,
}

/// Access tokens of the user who reads and the one who writes.
pub struct Tokens {
    pub reader: String,
    pub writer: String,
}

const READ: Scenario = Scenario {
    name: "",
    connections: 8,
    requests: 400,
    allowed: Some(1.0),
    settles: false,
    more: None,
    sends: Sends::Events,
    proof: None,
};

const WRITE: Scenario = Scenario { settles: true, ..READ };

pub const SCENARIOS: [Scenario; 11] = [
    Scenario {
        name: "health",
        requests: 8_000,
        allowed: Some(1.3),
        sends: Sends::Again(|_, _| request("GET", "/api/v1/health", "", "")),
        ..READ
    },
    Scenario {
        name: "login",
        connections: 4,
        requests: 60,
        // Each connection a user of its own: five attempts at once lock one out.
        sends: Sends::Again(|_, n| request("POST", "/api/v1/auth/login", "", &credentials(FIRST_LOGIN + n))),
        ..WRITE
    },
    Scenario {
        name: "get project",
        requests: 1_500,
        sends: Sends::Again(|tokens, n| request("GET", &project(n + 1), &tokens.reader, "")),
        ..READ
    },
    Scenario {
        name: "list 50 projects",
        sends: Sends::Again(|tokens, _| request("GET", "/api/v1/projects?page_size=50", &tokens.reader, "")),
        ..READ
    },
    Scenario {
        name: "create project",
        requests: 600,
        more: Some("tells the project's channel"),
        sends: Sends::Again(|tokens, _| {
            let body = r#"{"name":"Launch in spring","description":"Everything for the first release."}"#;
            request("POST", "/api/v1/projects", &tokens.writer, body)
        }),
        ..WRITE
    },
    Scenario {
        name: "list 50 tasks",
        sends: Sends::Again(|tokens, _| {
            request("GET", &format!("{}/tasks?page_size=50", project(BUSY)), &tokens.reader, "")
        }),
        ..READ
    },
    Scenario {
        name: "create task",
        more: Some("tells the project's channel"),
        sends: Sends::Again(|tokens, n| {
            let body = format!(
                r#"{{"title":"Write the announcement","description":"Two paragraphs and a picture, for everyone who waits.","due_date":"2026-12-01","assignee_id":2,"label_ids":["{}","{}"]}}"#,
                label(TEAM, 1 + n % 2),
                label(TEAM, 3)
            );
            request("POST", &format!("{}/tasks", project(TEAM)), &tokens.writer, &body)
        }),
        ..WRITE
    },
    Scenario {
        name: "comment, 20 watchers",
        requests: 200,
        more: Some("tells 21 channels"),
        sends: Sends::Again(|tokens, _| {
            let body = format!(
                r#"{{"entity_type":"task","entity_id":"{}","body":"Done with the first half; the rest comes tomorrow."}}"#,
                task(TEAM, 1)
            );
            request("POST", &format!("{}/comments", project(TEAM)), &tokens.writer, &body)
        }),
        proof: Some(everyone_was_notified),
        ..WRITE
    },
    Scenario {
        name: "search tasks",
        sends: Sends::Again(|tokens, _| {
            request("GET", "/api/v1/search/tasks?q=announcement&page_size=20", &tokens.reader, "")
        }),
        ..READ
    },
    Scenario {
        name: upload::NAME,
        connections: 2,
        requests: 12,
        allowed: None,
        sends: Sends::Again(|tokens, _| {
            upload::request(&format!("{}/tasks/{}/attachments", project(TEAM), task(TEAM, 2)), &tokens.writer)
        }),
        ..WRITE
    },
    Scenario { name: "webhook intake", requests: 600, allowed: None, sends: Sends::Events, ..WRITE },
];

pub fn credentials(user: usize) -> String {
    format!(r#"{{"email":"user{user}@example.com","password":"{PASSWORD}"}}"#)
}

// What bench/seed.sql calls them.

pub fn project_id(project: usize) -> String {
    format!("0198c5f2-7d3a-7c41-9b52-{project:012x}")
}

pub fn project(project: usize) -> String {
    format!("/api/v1/projects/{}", project_id(project))
}

fn label(project: usize, number: usize) -> String {
    format!("0198c5f2-7d3c-7c41-8b52-{:012x}", project * 10 + number)
}

fn task(project: usize, number: usize) -> String {
    format!("0198c5f2-7d3d-7c41-8b52-{:012x}", project * 1000 + number)
}

/// Whether each comment notified each watcher once.
fn everyone_was_notified(running: &mut Running, comments: usize) -> Result<Finding> {
    running.wait_until_none("SELECT count(*) AS n FROM events WHERE delivered_at IS NULL")?;
    let made = running.count("SELECT count(*) AS n FROM notifications WHERE type = 'comment_added'")?;
    Ok(Finding { text: format!("{comments} comments, {made} notifications"), reached: made == comments * WATCHERS })
}
