//! To a Cloudflare account: what is missing there is created, then the Worker goes up.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::run::{plainly, root, step};
use crate::setup::{self, Tools};

const DATABASE: &str = "hivesync";
const QUEUES: [&str; 2] = ["hivesync-events", "hivesync-events-dead"];
const SECRETS: [&str; 2] = ["JWT_SECRET", "SESSION_SECRET"];

pub fn run(args: &[String]) -> Result<()> {
    let tools = setup::all()?;
    if args.iter().any(|arg| arg == "--dry-run") {
        return step("wrangler deploy --dry-run", tools.wrangler().args(["deploy", "--dry-run"]));
    }
    if asked(&tools, &["whoami"]).is_none_or(|said| said.contains("not authenticated")) {
        bail!("log in first: npx wrangler login (or set CLOUDFLARE_API_TOKEN)");
    }
    for queue in QUEUES {
        create(&tools, "queues", queue)?;
    }
    create(&tools, "d1", DATABASE)?;
    step("migrating the database", tools.wrangler().args(["d1", "migrations", "apply", DATABASE, "--remote"]))?;
    // The namespace and the bucket are created by this, from their bindings.
    let mut deploy = tools.wrangler();
    deploy.arg("deploy");
    let secrets = missing_secrets(&tools)?;
    if let Some(file) = &secrets {
        deploy.arg("--secrets-file").arg(file);
    }
    let outcome = plainly("wrangler deploy", &mut deploy);
    if let Some(file) = secrets {
        fs::remove_file(&file).with_context(|| format!("{} holds secrets; remove it", file.display()))?;
    }
    outcome
}

/// Creates the thing unless it is there.
fn create(tools: &Tools, kind: &str, name: &str) -> Result<()> {
    if asked(tools, &[kind, "info", name]).is_some() {
        return Ok(());
    }
    step(&format!("creating {name} ({kind})"), tools.wrangler().args([kind, "create", name]))
}

/// A file with fresh values for the secrets that the deployed Worker lacks.
fn missing_secrets(tools: &Tools) -> Result<Option<PathBuf>> {
    let listed = tools.wrangler().args(["secret", "list"]).stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&listed.stdout);
    // Taking a passing failure for "none are set" would log everybody out.
    if !listed.status.success() && !format!("{said}{}", String::from_utf8_lossy(&listed.stderr)).contains("not found") {
        bail!("the Worker's secrets cannot be listed:\n{said}{}", String::from_utf8_lossy(&listed.stderr));
    }
    let missing: Vec<&str> =
        SECRETS.into_iter().filter(|name| !listed.status.success() || !said.contains(&format!("\"{name}\""))).collect();
    if missing.is_empty() {
        return Ok(None);
    }
    let path = root().join(format!(".wrangler/secrets-{}", std::process::id()));
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
    for name in missing {
        writeln!(file, "{name}={}", setup::secret()?)?;
    }
    Ok(Some(path))
}

fn asked(tools: &Tools, args: &[&str]) -> Option<String> {
    let output = tools.wrangler().args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
