//! The API as a worker meets it, on loopback: hands out one job after another, checks every signature, and fails where
//! a test says so.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use preview_worker::api::{sha256, signature};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const SECRET: &str = "a-secret-of-workers-and-the-api";

#[derive(Clone)]
pub struct StandIn {
    pub url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Value>,
    files: HashMap<String, Vec<u8>>,
    signatures: HashSet<String>,
    beats: Vec<Value>,
    claims: usize,
    uploads: Vec<(String, Vec<u8>)>,
    callbacks: Vec<Value>,
    canceled: Vec<String>,
    draining: bool,
    /// How often what begins with this path fails before it works.
    failing: HashMap<&'static str, usize>,
    wrong: Vec<String>,
}

struct Request {
    method: String,
    path: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl StandIn {
    pub async fn start() -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stand_in = StandIn { url, state: Arc::default() };
        let served = stand_in.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(served.clone().serve(stream));
            }
        });
        stand_in
    }

    pub fn api(&self) -> String {
        format!("{}/api/v1", self.url)
    }

    /// Queues a job for a page.
    pub fn request(&self, id: &str, html: &str) {
        self.request_of(id, html, &sha256(html.as_bytes()));
    }

    /// Queues a job for a page that is said to have this hash.
    pub fn request_of(&self, id: &str, html: &str, hash: &str) {
        let mut state = self.state.lock().unwrap();
        state.files.insert(format!("/files/{id}"), html.into());
        let file = json!({ "path": "index.html", "sha256": hash, "bytes": html.len(), "url": format!("{}/files/{id}", self.url) });
        state.waiting.push_back(json!({
            "job_id": id, "attempt": 1, "attempt_token": format!("token-of-{id}"), "kind": "preview",
            "project_id": "p", "tier": "free", "platform": "ios", "safe_mode": false, "entry": "index.html",
            "devices": [{ "name": "phone", "width": 100, "height": 100, "scale": 1.0, "mobile": true }],
            "lease_seconds": 60, "limits": { "snapshots": 3, "snapshot_bytes": 262144, "timeout_ms": if id == "slow" { 30_000 } else { 3000 } }, "files": [file],
        }));
    }

    pub fn cancel(&self, id: &str) {
        self.state.lock().unwrap().canceled.push(id.into());
    }

    pub fn drain(&self, draining: bool) {
        self.state.lock().unwrap().draining = draining;
    }

    pub fn fail(&self, path: &'static str, times: usize) {
        self.state.lock().unwrap().failing.insert(path, times);
    }

    pub fn beats(&self) -> Vec<Value> {
        self.state.lock().unwrap().beats.clone()
    }

    pub fn claims(&self) -> usize {
        self.state.lock().unwrap().claims
    }

    pub fn callbacks(&self) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        assert!(state.wrong.is_empty(), "{:?}", state.wrong);
        state.callbacks.clone()
    }

    pub fn upload(&self, name: &str) -> Vec<u8> {
        let state = self.state.lock().unwrap();
        state.uploads.iter().find(|(path, _)| path == name).unwrap_or_else(|| panic!("no {name}")).1.clone()
    }

    async fn serve(self, mut stream: TcpStream) {
        while let Some(request) = read(&mut stream).await {
            let (status, body) = self.answer(request).await;
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
            if stream.write_all(&[head.as_bytes(), &body].concat()).await.is_err() {
                return;
            }
        }
    }

    async fn answer(&self, request: Request) -> (u16, Vec<u8>) {
        if let Some(file) = self.state.lock().unwrap().files.get(&request.path) {
            return (200, file.clone());
        }
        {
            let mut state = self.state.lock().unwrap();
            let failing = state.failing.iter_mut().find(|(path, left)| request.path.contains(**path) && **left > 0);
            if let Some((_, left)) = failing {
                *left -= 1;
                return (503, Vec::new());
            }
            if let Err(why) = state.admit(&request) {
                state.wrong.push(why);
                return (401, Vec::new());
            }
        }
        let body = || serde_json::from_slice::<Value>(&request.body).unwrap();
        match (request.method.as_str(), request.path.trim_start_matches("/api/v1/workers/")) {
            ("POST", "heartbeat") => {
                let mut state = self.state.lock().unwrap();
                state.beats.push(body());
                (200, json!({ "data": { "draining": state.draining, "canceled": state.canceled } }).to_string().into())
            }
            ("POST", "claim") => self.claim(&body()).await,
            ("POST", "callback") => {
                self.state.lock().unwrap().callbacks.push(body());
                (200, b"{\"data\":{\"status\":\"completed\"}}".into())
            }
            ("PUT", path) => {
                let name = path.rsplit('/').next().unwrap().to_owned();
                let key = json!({ "data": { "key": format!("previews/{name}") } });
                assert!(request.headers["x-hs-attempt"].starts_with("token-of-"));
                self.state.lock().unwrap().uploads.push((name, request.body));
                (201, key.to_string().into())
            }
            other => panic!("nobody asks for {other:?}"),
        }
    }

    async fn claim(&self, asked: &Value) -> (u16, Vec<u8>) {
        assert_eq!(asked["kinds"], json!(["preview"]));
        self.state.lock().unwrap().claims += 1;
        for _ in 0..asked["wait_seconds"].as_u64().unwrap() * 50 {
            if let Some(job) = self.state.lock().unwrap().waiting.pop_front() {
                return (200, json!({ "data": job }).to_string().into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        (204, Vec::new())
    }
}

impl State {
    fn admit(&mut self, request: &Request) -> Result<(), String> {
        let header = |name: &str| request.headers.get(name).cloned().ok_or(format!("{} has no {name}", request.path));
        let said = header("x-hs-signature")?;
        header("x-hs-worker")?;
        let right = signature(SECRET, header("x-hs-timestamp")?.parse().unwrap(), &request.body);
        match said == right && self.signatures.insert(said) {
            true => Ok(()),
            false => Err(format!("{} is signed wrongly, or not for the first time", request.path)),
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ').map(str::to_owned);
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { method: first.next()?, path: first.next()?, headers, body })
}
