//! What was measured, as Markdown.

use std::fs;

use anyhow::Result;

use super::contender::Contender;
use super::rounds::{Measured, Outcome, Series, quantile, sorted};
use super::upload;

/// The Worker may be this large, compressed.
const KIB_ALLOWED: f64 = 700.0;

pub fn print(contenders: &[Contender], outcomes: &[Outcome], first_answers: &[Vec<f64>]) -> Result<()> {
    let mut targets = Vec::new();
    println!("\n{}\n", machine());
    println!("| scenario | Worker | requests/s | p50 ms | p99 ms | D1 trips | CPU µs a request | × the peer's |");
    println!("|---|---|---:|---:|---:|---:|---:|---:|");
    for Outcome { scenario, series } in outcomes {
        let ratios = |of: fn(&Measured) -> f64| {
            let [ours, peers] = series.as_slice() else { return Vec::new() };
            sorted(ours.rounds.iter().zip(&peers.rounds).map(|(ours, peer)| of(ours) / of(peer)))
        };
        let cpu = ratios(|round| round.cpu);
        for (at, (contender, series)) in contenders.iter().zip(series).enumerate() {
            let ratio = if at == 0 && !cpu.is_empty() { spread(&cpu, 2) } else { String::new() };
            println!(
                "| {} | {} | {:.0} | {:.2} | {:.2} | {} | {} | {ratio} |",
                scenario.name,
                contender.name,
                quantile(&series.sorted(|round| round.per_second), 0.5),
                quantile(&series.sorted(|round| round.p50), 0.5),
                quantile(&series.sorted(|round| round.p99), 0.5),
                series.trips,
                spread(&series.sorted(|round| round.cpu), 0),
            );
        }
        let mut target = |what: &str, ratio: f64, allowed: f64| {
            let text = format!("{}: {ratio:.2} × the peer's {what}, {allowed:.1} allowed", scenario.name);
            targets.push((text, ratio <= allowed));
        };
        if let Some(allowed) = scenario.allowed {
            target("CPU a request", quantile(&cpu, 0.5), allowed);
        }
        if scenario.name == "login" {
            target("p50", quantile(&ratios(|round| round.p50), 0.5), 1.0);
        }
        for (contender, finding) in contenders.iter().zip(series.iter().map(|series| &series.finding)) {
            if let Some(finding) = finding {
                targets.push((format!("{}, {}: {}", scenario.name, contender.name, finding.text), finding.reached));
            }
        }
    }
    let row = |name: &str, cells: Vec<String>| println!("| {name} | {} |", cells.join(" | "));
    println!();
    row("", contenders.iter().map(|contender| contender.name.to_owned()).collect());
    println!("|---|{}", "---:|".repeat(contenders.len()));
    let kib = contenders.iter().map(|each| Ok(each.gzipped()? as f64 / 1024.0)).collect::<Result<Vec<_>>>()?;
    row("gzipped", kib.iter().map(|kib| format!("{kib:.0} KiB")).collect());
    if first_answers.iter().all(|times| !times.is_empty()) {
        let times = first_answers.iter().map(|times| spread(&sorted(times.iter().copied()), 0));
        row("process start to first answer, ms", times.collect());
    }
    targets.push((format!("size: {:.0} KiB gzipped, {KIB_ALLOWED:.0} allowed", kib[0]), kib[0] <= KIB_ALLOWED));
    println!();
    for Outcome { scenario, series } in outcomes {
        if let Some(more) = scenario.more {
            println!("- {}: behind the answer {} {more}, which the peer does not.", scenario.name, contenders[0].name);
        }
        if scenario.name == upload::NAME {
            println!("- {}: {}.", scenario.name, streamed(&series[0]));
        }
    }
    for (target, reached) in targets {
        println!("- {target}: {}", if reached { "reached" } else { "**missed**" });
    }
    Ok(())
}

impl Series {
    fn sorted(&self, of: impl Fn(&Measured) -> f64) -> Vec<f64> {
        sorted(self.rounds.iter().map(of))
    }
}

/// The median, and least and most as its noise.
fn spread(sorted: &[f64], decimals: usize) -> String {
    let [median, least, most] = [0.5, 0.0, 1.0].map(|at| quantile(sorted, at));
    format!("{median:.decimals$} ({least:.decimals$}–{most:.decimals$})")
}

/// How fast files came in, and what they took of the process's memory.
fn streamed(series: &Series) -> String {
    let rate = quantile(&series.sorted(|round| round.per_second), 0.5) * upload::BYTES as f64 / 1e6;
    let [before, after, most] =
        [series.memory.before, series.memory.after, series.memory.most].map(|bytes| bytes as f64 / 1e6);
    format!("{rate:.0} MB/s; workerd held {before:.0} MB before, {after:.0} MB after, {most:.0} MB at most")
}

/// Where it was measured, in a line.
pub fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("")
        .trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores of {model}; medians of the rounds, in parentheses their range.")
}
