//! Files documented by the AI provider, which a stand-in is.

mod ends;
mod limits;
mod requests;
mod runs;

use crate::support::*;

const CODE: &str = "fn main() {\n    serve(settings());\n}\n";

impl Thinking {
    /// Someone on the best plan, with a project.
    async fn author(&self, name: &str) -> (Person, String) {
        let person = self.world.sign_up(name).await;
        self.world.set_tier(&person, "premium").await;
        let project = person.project("Launch").await;
        (person, project)
    }
}

impl Person {
    fn ask_for_doc(&self, project: &str) -> Call {
        self.post(&format!("/projects/{project}/ai-docs/request"))
            .json(json!({ "path": "src/main.rs", "contents": CODE }))
    }

    async fn doc(&self, project: &str) -> String {
        let reply = self.ask_for_doc(project).status(201).await;
        reply.data()["id"].as_str().unwrap().into()
    }

    async fn job(&self, project: &str, id: &str) -> Value {
        self.get(&format!("/projects/{project}/ai-docs/jobs/{id}")).await.data().clone()
    }

    /// The job once it is so far.
    async fn job_in(&self, project: &str, id: &str, status: &str) -> Value {
        let world = self.world.clone();
        world.eventually(status, async || self.job(project, id).await["status"] == status).await;
        self.job(project, id).await
    }
}

impl World {
    /// What happened to a job, in order.
    async fn steps_of(&self, job: &str) -> Vec<String> {
        let events =
            self.sql("SELECT kind FROM events WHERE entity_id = ?1 ORDER BY created_at, id", &[json!(job)]).await;
        pluck(&events, "kind").into_iter().map(str::to_owned).collect()
    }

    async fn files_of(&self, job: &str) -> Vec<String> {
        self.files().await.into_iter().filter(|key| key.contains(job)).collect()
    }
}
