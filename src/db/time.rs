use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Param, ToParam};

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// A moment in milliseconds since 1970, written as RFC 3339 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(i64);

impl Time {
    pub const fn from_millis(millis: i64) -> Self {
        Time(millis)
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    pub const fn plus(self, millis: i64) -> Self {
        Time(self.0.saturating_add(millis))
    }

    /// Whole seconds until then, rounded up: what `Retry-After` says.
    pub const fn seconds_until(self, then: Time) -> i64 {
        let millis = then.0.saturating_sub(self.0);
        if millis <= 0 { 0 } else { (millis + SECOND - 1) / SECOND }
    }

    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    pub fn text(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        DateTime::parse_from_rfc3339(&text)
            .map(|at| Time(at.timestamp_millis()))
            .map_err(|_| serde::de::Error::custom("must be an RFC 3339 date and time"))
    }
}

impl ToParam for Time {
    fn param(&self) -> Param {
        Param::Text(self.text())
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time", "examples": ["2026-03-01T09:30:00.000Z"]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_text_with_milliseconds() {
        let at = Time::from_millis(1_772_357_400_005);
        assert_eq!(at.text(), "2026-03-01T09:30:00.005Z");
        assert_eq!(serde_json::from_str::<Time>("\"2026-03-01T10:30:00.005+01:00\"").ok(), Some(at));
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        let now = Time::from_millis(0);
        assert_eq!(now.seconds_until(Time::from_millis(1)), 1);
        assert_eq!(now.seconds_until(Time::from_millis(60_000)), 60);
        assert_eq!(now.seconds_until(Time::from_millis(-5)), 0);
    }
}
