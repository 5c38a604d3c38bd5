//! Durable Objects, as nobody but a test can treat them.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::Person;
use super::world::Inner;

impl Inner {
    pub async fn evict(&self, class: &str, object: &str) {
        self.run("evict", json!({ "class": class, "object": object })).await;
    }

    /// Whether there was anything to evict: the runtime ends idle objects, too.
    pub async fn evict_if_running(&self, class: &str, object: &str) -> bool {
        let evict = json!({ "class": class, "object": object, "if_running": true });
        self.run("evict", evict).await == true
    }

    /// The object forgets all it has in memory, but its sockets stay.
    pub async fn hibernate(&self, class: &str, object: &str) {
        self.run("evict", json!({ "class": class, "object": object, "sockets": "hibernate" })).await;
    }

    /// Publishes so many messages on a channel at once, past the queue.
    pub async fn flood(&self, channel: &str, member: i64, text: &str, count: usize) {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time after 1970");
        let now =
            i64::try_from(now.as_millis()).ok().and_then(chrono::DateTime::from_timestamp_millis).expect("a time");
        let now = now.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let messages = (0..count).map(|_| {
            let id = format!("0198c5f2-7d3a-7c41-9b52-{:012x}", NEXT.fetch_add(1, Ordering::Relaxed));
            json!({ "id": id, "kind": "test.said", "data": { "text": text }, "at": now })
        });
        let publish = json!({ "publish": { "messages": messages.collect::<Vec<_>>(), "audience": [member] } });
        self.run("ask", json!({ "binding": "CHANNELS", "object": channel, "question": publish })).await;
    }

    /// The channel fails until it is unjammed.
    pub async fn jam(&self, channel: &str) {
        self.run("ask", json!({ "binding": "CHANNELS", "object": channel, "question": "jam" })).await;
    }

    pub async fn unjam(&self, channel: &str) {
        self.run("ask", json!({ "binding": "CHANNELS", "object": channel, "question": "unjam" })).await;
    }

    /// How many sockets someone has open, as the service sees it.
    pub async fn sockets_open(&self, person: &Person) -> u64 {
        let asked = json!({ "binding": "SOCKETS", "object": person.id().to_string(), "question": "count" });
        self.run("ask", asked).await["open"].as_u64().expect("a number")
    }
}
