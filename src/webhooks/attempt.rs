//! One try to deliver, and when the next one is.

use chrono::DateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::db::{DAY, HOUR, MINUTE, SECOND, Time};
use crate::error::{Error, Result};
use crate::host::Outbound;

/// How long to wait after a try that failed: ten tries over 75 hours.
const WAITS: [i64; 9] =
    [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
/// How long an endpoint that fails is left alone at most before it is tried again, with whatever is due.
const HELD: i64 = 30 * MINUTE;
/// At least, after an answer that asks for less.
const THROTTLED: i64 = MINUTE;
/// Bytes of an answer that are kept.
const EXCERPT: usize = 1024;

/// What came of a try.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "WebhookAttempt")]
pub struct Attempt {
    pub at: Time,
    /// What the endpoint answered; `null` where no answer came.
    #[schemars(range(min = 100, max = 999), example = 204)]
    pub status: Option<u16>,
    #[schemars(range(min = 0), example = 87)]
    pub latency_ms: i64,
    /// Why no answer came.
    #[schemars(example = &"No answer came within 15 seconds.")]
    pub error: Option<String>,
    /// How the answer begins.
    #[schemars(example = &"ok")]
    pub answer: Option<String>,
    #[serde(skip)]
    pub retry_after: Option<i64>,
}

impl Attempt {
    pub fn of(outcome: Result<Outbound>, at: Time, took: i64) -> Self {
        let latency_ms = took.max(0);
        match outcome {
            Ok(Outbound { status, retry_after, body, .. }) => Attempt {
                at,
                status: Some(status),
                latency_ms,
                error: None,
                answer: Some(excerpt(&body)),
                retry_after: retry_after.and_then(|text| wait_asked(&text, at.plus(latency_ms))),
            },
            Err(error) => Attempt::failed(at, latency_ms, why(&error)),
        }
    }

    pub fn failed(at: Time, latency_ms: i64, why: &str) -> Self {
        Attempt { at, status: None, latency_ms, error: Some(why.into()), answer: None, retry_after: None }
    }

    /// Nothing but 2xx: whoever redirects has moved, and must say so to us.
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// It says that it will not be back.
    pub fn is_gone(&self) -> bool {
        self.status == Some(410)
    }

    pub fn ended(&self) -> Time {
        self.at.plus(self.latency_ms)
    }

    /// Until when the endpoint wants to be left alone, if it does.
    pub fn asks_until(&self) -> Option<Time> {
        Some(self.asked()).filter(|asked| *asked > 0).map(|asked| self.ended().plus(asked))
    }

    fn asked(&self) -> i64 {
        let throttled = if matches!(self.status, Some(429 | 502 | 504)) { THROTTLED } else { 0 };
        self.retry_after.unwrap_or_default().clamp(throttled, DAY)
    }

    /// When a delivery is tried again that was tried so often; `None`: it is given up. `chance` is 0 to 255.
    pub fn next(&self, tries: usize, chance: u8) -> Option<Time> {
        let wait = WAITS.get(tries.checked_sub(1)?)?;
        Some(self.ended().plus(jittered(*wait, chance).max(self.asked())))
    }

    /// Until when an endpoint is left alone that has failed so many rounds.
    pub fn hold(&self, strikes: usize, chance: u8) -> Time {
        let wait = WAITS.get(strikes.saturating_sub(1)).copied().unwrap_or(HELD).min(HELD);
        self.ended().plus(jittered(wait, chance).max(self.asked()))
    }
}

/// Up to a fifth more or less.
fn jittered(wait: i64, chance: u8) -> i64 {
    wait + wait / 5 * (i64::from(chance) * 2 - 255) / 255
}

/// `Retry-After`: seconds or a date; in milliseconds from now.
fn wait_asked(text: &str, now: Time) -> Option<i64> {
    let seconds = text.trim().parse::<u32>().ok().map(|seconds| i64::from(seconds) * SECOND);
    let date = || DateTime::parse_from_rfc2822(text.trim()).ok().map(|at| at.timestamp_millis() - now.millis());
    seconds.or_else(date)
}

fn why(error: &Error) -> &'static str {
    match error.cause() {
        Some(cause) if cause.contains("TimeoutError") => "No answer came within 15 seconds.",
        _ => "No connection could be made.",
    }
}

