//! One line of JSON for each request, and for work nobody asked for: who did what is in the audit log, not here.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Serialize;

use super::Answered;
use crate::app::App;
use crate::host;
use crate::limits::Tier;

/// From which on lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    #[default]
    Info,
    Error,
    /// Of no line.
    Off,
}

impl Level {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "info" => Some(Level::Info),
            "error" => Some(Level::Error),
            "off" => Some(Level::Off),
            _ => None,
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    level: Level,
    request_id: &'a str,
    method: &'a str,
    route: Option<&'static str>,
    status: u16,
    code: Option<&'static str>,
    ms: i64,
    trips: u32,
    user: Option<String>,
    tier: Option<&'static str>,
    version: &'static str,
}

pub fn request(app: &App, answered: &Answered, level: Level, user: Option<(i64, Tier)>) {
    let line = Line {
        time: host::now().text(),
        level,
        request_id: &app.caller().request_id,
        method: answered.method.as_str(),
        route: answered.route,
        status: answered.status,
        code: answered.code.map(|code| code.name()),
        ms: answered.milliseconds,
        trips: app.trips(),
        user: user.map(|(id, _)| pseudonym(app, id)),
        tier: user.map(|(_, tier)| tier.name()),
        version: env!("CARGO_PKG_VERSION"),
    };
    host::write_line(&serde_json::to_string(&line).unwrap_or_default());
}

/// The same for all that one user does, and nobody's without our key.
fn pseudonym(app: &App, user: i64) -> String {
    let [a, b, c, d, e, f, g, h, i, ..] = app.config().keys.digest("log", &[&user.to_be_bytes()]);
    Base64UrlUnpadded::encode_string(&[a, b, c, d, e, f, g, h, i])
}

#[derive(Serialize)]
struct Work<'a> {
    time: String,
    level: Level,
    about: &'a str,
    /// Messages of a batch.
    count: usize,
    failed: usize,
    ms: i64,
    trips: u32,
    version: &'static str,
}

/// Work that no request asked for, and how much of it failed.
pub fn work(app: &App, about: &str, count: usize, failed: usize) {
    let level = if failed > 0 { Level::Error } else { Level::Info };
    if app.config().log_level > level {
        return;
    }
    let now = host::now();
    let line = Work {
        time: now.text(),
        level,
        about,
        count,
        failed,
        ms: now.millis().saturating_sub(app.now().millis()).max(0),
        trips: app.trips(),
        version: env!("CARGO_PKG_VERSION"),
    };
    host::write_line(&serde_json::to_string(&line).unwrap_or_default());
}
