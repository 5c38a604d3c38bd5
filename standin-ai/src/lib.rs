//! An AI provider as a small server on loopback: OpenAI's chat completions, streamed, and below `/run` what
//! Cloudflare's own models say. It answers the same question with the same words, and can fail in every way.

mod answers;
mod door;

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;

/// How it misbehaves.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// This status, and an error's body.
    Status(u16),
    /// 429, with the seconds to wait.
    Busy(u32),
    /// So long until anything comes, and then all of it.
    Late(Duration),
    /// So long between one piece and the next.
    Slow(Duration),
    /// Half of the answer, and then nothing for ever.
    Stall,
    /// Half of the answer, and the connection closes.
    Truncate,
    /// 200, and no answer in any format.
    Garbage,
    /// Pieces without end.
    Endless,
    /// The connection closes without an answer.
    Drop,
}

/// A question it got.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub authorization: String,
    pub body: Value,
}

impl Asked {
    /// What the message of this role says.
    pub fn message(&self, role: &str) -> &str {
        let all = self.body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().find(|message| message["role"] == role).and_then(|found| found["content"].as_str()).unwrap_or("")
    }
}

#[derive(Default)]
struct Mind {
    asked: Vec<Asked>,
    /// Each for so many questions more.
    faults: Vec<(usize, Fault)>,
    says: Option<String>,
    /// How many are being answered.
    busy: usize,
    busiest: usize,
}

/// A running stand-in. It ends when the last clone is dropped.
#[derive(Clone)]
pub struct StandIn(Arc<Running>);

struct Running {
    url: String,
    mind: Shared,
    /// Dropping it ends the server.
    _stop: oneshot::Sender<()>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Mind>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Mind> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StandIn {
    /// Listens on this port when it returns; 0 is any free one.
    pub fn start(port: u16) -> io::Result<StandIn> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        // A thread of its own, so that it answers while a test's only thread waits.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mind = Shared::default();
        let (stop, stopped) = oneshot::channel();
        let router = door::router(mind.clone());
        thread::Builder::new().name("ai-stand-in".into()).spawn(move || {
            if let Err(error) = runtime.block_on(door::serve(listener, router, stopped)) {
                eprintln!("the stand-in has ended: {error}");
            }
        })?;
        Ok(StandIn(Arc::new(Running { url, mind, _stop: stop })))
    }

    /// For `AI_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.0.url)
    }

    /// Where it speaks as Cloudflare's own models do.
    pub fn run_url(&self) -> String {
        format!("{}/run", self.0.url)
    }

    /// What it was asked, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        self.0.mind.lock().asked.clone()
    }

    /// How many it ever answered at the same time.
    pub fn busiest(&self) -> usize {
        self.0.mind.lock().busiest
    }

    /// From here on, until `None`, it misbehaves.
    pub fn fail(&self, fault: Option<Fault>) {
        self.0.mind.lock().faults = fault.map(|fault| (usize::MAX, fault)).into_iter().collect();
    }

    /// It misbehaves once, and then answers.
    pub fn fail_once(&self, fault: Fault) {
        self.0.mind.lock().faults.push((1, fault));
    }

    /// From here on it says this, whatever it is asked; `None`: what it would by itself.
    pub fn say(&self, text: Option<&str>) {
        self.0.mind.lock().says = text.map(str::to_owned);
    }
}
