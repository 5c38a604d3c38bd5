//! One of the Workers that are measured, in a workerd process of its own.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::load::{Connection, request};
use crate::run::{root, spawn};
use crate::setup::Tools;

/// Processor time is counted in these, on every Linux there is.
const TICK_MICROSECONDS: f64 = 10_000.0;

/// The same for both; the limits are out of the way. One variant is that of the recorded event which `webhook` sends;
/// the provider is never asked, and nobody is there.
const VARS: &str = r#"{"JWT_SECRET":"kV3pQ9zX7rT1mB5nL8wY2cF6hJ4dS0gA","SESSION_SECRET":"zR8kW1vN4qT7yB2mC5xJ9dF3hL6pS0aG","RATE_LIMIT_AUTH":"100000000","RATE_LIMIT_ANONYMOUS":"100000000","RATE_LIMIT_FREE":"100000000","RATE_LIMIT_WEBHOOK":"100000000","LIMIT_PROJECTS_FREE":"100000000","LZ_API_BASE_URL":"http://127.0.0.1:9","LZ_API_KEY":"none","LZ_STORE_ID":"217313","LZ_WEBHOOK_SECRET":"a-secret-of-the-webhook","LZ_PRO_MONTHLY_VARIANT_ID":"1001","LZ_PRO_YEARLY_VARIANT_ID":"1090954","LZ_PREMIUM_MONTHLY_VARIANT_ID":"1003","LZ_PREMIUM_YEARLY_VARIANT_ID":"1004","LZ_TEST_MODE":"true"}"#;
/// The one above.
pub const WEBHOOK_SECRET: &str = "a-secret-of-the-webhook";

pub struct Contender {
    pub name: &'static str,
    pub folder: PathBuf,
    /// The module in it that workerd calls.
    pub main: &'static str,
    /// Whether it counts requests in a Durable Object.
    pub limiter: bool,
}

pub struct Running {
    node: Child,
    said: BufReader<ChildStdout>,
    workerd: u32,
    pub port: u16,
}

impl Contender {
    pub fn start(&self, tools: &Tools) -> Result<Running> {
        let mut running = self.spawn(tools, false)?;
        if running.line()? != "ready" {
            bail!("{} did not start", self.name);
        }
        Ok(running)
    }

    /// Milliseconds from the start of the workerd process to its first answer.
    pub fn time_to_answer(&self, tools: &Tools) -> Result<f64> {
        let running = self.spawn(tools, true)?;
        let started = Instant::now();
        let health = request("GET", "/api/v1/health", "", "");
        while started.elapsed() < Duration::from_secs(30) {
            let answer = Connection::open(running.port).and_then(|mut connection| connection.call(&health));
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(started.elapsed().as_secs_f64() * 1000.0);
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        bail!("{} did not answer", self.name)
    }

    fn spawn(&self, tools: &Tools, empty: bool) -> Result<Running> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let options = format!(
            r#"{{"folder":"{}","main":"{}","port":{port},"vars":{VARS},"limiter":{},"empty":{empty}}}"#,
            self.folder.display(),
            self.main,
            self.limiter
        );
        let mut serve = Command::new(&tools.node);
        serve.arg(root().join("bench/serve.mjs")).arg(options).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut node = spawn(&mut serve)?;
        let id = node.id();
        let said = BufReader::new(node.stdout.take().context("no output")?);
        let mut running = Running { node, said, workerd: 0, port };
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(30) {
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))
                .context("the benchmark reads processor times from /proc, which only Linux has")?;
            let named =
                |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "workerd");
            if let Some(pid) = children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(named) {
                running.workerd = pid;
                return Ok(running);
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        bail!("{} started no workerd", self.name)
    }

    /// Bytes of what is deployed, compressed.
    pub fn gzipped(&self) -> Result<usize> {
        let deployed = |path: &Path| path.extension().is_some_and(|kind| kind == "js" || kind == "wasm");
        let mut bytes = 0;
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.is_file() && deployed(&path) {
                bytes += Command::new("gzip").arg("-9c").arg(&path).output()?.stdout.len();
            }
        }
        Ok(bytes)
    }
}

impl Running {
    /// The number `n` of a query's only row.
    pub fn count(&mut self, sql: &str) -> Result<usize> {
        writeln!(self.node.stdin.as_mut().context("no input")?, "{sql}")?;
        let rows = self.line()?;
        let (_, rest) = rows.split_once("\"n\":").with_context(|| format!("no count: {rows}"))?;
        Ok(rest.split(|end: char| !end.is_ascii_digit()).next().unwrap_or_default().parse()?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// Microseconds of processor time, user and system, since its start.
    pub fn cpu(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.workerd)).context("workerd is gone")?;
        // The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
        let (_, rest) = stat.rsplit_once(')').context("an unreadable /proc/…/stat")?;
        let ticks: f64 = rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        Ok(ticks * TICK_MICROSECONDS)
    }

    /// Waits until it rests, so that what follows an answer is counted with it.
    pub fn settle(&self) -> Result<f64> {
        let (mut last, mut since) = (self.cpu()?, Instant::now());
        while since.elapsed() < Duration::from_millis(1200) {
            std::thread::sleep(Duration::from_millis(100));
            let now = self.cpu()?;
            if now > last + TICK_MICROSECONDS {
                (last, since) = (now, Instant::now());
            }
        }
        self.cpu()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its standard input ends, and with it the process.
        drop(self.node.stdin.take());
        let _ = self.node.wait();
    }
}
