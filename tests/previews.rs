//! Previews, from the request to the picture.

mod artifacts;
mod cancel;
mod drawn;
mod files;
mod left;
mod limits;
mod requests;
mod told;

use crate::support::*;

/// Ada with a project, and a machine that could draw it.
pub struct Studio {
    pub world: World,
    pub ada: Person,
    pub machine: Machine,
    pub project: String,
    /// Of its previews.
    pub path: String,
}

impl Studio {
    pub async fn new() -> Studio {
        Studio::at(World::new().await).await
    }

    pub async fn at(world: World) -> Studio {
        let ada = world.sign_up("ada").await;
        let project = ada.project("Launch").await;
        let machine = Machine::new(&world, "machine-1");
        let path = format!("/projects/{project}/previews");
        Studio { world, ada, machine, project, path }
    }

    pub fn ask(&self, who: &Person, body: Value) -> Call {
        who.post(&format!("{}/request", self.path)).json(body)
    }

    /// A preview of Ada's, and its id.
    pub async fn request(&self) -> String {
        self.ask(&self.ada, page()).status(201).await.data()["id"].as_str().unwrap().into()
    }

    pub async fn get(&self, job: &str) -> Value {
        self.ada.get(&format!("{}/jobs/{job}", self.path)).await.data().clone()
    }

    pub async fn status(&self, job: &str) -> String {
        self.get(job).await["status"].as_str().unwrap().into()
    }

    /// Time passes, and Ada logs in anew.
    pub async fn later(&mut self, seconds: u64) {
        self.world.clock().advance(Duration::from_secs(seconds));
        self.ada.log_in().await;
    }

    pub fn artifact(&self, job: &str) -> Call {
        self.ada.get(&format!("{}/jobs/{job}/artifact", self.path))
    }

    pub fn cancel(&self, who: &Person, job: &str) -> Call {
        who.post(&format!("{}/jobs/{job}/cancel", self.path))
    }

    /// The kinds of events a job had.
    pub async fn steps(&self, job: &str) -> Vec<String> {
        let events =
            self.world.sql("SELECT kind FROM events WHERE entity_id = ?1 ORDER BY created_at, id", &[json!(job)]).await;
        pluck(&events, "kind").into_iter().map(|kind| kind.rsplit('.').next().unwrap().to_owned()).collect()
    }
}

/// The smallest request there is.
pub fn page() -> Value {
    json!({ "files": [{ "path": "index.html", "contents": "<h1>Launch</h1>" }], "platform": "ios" })
}

pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    format!("{:x}", sha2::Sha256::digest(bytes))
}

/// A link's path and query, below the API's base.
pub fn below(url: &Value) -> String {
    url.as_str().expect("a url").split_once("/api/v1").expect("a link of ours").1.to_owned()
}
