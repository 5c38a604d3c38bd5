mod disabled;
mod endpoints;
mod faults;
mod libraries;
mod replay;
mod retries;
mod secrets;
mod told;

use crate::support::*;

/// A webhook: its id, and its secret.
struct Hook {
    id: String,
    secret: String,
}

impl Hook {
    async fn on(owner: &Person, project: &str, url: &str, events: &[&str]) -> Hook {
        let body = json!({ "project_id": project, "url": url, "events": events });
        let made = owner.post("/webhooks").json(body).status(201).await;
        let text = |name: &str| made.data()[name].as_str().unwrap().to_owned();
        Hook { id: text("id"), secret: text("secret") }
    }

    fn path(&self) -> String {
        format!("/webhooks/{}", self.id)
    }

    async fn row(&self, world: &World) -> Value {
        world.sql("SELECT * FROM webhook_endpoints WHERE id = ?1", &[json!(self.id)]).await.remove(0)
    }

    /// Its deliveries, the earliest first.
    async fn deliveries(&self, world: &World) -> Vec<Value> {
        let query = "SELECT * FROM webhook_deliveries WHERE webhook_id = ?1 ORDER BY created_at, id";
        world.sql(query, &[json!(self.id)]).await
    }

    async fn attempts(&self, world: &World) -> Vec<Value> {
        let query = "SELECT a.* FROM webhook_attempts a JOIN webhook_deliveries d ON d.id = a.delivery_id WHERE d.webhook_id = ?1 ORDER BY a.at, a.n";
        world.sql(query, &[json!(self.id)]).await
    }

    /// Waits until so many attempts are written down.
    async fn tried(&self, world: &World, count: usize) -> Vec<Value> {
        world.eventually(&format!("{count} attempts"), async || self.attempts(world).await.len() >= count).await;
        self.attempts(world).await
    }
}

/// A world with a project of Ada's.
async fn launch() -> (World, Person, String) {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    (world, ada, project)
}

/// Time passes, and the cron looks who has slept through it.
async fn later(world: &World, seconds: u64) {
    world.clock().advance(Duration::from_secs(seconds));
    world.cron().await;
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
