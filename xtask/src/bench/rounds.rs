//! One scenario, round by round, the Workers in turns.

use anyhow::{Context, Result, bail};

use super::contender::{Memory, Running};
use super::load::{self, Connection, Round, request};
use super::scenarios::{Scenario, Sends, Tokens, credentials};
use super::webhook::Events;

/// What one Worker is sent.
enum Source {
    Again(Vec<Vec<u8>>),
    Events(Events),
}

/// A scenario with what came of it: a series for each Worker that ran it.
pub struct Outcome<'a> {
    pub scenario: &'a Scenario,
    pub series: Vec<Series>,
}

/// All rounds of one Worker in one scenario.
pub struct Series {
    pub rounds: Vec<Measured>,
    pub trips: String,
    pub memory: Memory,
    /// Whether all came of it that should.
    pub finding: Option<Finding>,
    sent: usize,
}

/// What one round of one Worker came to.
pub struct Measured {
    pub per_second: f64,
    pub p50: f64,
    pub p99: f64,
    /// Microseconds a request.
    pub cpu: f64,
}

/// What was looked at when all was over.
pub struct Finding {
    pub text: String,
    /// Whether it is as it must be.
    pub reached: bool,
}

pub fn log_in(port: u16, user: usize) -> Result<String> {
    let login = request("POST", "/api/v1/auth/login", "", &credentials(user));
    let answer = Connection::open(port)?.call(&login)?;
    answer.text("access_token").map(str::to_owned)
}

/// Warms them up, then lets them run in turns.
pub fn measure<'a>(
    scenario: &'a Scenario,
    running: &mut [Running],
    requests: usize,
    rounds: usize,
) -> Result<Outcome<'a>> {
    let (mut sources, mut series) = (Vec::new(), Vec::new());
    for running in running.iter() {
        let mut source = Source::of(scenario, running.port)?;
        let answer = Connection::open(running.port)?.call(&source.first()?)?;
        if answer.status >= 300 {
            bail!("{} was answered {}: {}", scenario.name, answer.status, answer.body);
        }
        let timing = answer.header("server-timing").context("an answer without Server-Timing")?;
        let trips = timing.split('"').nth(1).unwrap_or_default().to_owned();
        let warm = requests.max(scenario.connections * 4);
        source.send(scenario, running.port, warm)?;
        series.push(Series { rounds: Vec::new(), trips, memory: Memory::default(), finding: None, sent: 1 + warm });
        sources.push(source);
    }
    let cpu = |running: &Running| if scenario.settles { running.settle() } else { running.cpu() };
    for (running, series) in running.iter().zip(&mut series) {
        cpu(running)?;
        series.memory = running.memory_from_now()?;
    }
    for round in 0..rounds {
        for turn in 0..running.len() {
            // A B, B A, A B: what drifts, drifts for both.
            let which = (round + turn) % running.len();
            let before = running[which].cpu()?;
            let sent = sources[which].send(scenario, running[which].port, requests)?;
            series[which].sent += requests;
            series[which].rounds.push(Measured {
                per_second: requests as f64 / sent.seconds,
                p50: quantile(&sent.latencies, 0.5),
                p99: quantile(&sent.latencies, 0.99),
                cpu: (cpu(&running[which])? - before) / requests as f64,
            });
        }
    }
    for ((running, series), source) in running.iter_mut().zip(&mut series).zip(&sources) {
        series.memory = running.memory_since(&series.memory)?;
        series.finding = match (source, scenario.proof) {
            (Source::Events(events), _) => Some(events.account(running)?),
            (_, Some(proof)) => Some(proof(running, series.sent)?),
            _ => None,
        };
    }
    Ok(Outcome { scenario, series })
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
        match self {
            Source::Again(requests) => requests.first().cloned(),
            Source::Events(events) => events.requests(1)?.into_iter().next(),
        }
        .context("a scenario without requests")
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

pub fn quantile(sorted: &[f64], at: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * at).round() as usize).copied().unwrap_or(f64::NAN)
}

pub fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}
