//! The DevTools protocol over Chromium's pipe: JSON messages, each ended by a zero byte.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use crate::fault::Fault;

/// A screenshot of the largest screen there is fits; a page cannot make the worker hold more.
const MESSAGE: usize = 64 << 20;
/// Answers that wait to be written. A page that asks faster than it reads is not read on.
const WAITING: usize = 4;

/// What hears the browser's events, and may say something in answer.
pub trait Listener: Send + 'static {
    fn hear(&mut self, method: &str, session: Option<&str>, params: &Value) -> Option<Said>;
}

/// A command nobody waits for the answer of.
pub struct Said {
    pub method: &'static str,
    pub params: Value,
}

pub struct Cdp {
    out: mpsc::Sender<String>,
    calls: Arc<Calls>,
}

type Answer = oneshot::Sender<Result<Value, String>>;

#[derive(Default)]
struct Calls {
    next: AtomicU64,
    open: Mutex<Option<HashMap<u64, Answer>>>,
}

#[derive(Deserialize)]
struct Message {
    id: Option<u64>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    result: Value,
    error: Option<Refused>,
    #[serde(rename = "sessionId")]
    session: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    message: String,
}

impl Cdp {
    pub fn over(
        input: impl AsyncWrite + Send + Unpin + 'static,
        output: impl AsyncRead + Send + Unpin + 'static,
        listener: impl Listener,
    ) -> Cdp {
        let (out, lines) = mpsc::channel(WAITING);
        let calls = Arc::new(Calls { next: AtomicU64::new(1), open: Mutex::new(Some(HashMap::new())) });
        tokio::spawn(write(input, lines));
        tokio::spawn(read(output, out.clone(), calls.clone(), listener));
        Cdp { out, calls }
    }

    pub async fn call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
        patience: Duration,
    ) -> Result<Value, Fault> {
        let id = self.calls.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.calls.begin(id, answer)?;
        let line = message(id, session, method, &params);
        let asked = async {
            self.out.send(line).await.map_err(|_| Fault::Closed)?;
            answered.await.map_err(|_| Fault::Closed)
        };
        match tokio::time::timeout(patience, asked).await {
            Ok(answered) => answered?.map_err(|why| Fault::Refused(format!("{method}: {why}"))),
            Err(_) => {
                self.calls.end(id);
                Err(Fault::Timeout)
            }
        }
    }
}

impl Calls {
    fn begin(&self, id: u64, answer: Answer) -> Result<(), Fault> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.as_mut().ok_or(Fault::Closed)?.insert(id, answer);
        Ok(())
    }

    fn end(&self, id: u64) -> Option<Answer> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).as_mut()?.remove(&id)
    }

    /// Whoever waits learns that no answer will come.
    fn close(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn message(id: u64, session: Option<&str>, method: &str, params: &Value) -> String {
    match session {
        Some(session) => json!({ "id": id, "sessionId": session, "method": method, "params": params }).to_string(),
        None => json!({ "id": id, "method": method, "params": params }).to_string(),
    }
}

async fn write(mut input: impl AsyncWrite + Unpin, mut lines: mpsc::Receiver<String>) {
    while let Some(line) = lines.recv().await {
        let mut bytes = line.into_bytes();
        bytes.push(0);
        if input.write_all(&bytes).await.is_err() || input.flush().await.is_err() {
            return;
        }
    }
}

async fn read(
    mut output: impl AsyncRead + Unpin,
    out: mpsc::Sender<String>,
    calls: Arc<Calls>,
    mut listener: impl Listener,
) {
    let mut held = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    'reading: while let Ok(count) = output.read(&mut chunk).await {
        let Some(mut rest) = chunk.get(..count).filter(|read| !read.is_empty()) else { break };
        while let Some(end) = rest.iter().position(|byte| *byte == 0) {
            let (head, tail) = rest.split_at(end);
            held.extend_from_slice(head);
            rest = tail.get(1..).unwrap_or_default();
            let read = serde_json::from_slice::<Message>(&held);
            held.clear();
            held.shrink_to(1 << 20);
            let Ok(message) = read else { break 'reading };
            let Some(said) = take(message, &calls, &mut listener) else { continue };
            let id = calls.next.fetch_add(1, Ordering::Relaxed);
            let session = said.1.as_deref();
            if out.send(self::message(id, session, said.0.method, &said.0.params)).await.is_err() {
                break 'reading;
            }
        }
        held.extend_from_slice(rest);
        if held.len() > MESSAGE {
            break;
        }
    }
    calls.close();
}

fn take(message: Message, calls: &Calls, listener: &mut impl Listener) -> Option<(Said, Option<String>)> {
    if let Some(id) = message.id {
        if let Some(waiting) = calls.end(id) {
            let _ = waiting.send(match message.error {
                Some(refused) => Err(refused.message),
                None => Ok(message.result),
            });
        }
        return None;
    }
    let session = message.session;
    let said = listener.hear(message.method.as_deref()?, session.as_deref(), &message.params)?;
    Some((said, session))
}
