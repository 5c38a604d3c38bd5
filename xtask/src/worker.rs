//! A local Worker under `wrangler dev`, and plain HTTP to it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::run::{once, root, spawn, step};
use crate::setup::Tools;

pub struct Local {
    child: Child,
    pub api: Api,
}

/// What listens on a port of this machine.
#[derive(Clone, Copy)]
pub struct Api {
    pub port: u16,
}

impl Local {
    /// Migrates the local database and serves `build/`; `vars` go over those of wrangler.toml.
    pub fn start(tools: &Tools, port: u16, state: &str, vars: &[String]) -> Result<Self> {
        free(port)?;
        migrate(tools, state)?;
        let log = root().join(state).join("wrangler.log");
        let output = fs::File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let mut wrangler = tools.leashed_wrangler();
        wrangler
            .args(["dev", "--ip", "127.0.0.1", "--test-scheduled", "--port", &port.to_string(), "--persist-to", state])
            .env("HIVESYNC_DEV", "1")
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output);
        for var in vars {
            wrangler.args(["--var", var]);
        }
        let mut local = Local { child: spawn(&mut wrangler)?, api: Api { port } };
        let started = Instant::now();
        while local.api.get("/api/v1/health").is_none_or(|answer| answer.status != 200) {
            if started.elapsed() > Duration::from_secs(300) || local.child.try_wait()?.is_some() {
                let text = fs::read_to_string(&log).unwrap_or_default();
                let lines: Vec<&str> = text.lines().rev().take(30).collect();
                bail!("the Worker did not start:\n{}", lines.into_iter().rev().collect::<Vec<_>>().join("\n"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(local)
    }

    /// Lasts until the Worker ends.
    pub fn wait(&mut self, every_minute: impl Fn(Api)) -> Result<()> {
        let mut last = Instant::now();
        while self.child.try_wait()?.is_none() {
            if last.elapsed() >= Duration::from_secs(60) {
                last = Instant::now();
                every_minute(self.api);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Api {
    pub fn url(self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn get(self, path: &str) -> Option<Answer> {
        self.send("GET", path, "", "").ok()
    }

    pub fn post(self, path: &str, json: &str, token: &str) -> Result<Answer> {
        self.send("POST", path, json, token)
    }

    fn send(self, method: &str, path: &str, body: &str, token: &str) -> Result<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let auth = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Type: application/json\r\n{auth}Content-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no HTTP answer")?;
        Ok(Answer { status, text })
    }
}

pub struct Answer {
    pub status: u16,
    text: String,
}

impl Answer {
    /// A string of the JSON body.
    pub fn field(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.text.split_once(&format!("\"{name}\":\""))?;
        rest.split('"').next()
    }
}

/// Fails where something listens already.
pub fn free(port: u16) -> Result<()> {
    if TcpStream::connect(("127.0.0.1", port)).is_ok() {
        bail!("port {port} is in use; choose another one with --port");
    }
    Ok(())
}

fn migrate(tools: &Tools, state: &str) -> Result<()> {
    let mut files: Vec<_> = fs::read_dir(root().join("migrations"))?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let inputs: String = files.iter().map(|file| fs::read_to_string(file).unwrap_or_default()).collect();
    fs::create_dir_all(root().join(state))?;
    once(&root().join(state).join("migrated"), &inputs, || {
        let mut apply = tools.wrangler();
        apply.args(["d1", "migrations", "apply", "hivesync", "--local", "--persist-to", state]);
        step("migrating the local database", &mut apply)
    })
}
