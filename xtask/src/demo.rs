//! Someone to log in as, at the limit of what is free, and the way from there to a paid plan.

use anyhow::{Context, Result, bail};

use crate::worker::Api;

pub const EMAIL: &str = "demo@hivesync.dev";
pub const PASSWORD: &str = "hivesync-demo";

/// A user with three projects, made over HTTP like anyone's.
pub fn create(api: Api) -> Result<()> {
    let user = format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}","username":"demo","display_name":"Demo"}}"#);
    let registered = api.post("/api/v1/auth/register", &user, "")?;
    if registered.status == 409 {
        return Ok(());
    }
    let token = log_in(api)?;
    for (name, description, tag) in [
        ("Welcome to HiveSync", "Start here.", "start"),
        ("Mobile app", "Everything for the spring release.", "mobile"),
        ("Website", "The new landing page.", "web"),
    ] {
        let body = format!(r#"{{"name":"{name}","description":"{description}"}}"#);
        let project = api.post("/api/v1/projects", &body, &token)?;
        let id = project.field("id").context("a demo project could not be created")?;
        api.post(
            &format!("/api/v1/projects/{id}/tags"),
            &format!(r##"{{"name":"{tag}","color":"#0ea5e9"}}"##),
            &token,
        )?;
    }
    Ok(())
}

fn log_in(api: Api) -> Result<String> {
    let credentials = format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}"}}"#);
    let login = api.post("/api/v1/auth/login", &credentials, "")?;
    Ok(login.field("access_token").context("the demo user could not log in")?.to_owned())
}

/// A link that logs a browser in as the demo user, once.
pub fn login_link(api: Api) -> Result<String> {
    link_for(api, &log_in(api)?)
}

fn link_for(api: Api, token: &str) -> Result<String> {
    let answer = api.post("/api/v1/auth/session-token", "", token)?;
    Ok(answer.field("url").context("there is no login link for the demo user")?.to_owned())
}

/// `cargo xtask link`: runs into the limit, and prints the way out of it.
pub fn link(args: &[String]) -> Result<()> {
    let api = Api { port: crate::port(args, "--port")?.unwrap_or(crate::dev::PORT) };
    if api.get("/api/v1/health").is_none_or(|answer| answer.status != 200) {
        bail!("no Worker answers on port {}; start one with: cargo xtask dev --shop", api.port);
    }
    let token = log_in(api)?;
    let fourth = api.post("/api/v1/projects", r#"{"name":"One more"}"#, &token)?;
    let said = |name: &str| fourth.field(name).unwrap_or("–").to_owned();
    match fourth.status {
        201 => println!("one more project  201: the demo user has room for it"),
        status => {
            println!("one more project  {status} {}: {} {}", said("code"), said("message"), said("upgrade_reason"))
        }
    }
    println!("upgrade flow      {}\n                  (good once, for 90 s)", link_for(api, &token)?);
    Ok(())
}
