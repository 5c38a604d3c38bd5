//! The Worker against a peer in TypeScript: the same answers, on the same runtime, in turns.

mod contender;
mod load;
mod report;
mod webhook;

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{once, root, step};
use crate::setup::{self, Tools};
use crate::{build, option};
use contender::{Contender, Running};
use load::{Connection, Round, request};
use webhook::{Account, Events};

const PASSWORD: &str = "correct horse battery staple";
/// The first of the users in bench/seed.sql who only log in.
const FIRST_LOGIN: usize = 3;

/// Who sends what.
struct Scenario {
    name: &'static str,
    connections: usize,
    /// Requests of one round.
    requests: usize,
    /// How much of the peer's processor time it may take; `None`: the peer cannot do it.
    allowed: Option<f64>,
    /// Whether something goes on after the answer.
    settles: bool,
    sends: Sends,
}

enum Sends {
    /// One request for each connection, again and again.
    Again(fn(&Tokens, usize) -> Vec<u8>),
    /// The payment provider's events.
    Events,
}

/// What one Worker is sent.
enum Source {
    Again(Vec<Vec<u8>>),
    Events(Events),
}

/// A scenario with what came of it: a series for each Worker that ran it.
struct Outcome<'a> {
    scenario: &'a Scenario,
    series: Vec<Series>,
    account: Option<Account>,
}

/// Access tokens of the user who reads and the one who writes.
struct Tokens {
    reader: String,
    writer: String,
}

const SCENARIOS: [Scenario; 6] = [
    Scenario {
        name: "health",
        connections: 8,
        requests: 8_000,
        allowed: Some(1.3),
        settles: false,
        sends: Sends::Again(|_, _| request("GET", "/api/v1/health", "", "")),
    },
    Scenario {
        name: "login",
        connections: 4,
        requests: 60,
        allowed: Some(1.0),
        settles: true,
        // Each connection a user of its own: five attempts at once lock one out.
        sends: Sends::Again(|_, n| request("POST", "/api/v1/auth/login", "", &credentials(FIRST_LOGIN + n))),
    },
    Scenario {
        name: "get project",
        connections: 8,
        requests: 1_500,
        allowed: Some(1.0),
        settles: false,
        sends: Sends::Again(|tokens, n| {
            let path = format!("/api/v1/projects/0198c5f2-7d3a-7c41-9b52-{:012x}", n + 1);
            request("GET", &path, &tokens.reader, "")
        }),
    },
    Scenario {
        name: "list 50 projects",
        connections: 8,
        requests: 400,
        allowed: Some(1.0),
        settles: false,
        sends: Sends::Again(|tokens, _| request("GET", "/api/v1/projects?page_size=50", &tokens.reader, "")),
    },
    Scenario {
        name: "create project",
        connections: 8,
        requests: 600,
        allowed: Some(1.0),
        settles: true,
        sends: Sends::Again(|tokens, _| {
            let body = r#"{"name":"Launch in spring","description":"Everything for the first release."}"#;
            request("POST", "/api/v1/projects", &tokens.writer, body)
        }),
    },
    Scenario {
        name: "webhook intake",
        connections: 8,
        requests: 600,
        allowed: None,
        settles: true,
        sends: Sends::Events,
    },
];

/// What one round of one Worker came to.
struct Measured {
    per_second: f64,
    p50: f64,
    p99: f64,
    cpu: f64,
}

/// All rounds of one Worker in one scenario.
struct Series {
    rounds: Vec<Measured>,
    trips: String,
}

pub fn run(args: &[String]) -> Result<()> {
    let quick = args.iter().any(|arg| arg == "--quick");
    let wanted = option(args, "--scenario");
    let chosen: Vec<&Scenario> =
        SCENARIOS.iter().filter(|scenario| wanted.is_none_or(|name| scenario.name.starts_with(name))).collect();
    if chosen.is_empty() {
        bail!("there is no such scenario; there are {}", SCENARIOS.map(|scenario| scenario.name).join(", "));
    }
    let tools = setup::all()?;
    if !args.iter().any(|arg| arg == "--no-build") {
        build::worker(&tools, false)?;
    }
    let ours = Contender { name: "HiveSync", folder: root().join("build"), main: "index.js", limiter: true };
    let mut contenders = vec![ours];
    if chosen.iter().any(|scenario| scenario.allowed.is_some()) {
        contenders.push(build_peer(&tools)?);
    }

    let (rounds, starts) = if quick { (4, 3) } else { (15, 9) };
    let mut first_answers = vec![Vec::new(); contenders.len()];
    for _ in 0..if wanted.is_some() { 0 } else { starts } {
        for (contender, times) in contenders.iter().zip(&mut first_answers) {
            times.push(contender.time_to_answer(&tools)?);
        }
    }
    let mut running = contenders.iter().map(|contender| contender.start(&tools)).collect::<Result<Vec<_>>>()?;
    let mut outcomes = Vec::new();
    for scenario in chosen {
        eprintln!("… {}", scenario.name);
        let requests = if quick { scenario.requests / 3 } else { scenario.requests };
        let able = if scenario.allowed.is_some() { running.len() } else { 1 };
        outcomes.push(measure(scenario, &mut running[..able], requests, rounds)?);
    }
    report::print(&contenders, &outcomes, &first_answers)
}

