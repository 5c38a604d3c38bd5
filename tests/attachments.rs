//! Files on tasks.

mod downloads;
mod limits;
mod links;
mod memory;
mod orphans;
mod uploads;

use crate::support::*;

pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on";

/// Ada with a task of hers.
pub struct Desk {
    pub world: World,
    pub ada: Person,
    pub project: String,
    pub task: String,
    /// Of its attachments.
    pub path: String,
}

impl Desk {
    pub async fn new() -> Desk {
        Desk::at(World::new().await).await
    }

    pub async fn at(world: World) -> Desk {
        let ada = world.sign_up("ada").await;
        let project = ada.project("Launch").await;
        let task = world.plant_task(&project, "Sketch it").await;
        let path = format!("/projects/{project}/tasks/{task}/attachments");
        Desk { world, ada, project, task, path }
    }

    /// An attachment with this content, as it is answered.
    pub async fn attach(&self, name: &str, content: impl AsRef<[u8]>) -> Value {
        self.ada.post(&self.path).upload(name, content).status(201).await.data().clone()
    }

    pub async fn rows(&self) -> i64 {
        self.world.one("SELECT count(*) FROM task_attachments", &[]).await.as_i64().unwrap()
    }

    /// Where an attachment's file is stored.
    pub fn key(&self, attachment: &Value) -> String {
        format!("attachments/{}/{}/{}", self.project, self.task, id(attachment))
    }

    /// Neither a row nor a file.
    pub async fn is_empty(&self) -> bool {
        self.rows().await == 0 && self.world.files().await.is_empty()
    }
}

pub fn id(attachment: &Value) -> &str {
    attachment["id"].as_str().expect("an id")
}

/// The path and query of an attachment's link, below the API's base.
pub fn link(attachment: &Value) -> String {
    let url = attachment["url"].as_str().expect("a url");
    url.split_once("/api/v1").expect("a link of ours").1.to_owned()
}

/// Bytes that repeat nowhere soon.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
