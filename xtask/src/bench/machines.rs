//! How fast webhooks are delivered, and how fast previews pass through: of ours alone, to and from this process.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::contender::{Contender, Storage, WORKER_SECRET};
use super::load::{self, Answer, Connection, request, request_of};
use super::report::machine;
use super::rounds::log_in;
use super::scenarios::{TEAM, project, project_id};
use crate::setup::Tools;

pub const WEBHOOKS: &str = "webhooks";
pub const PREVIEWS: &str = "previews";

/// Who owns that project.
const OWNER: usize = 2;
const CONNECTIONS: usize = 8;
/// Workers that draw nothing: each hands in what it has at once.
const WORKERS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes tasks as fast as they are taken, and waits until a server that answers at once was told of each.
pub fn webhooks(ours: &Contender, tools: &Tools, quick: bool) -> Result<()> {
    eprintln!("… {WEBHOOKS}");
    let running = ours.start(tools, Storage::Seeded)?;
    let token = log_in(running.port, OWNER)?;
    let (listener, (said, heard)) = (TcpListener::bind("127.0.0.1:0")?, channel());
    let url = format!("http://{}/", listener.local_addr()?);
    std::thread::spawn(move || receive(&listener, &said));
    let hook = format!(r#"{{"project_id":"{}","url":"{url}","events":["task.created"]}}"#, project_id(TEAM));
    created(Connection::open(running.port)?.call(&request("POST", "/api/v1/webhooks", &token, &hook))?)?;
    let task = request("POST", &format!("{}/tasks", project(TEAM)), &token, r#"{"title":"Tell them"}"#);
    // The first ones warm it up.
    for total in [50, if quick { 300 } else { 1000 }] {
        let started = Instant::now();
        let round = load::run(running.port, CONNECTIONS, total, |_, _| &task)?;
        let ids = take(&heard, total)?;
        let seconds = started.elapsed().as_secs_f64();
        ensure!(ids.len() == total, "{} deliveries of {total} were told apart", ids.len());
        if total > 50 {
            println!("\n{}\n", machine());
            println!(
                "- {WEBHOOKS}: {total} tasks made in {:.1} s, each told once: {:.0} deliveries/s, the last {:.1} s after the last answer",
                round.seconds,
                total as f64 / seconds,
                seconds - round.seconds
            );
        }
    }
    Ok(())
}

/// Answers 204 to everything, and says the id of each delivery.
fn receive(listener: &TcpListener, said: &Sender<String>) {
    for stream in listener.incoming().flatten() {
        let said = said.clone();
        std::thread::spawn(move || drop(answer(stream, &said)));
    }
}

fn answer(mut stream: TcpStream, said: &Sender<String>) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let (mut length, mut id) = (0, String::new());
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            match line.trim().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse()?,
                Some((name, value)) if name.eq_ignore_ascii_case("webhook-id") => id = value.trim().to_owned(),
                Some(_) => {}
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        reader.read_exact(&mut vec![0; length])?;
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
        said.send(id)?;
    }
}

/// The ids of so many deliveries.
fn take(heard: &Receiver<String>, count: usize) -> Result<HashSet<String>> {
    (0..count).map(|_| heard.recv_timeout(PATIENCE).context("a delivery did not come")).collect()
}