fn credentials(user: usize) -> String {
    format!(r#"{{"email":"user{user}@example.com","password":"{PASSWORD}"}}"#)
}

fn log_in(port: u16, user: usize) -> Result<String> {
    let login = request("POST", "/api/v1/auth/login", "", &credentials(user));
    let answer = Connection::open(port)?.call(&login)?;
    let (_, rest) = answer.body.split_once(r#""access_token":""#).context("no access token")?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

/// Warms them up, then lets them run in turns.
fn measure<'a>(scenario: &'a Scenario, running: &mut [Running], requests: usize, rounds: usize) -> Result<Outcome<'a>> {
    let (mut sources, mut series) = (Vec::new(), Vec::new());
    for running in running.iter() {
        let mut source = Source::of(scenario, running.port)?;
        let answer = Connection::open(running.port)?.call(&source.first()?)?;
        let timing = answer.header("server-timing").context("an answer without Server-Timing")?;
        series.push(Series { rounds: Vec::new(), trips: timing.split('"').nth(1).unwrap_or_default().to_owned() });
        source.send(scenario, running.port, requests.max(scenario.connections * 4))?;
        sources.push(source);
    }
    let cpu = |running: &Running| if scenario.settles { running.settle() } else { running.cpu() };
    for running in running.iter() {
        cpu(running)?;
    }
    for round in 0..rounds {
        for turn in 0..running.len() {
            // A B, B A, A B: what drifts, drifts for both.
            let which = (round + turn) % running.len();
            let before = running[which].cpu()?;
            let sent = sources[which].send(scenario, running[which].port, requests)?;
            series[which].rounds.push(Measured {
                per_second: requests as f64 / sent.seconds,
                p50: quantile(&sent.latencies, 0.5),
                p99: quantile(&sent.latencies, 0.99),
                cpu: (cpu(&running[which])? - before) / requests as f64,
            });
        }
    }
    let account = match (&sources[0], &mut running[0]) {
        (Source::Events(events), ours) => Some(events.account(ours)?),
        _ => None,
    };
    Ok(Outcome { scenario, series, account })
}

impl Source {
    fn of(scenario: &Scenario, port: u16) -> Result<Self> {
        let Sends::Again(request) = scenario.sends else {
            return Ok(Source::Events(Events::new()?));
        };
        let tokens = Tokens { reader: log_in(port, 1)?, writer: log_in(port, 2)? };
        Ok(Source::Again((0..scenario.connections).map(|n| request(&tokens, n)).collect()))
    }

    fn first(&mut self) -> Result<Vec<u8>> {
        let all = match self {
            Source::Again(requests) => requests.clone(),
            Source::Events(events) => events.requests(1)?,
        };
        all.into_iter().next().context("a scenario without requests")
    }

    /// Written before the first one goes out: writing them is not what is measured.
    fn send(&mut self, scenario: &Scenario, port: u16, total: usize) -> Result<Round> {
        match self {
            Source::Again(requests) => load::run(port, scenario.connections, total, |which, _| &requests[which]),
            Source::Events(events) => {
                let requests = events.requests(total)?;
                load::run(port, scenario.connections, total, |_, number| &requests[number])
            }
        }
    }
}

fn quantile(sorted: &[f64], at: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * at).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Bundled and minified, the way wrangler would.
fn build_peer(tools: &Tools) -> Result<Contender> {
    let home = root().join("bench/peer");
    let lock = std::fs::read_to_string(home.join("package-lock.json"))?;
    once(&home.join("node_modules/.xtask"), &lock, || {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&home);
        step("installing the peer's npm packages", &mut npm)
    })?;
    let folder = root().join("target/bench/peer");
    let _ = std::fs::remove_dir_all(&folder);
    let mut esbuild = tools.npm("esbuild/bin/esbuild");
    esbuild.args([
        "bench/peer/src/index.ts",
        "--bundle",
        "--minify",
        "--format=esm",
        "--target=es2024",
        "--loader:.wasm=copy",
    ]);
    esbuild.arg(format!("--outfile={}", folder.join("index.js").display()));
    step("building the peer", &mut esbuild)?;
    Ok(Contender { name: "peer", folder, main: "index.js", limiter: false })
}
