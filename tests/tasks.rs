//! What there is to do in a project.

mod activity;
mod crud;
mod dependencies;
mod edits;
mod labels;
mod lists;
mod races;

pub use crate::support::*;

pub const NOWHERE: &str = "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77";

/// Ada's project, with Bob on its team.
pub struct Team {
    pub world: World,
    pub ada: Person,
    pub bob: Person,
    pub project: String,
    /// Where its tasks are.
    pub tasks: String,
}

impl Team {
    pub async fn new() -> Team {
        Team::of(World::new().await).await
    }

    pub async fn of(world: World) -> Team {
        let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
        let project = ada.project("Launch").await;
        world.add_member(&project, &bob).await;
        let tasks = format!("/projects/{project}/tasks");
        Team { world, ada, bob, project, tasks }
    }

    /// A task of Ada's.
    pub async fn create(&self, body: Value) -> Value {
        self.ada.post(&self.tasks).json(body).status(201).await.data().clone()
    }

    /// The id of a new label.
    pub async fn label(&self, name: &str) -> String {
        let reply = self.ada.post(&format!("{}/labels", self.tasks)).json(json!({ "name": name })).status(201).await;
        id(reply.data()).to_owned()
    }

    pub fn path(&self, task: &Value) -> String {
        format!("{}/{}", self.tasks, id(task))
    }

    pub async fn read(&self, task: &Value) -> Value {
        self.ada.get(&self.path(task)).await.data().clone()
    }

    pub async fn events(&self, kind: &str) -> Vec<Value> {
        let rows = "SELECT * FROM events WHERE kind = ?1 ORDER BY id";
        self.world.sql(rows, &[json!(kind)]).await
    }
}

#[track_caller]
pub fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}"))
}

/// What an event says of what happened.
#[track_caller]
pub fn said(event: &Value) -> Value {
    serde_json::from_str(event["data"].as_str().unwrap()).unwrap()
}

/// How often each status came.
pub fn statuses(replies: &[Reply]) -> Vec<u16> {
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    statuses
}
