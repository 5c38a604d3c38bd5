//! The preview worker beside a local Worker.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{root, step};
use crate::settings::{self, Settings};
use crate::{dev, option, port, setup};

const PACKAGE: &str = "preview-worker";

/// Builds the worker, and tells where it is.
pub fn build() -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--package", PACKAGE]).current_dir(root());
    step("building the preview worker", &mut cargo)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join("debug").join(PACKAGE))
}

/// `cargo xtask preview-worker`: lasts until it is told to end, and ends what it runs.
pub fn run(args: &[String]) -> Result<()> {
    let port = port(args, "--port")?.unwrap_or(dev::PORT);
    let browser = setup::browser()?;
    let program = build()?;
    settings::complete()?;
    let settings = Settings::of_development()?;
    let secret = settings.get("WORKER_CALLBACK_SECRET").context("WORKER_CALLBACK_SECRET is not set in .dev.vars")?;
    eprintln!("preview worker for http://127.0.0.1:{port}; Ctrl-C ends it");
    let mut worker = Command::new(&program);
    worker
        .args(["--api", &format!("http://127.0.0.1:{port}/api/v1")])
        .args(["--concurrency", option(args, "--concurrency").unwrap_or("1")])
        .env("WORKER_CALLBACK_SECRET", secret)
        .env("CHROMIUM", browser);
    Err(worker.exec()).with_context(|| format!("{} does not run", program.display()))
}
