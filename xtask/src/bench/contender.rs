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
/// How long what follows from the last answers may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The same for both; the limits are out of the way. One variant is that of the recorded event which `webhook` sends;
/// the provider is never asked, and nobody is there.
const VARS: &str = r#"{"JWT_SECRET":"kV3pQ9zX7rT1mB5nL8wY2cF6hJ4dS0gA","SESSION_SECRET":"zR8kW1vN4qT7yB2mC5xJ9dF3hL6pS0aG","WORKER_CALLBACK_SECRET":"hB6nT2yM9qV4kX1wR8cZ5jL3fD7gP0sE","PREVIEW_TOKEN_SECRET":"rQ7mW3tK9bN5xH1vJ8zC4yG6dF2pL0sA","RATE_LIMIT_AUTH":"100000000","RATE_LIMIT_ANONYMOUS":"100000000","RATE_LIMIT_FREE":"100000000","RATE_LIMIT_WEBHOOK":"100000000","RATE_LIMIT_WORKER":"100000000","LIMIT_PROJECTS_FREE":"100000000","LIMIT_PREVIEWS_PER_HOUR_FREE":"100000000","LIMIT_PREVIEWS_PER_DAY_FREE":"100000000","LIMIT_CONCURRENT_PREVIEWS_FREE":"100000000","WEBHOOKS_ALLOW_LOOPBACK":"true","LIMIT_ATTACHMENT_BYTES_FREE":"100000000","LIMIT_ATTACHMENTS_PER_TASK_FREE":"100000000","LZ_API_BASE_URL":"http://127.0.0.1:9","LZ_API_KEY":"none","LZ_STORE_ID":"217313","LZ_WEBHOOK_SECRET":"a-secret-of-the-webhook","LZ_PRO_MONTHLY_VARIANT_ID":"1001","LZ_PRO_YEARLY_VARIANT_ID":"1090954","LZ_PREMIUM_MONTHLY_VARIANT_ID":"1003","LZ_PREMIUM_YEARLY_VARIANT_ID":"1004","LZ_TEST_MODE":"true"}"#;
/// The one above.
pub const WEBHOOK_SECRET: &str = "a-secret-of-the-webhook";
/// Another of them.
pub const WORKER_SECRET: &str = "hB6nT2yM9qV4kX1wR8cZ5jL3fD7gP0sE";

pub struct Contender {
    pub name: &'static str,
    pub folder: PathBuf,
    /// The module in it that workerd calls.
    pub main: &'static str,
    /// Whether it has our Durable Objects.
    pub objects: bool,
}

/// What a Worker starts with.
pub enum Storage<'a> {
    Empty,
    /// The migrations and bench/seed.sql.
    Seeded,
    /// A copy of this database.
    Of(&'a Path),
}

/// Bytes of a workerd's resident memory.
#[derive(Clone, Default)]
pub struct Memory {
    pub before: u64,
    pub after: u64,
    pub most: u64,
}

pub struct Running {
    node: Child,
    said: BufReader<ChildStdout>,
    workerd: u32,
    pub port: u16,
}

/// The migrations, in their order.
pub fn migrations() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join("migrations"))? {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}

/// Microseconds a process has computed since its start, user and system.
pub fn processor_time(process: &str) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).context("the process is gone")?;
    // The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
    let (_, rest) = stat.rsplit_once(')').context("an unreadable /proc/…/stat")?;
    let ticks: f64 = rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks * TICK_MICROSECONDS)
}

impl Contender {
    pub fn start(&self, tools: &Tools, storage: Storage) -> Result<Running> {
        let mut running = self.spawn(tools, storage)?;
        if running.line()? != "ready" {
            bail!("{} did not start", self.name);
        }
        running.workerd = running.find_workerd()?.with_context(|| format!("{} has no workerd", self.name))?;
        Ok(running)
    }

    /// Milliseconds from the start of the workerd process to its first answer.
    pub fn time_to_answer(&self, tools: &Tools) -> Result<f64> {
        let running = self.spawn(tools, Storage::Empty)?;
        let waiting = Instant::now();
        while running.find_workerd()?.is_none() {
            if waiting.elapsed() > Duration::from_secs(30) {
                bail!("{} started no workerd", self.name);
            }
            std::thread::sleep(Duration::from_micros(500));
        }
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

    fn spawn(&self, tools: &Tools, storage: Storage) -> Result<Running> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut sql = Vec::new();
        if let Storage::Seeded = storage {
            sql = migrations()?;
            sql.push(root().join("bench/seed.sql"));
        }
        let sql: Vec<String> = sql.iter().map(|file| format!("\"{}\"", file.display())).collect();
        let database = match storage {
            Storage::Of(file) => format!("\"{}\"", file.display()),
            _ => "null".to_owned(),
        };
        let options = format!(
            r#"{{"folder":"{}","main":"{}","port":{port},"vars":{VARS},"objects":{},"sql":[{}],"database":{database}}}"#,
            self.folder.display(),
            self.main,
            self.objects,
            sql.join(",")
        );
        let mut serve = Command::new(&tools.node);
        serve.arg(root().join("bench/serve.mjs")).arg(options).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut node = spawn(&mut serve)?;
        let said = BufReader::new(node.stdout.take().context("no output")?);
        Ok(Running { node, said, workerd: 0, port })
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

    /// Asks again until its number `n` is 0; answers with how many seconds that took.
    pub fn wait_until_none(&mut self, sql: &str) -> Result<f64> {
        let started = Instant::now();
        while self.count(sql)? > 0 {
            if started.elapsed() > PATIENCE {
                bail!("there are still some: {sql}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(started.elapsed().as_secs_f64())
    }

    fn find_workerd(&self) -> Result<Option<u32>> {
        let id = self.node.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))
            .context("the benchmark reads processor times from /proc, which only Linux has")?;
        let named =
            |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "workerd");
        Ok(children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(named))
    }

    /// What it has now; from here on the most is noted anew.
    pub fn memory_from_now(&self) -> Result<Memory> {
        fs::write(format!("/proc/{}/clear_refs", self.workerd), "5")?;
        let now = self.status("VmRSS")?;
        Ok(Memory { before: now, after: now, most: now })
    }

    pub fn memory_since(&self, then: &Memory) -> Result<Memory> {
        Ok(Memory { before: then.before, after: self.status("VmRSS")?, most: self.status("VmHWM")? })
    }

    fn status(&self, name: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.workerd)).context("workerd is gone")?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        Ok(kib.with_context(|| format!("no {name}"))? * 1024)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    pub fn cpu(&self) -> Result<f64> {
        processor_time(&self.workerd.to_string())
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
