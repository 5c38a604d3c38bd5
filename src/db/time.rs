use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
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
    /// The first moment four digits of a year can say.
    pub const FIRST: Time = Time(-62_167_219_200_000);
    /// The last moment four digits of a year can say.
    pub const NEVER: Time = Time(253_402_300_799_999);

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

/// A `Time` as people give one: RFC 3339 with any offset, or a date, which is its midnight in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Moment(pub Time);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        let date = || ours(format!("{text}T00:00:00.000Z").as_bytes());
        let time = || DateTime::parse_from_rfc3339(&text).ok().map(|at| Time(at.timestamp_millis()));
        // Only years of four digits sort as text.
        let sortable = |time: &Time| (Time::FIRST..=Time::NEVER).contains(time);
        let moment = date().or_else(time).filter(sortable).map(Moment);
        moment.ok_or_else(|| serde::de::Error::custom("must be a date, or an RFC 3339 date and time"))
    }
}

impl ToParam for Moment {
    fn param(&self) -> Param {
        self.0.param()
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "anyOf": [{ "format": "date-time" }, { "format": "date" }],
            "examples": ["2026-03-01T09:30:00.000Z"],
        })
    }
}

/// Reads the one spelling that `text` writes, which is all the database holds, without looking for others.
fn ours(text: &[u8]) -> Option<Time> {
    let text: &[u8; 24] = text.try_into().ok()?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', i0, i1, b':', s0, s1, b'.', f0, f1, f2, b'Z'] =
        text
    else {
        return None;
    };
    let number = |digits: &[&u8]| {
        digits.iter().try_fold(0_u32, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(**digit - b'0')))
    };
    let year = i32::try_from(number(&[y0, y1, y2, y3])?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(&[m0, m1])?, number(&[d0, d1])?)?;
    let (hour, minute, second) = (number(&[h0, h1])?, number(&[i0, i1])?, number(&[s0, s1])?);
    let moment = date.and_hms_milli_opt(hour, minute, second, number(&[f0, f1, f2])?)?;
    Some(Time(moment.and_utc().timestamp_millis()))
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        if let Some(time) = ours(text.as_bytes()) {
            return Ok(time);
        }
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
    fn our_own_spelling_is_read_like_any_other() {
        for millis in [0, 1_772_357_400_005, 1_709_164_800_000, 4_102_444_799_999] {
            let time = Time::from_millis(millis);
            assert_eq!(ours(time.text().as_bytes()), Some(time));
        }
        for other in
            ["2026-02-30T00:00:00.000Z", "2026-03-01T09:30:00Z", "2026-03-01T24:00:00.000Z", "2026-03-01 09:30:00.000Z"]
        {
            assert_eq!(ours(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_moment_is_a_time_with_any_offset_or_a_date() {
        let read = |text: &str| serde_json::from_str(&format!("\"{text}\"")).ok().map(|Moment(time)| time.text());
        assert_eq!(read("2026-03-01").as_deref(), Some("2026-03-01T00:00:00.000Z"));
        assert_eq!(read("2026-03-01T01:30:00+02:00").as_deref(), Some("2026-02-28T23:30:00.000Z"));
        assert_eq!(read("0000-01-01").as_deref(), Some("0000-01-01T00:00:00.000Z"));
        for bad in
            ["", "tomorrow", "2026-3-1", "2026-02-30", "2026-03-01T09:30", "9999-12-31T23:59:59-01:00", "+12026-01-01"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        let now = Time::from_millis(0);
        assert_eq!(now.seconds_until(Time::from_millis(1)), 1);
        assert_eq!(now.seconds_until(Time::from_millis(60_000)), 60);
        assert_eq!(now.seconds_until(Time::from_millis(-5)), 0);
    }
}
