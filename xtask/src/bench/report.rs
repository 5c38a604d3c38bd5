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
    println!("| scenario | Worker | requests/s | p50 ms | p99 ms | CPU µs a request | min–max | D1 trips |");
    println!("|---|---|---:|---:|---:|---:|---:|---:|");
    for (scenario, series) in results {
        for (contender, series) in both.iter().zip(series) {
            let (least, most) = series.range(|round| round.cpu);
            println!(
                "| {} | {} | {:.0} | {:.2} | {:.2} | {:.0} | {least:.0}–{most:.0} | {} |",
                scenario.name,
                contender.name,
                series.median(|round| round.per_second),
                series.median(|round| round.p50),
                series.median(|round| round.p99),
                series.median(|round| round.cpu),
                series.trips,
            );
        }
        let [ours, peers] = series;
        let ratio = ours.median(|round| round.cpu) / peers.median(|round| round.cpu);
        let limit = scenario.allowed;
        targets.push((
            format!("{}: {ratio:.2} × the peer's CPU a request, {limit:.1} allowed", scenario.name),
            ratio <= limit,
        ));
        if scenario.name == "login" {
            let ratio = ours.median(|round| round.p50) / peers.median(|round| round.p50);
            targets.push((format!("login: {ratio:.2} × the peer's p50, 1.0 allowed"), ratio <= 1.0));
        }
    }
    println!("\n| | {} | {} |\n|---|---:|---:|", both[0].name, both[1].name);
    let kib = [both[0].gzipped()? as f64 / 1024.0, both[1].gzipped()? as f64 / 1024.0];
    println!("| gzipped | {:.0} KiB | {:.0} KiB |", kib[0], kib[1]);
    if first_answers.iter().all(|times| !times.is_empty()) {
        let [ours, peers] = first_answers.each_ref().map(|times| {
            let sorted = sorted(times.iter().copied());
            format!("{:.0} ms ({:.0}–{:.0})", quantile(&sorted, 0.5), quantile(&sorted, 0.0), quantile(&sorted, 1.0))
        });
        println!("| process start to first answer | {ours} | {peers} |");
    }
    targets.push((format!("size: {:.0} KiB gzipped, {KIB_ALLOWED:.0} allowed", kib[0]), kib[0] <= KIB_ALLOWED));
    println!();
    for (target, reached) in targets {
        println!("- {target}: {}", if reached { "reached" } else { "**missed**" });
    }
    Ok(())
}

impl Series {
    fn median(&self, of: impl Fn(&Measured) -> f64) -> f64 {
        quantile(&sorted(self.rounds.iter().map(of)), 0.5)
    }

    fn range(&self, of: impl Fn(&Measured) -> f64) -> (f64, f64) {
        let sorted = sorted(self.rounds.iter().map(of));
        (quantile(&sorted, 0.0), quantile(&sorted, 1.0))
    }
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
    format!("{cores} cores of {model}; medians of the rounds, the range of CPU as noise.")
}
