//! What shows how the service does: counts of requests, a line of log for each, probes of what it stands on.

pub mod api;
mod exposition;
pub mod health;
pub mod logs;
pub mod metrics;
pub mod tally;

use http::Method;

use crate::app::App;
use crate::db::Time;
use crate::error::Code;
use crate::host;
use crate::limits;

/// Of a request that was answered: what is counted and logged. Nothing here says what was asked for, or by whom.
pub struct Answered {
    pub method: Method,
    /// As in `routes.rs`; `None` where there is no such route.
    pub route: Option<&'static str>,
    pub status: u16,
    pub code: Option<Code>,
    pub milliseconds: i64,
}

impl Answered {
    pub fn new(method: Method, route: Option<&'static str>, status: u16, code: Option<Code>, since: Time) -> Self {
        let milliseconds = host::now().millis().saturating_sub(since.millis()).max(0);
        Answered { method, route, status, code, milliseconds }
    }

    /// An operator's switch refused it: nothing is broken.
    fn is_switched(&self) -> bool {
        matches!(self.code, Some(Code::Maintenance | Code::ReadOnly | Code::SwitchedOff))
    }

    pub fn note(&self, app: &App) {
        let level = if self.status >= 500 && !self.is_switched() { logs::Level::Error } else { logs::Level::Info };
        if app.config().log_level <= level {
            let user = app.identity().ok().map(|caller| (caller.user, limits::known_tier(caller)));
            logs::request(app, self, level, user);
        }
        tally::count(app, self);
    }
}
