//! What the deployment sets, checked once per isolate.

use http::HeaderValue;

use crate::ai::Ai;
use crate::auth::token::Keys;
use crate::billing::Billing;
use crate::limits::{Allowance, Limits, Tier};
use crate::monitoring::logs::Level;
use crate::previews::token::TokenKeys;
use crate::workers::signature::WorkerKey;

/// Bytes a secret must have.
const SECRET_BYTES: usize = 32;

pub struct Config {
    pub keys: Keys,
    /// What opens a preview's files.
    pub preview_keys: TokenKeys,
    /// What workers sign with.
    pub worker_key: WorkerKey,
    /// Origins a browser may call from; empty: none.
    pub cors_origins: Vec<HeaderValue>,
    pub limits: Limits,
    /// What is for sale; nothing, where no shop is set up.
    pub billing: Option<Billing>,
    pub ai: Ai,
    /// Where our pages are, if not on the Worker's own origin.
    pub base_url: Option<String>,
    pub login_link_seconds: u32,
    /// How long a previewed page may take to load.
    pub preview_timeout_ms: u32,
    pub log_level: Level,
    /// Lets a machine read the metrics.
    metrics_token: Option<String>,
    /// Lets webhooks go to this very machine, by plain HTTP: for development.
    pub webhooks_allow_loopback: bool,
    /// Lets tests move the clock with `x-test-now`.
    pub test_clock: bool,
}

impl Config {
    /// Reads every setting; on failure one sentence for each that is wrong.
    pub fn read(var: impl Fn(&str) -> Option<String>) -> Result<Config, Vec<String>> {
        let mut wrong = Vec::new();
        let mut secret = |name: &str| {
            let value = var(name).unwrap_or_default();
            if let Err(why) = strong(&value) {
                wrong.push(format!("{name} {why}"));
            }
            value
        };
        let (jwt, session) = (secret("JWT_SECRET"), secret("SESSION_SECRET"));
        let (worker, preview) = (secret("WORKER_CALLBACK_SECRET"), secret("PREVIEW_TOKEN_SECRET"));
        let mut previous = |name: &str| {
            let value = var(name).filter(|value| !value.is_empty());
            if let Some(Err(why)) = value.as_deref().map(strong) {
                wrong.push(format!("{name} {why}"));
            }
            value
        };
        let (jwt_before, preview_before) = (previous("JWT_PREVIOUS_SECRET"), previous("PREVIEW_TOKEN_PREVIOUS_SECRET"));
        let mut limit = |name: &str| match var(name).as_deref().map(str::trim) {
            None | Some("") => None,
            Some(text) => {
                let number = text.parse::<u32>().ok().filter(|limit| *limit > 0);
                if number.is_none() {
                    wrong.push(format!("{name} must be a whole number above 0"));
                }
                number.map(u64::from)
            }
        };
        let tiers = Tier::ALL.map(|tier| Allowance::read(tier, &mut limit));
        let mut number =
            |name: &str, usual: u32| limit(name).and_then(|found| u32::try_from(found).ok()).unwrap_or(usual);
        let limits = Limits {
            auth: number("RATE_LIMIT_AUTH", 10),
            anonymous: number("RATE_LIMIT_ANONYMOUS", 60),
            webhook: number("RATE_LIMIT_WEBHOOK", 6000),
            worker: number("RATE_LIMIT_WORKER", 20_000),
            preview: number("RATE_LIMIT_PREVIEW", 600),
            tiers,
        };
        let preview_timeout_ms = number("PREVIEW_MAX_TIMEOUT_MS", 8_000);
        let login_link_seconds = number("SESSION_TOKEN_EXPIRY_SECONDS", 90);
        // KV keeps nothing for less than a minute, and a link is no password.
        if !(60..=300).contains(&login_link_seconds) {
            wrong.push("SESSION_TOKEN_EXPIRY_SECONDS must be 60 to 300".into());
        }
        let base_url = var("BASE_URL").map(|url| url.trim_end_matches('/').to_owned()).filter(|url| !url.is_empty());
        if base_url.as_deref().is_some_and(|url| !is_origin(url)) {
            wrong.push("BASE_URL is not an origin like https://hivesync.dev".into());
        }
        let mut cors_origins = Vec::new();
        let list = var("CORS_ORIGINS").unwrap_or_default();
        for origin in list.split(',').map(str::trim).filter(|origin| !origin.is_empty()) {
            match HeaderValue::from_str(origin) {
                Ok(value) if is_origin(origin) => cors_origins.push(value),
                _ => wrong.push(format!("CORS_ORIGINS: '{origin}' is not an origin like https://app.example.com")),
            }
        }
        let metrics_token = var("METRICS_TOKEN").filter(|value| !value.is_empty());
        if let Some(Err(why)) = metrics_token.as_deref().map(strong) {
            wrong.push(format!("METRICS_TOKEN {why}"));
        }
        let log_level = Level::parse(&var("LOG_LEVEL").unwrap_or_default()).unwrap_or_else(|| {
            wrong.push("LOG_LEVEL must be info, error or off".into());
            Level::default()
        });
        let billing = Billing::read(&var).unwrap_or_else(|more| {
            wrong.extend(more);
            None
        });
        let ai = Ai::read(&var).map_err(|more| wrong.extend(more)).ok();
        let Some(ai) = ai.filter(|_| wrong.is_empty()) else {
            return Err(wrong);
        };
        Ok(Config {
            keys: Keys::new(&jwt, jwt_before.as_deref(), &session),
            preview_keys: TokenKeys::new(&preview, preview_before.as_deref()),
            worker_key: WorkerKey::new(&worker),
            cors_origins,
            limits,
            billing,
            ai,
            base_url,
            login_link_seconds,
            preview_timeout_ms,
            log_level,
            metrics_token,
            webhooks_allow_loopback: var("WEBHOOKS_ALLOW_LOOPBACK").as_deref() == Some("true"),
            test_clock: var("TEST_CLOCK").as_deref() == Some("allow"),
        })
    }
}