/// Requests previews as fast as they are taken, while workers claim, bring a layout and a picture, and tell.
pub fn previews(ours: &Contender, tools: &Tools, quick: bool) -> Result<()> {
    eprintln!("… {PREVIEWS}");
    let mut running = ours.start(tools, Storage::Seeded)?;
    let token = log_in(running.port, OWNER)?;
    let page = r#"{"files":[{"path":"index.html","contents":"<h1>Launch</h1>"}],"platform":"ios"}"#;
    let wish = request("POST", &format!("{}/previews/request", project(TEAM)), &token, page);
    let mut before = 0;
    for total in [20, if quick { 100 } else { 400 }] {
        let (started, done) = (Instant::now(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            let (port, done) = (running.port, &done);
            let workers: Vec<_> =
                (0..WORKERS).map(|which| scope.spawn(move || work(port, which, done, total))).collect();
            let requested = load::run(port, CONNECTIONS, total, |_, _| &wish);
            for worker in workers {
                worker.join().unwrap_or_else(|_| bail!("a worker panicked"))?;
            }
            requested.map(drop)
        })?;
        let seconds = started.elapsed().as_secs_f64();
        let completed = running.count("SELECT count(*) AS n FROM jobs WHERE status = 'completed'")?;
        ensure!(completed - before == total, "{} of {total} previews were completed", completed - before);
        before = completed;
        if total > 20 {
            println!("\n{}\n", machine());
            println!(
                "- {PREVIEWS}: {total} requested, claimed by {WORKERS} workers and completed: {:.0} jobs/s, drawing aside",
                total as f64 / seconds
            );
        }
    }
    Ok(())
}

/// Takes jobs until so many are done by all.
fn work(port: u16, which: usize, done: &AtomicUsize, total: usize) -> Result<()> {
    let mut worker = Worker { connection: Connection::open(port)?, name: format!("bench-{which}"), said: 0 };
    worker.post("heartbeat", r#""type":"cpu","metrics":{},"running":[]"#)?;
    while done.load(Ordering::Relaxed) < total {
        let claimed = worker.post("claim", r#""kinds":["preview"],"wait_seconds":1"#)?;
        if claimed.status == 204 {
            continue;
        }
        let (job, attempt) = (claimed.text("job_id")?, claimed.text("attempt_token")?);
        // Two that were equal in one second would be one that is replayed.
        let layout = format!(r#"{{"job":"{job}"}}"#);
        let picture = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", job.as_bytes()].concat();
        let layout = worker.bring(job, attempt, "layout.json", "application/json", layout.as_bytes())?;
        let picture = worker.bring(job, attempt, "iphone-15.png", "image/png", &picture)?;
        worker.post(
            "callback",
            &format!(
                r#""job_type":"preview","job_id":"{job}","attempt_token":"{attempt}","status":"SUCCESS","layout_json_key":"{layout}","asset_keys":["{picture}"]"#
            ),
        )?;
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

struct Worker {
    connection: Connection,
    name: String,
    said: usize,
}

impl Worker {
    fn post(&mut self, path: &str, fields: &str) -> Result<Answer> {
        self.said += 1;
        let body = format!(r#"{{"nonce":"{} {}",{fields}}}"#, self.name, self.said);
        self.call("POST", &format!("/api/v1/workers/{path}"), "", "application/json", body.as_bytes())
    }

    /// Answers with the key it was put under.
    fn bring(&mut self, job: &str, attempt: &str, name: &str, kind: &str, bytes: &[u8]) -> Result<String> {
        let path = format!("/api/v1/workers/jobs/{job}/artifacts/{name}");
        let answer = self.call("PUT", &path, &format!("X-HS-Attempt: {attempt}\r\n"), kind, bytes)?;
        answer.text("key").map(str::to_owned)
    }

    fn call(&mut self, method: &str, path: &str, headers: &str, kind: &str, body: &[u8]) -> Result<Answer> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().to_string();
        let mac = Hmac::<Sha256>::new_from_slice(WORKER_SECRET.as_bytes())?.chain_update(&now).chain_update(".");
        let signature = mac.chain_update(body).finalize().into_bytes();
        let headers = format!(
            "{headers}X-HS-Worker: {}\r\nX-HS-Timestamp: {now}\r\nX-HS-Signature: {signature:x}\r\n",
            self.name
        );
        created(self.connection.call(&request_of(method, path, &headers, kind, body))?)
    }
}

fn created(answer: Answer) -> Result<Answer> {
    ensure!((200..300).contains(&answer.status), "an answer was {}: {}", answer.status, answer.body);
    Ok(answer)
}
