//! The stand-in by itself, for a developer who clicks through a checkout. Ends when its stdin does.

use std::collections::HashMap;
use std::env;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use lemonsqueezy_stand_in::{Options, StandIn, Variant};

const HELP: &str = "\
lemonsqueezy-stand-in: the payment provider LemonSqueezy on loopback; no money moves.

  --port N          STANDIN_PORT          where it listens (any free port)
  --webhook URL     STANDIN_WEBHOOK_URL   where events are sent (nowhere)
  --variants LIST   pro-monthly=ID,pro-yearly=ID,premium-monthly=ID,premium-yearly=ID
                    LZ_PRO_MONTHLY_VARIANT_ID, LZ_PRO_YEARLY_VARIANT_ID,
                    LZ_PREMIUM_MONTHLY_VARIANT_ID, LZ_PREMIUM_YEARLY_VARIANT_ID
                    LZ_API_KEY, LZ_STORE_ID, LZ_WEBHOOK_SECRET

Prints `ready URL` once it listens, and ends when its standard input does.";

const VARIANTS: [&str; 4] = ["pro-monthly", "pro-yearly", "premium-monthly", "premium-yearly"];

fn main() -> ExitCode {
    if env::args().any(|argument| argument == "--help") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let started = options(env::args().skip(1))
        .and_then(|options| StandIn::try_start(options).map_err(|error| format!("it does not start: {error}")));
    match started {
        Ok(stand_in) => {
            println!("ready {}", stand_in.url());
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("lemonsqueezy-stand-in: {why}");
            ExitCode::FAILURE
        }
    }
}

fn options(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut given = HashMap::new();
    let mut arguments = arguments;
    while let Some(flag) = arguments.next() {
        let name = flag.strip_prefix("--").filter(|name| ["port", "webhook", "variants"].contains(name));
        let name = name.ok_or_else(|| format!("it does not know '{flag}'; --help tells what it does"))?;
        let value = arguments.next().ok_or_else(|| format!("--{name} needs a value"))?;
        given.insert(name.to_owned(), value);
    }
    let mut take = |flag: &str, variable: &str| given.remove(flag).or_else(|| set(variable));
    let port = match take("port", "STANDIN_PORT") {
        Some(port) => port.parse().map_err(|_| format!("'{port}' is no port"))?,
        None => 0,
    };
    let webhook_url = take("webhook", "STANDIN_WEBHOOK_URL");
    let list = take("variants", "").unwrap_or_default();
    let ids = VARIANTS.map(|name| variant_id(&list, name));
    let [first, second, third, fourth] = ids;
    Ok(Options {
        port,
        api_key: required("LZ_API_KEY")?,
        store_id: number("LZ_STORE_ID", &required("LZ_STORE_ID")?)?,
        webhook_secret: required("LZ_WEBHOOK_SECRET")?,
        webhook_url,
        variants: Variant::usual([first?, second?, third?, fourth?]),
        log: Arc::new(|attempt| {
            let again = if attempt.attempt > 1 { format!(", try {}", attempt.attempt) } else { String::new() };
            match attempt.status {
                0 => eprintln!("webhook {}: no answer{again}", attempt.event),
                status => eprintln!("webhook {}: {status}{again}", attempt.event),
            }
        }),
        ..Options::default()
    })
}

/// From the list of the command line, else from the environment.
fn variant_id(list: &str, name: &str) -> Result<u64, String> {
    let listed = list.split(',').filter_map(|entry| entry.split_once('=')).find(|(key, _)| key.trim() == name);
    match listed {
        Some((_, id)) => number(name, id.trim()),
        None => {
            let variable = format!("LZ_{}_VARIANT_ID", name.replace('-', "_").to_uppercase());
            number(&variable, &required(&variable)?)
        }
    }
}

fn number(name: &str, text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{name} is '{text}', which is no number"))
}

fn required(variable: &str) -> Result<String, String> {
    set(variable).ok_or_else(|| format!("{variable} is not set"))
}

fn set(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}
