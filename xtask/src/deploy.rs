//! To a Cloudflare account: what is missing there is created, then the Worker goes up.

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::run::{plainly, step};
use crate::setup::{self, Tools};

const QUEUES: [&str; 2] = ["hivesync-events", "hivesync-events-dead"];
const SECRETS: [&str; 2] = ["JWT_SECRET", "SESSION_SECRET"];

pub fn run(args: &[String]) -> Result<()> {
    let tools = setup::all()?;
    if args.iter().any(|arg| arg == "--dry-run") {
        return step("wrangler deploy --dry-run", tools.wrangler().args(["deploy", "--dry-run"]));
    }
    if asked(&tools, &["whoami"]).is_none_or(|text| text.contains("not authenticated")) {
        bail!("log in first: npx wrangler login (or set CLOUDFLARE_API_TOKEN)");
    }
    let queues = asked(&tools, &["queues", "list"]).unwrap_or_default();
    for queue in QUEUES.iter().filter(|queue| !queues.contains(&format!(" {queue} "))) {
        step(&format!("creating the queue {queue}"), tools.wrangler().args(["queues", "create", queue]))?;
    }
    // The first deployment creates the database, the namespace and the bucket by their bindings.
    plainly("wrangler deploy", tools.wrangler().args(["deploy"]))?;
    step("migrating the database", tools.wrangler().args(["d1", "migrations", "apply", "hivesync", "--remote"]))?;
    let set = asked(&tools, &["secret", "list"]).unwrap_or_default();
    for name in SECRETS.iter().filter(|name| !set.contains(&format!("\"{name}\""))) {
        put_secret(&tools, name)?;
    }
    Ok(())
}

fn asked(tools: &Tools, args: &[&str]) -> Option<String> {
    let output = tools.wrangler().args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn put_secret(tools: &Tools, name: &str) -> Result<()> {
    let mut wrangler = tools.wrangler();
    let mut child = wrangler.args(["secret", "put", name]).stdin(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().context("wrangler takes no input")?;
    writeln!(input, "{}", setup::secret()?)?;
    drop(input);
    if !child.wait()?.success() {
        bail!("the secret {name} could not be set");
    }
    Ok(())
}
