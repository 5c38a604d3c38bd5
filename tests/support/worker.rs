//! A preview worker as the service sees one: it signs, claims, brings and tells.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex};

use hmac::{Hmac, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use super::world::WORKER_SECRET;
use super::{Call, Person, Reply, World};

pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on";

#[derive(Clone)]
pub struct Machine {
    pub name: String,
    who: Person,
}

pub fn signature(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Signs a call's body, as this worker. In one world no signature is made twice: what says the same says another time.
pub fn sign(call: Call, world: &World, worker: &str, body: impl Into<Vec<u8>>) -> Call {
    static MADE: LazyLock<Mutex<HashSet<(String, String)>>> = LazyLock::new(Mutex::default);
    let (body, now) = (body.into(), world.clock().now() / 1000);
    let times = (0..240).map(|ago| (now - ago).to_string());
    let mut signed = times.map(|time| (signature(WORKER_SECRET, &time, &body), time));
    let is_new = |signature: &str| MADE.lock().unwrap().insert((world.url(0), signature.to_owned()));
    let (signature, timestamp) = signed.find(|(signature, _)| is_new(signature)).expect("a time that is left");
    call.header("x-hs-timestamp", timestamp)
        .header("x-hs-worker", worker)
        .header("x-hs-signature", signature)
        .body(body)
}

impl Machine {
    pub fn new(world: &World, name: &str) -> Machine {
        Machine { name: name.into(), who: world.anonymous() }
    }

    pub fn post(&self, path: &str, body: Value) -> Call {
        let call = self.who.post(path).header("content-type", "application/json");
        sign(call, &self.who.world, &self.name, body.to_string())
    }

    pub fn heartbeat(&self, running: &[&str]) -> Call {
        self.post("/workers/heartbeat", json!({ "type": "cpu", "metrics": { "load": 0.5 }, "running": running }))
    }

    pub fn claim(&self, wait_seconds: u32) -> Call {
        self.post("/workers/claim", json!({ "kinds": ["preview"], "wait_seconds": wait_seconds }))
    }

    /// A job there is.
    pub async fn take(&self) -> Value {
        self.claim(0).status(200).await.data().clone()
    }

    pub fn bring(&self, job: &Value, name: &str, content: &[u8]) -> Call {
        let path = format!("/workers/jobs/{}/artifacts/{name}", job["job_id"].as_str().unwrap());
        let kind = if name.ends_with(".json") { "application/json" } else { "image/png" };
        let call = self.who.call(Method::PUT, &path).header("content-type", kind);
        let call = call.header("x-hs-attempt", job["attempt_token"].as_str().unwrap());
        sign(call, &self.who.world, &self.name, content)
    }

    pub fn tell(&self, body: Value) -> Call {
        self.post("/workers/callback", body)
    }

    /// Brings the layout and a picture of each device, and gives what a success says of them.
    pub async fn draw(&self, job: &Value) -> Value {
        let key = |reply: Reply| reply.data()["key"].clone();
        let layout = key(self.bring(job, "layout.json", b"{}").status(201).await);
        let mut assets = Vec::new();
        for device in job["devices"].as_array().unwrap() {
            let name = format!("{}.png", device["name"].as_str().unwrap());
            assets.push(key(self.bring(job, &name, PNG).status(201).await));
        }
        json!({ "job_type": "preview", "job_id": job["job_id"], "attempt_token": job["attempt_token"],
            "status": "SUCCESS", "layout_json_key": layout, "asset_keys": assets, "warnings": ["Too long."] })
    }

    pub fn failure(&self, job: &Value, code: &str) -> Value {
        json!({ "job_type": "preview", "job_id": job["job_id"], "attempt_token": job["attempt_token"],
            "status": "FAIL", "error": { "code": code, "message": "It did not work." } })
    }

    /// From the queue to the picture.
    pub async fn finish_one(&self) -> Value {
        let job = self.take().await;
        let success = self.draw(&job).await;
        self.tell(success).status(200).await;
        job
    }
}
