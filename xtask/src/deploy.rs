//! To a Cloudflare account: what is missing there is created, then the Worker goes up.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::operators::{self, Place};
use crate::run::{plainly, root, step};
use crate::settings::{Settings, secret};
use crate::setup::{self, Tools};

const DATABASE: &str = "hivesync";
const QUEUES: [&str; 4] = ["hivesync-events", "hivesync-events-dead", "hivesync-ai-high", "hivesync-ai-low"];
const SECRETS: [&str; 4] = ["JWT_SECRET", "SESSION_SECRET", "WORKER_CALLBACK_SECRET", "PREVIEW_TOKEN_SECRET"];
/// A shop is set up whole or not at all.
const SHOP: [&str; 5] = [
    "LZ_STORE_ID",
    "LZ_PRO_MONTHLY_VARIANT_ID",
    "LZ_PRO_YEARLY_VARIANT_ID",
    "LZ_PREMIUM_MONTHLY_VARIANT_ID",
    "LZ_PREMIUM_YEARLY_VARIANT_ID",
];
/// These too, but only the provider knows them.
const SHOP_SECRETS: [&str; 2] = ["LZ_API_KEY", "LZ_WEBHOOK_SECRET"];

pub fn run(args: &[String]) -> Result<()> {
    let settings = Settings::of_deployment()?;
    check_provider(&settings)?;
    let operators = operators::named(&settings)?.unwrap_or_default();
    check_webhooks(&settings)?;
    let tools = setup::all()?;
    if args.iter().any(|arg| arg == "--dry-run") {
        return step("wrangler deploy --dry-run", tools.wrangler().args(["deploy", "--dry-run"]));
    }
    if asked(&tools, &["whoami"]).is_none_or(|said| said.contains("not authenticated")) {
        bail!("log in first: npx wrangler login (or set CLOUDFLARE_API_TOKEN)");
    }
    let secrets = listed_secrets(&tools)?;
    check_shop(&settings, &secrets)?;
    for queue in QUEUES {
        create(&tools, "queues", queue)?;
    }
    create(&tools, "d1", DATABASE)?;
    step("migrating the database", tools.wrangler().args(["d1", "migrations", "apply", DATABASE, "--remote"]))?;
    operators::set(&tools, Place::Deployed, &operators)?;
    // The namespace and the bucket are created by this, from their bindings.
    let mut deploy = tools.wrangler();
    deploy.arg("deploy");
    let made = make_secrets(&secrets)?;
    if let Some(file) = &made {
        deploy.arg("--secrets-file").arg(file);
    }
    let outcome = plainly("wrangler deploy", &mut deploy);
    if let Some(file) = made {
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

/// Who buys is sent where this says, with their name and address.
fn check_provider(settings: &Settings) -> Result<()> {
    match settings.get("LZ_API_BASE_URL") {
        Some(url) if !url.starts_with("https://") => bail!(
            "LZ_API_BASE_URL in wrangler.toml is {url}, which is not https. Remove it, and the payment provider itself is asked; for its stand-in there is 'cargo xtask dev --shop'."
        ),
        _ => Ok(()),
    }
}

/// What only development may allow.
fn check_webhooks(settings: &Settings) -> Result<()> {
    match settings.get("WEBHOOKS_ALLOW_LOOPBACK") {
        Some("true") => bail!(
            "WEBHOOKS_ALLOW_LOOPBACK in wrangler.toml lets webhooks go to the machine itself. Remove it; for development it is in .dev.vars."
        ),
        _ => Ok(()),
    }
}

/// Half a shop would answer 503 to everything.
fn check_shop(settings: &Settings, secrets: &[String]) -> Result<()> {
    let is_secret = |name: &str| secrets.iter().any(|secret| secret == name);
    let is_set = |name: &&str| settings.get(name).is_some() || is_secret(name);
    let (variables, missing): (Vec<&str>, Vec<&str>) = SHOP.into_iter().partition(is_set);
    let (known, unknown): (Vec<&str>, Vec<&str>) = SHOP_SECRETS.into_iter().partition(|name| is_secret(name));
    let (none, whole) = (variables.is_empty() && known.is_empty(), missing.is_empty() && unknown.is_empty());
    if none || whole {
        return Ok(());
    }
    let set = unknown.iter().map(|name| format!("\n  npx wrangler secret put {name}"));
    let write = missing.iter().map(|name| format!("\n  {name} = \"…\" in wrangler.toml"));
    let steps: String = set.chain(write).collect();
    bail!(
        "the shop is set up by half, and the Worker would answer 503 MISCONFIGURED to every request. It lacks:{steps}\nThe values are the payment provider's. Then run this again."
    )
}

/// The names of the secrets that the deployed Worker has.
fn listed_secrets(tools: &Tools) -> Result<Vec<String>> {
    let listed = tools.wrangler().args(["secret", "list"]).stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&listed.stdout);
    // Taking a passing failure for "none are set" would log everybody out.
    if !listed.status.success() && !format!("{said}{}", String::from_utf8_lossy(&listed.stderr)).contains("not found") {
        bail!("the Worker's secrets cannot be listed:\n{said}{}", String::from_utf8_lossy(&listed.stderr));
    }
    let names = SECRETS.into_iter().chain(SHOP_SECRETS).chain(SHOP);
    let set = names.filter(|name| listed.status.success() && said.contains(&format!("\"{name}\"")));
    Ok(set.map(str::to_owned).collect())
}

/// A file with fresh values for those of ours that are not set.
fn make_secrets(set: &[String]) -> Result<Option<PathBuf>> {
    let missing: Vec<&str> = SECRETS.into_iter().filter(|name| !set.iter().any(|there| there == name)).collect();
    if missing.is_empty() {
        return Ok(None);
    }
    let path = root().join(format!(".wrangler/secrets-{}", std::process::id()));
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
    for name in missing {
        writeln!(file, "{name}={}", secret()?)?;
    }
    Ok(Some(path))
}

fn asked(tools: &Tools, args: &[&str]) -> Option<String> {
    let output = tools.wrangler().args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "[vars]\nLZ_STORE_ID = \"1\"\nLZ_PRO_MONTHLY_VARIANT_ID = \"11\"\nLZ_PRO_YEARLY_VARIANT_ID = \"12\"\nLZ_PREMIUM_MONTHLY_VARIANT_ID = \"21\"\nLZ_PREMIUM_YEARLY_VARIANT_ID = \"22\"\n";

    fn refusal(toml: &str, secrets: &[&str]) -> String {
        let secrets: Vec<String> = secrets.iter().map(|name| (*name).to_owned()).collect();
        check_shop(&Settings::read(toml, false), &secrets).err().map(|why| why.to_string()).unwrap_or_default()
    }

    #[test]
    fn half_a_shop_is_not_deployed() {
        assert_eq!(refusal("[vars]\nLZ_STORE_ID = \"\"\n", &["JWT_SECRET"]), "");
        assert_eq!(refusal(WHOLE, &SHOP_SECRETS), "");
        let why = refusal(WHOLE, &["LZ_API_KEY"]);
        assert!(why.contains("npx wrangler secret put LZ_WEBHOOK_SECRET") && !why.contains("put LZ_API_KEY"), "{why}");
        assert!(refusal("[vars]\nLZ_STORE_ID = \"1\"\n", &SHOP_SECRETS).contains("LZ_PRO_YEARLY_VARIANT_ID = "));
        assert!(refusal("", &SHOP_SECRETS).contains("LZ_STORE_ID = "));
    }

    #[test]
    fn webhooks_to_the_machine_itself_are_not_deployed() {
        let check = |toml: &str| check_webhooks(&Settings::read(toml, false));
        assert!(check("[vars]\nWEBHOOKS_ALLOW_LOOPBACK = \"true\"").is_err());
        assert!(check("[vars]\nWEBHOOKS_ALLOW_LOOPBACK = \"\"").is_ok() && check("").is_ok());
    }

    #[test]
    fn a_stand_in_is_not_deployed() {
        let check = |url: &str| check_provider(&Settings::read(&format!("[vars]\nLZ_API_BASE_URL = {url}"), false));
        assert!(check("\"http://127.0.0.1:4000\"").is_err());
        assert!(check("\"https://api.lemonsqueezy.com\"").is_ok() && check("\"\"").is_ok());
    }
}
