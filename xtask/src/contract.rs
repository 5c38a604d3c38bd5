//! The contract: written from the code, linted, and held against the running API.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{plainly, root, step};
use crate::setup::{self, Tools};
use crate::worker::Local;
use crate::{ai, build, shop};

const SCHEMATHESIS: &str = "4.32.5";
const STATE: &str = ".wrangler/contract";
/// Out of the way: the calls of a run are one user's.
const LIMITS: [&str; 7] = [
    "RATE_LIMIT_AUTH",
    "RATE_LIMIT_ANONYMOUS",
    "RATE_LIMIT_FREE",
    "RATE_LIMIT_WEBHOOK",
    "LIMIT_PROJECTS_FREE",
    "LIMIT_MEMBERS_FREE",
    "LIMIT_API_KEYS_FREE",
];

pub fn write() -> Result<()> {
    let output = Command::new("cargo").args(["run", "--quiet", "--bin", "openapi"]).current_dir(root()).output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::write(root().join("openapi.json"), output.stdout).context("openapi.json cannot be written")
}

pub fn run() -> Result<()> {
    let tools = setup::all()?;
    lint(&tools)?;
    let python = schemathesis()?;
    build::worker(&tools, true)?;
    // What an earlier run left must not decide this one.
    let _ = fs::remove_dir_all(root().join(STATE));
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let shop = shop::open(None, port)?;
    let mut vars: Vec<String> = LIMITS.iter().map(|limit| format!("{limit}:1000000")).collect();
    let ai = ai::start()?;
    vars.push(shop::var(&shop));
    vars.extend(ai::vars(&ai));
    let local = Local::start(&tools, port, STATE, &vars)?;
    let url = format!("{}/api/v1", local.api.url());
    let mut test = Command::new(python);
    test.current_dir(root().join("xtask/contract"))
        .args(["run", "../../openapi.json", "--url", &url])
        .env("HIVESYNC_URL", &url);
    let outcome = plainly("schemathesis", &mut test);
    drop(local);
    outcome
}

fn lint(tools: &Tools) -> Result<()> {
    let mut spectral = tools.npm("@stoplight/spectral-cli/dist/index.js");
    spectral.args(["lint", "openapi.json", "--ruleset", "xtask/contract/spectral.yaml", "--fail-severity", "warn"]);
    step("linting openapi.json", &mut spectral)
}

fn schemathesis() -> Result<PathBuf> {
    let package = format!("schemathesis=={SCHEMATHESIS}");
    setup::python(&format!("schemathesis-{SCHEMATHESIS}"), &[package], "schemathesis")
}
