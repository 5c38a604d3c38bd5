//! What `.dev.vars` and `wrangler.toml` set.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::run::root;

/// What the provider is told and shows is not ours to choose, so these fit the stand-in's shop.
const DEVELOPMENT: [(&str, &str); 12] = [
    ("LZ_STORE_ID", "217313"),
    ("LZ_PRO_MONTHLY_VARIANT_ID", "1001"),
    ("LZ_PRO_YEARLY_VARIANT_ID", "1002"),
    ("LZ_PREMIUM_MONTHLY_VARIANT_ID", "1003"),
    ("LZ_PREMIUM_YEARLY_VARIANT_ID", "1004"),
    ("LZ_PRO_MONTHLY_PRICE", "$14.99"),
    ("LZ_PRO_YEARLY_PRICE", "$149.90"),
    ("LZ_PREMIUM_MONTHLY_PRICE", "$29.99"),
    ("LZ_PREMIUM_YEARLY_PRICE", "$299.90"),
    ("LZ_TEST_MODE", "true"),
    // Nobody is there without the shop: a key made up here must never reach the real provider.
    ("LZ_API_BASE_URL", "http://127.0.0.1:8788"),
    // Whoever develops a receiver has it on this machine.
    ("WEBHOOKS_ALLOW_LOOPBACK", "true"),
];

/// Names and values, in the order of the file.
pub struct Settings(Vec<(String, String)>);

impl Settings {
    pub fn of_development() -> Result<Self> {
        Ok(Settings::read(&read(&dev_vars())?, true))
    }

    pub fn of_deployment() -> Result<Self> {
        Ok(Settings::read(&read(&root().join("wrangler.toml"))?, false))
    }

    /// Lines like `NAME=value`; `everywhere`, or only in the sections of a wrangler.toml that set variables.
    pub fn read(text: &str, everywhere: bool) -> Self {
        let mut counts = everywhere;
        let mut found = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                counts = line.ends_with("vars]");
            } else if let (true, Some((name, rest))) = (counts && !line.starts_with('#'), line.split_once('=')) {
                let name = name.trim().trim_start_matches("export ").trim();
                found.push((name.to_owned(), value(rest.trim()).to_owned()));
            }
        }
        Settings(found)
    }

    /// An empty value counts as none, like in the Worker.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name)?;
        Some(found.1.as_str()).filter(|value| !value.is_empty())
    }

    /// Those whose names begin so.
    pub fn starting(&self, prefix: &str) -> impl Iterator<Item = &(String, String)> {
        self.0.iter().filter(move |(name, _)| name.starts_with(prefix))
    }

    fn names(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }
}

/// Without its quotes, or the comment behind it.
fn value(text: &str) -> &str {
    let quoted = text.chars().next().filter(|first| matches!(first, '"' | '\''));
    match quoted {
        Some(quote) => text[1..].split(quote).next().unwrap_or_default(),
        None => text.split('#').next().unwrap_or_default().trim(),
    }
}

/// Adds to `.dev.vars` what it lacks. What is there stays: it may be older than a setting, and hold secrets in use.
pub fn complete() -> Result<()> {
    let path = dev_vars();
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read.with_context(|| format!("{} cannot be read", path.display()))?,
    };
    let lines = missing(&text)?;
    if lines.is_empty() {
        return Ok(());
    }
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
    write!(file, "{gap}{lines}").with_context(|| format!("{} cannot be written", path.display()))
}

fn missing(text: &str) -> Result<String> {
    let there = Settings::read(text, true);
    let mut lines = String::new();
    // The provider takes no webhook secret longer than 40 characters.
    for (name, characters) in [
        ("JWT_SECRET", 64),
        ("SESSION_SECRET", 64),
        ("WORKER_CALLBACK_SECRET", 64),
        ("PREVIEW_TOKEN_SECRET", 64),
        ("LZ_API_KEY", 64),
        ("LZ_WEBHOOK_SECRET", 40),
    ] {
        if !there.names(name) {
            lines.push_str(&format!("{name}={}\n", &secret()?[..characters]));
        }
    }
    for (name, value) in DEVELOPMENT {
        if !there.names(name) {
            lines.push_str(&format!("{name}={value}\n"));
        }
    }
    Ok(lines)
}

/// 256 random bits as hex.
pub fn secret() -> Result<String> {
    let mut bytes = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn dev_vars() -> PathBuf {
    root().join(".dev.vars")
}

fn read(path: &PathBuf) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_stays_and_the_rest_is_added() {
        let old = "JWT_SECRET=old\nexport LZ_API_KEY = 'mine' # of the test store\nLZ_STORE_ID=\n#LZ_TEST_MODE=true\n";
        let added = missing(old).unwrap();
        for name in ["JWT_SECRET=", "LZ_API_KEY=", "LZ_STORE_ID="] {
            assert!(!added.contains(name), "{added}");
        }
        let whole = Settings::read(&format!("{old}{added}"), true);
        assert_eq!((whole.get("JWT_SECRET"), whole.get("LZ_API_KEY")), (Some("old"), Some("mine")));
        assert_eq!((whole.get("LZ_STORE_ID"), whole.get("LZ_TEST_MODE")), (None, Some("true")));
        assert_eq!(whole.get("LZ_PRO_YEARLY_PRICE"), Some("$149.90"));
        assert_eq!(whole.get("LZ_WEBHOOK_SECRET").map(str::len), Some(40));
        assert_eq!(missing(&format!("{old}{added}")).unwrap(), "");
    }

    #[test]
    fn only_the_variables_of_a_wrangler_toml_are_read() {
        let read = Settings::read("name = \"x\"\n[vars]\nA = \"1\" # one\nB = \"\"\n[triggers]\nC = \"3\"", false);
        assert_eq!((read.get("name"), read.get("A"), read.get("B"), read.get("C")), (None, Some("1"), None, None));
    }
}
