//! The stand-in by itself, beside a local Worker. Ends when its stdin does.

use std::env;
use std::io;
use std::process::ExitCode;

use ai_stand_in::StandIn;

const HELP: &str = "\
ai-stand-in: an AI provider on loopback that speaks OpenAI's chat completions and understands nothing.

  --port N    where it listens (any free port)

Prints `ready URL` once it listens, and ends when its standard input does.";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let port = match arguments.as_slice() {
        [] => Some(0),
        [flag, port] if flag == "--port" => port.parse().ok(),
        _ => None,
    };
    let Some(port) = port else {
        println!("{HELP}");
        return ExitCode::FAILURE;
    };
    match StandIn::start(port) {
        Ok(stand_in) => {
            println!("ready {}", stand_in.base_url());
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ai-stand-in: it does not start: {error}");
            ExitCode::FAILURE
        }
    }
}
