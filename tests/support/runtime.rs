//! The Rust end of `runtime.mjs`: one process for the whole run, commands from any test.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{LazyLock, Mutex};
use std::thread;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::root;
use super::world::usual_vars;

type Answer = Result<Value, String>;

struct Runtime {
    /// Commands asked so far, and where their answers go.
    state: Mutex<State>,
}

struct State {
    stdin: ChildStdin,
    asked: u64,
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(start);

/// The one `cargo xtask` found, else the one npm brought, else the machine's.
pub fn node() -> PathBuf {
    let bundled = root().join(format!(
        "node_modules/node-linux-{}/bin/node",
        if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" }
    ));
    match std::env::var_os("HIVESYNC_NODE") {
        Some(node) => node.into(),
        None if bundled.is_file() => bundled,
        None => "node".into(),
    }
}

fn start() -> Runtime {
    let script = root().join("tests/support/runtime.mjs");
    let mut child = Command::new(node())
        .arg(script)
        .arg(usual_vars().to_string())
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node starts; 'cargo xtask test' brings one");
    let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let line = line.expect("a line of text");
            let mut answer: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no answer: {line}"));
            let id = answer["id"].as_u64().expect("an id");
            let result = match answer["error"].take() {
                Value::String(error) => Err(error),
                _ => Ok(answer["result"].take()),
            };
            if let Some(waiting) = RUNTIME.state.lock().unwrap().waiting.remove(&id) {
                let _ = waiting.send(result);
            }
        }
        let _ = child.wait();
        // Whoever still waits learns that nobody will answer.
        RUNTIME.state.lock().unwrap().waiting.clear();
    });
    Runtime { state: Mutex::new(State { stdin, asked: 0, waiting: HashMap::new() }) }
}

fn ask(command: &str, mut arguments: Value) -> oneshot::Receiver<Answer> {
    let (sender, receiver) = oneshot::channel();
    let mut state = RUNTIME.state.lock().unwrap();
    state.asked += 1;
    let id = state.asked;
    state.waiting.insert(id, sender);
    arguments["id"] = json!(id);
    arguments["command"] = json!(command);
    if writeln!(state.stdin, "{arguments}").is_err() {
        state.waiting.remove(&id);
    }
    receiver
}

pub async fn run(command: &str, arguments: Value) -> Value {
    match ask(command, arguments).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => panic!("the runtime could not {command}: {error}"),
        Err(_) => panic!("the runtime has ended; what it said stands above"),
    }
}

/// `run`, without waiting for the end of it.
pub fn tell(command: &str, arguments: Value) {
    drop(ask(command, arguments));
}
