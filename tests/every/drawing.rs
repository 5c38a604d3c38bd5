//! Previews in each state that a route needs, and what workers say of them.

use super::steps::Raw;
use crate::previews::{below, page, sha256};
use crate::support::*;

pub struct Drawing {
    pub body: Value,
    pub sha256: String,
    pub upload: Raw,
    /// Jobs that are done, run, and wait.
    pub drawn: String,
    pub running: String,
    pub waiting: String,
    /// The ends of addresses that need no session.
    pub shown: String,
    pub file: String,
    pub heartbeat: Raw,
    pub claim: Raw,
    pub picture: Raw,
    pub callback: Raw,
}

/// The rest of a link behind what its path begins with.
fn end(url: &Value, start: &str) -> String {
    below(url).strip_prefix(start).expect("an address of ours").to_owned()
}

fn signed(body: &Value) -> Raw {
    let headers = vec![("content-type", "application/json".to_owned())];
    Raw { bytes: body.to_string().into(), headers, by_worker: true }
}

impl Drawing {
    pub async fn begin(world: &World, ada: &Person, project: &str) -> Drawing {
        world.set_tier(ada, "premium").await;
        let previews = format!("/projects/{project}/previews");
        let request = async || {
            let made = ada.post(&format!("{previews}/request")).json(page()).status(201).await;
            made.data()["id"].as_str().unwrap().to_owned()
        };
        let machine = Machine::new(world, "machine-1");
        let drawn = request().await;
        machine.finish_one().await;
        let artifact = ada.get(&format!("{previews}/jobs/{drawn}/artifact")).await.data().clone();
        let running = request().await;
        let job = machine.take().await;
        let success = machine.draw(&job).await;
        let waiting = request().await;
        let attempt = job["attempt_token"].as_str().unwrap().to_owned();
        let mut body = page();
        for (name, value) in [("entry", json!("index.html")), ("safe_mode", json!(true)), ("devices", json!(["ipad"]))]
        {
            body[name] = value;
        }
        body["platform"] = json!("ipad");
        Drawing {
            body,
            sha256: sha256(b"a file"),
            upload: Raw { bytes: b"a file".into(), headers: Vec::new(), by_worker: false },
            shown: end(&artifact["layout_url"], "/previews/"),
            file: end(&job["files"][0]["url"], "/workers/files/"),
            heartbeat: signed(&json!({ "type": "cpu", "running": [running] })),
            claim: signed(&json!({ "kinds": ["preview"] })),
            picture: Raw {
                bytes: PNG.into(),
                headers: vec![("content-type", "image/png".into()), ("x-hs-attempt", attempt)],
                by_worker: true,
            },
            callback: signed(&success),
            drawn,
            running,
            waiting,
        }
    }
}
