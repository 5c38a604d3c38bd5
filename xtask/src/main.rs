//! Everything one does with this project: `cargo xtask help`.

mod ai;
mod bench;
mod build;
mod contract;
mod demo;
mod deploy;
mod dev;
mod operators;
mod preview;
mod run;
mod settings;
mod setup;
mod shop;
mod standin;
mod test;
mod toolchain;
mod verify_audit;
mod worker;

use anyhow::{Context, Result, bail};

const HELP: &str = "\
cargo xtask dev [--port N]         set up, build and serve on 127.0.0.1:8787, with demo data
  … --shop [--shop-port N]         with a stand-in for the payment provider: plans can be bought, no money moves
  … --ai                           with a stand-in for the AI provider, which understands nothing
cargo xtask link [--port N]        run into the demo user's limit, and print a link that logs a browser in once
cargo xtask preview-worker         render previews for a local API with Chromium
  … [--port N] [--concurrency N]   of the API on that port; so many at a time
cargo xtask test [FILTER]          set up, build and run all tests
cargo xtask build [--dev]          build the Worker into build/ (release unless --dev)
cargo xtask openapi                write openapi.json anew from the code
cargo xtask contract               lint openapi.json and try the running API against it
cargo xtask bench [--scenario X]   measure the release Worker against its peer in TypeScript
  … --scenario growth              … against itself with a hundred times as much data
cargo xtask verify-audit FILE      check an exported audit log (NDJSON) without the service
  … --checkpoint FILE              … against what was put aside of it, too; --part: the export is not from the beginning
cargo xtask deploy [--dry-run]     create what is missing in a Cloudflare account, and deploy
cargo xtask lint                   formatting and clippy, native and wasm
cargo xtask setup                  only the set-up the others do first";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Err(error) = dispatch(&args) {
        eprintln!("\nxtask: {error:#}");
        std::process::exit(1);
    }
}

fn dispatch(args: &[String]) -> Result<()> {
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", args),
    };
    match command {
        "dev" => dev::run(rest),
        "link" => demo::link(rest),
        "preview-worker" => preview::run(rest),
        "test" => test::run(rest),
        "build" => build::run(rest),
        "openapi" => contract::write(),
        "contract" => contract::run(),
        "bench" => bench::run(rest),
        "verify-audit" => verify_audit::run(rest),
        "deploy" => deploy::run(rest),
        "lint" => test::lint(),
        "setup" => setup::all().map(drop),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        unknown => bail!("there is no command '{unknown}'.\n{HELP}"),
    }
}

/// The value of `--name value` among the arguments.
fn option<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    let at = args.iter().position(|arg| arg == name)?;
    args.get(at + 1).map(String::as_str)
}

fn port(args: &[String], name: &str) -> Result<Option<u16>> {
    option(args, name).map(|text| text.parse().with_context(|| format!("'{text}' is no port"))).transpose()
}
