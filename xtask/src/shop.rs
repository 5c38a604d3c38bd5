//! The stand-in for the payment provider, in a process of its own beside a local Worker.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run::{root, spawn, step};
use crate::settings::Settings;

const PACKAGE: &str = "lemonsqueezy-stand-in";

pub struct Shop {
    child: Child,
    pub url: String,
}

impl Shop {
    /// Opens the shop that `.dev.vars` describes on this port, or any free one, and tells the Worker on the other of
    /// what happens there.
    pub fn open(port: Option<u16>, worker: u16) -> Result<Self> {
        let cargo = |what: &str| {
            let mut cargo = Command::new("cargo");
            cargo.args([what, "--quiet", "--package", PACKAGE]).current_dir(root());
            cargo
        };
        step("building the payment provider's stand-in", &mut cargo("build"))?;
        let settings = Settings::of_development()?;
        let mut run = cargo("run");
        run.args(["--", "--webhook", &format!("http://127.0.0.1:{worker}/api/v1/billing/webhook")])
            .args(["--port", &port.unwrap_or(0).to_string()])
            .envs(settings.starting("LZ_").map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut shop = Shop { child: spawn(&mut run)?, url: String::new() };
        let mut line = String::new();
        BufReader::new(shop.child.stdout.take().context("no output")?).read_line(&mut line)?;
        match line.trim().strip_prefix("ready ") {
            Some(url) => shop.url = url.to_owned(),
            None => bail!("the payment provider's stand-in did not start"),
        }
        Ok(shop)
    }

    /// For `--var`: what makes a Worker ask the stand-in and not the provider.
    pub fn var(&self) -> String {
        format!("LZ_API_BASE_URL:{}", self.url)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Its standard input ends, and with it the process.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
