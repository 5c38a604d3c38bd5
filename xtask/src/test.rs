//! The tests, and what is checked without running anything.

use std::process::Command;
use std::thread::available_parallelism;

use anyhow::Result;

use crate::run::{plainly, root, step};
use crate::{build, preview, setup, toolchain};

/// Receives webhooks in the tests, as its users do.
const STANDARD_WEBHOOKS: &str = "1.1.0";

pub fn run(filter: &[String]) -> Result<()> {
    let tools = setup::all()?;
    let browser = setup::browser()?;
    let package = format!("standardwebhooks=={STANDARD_WEBHOOKS}");
    let python = setup::python(&format!("standardwebhooks-{STANDARD_WEBHOOKS}"), &[package], "python")?;
    build::worker(&tools, true)?;
    let renderer = preview::build()?;
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--workspace"]).args(filter).current_dir(root());
    cargo.env("HIVESYNC_NODE", &tools.node).env("CHROMIUM", browser);
    cargo.env("PREVIEW_WORKER", renderer).env("HIVESYNC_PYTHON", python);
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        let cores = available_parallelism().map_or(2, usize::from);
        // They wait a third of their time.
        cargo.env("RUST_TEST_THREADS", (cores + cores.div_ceil(2)).to_string());
    }
    plainly("cargo test", &mut cargo)
}

pub fn lint() -> Result<()> {
    let tools = setup::all()?;
    let cargo = || {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(root());
        cargo
    };
    step("cargo fmt --check", cargo().args(["fmt", "--all", "--check"]))?;
    step("clippy", cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let mut wasm = cargo();
    wasm.args(["clippy", "--lib", "--target", toolchain::TARGET, "--", "-D", "warnings"]);
    step("clippy for wasm", tools.toolchain.apply(&mut wasm))
}
