//! Serving on this machine, with someone to log in as and something to look at.

use std::fs;

use anyhow::{Result, bail};

use crate::operators::{self, Place};
use crate::run::root;
use crate::settings::Settings;
use crate::standin::StandIn;
use crate::worker::{Api, Local, free};
use crate::{ai, build, demo, port, setup, shop};

pub const PORT: u16 = 8787;
const STATE: &str = ".wrangler/state";
const CRON: &str = "/cdn-cgi/handler/scheduled?cron=*+*+*+*+*";

pub fn run(args: &[String]) -> Result<()> {
    let port_here = port(args, "--port")?.unwrap_or(PORT);
    free(port_here)?;
    let tools = setup::all()?;
    build::worker(&tools, true)?;
    let shop = match args.iter().any(|arg| arg == "--shop") {
        true => Some(shop::open(port(args, "--shop-port")?, port_here)?),
        false => None,
    };
    let ai = match args.iter().any(|arg| arg == "--ai") {
        true => Some(ai::start()?),
        false => None,
    };
    let state = if shop.is_some() { fresh(port_here) } else { STATE.to_owned() };
    let vars: Vec<String> = shop.iter().map(shop::var).chain(ai.iter().flat_map(ai::vars)).collect();
    let mut local = Local::start(&tools, port_here, &state, &vars)?;
    demo::create(local.api)?;
    let operators = operators::named(&Settings::of_development()?)?;
    let operators = operators.unwrap_or_else(|| vec![demo::EMAIL.to_owned()]);
    operators::set(&tools, Place::Here(&state), &operators)?;
    println!("\n{}", greeting(local.api, &state));
    if let Some(shop) = &shop {
        println!("{}", way_to_pay(local.api, shop)?);
    }
    if let Some(ai) = &ai {
        println!("AI provider     {} stands in for it, and understands nothing", ai.url);
    }
    println!("\nCtrl-C ends it; src/ is watched.");
    // wrangler does not fire cron triggers by itself.
    local.wait(|api| drop(api.get(CRON)))?;
    bail!("the Worker ended; see {state}/wrangler.log")
}

/// A place for a Worker with a shop: the stand-in forgets everybody when it ends, and who paid then is at no limit.
fn fresh(port: u16) -> String {
    let state = format!(".wrangler/shop-{port}");
    let _ = fs::remove_dir_all(root().join(&state));
    state
}

fn greeting(api: Api, state: &str) -> String {
    let url = api.url();
    let (email, password) = (demo::EMAIL, demo::PASSWORD);
    format!(
        "HiveSync API    {url}/api/v1\nreference       {url}/docs (Swagger UI), {url}/redoc, {url}/openapi.json\ndemo login      {email} / {password} (runs the service, too)\nlog             {state}/wrangler.log"
    )
}

fn way_to_pay(api: Api, shop: &StandIn) -> Result<String> {
    let again = if api.port == PORT { String::new() } else { format!(" --port {}", api.port) };
    Ok(format!(
        "payments        {} stands in for the provider; no money moves\nupgrade flow    {}\n                (good once, for 90 s; ask for a new one with: cargo xtask link{again})",
        shop.url,
        demo::login_link(api)?
    ))
}
