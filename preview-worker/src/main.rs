//! `cargo xtask preview-worker` starts it against a local API.

use std::process::ExitCode;

use preview_worker::api::Api;
use preview_worker::browser::Jail;
use preview_worker::config::{HELP, Options};
use preview_worker::worker::Worker;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

// One thread: browsers die with the thread that started them, and this one lasts.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--help") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("preview-worker: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let options = Options::read(std::env::args().skip(1), |name| std::env::var(name).ok())?;
    let api = Api::new(&options.api, &options.name, &options.secret)?;
    let jail = Jail::find(&options.chromium, options.unsafe_allowed).await.map_err(|fault| fault.to_string())?;
    if jail.is_open {
        eprintln!("preview-worker: there is no sandbox: do not let it render what you do not trust");
    }
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let work = tokio::spawn(Worker::new(api, jail, options.memory, options.concurrency).run(stopped));
    let told_again = async {
        for _ in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            let _ = stop.send(true);
        }
    };
    tokio::select! {
        ended = work => ended.map_err(|error| error.to_string()),
        () = told_again => Err("told to end at once".into()),
    }
}