impl Config {
    /// Whether it is the token that reads metrics; takes the same time wherever it differs.
    pub fn is_metrics_token(&self, given: &str) -> bool {
        let Some(token) = &self.metrics_token else { return false };
        self.keys.digest_is("metrics", &[given.as_bytes()], &self.keys.digest("metrics", &[token.as_bytes()]))
    }
}

fn strong(secret: &str) -> Result<(), &'static str> {
    let mut distinct = secret.as_bytes().to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if secret.is_empty() {
        Err("is missing")
    } else if secret.len() < SECRET_BYTES {
        Err("is shorter than 32 bytes")
    } else if distinct.len() < 12 {
        Err("is not random: it repeats a few characters")
    } else {
        Ok(())
    }
}

fn is_origin(text: &str) -> bool {
    text.strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', '@', ' ', '?', '#']))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "kV3pQ9zX7rT1mB5nL8wY2cF6hJ4dS0gA";

    const SECRETS: [&str; 4] = ["JWT_SECRET", "SESSION_SECRET", "WORKER_CALLBACK_SECRET", "PREVIEW_TOKEN_SECRET"];

    fn wrong(vars: &[(&str, &str)]) -> Vec<String> {
        let find = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
        Config::read(find).err().unwrap_or_default()
    }

    /// All secrets are good, unless `vars` says otherwise.
    fn wrong_beside(vars: &[(&str, &str)]) -> Vec<String> {
        wrong(&[vars, &SECRETS.map(|name| (name, GOOD))].concat())
    }

    #[test]
    fn missing_and_weak_secrets_are_named() {
        assert_eq!(wrong(&[]), SECRETS.map(|name| format!("{name} is missing")));
        let dull = "changeme".repeat(5);
        for name in SECRETS {
            assert_eq!(wrong_beside(&[(name, "short")]), [format!("{name} is shorter than 32 bytes")]);
            assert_eq!(wrong_beside(&[(name, &dull)]).len(), 1);
        }
        assert!(wrong_beside(&[]).is_empty());
        assert_eq!(wrong_beside(&[("PREVIEW_TOKEN_PREVIOUS_SECRET", "short")]).len(), 1);
    }

    #[test]
    fn a_wildcard_is_no_origin() {
        for bad in ["*", "https://*.example.com", "example.com", "https://a.example/path"] {
            assert_eq!(wrong_beside(&[("CORS_ORIGINS", bad)]).len(), 1, "{bad}");
        }
        assert!(wrong_beside(&[("CORS_ORIGINS", "https://a.example, http://localhost:3000")]).is_empty());
    }
}
