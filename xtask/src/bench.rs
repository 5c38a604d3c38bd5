//! The Worker against a peer in TypeScript: the same answers, on the same runtime, in turns.
//!
//! Some things are measured of ours alone: how fast many sockets hear of a change, how fast webhooks and previews
//! pass, and how much slower everything gets when there is a hundred times more of it.

mod contender;
mod fan_out;
mod growth;
mod load;
mod machines;
mod report;
mod rounds;
mod scenarios;
mod sockets;
mod upload;
mod webhook;

use std::process::Command;

use anyhow::{Result, bail};

use crate::run::{once, root, step};
use crate::setup::{self, Tools};
use crate::{build, option};
use contender::{Contender, Storage};
use scenarios::{SCENARIOS, Scenario};

const PASSWORD: &str = "correct horse battery staple";

pub fn run(args: &[String]) -> Result<()> {
    let quick = args.iter().any(|arg| arg == "--quick");
    let wanted = option(args, "--scenario");
    let chosen: Vec<&Scenario> =
        SCENARIOS.iter().filter(|scenario| wanted.is_none_or(|name| scenario.name.starts_with(name))).collect();
    let runs = |alone: &str| wanted.is_none_or(|name| name == alone);
    let alone = [fan_out::NAME, machines::WEBHOOKS, machines::PREVIEWS].map(|name| (name, runs(name)));
    let growth = wanted == Some(growth::NAME);
    if chosen.is_empty() && !growth && !alone.iter().any(|(_, runs)| *runs) {
        let names = SCENARIOS.map(|scenario| scenario.name).join(", ");
        let others = alone.map(|(name, _)| name).join(", ");
        bail!("there is no such scenario; there are {names}, {others}, {}", growth::NAME);
    }
    let tools = setup::all()?;
    if !args.iter().any(|arg| arg == "--no-build") {
        build::worker(&tools, false)?;
    }
    let ours = Contender { name: "HiveSync", folder: root().join("build"), main: "index.js", objects: true };
    if growth {
        growth::run(&ours, &tools, quick)?;
    }
    let [fan_out, webhooks, previews] = alone.map(|(_, runs)| runs);
    if fan_out {
        fan_out::run(&ours, &tools, quick)?;
    }
    if webhooks {
        machines::webhooks(&ours, &tools, quick)?;
    }
    if previews {
        machines::previews(&ours, &tools, quick)?;
    }
    if chosen.is_empty() { Ok(()) } else { compare(ours, &tools, &chosen, quick, wanted.is_none()) }
}

fn compare(ours: Contender, tools: &Tools, chosen: &[&Scenario], quick: bool, starts_too: bool) -> Result<()> {
    let mut contenders = vec![ours];
    if chosen.iter().any(|scenario| scenario.allowed.is_some()) {
        contenders.push(build_peer(tools)?);
    }
    let (rounds, starts) = if quick { (4, 3) } else { (15, 9) };
    let mut first_answers = vec![Vec::new(); contenders.len()];
    for _ in 0..if starts_too { starts } else { 0 } {
        for (contender, times) in contenders.iter().zip(&mut first_answers) {
            times.push(contender.time_to_answer(tools)?);
        }
    }
    let start = |contender: &Contender| contender.start(tools, Storage::Seeded);
    let mut running = contenders.iter().map(start).collect::<Result<Vec<_>>>()?;
    let mut outcomes = Vec::new();
    for scenario in chosen {
        eprintln!("… {}", scenario.name);
        let requests = if quick { scenario.requests / 3 } else { scenario.requests };
        let able = if scenario.allowed.is_some() { running.len() } else { 1 };
        outcomes.push(rounds::measure(scenario, &mut running[..able], requests, rounds)?);
    }
    report::print(&contenders, &outcomes, &first_answers)
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
    Ok(Contender { name: "peer", folder, main: "index.js", objects: false })
}
