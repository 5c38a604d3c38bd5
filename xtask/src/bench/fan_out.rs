//! What one person does, told to a thousand sockets: how long after the answer the last of them knows.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::contender::{Contender, Running, Storage, processor_time};
use super::load::{Connection, request};
use super::report::machine;
use super::rounds::{log_in, quantile, sorted};
use super::scenarios::{TEAM, project, project_id};
use super::sockets::{Crowd, Socket};
use crate::setup::Tools;

pub const NAME: &str = "fan-out";

/// Messages a second it should bear.
const WANTED: usize = 100;
/// Rates are looked for in these steps.
const STEP: usize = 5;
/// The team of bench/seed.sql's project: its owner, and those after the first.
const OWNER: usize = 2;
const MEMBERS: std::ops::Range<usize> = 35..84;
const SOCKETS_EACH: usize = 20;
/// So many that a slow answer holds up none that is due.
const SENDERS: usize = 100;
/// Milliseconds within which all but one in a hundred messages must be everywhere.
const SOON: f64 = 1000.0;
const PATIENCE: Duration = Duration::from_secs(180);

/// What came of one rate.
struct Trial {
    /// Messages a second: asked for, and answered.
    rate: usize,
    answered: f64,
    messages: usize,
    /// Milliseconds from the answer to the last socket, sorted.
    delays: Vec<f64>,
    /// Milliseconds to the answer, sorted.
    latencies: Vec<f64>,
    /// Cores the Worker and we ourselves kept busy.
    busy: [f64; 2],
}

pub fn run(ours: &Contender, tools: &Tools, quick: bool) -> Result<()> {
    eprintln!("… {NAME}");
    let running = ours.start(tools, Storage::Seeded)?;
    let channel = format!("project:{}", project_id(TEAM));
    let mut sockets = Vec::new();
    for user in std::iter::once(OWNER).chain(MEMBERS) {
        let token = log_in(running.port, user)?;
        for _ in 0..SOCKETS_EACH {
            sockets.push(Socket::open(running.port, &token, &channel)?);
        }
    }
    running.settle()?;
    let (crowd, token) = (Crowd::read(sockets)?, log_in(running.port, OWNER)?);
    let seconds = if quick { 4 } else { 15 };
    // The first ones warm it up.
    trial(&running, &crowd, &token, STEP, 2)?;
    let mut trials = vec![trial(&running, &crowd, &token, WANTED, seconds)?];
    let (mut good, mut bad) = (0, WANTED);
    while !trials[0].keeps_up() && bad - good > STEP {
        let rate = (good + bad) / 2 / STEP * STEP;
        let tried = trial(&running, &crowd, &token, rate, seconds)?;
        if tried.keeps_up() {
            good = rate;
        } else {
            bad = rate;
        }
        trials.push(tried);
    }
    print(&trials, crowd.size);
    Ok(())
}

fn trial(running: &Running, crowd: &Crowd, token: &str, rate: usize, seconds: usize) -> Result<Trial> {
    let count = rate * seconds;
    let body = r#"{"title":"Write the announcement","description":"Two paragraphs and a picture."}"#;
    let request = request("POST", &format!("{}/tasks", project(TEAM)), token, body);
    let times = || Ok::<_, anyhow::Error>([running.cpu()?, processor_time("self")?]);
    let (before, started) = (times()?, Instant::now());
    let answers = send(running.port, &request, count, rate)?;
    let last = answers.values().map(|(_, answered)| *answered).max().unwrap_or(started);
    let messages = crowd.take(count, PATIENCE)?;
    let (after, all) = (times()?, started.elapsed().as_secs_f64());
    let mut delays = Vec::with_capacity(count);
    for message in &messages {
        let (_, answered) = answers.get(&message.id).with_context(|| format!("nobody sent {}", message.id))?;
        delays.push(message.last.saturating_duration_since(*answered).as_secs_f64() * 1000.0);
    }
    Ok(Trial {
        rate,
        answered: count as f64 / last.duration_since(started).as_secs_f64(),
        messages: count,
        delays: sorted(delays.into_iter()),
        latencies: sorted(answers.values().map(|(milliseconds, _)| *milliseconds)),
        busy: [0, 1].map(|who| (after[who] - before[who]) / 1e6 / all),
    })
}

/// Each when it is due, or as soon after as a connection is free. Answers with the ids of what was created: how many
/// milliseconds that took, and when the answer came.
fn send(port: u16, request: &[u8], count: usize, rate: usize) -> Result<HashMap<String, (f64, Instant)>> {
    let claimed = AtomicUsize::new(0);
    let started = Instant::now();
    let one = || -> Result<Vec<(String, (f64, Instant))>> {
        let mut connection = Connection::open(port)?;
        let mut answers = Vec::new();
        loop {
            let number = claimed.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(answers);
            }
            let due = started + Duration::from_secs_f64(number as f64 / rate as f64);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let sent = Instant::now();
            let answer = connection.call(request)?;
            let answered = Instant::now();
            ensure!(answer.status == 201, "an answer was {}: {}", answer.status, answer.body);
            answers.push((answer.text("id")?.to_owned(), ((answered - sent).as_secs_f64() * 1000.0, answered)));
        }
    };
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(one)).collect();
        let mut all = HashMap::with_capacity(count);
        for sender in senders {
            all.extend(sender.join().unwrap_or_else(|_| bail!("a sender panicked"))?);
        }
        Ok(all)
    })
}

impl Trial {
    fn keeps_up(&self) -> bool {
        quantile(&self.delays, 0.99) < SOON && self.answered > 0.95 * self.rate as f64
    }
}

fn print(trials: &[Trial], sockets: usize) {
    println!("\n{}\n", machine());
    println!(
        "One project, {sockets} sockets of {} people. From the HTTP answer to the last socket:\n",
        MEMBERS.len() + 1
    );
    println!(
        "| messages/s | answered/s | p50 ms | p99 ms | most ms | HTTP p50 ms | HTTP p99 ms | cores: Worker, load |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|");
    for trial in trials {
        let [delays, latencies] =
            [&trial.delays, &trial.latencies].map(|all| [0.5, 0.99, 1.0].map(|at| quantile(all, at)));
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} | {:.2}, {:.2} |",
            trial.rate,
            trial.answered,
            delays[0],
            delays[1],
            delays[2],
            latencies[0],
            latencies[1],
            trial.busy[0],
            trial.busy[1]
        );
    }
    let messages: usize = trials.iter().map(|trial| trial.messages).sum();
    println!("\n- {NAME}: each of {messages} messages reached each of {sockets} sockets once, and in order: reached");
    let most = trials.iter().filter(|trial| trial.keeps_up()).map(|trial| trial.rate).max().unwrap_or_default();
    let verdict = if most >= WANTED { "reached".to_owned() } else { format!("**missed** here, {most} messages/s are") };
    println!("- {NAME}: {WANTED} messages/s, p99 below {SOON:.0} ms: {verdict}");
}
