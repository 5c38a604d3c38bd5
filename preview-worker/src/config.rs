//! What a worker is started with.

use std::path::PathBuf;

pub const HELP: &str = "\
preview-worker: renders previews for HiveSync's API with headless Chromium.

  --api URL             HIVESYNC_API            with its version (http://127.0.0.1:8787/api/v1)
                        WORKER_CALLBACK_SECRET  what its requests are signed with
  --name NAME           HIVESYNC_WORKER         [a-z0-9-], up to 64 (this machine's name)
  --concurrency N                               jobs at a time (1)
  --memory-mb N                                 what a job's browser may hold (1024)
                        CHROMIUM                its path (chromium, chromium-browser or google-chrome in PATH)
  --unsafe-no-sandbox                           where Chromium's sandbox cannot be on: for trusted pages only

Logs a line of JSON an event. SIGTERM: claims nothing more, and gives what is running 20 s.";

const CONCURRENCY: usize = 16;
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

#[derive(Debug, PartialEq)]
pub struct Options {
    pub api: String,
    pub secret: String,
    pub name: String,
    pub concurrency: usize,
    pub memory: u64,
    pub chromium: PathBuf,
    pub unsafe_allowed: bool,
}

impl Options {
    /// From the command line, else from the environment.
    pub fn read(
        arguments: impl IntoIterator<Item = String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Options, String> {
        let set = |name: &str| environment(name).filter(|value| !value.is_empty());
        let mut options = Options {
            api: set("HIVESYNC_API").unwrap_or_else(|| "http://127.0.0.1:8787/api/v1".into()),
            secret: set("WORKER_CALLBACK_SECRET").ok_or("WORKER_CALLBACK_SECRET is not set")?,
            name: set("HIVESYNC_WORKER").unwrap_or_else(machine),
            concurrency: 1,
            memory: 1024 << 20,
            chromium: PathBuf::new(),
            unsafe_allowed: false,
        };
        let mut arguments = arguments.into_iter();
        while let Some(flag) = arguments.next() {
            if flag == "--unsafe-no-sandbox" {
                options.unsafe_allowed = true;
                continue;
            }
            let mut value = || arguments.next().ok_or(format!("{flag} needs a value"));
            match flag.as_str() {
                "--api" => options.api = value()?,
                "--name" => options.name = value()?,
                "--concurrency" => options.concurrency = number(&flag, &value()?, 1, CONCURRENCY)?,
                "--memory-mb" => options.memory = (number(&flag, &value()?, 256, 1 << 20)? as u64) << 20,
                _ => return Err(format!("it does not know '{flag}'; --help tells what it does")),
            }
        }
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if options.name.is_empty() || options.name.len() > 64 || !options.name.chars().all(fine) {
            return Err(format!("'{}' is no name: [a-z0-9-], up to 64", options.name));
        }
        options.chromium = match set("CHROMIUM") {
            Some(path) => path.into(),
            None => {
                on_path(&set("PATH").unwrap_or_default()).ok_or("there is no Chromium; set CHROMIUM to its path")?
            }
        };
        Ok(options)
    }
}

fn number(flag: &str, text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or(format!("{flag} is a number from {least} to {most}, not '{text}'"))
}

fn on_path(path: &str) -> Option<PathBuf> {
    let named = |name: &str| std::env::split_paths(path).map(|dir| dir.join(name)).find(|file| file.is_file());
    BROWSERS.iter().find_map(|name| named(name))
}

fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().to_lowercase();
    let name: String = name.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(64).collect();
    if name.is_empty() { "preview-worker".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn read(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Options, String> {
        let set = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
        Options::read(arguments.iter().map(ToString::to_string), set)
    }

    #[test]
    fn the_command_line_goes_over_the_environment() {
        let environment = [
            ("WORKER_CALLBACK_SECRET", "s"),
            ("HIVESYNC_API", "https://a/api/v1"),
            ("CHROMIUM", "/c"),
            ("HIVESYNC_WORKER", "w"),
        ];
        let options = read(&["--name", "node-1", "--concurrency", "2", "--memory-mb", "512"], &environment).unwrap();
        assert_eq!((options.api.as_str(), options.name.as_str()), ("https://a/api/v1", "node-1"));
        assert_eq!((options.concurrency, options.memory, options.unsafe_allowed), (2, 512 << 20, false));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let environment = [("WORKER_CALLBACK_SECRET", "s"), ("CHROMIUM", "/c")];
        for (arguments, named) in [
            (vec!["--concurrency", "0"], "--concurrency"),
            (vec!["--memory-mb", "x"], "--memory-mb"),
            (vec!["--name", "No Name"], "No Name"),
            (vec!["--name"], "--name"),
            (vec!["--port", "1"], "--port"),
        ] {
            assert!(read(&arguments, &environment).unwrap_err().contains(named), "{arguments:?}");
        }
        assert!(read(&[], &[]).unwrap_err().contains("WORKER_CALLBACK_SECRET"));
    }
}