/// Its beginning, without what controls a terminal.
fn excerpt(body: &str) -> String {
    let mut end = body.len().min(EXCERPT);
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    let start = body.get(..end).unwrap_or_default();
    start.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_772_357_400_000);

    fn answered(status: u16, retry_after: Option<&str>) -> Attempt {
        let retry_after = retry_after.map(str::to_owned);
        Attempt::of(Ok(Outbound { status, retry_after, cut: None, body: String::new() }), NOW, 0)
    }

    fn wait(attempt: &Attempt, tries: usize, chance: u8) -> Option<i64> {
        attempt.next(tries, chance).map(|next| next.millis() - NOW.millis())
    }

    #[test]
    fn ten_tries_take_75_hours_with_a_fifth_of_jitter() {
        let failed = answered(500, None);
        let total = |chance| (1..10).filter_map(|tries| wait(&failed, tries, chance)).sum::<i64>();
        let usual = 75 * HOUR + 35 * MINUTE + 5 * SECOND;
        assert_eq!(WAITS.iter().sum::<i64>(), usual);
        assert_eq!((total(0), total(255)), (usual / 5 * 4, usual / 5 * 6));
        assert_eq!(wait(&failed, 10, 0), None);
        assert!((4 * SECOND..=6 * SECOND).contains(&wait(&failed, 1, 77).unwrap_or_default()));
    }

    #[test]
    fn a_wait_that_is_asked_for_is_kept_within_a_day() {
        assert_eq!(wait(&answered(429, Some("120")), 1, 0), Some(2 * MINUTE));
        assert_eq!(wait(&answered(503, Some("Sun, 01 Mar 2026 09:40:00 GMT")), 1, 0), Some(10 * MINUTE));
        assert_eq!(wait(&answered(429, Some("99999999")), 1, 0), Some(DAY));
        // It never shortens one, and nonsense asks for nothing.
        assert_eq!(wait(&answered(503, Some("1")), 2, 0), Some(4 * MINUTE));
        for nonsense in ["-5", "soon", "", "1e9", "Sun, 01 Mar 2020 09:40:00 GMT"] {
            assert_eq!(wait(&answered(500, Some(nonsense)), 1, 0), Some(4 * SECOND), "{nonsense}");
        }
        assert_eq!(wait(&answered(504, None), 1, 0), Some(MINUTE));
    }

    #[test]
    fn an_endpoint_that_fails_is_left_alone_for_half_an_hour_at_most() {
        let held = |strikes| answered(500, None).hold(strikes, 255).millis() - NOW.millis();
        assert_eq!([1, 2, 3, 4, 50].map(held), [6 * SECOND, 6 * MINUTE, 36 * MINUTE, 36 * MINUTE, 36 * MINUTE]);
    }

    #[test]
    fn only_2xx_is_success() {
        for (status, succeeded) in [(200, true), (204, true), (299, true), (199, false), (301, false), (410, false)] {
            assert_eq!(answered(status, None).succeeded(), succeeded, "{status}");
        }
    }

    #[test]
    fn an_excerpt_ends_within_its_bytes_and_controls_nothing() {
        assert_eq!(excerpt("a\u{1b}[31m\r\nb"), "a\u{fffd}[31m\u{fffd}\nb");
        assert_eq!(excerpt(&"é".repeat(1000)).len(), EXCERPT);
        assert_eq!(excerpt(&format!("x{}", "é".repeat(1000))).len(), EXCERPT - 1);
    }
}
