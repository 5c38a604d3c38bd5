//! Serving on this machine, with someone to log in as and something to look at.

use anyhow::{Context, Result, bail};

use crate::worker::Local;
use crate::{build, option, setup};

const EMAIL: &str = "demo@hivesync.dev";
const PASSWORD: &str = "hivesync-demo";
const CRON: &str = "/cdn-cgi/handler/scheduled?cron=*+*+*+*+*";

pub fn run(args: &[String]) -> Result<()> {
    let port = match option(args, "--port") {
        Some(text) => text.parse().with_context(|| format!("'{text}' is no port"))?,
        None => 8787,
    };
    let tools = setup::all()?;
    build::worker(&tools, true)?;
    let mut local = Local::start(&tools, port, ".wrangler/state", &[])?;
    demo(&local)?;
    let url = format!("http://127.0.0.1:{port}");
    println!(
        "\nHiveSync API    {url}/api/v1\nreference       {url}/docs (Swagger UI), {url}/redoc, {url}/openapi.json\ndemo login      {EMAIL} / {PASSWORD}\nlog             .wrangler/state/wrangler.log\n\nCtrl-C ends it; src/ is watched."
    );
    // wrangler does not fire cron triggers by itself.
    local.wait(|local| drop(local.get(CRON)))?;
    bail!("the Worker ended; see .wrangler/state/wrangler.log")
}

/// A user with three projects, made over HTTP like anyone's.
fn demo(local: &Local) -> Result<()> {
    let credentials = format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}""#);
    let user = format!(r#"{credentials},"username":"demo","display_name":"Demo"}}"#);
    let registered = local.post("/api/v1/auth/register", &user, "")?;
    if registered.status == 409 {
        return Ok(());
    }
    let login = local.post("/api/v1/auth/login", &format!("{credentials}}}"), "")?;
    let token = login.field("access_token").context("the demo user could not log in")?;
    for (name, description, tag) in [
        ("Welcome to HiveSync", "Start here.", "start"),
        ("Mobile app", "Everything for the spring release.", "mobile"),
        ("Website", "The new landing page.", "web"),
    ] {
        let body = format!(r#"{{"name":"{name}","description":"{description}"}}"#);
        let project = local.post("/api/v1/projects", &body, token)?;
        let id = project.field("id").context("a demo project could not be created")?;
        local.post(
            &format!("/api/v1/projects/{id}/tags"),
            &format!(r##"{{"name":"{tag}","color":"#0ea5e9"}}"##),
            token,
        )?;
    }
    Ok(())
}
