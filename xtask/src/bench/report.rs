//! What was measured, as Markdown.

use std::fs;

use anyhow::Result;

use super::contender::Contender;
use super::{Measured, Scenario, Series, quantile};

/// The Worker may be this large, compressed.
const KIB_ALLOWED: f64 = 700.0;

pub fn print(both: &[Contender; 2], results: &[(&Scenario, [Series; 2])], first_answers: &[Vec<f64>; 2]) -> Result<()> {
    let mut targets = Vec::new();
    println!("\n{}\n", machine());
    println!("| scenario | Worker | requests/s | p50 ms | p99 ms | D1 trips | CPU µs a request | × the peer's |");
    println!("|---|---|---:|---:|---:|---:|---:|---:|");
    for (scenario, series) in results {
        let ratios = |of: fn(&Measured) -> f64| {
            let [ours, peers] = series;
            sorted(ours.rounds.iter().zip(&peers.rounds).map(|(ours, peer)| of(ours) / of(peer)))
        };
        let cpu = ratios(|round| round.cpu);
        for (at, (contender, series)) in both.iter().zip(series).enumerate() {
            let ratio = if at == 0 { spread(&cpu, 2) } else { String::new() };
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
        target("CPU a request", quantile(&cpu, 0.5), scenario.allowed);
        if scenario.name == "login" {
            target("p50", quantile(&ratios(|round| round.p50), 0.5), 1.0);
        }
    }
    println!("\n| | {} | {} |\n|---|---:|---:|", both[0].name, both[1].name);
    let kib = [both[0].gzipped()? as f64 / 1024.0, both[1].gzipped()? as f64 / 1024.0];
    println!("| gzipped | {:.0} KiB | {:.0} KiB |", kib[0], kib[1]);
    if first_answers.iter().all(|times| !times.is_empty()) {
        let [ours, peers] = first_answers.each_ref().map(|times| spread(&sorted(times.iter().copied()), 0));
        println!("| process start to first answer, ms | {ours} | {peers} |");
    }
    targets.push((format!("size: {:.0} KiB gzipped, {KIB_ALLOWED:.0} allowed", kib[0]), kib[0] <= KIB_ALLOWED));
    println!();
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

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Where it was measured, in a line.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("")
        .trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores of {model}; medians of the rounds, in parentheses their range.")
}
