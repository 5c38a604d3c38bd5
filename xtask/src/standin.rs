//! Stand-ins for other people's servers, each in a process of its own beside a local Worker.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run::{root, spawn, step};

pub struct StandIn {
    child: Child,
    pub url: String,
}

impl StandIn {
    /// Builds the package and runs it on this port, or any free one, until this is dropped.
    pub fn start(what: &str, package: &str, port: Option<u16>, more: impl FnOnce(&mut Command)) -> Result<Self> {
        let cargo = |verb: &str| {
            let mut cargo = Command::new("cargo");
            cargo.args([verb, "--quiet", "--package", package]).current_dir(root());
            cargo
        };
        step(&format!("building {what}'s stand-in"), &mut cargo("build"))?;
        let mut run = cargo("run");
        run.args(["--", "--port", &port.unwrap_or(0).to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        more(&mut run);
        let mut started = StandIn { child: spawn(&mut run)?, url: String::new() };
        let mut line = String::new();
        BufReader::new(started.child.stdout.take().context("no output")?).read_line(&mut line)?;
        match line.trim().strip_prefix("ready ") {
            Some(url) => started.url = url.to_owned(),
            None => bail!("{what}'s stand-in did not start"),
        }
        Ok(started)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // Its standard input ends, and with it the process.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
