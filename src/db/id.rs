use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::{Param, Time, ToParam};

/// A UUIDv7 as lower-case text: unguessable, and sorted by when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Id(String);

impl Id {
    pub fn new(at: Time, random: [u8; 10]) -> Self {
        let millis = u64::try_from(at.millis()).unwrap_or_default();
        let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        Id(uuid.hyphenated().to_string())
    }

    /// Reads any spelling of a UUID; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = Uuid::try_parse(text).ok()?;
        Some(Id(uuid.hyphenated().to_string()))
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Id(Uuid::from_bytes(bytes).hyphenated().to_string())
    }

    pub fn bytes(&self) -> [u8; 16] {
        Uuid::try_parse(&self.0).unwrap_or_default().into_bytes()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if is_canonical(&text) {
            return Ok(Id(text));
        }
        Id::parse(&text).ok_or_else(|| serde::de::Error::custom("must be a UUID"))
    }
}

/// Whether it is spelled as we spell it: as every id out of the database is.
fn is_canonical(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

impl ToParam for Id {
    fn param(&self) -> Param {
        Param::Text(self.0.clone())
    }
}

impl JsonSchema for Id {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "uuid", "examples": ["0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77"]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_later_sort_later() {
        let early = Id::new(Time::from_millis(1_700_000_000_000), [0xff; 10]);
        let late = Id::new(Time::from_millis(1_700_000_000_001), [0; 10]);
        assert!(early.as_str() < late.as_str());
    }

    #[test]
    fn other_spellings_of_a_uuid_are_the_same_id() {
        let id = Id::new(Time::from_millis(1_700_000_000_000), [7; 10]);
        assert_eq!(Id::parse(&id.as_str().to_uppercase()), Some(id.clone()));
        assert_eq!(Id::from_bytes(id.bytes()), id);
        assert_eq!(Id::parse("1 OR 1=1"), None);
    }
}
