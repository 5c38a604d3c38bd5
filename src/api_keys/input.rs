//! What a key is asked for with.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Scope;
use crate::db::{DAY, Moment, SECOND, Text};
use crate::error::Result;

/// A misspelled `expires_at` would make a key that never ends: unknown fields are refused.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewApiKey")]
pub struct NewKey {
    pub name: Text<1, 100>,
    #[serde(default)]
    pub scopes: Scopes,
    /// Within the next 366 days. Absent: it does not end by itself.
    pub expires_at: Option<Moment>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RegenerateApiKey")]
pub struct Regenerate {
    #[serde(default)]
    pub overlap_seconds: Overlap,
}

/// What a key may do: everything its user may, or only read it.
#[derive(Default)]
pub enum Scopes {
    #[default]
    Read,
    ReadAndWrite,
}

impl From<Scopes> for Vec<Scope> {
    fn from(scopes: Scopes) -> Self {
        match scopes {
            Scopes::Read => vec![Scope::Read],
            Scopes::ReadAndWrite => vec![Scope::Read, Scope::Write],
        }
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let given = Vec::<Value>::deserialize(from)?;
        let has = |scope: &str| given.iter().any(|value| value == scope);
        match (given.len(), has("read"), has("write")) {
            (1, true, false) => Ok(Scopes::Read),
            (2, true, true) => Ok(Scopes::ReadAndWrite),
            _ => Err(D::Error::custom("must be [\"read\"] or [\"read\", \"write\"]")),
        }
    }
}

impl JsonSchema for Scopes {
    fn schema_name() -> Cow<'static, str> {
        "Scopes".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "enum": [["read"], ["read", "write"], ["write", "read"]],
            "default": ["read"],
            "examples": [["read", "write"]],
        })
    }
}

/// Seconds for which the old secret works beside the new one, a key's or a webhook's.
pub struct Overlap(i64);

impl Overlap {
    const LONGEST: i64 = 7 * DAY / SECOND;

    pub fn get(&self) -> i64 {
        self.0
    }
}

impl Default for Overlap {
    fn default() -> Self {
        Overlap(DAY / SECOND)
    }
}

impl<'de> Deserialize<'de> for Overlap {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let seconds = crate::db::whole(from)?;
        let seconds = i64::try_from(seconds).ok().filter(|seconds| *seconds <= Self::LONGEST);
        seconds.map(Overlap).ok_or_else(|| D::Error::custom("must be 0 to 604800"))
    }
}

impl JsonSchema for Overlap {
    fn schema_name() -> Cow<'static, str> {
        "Overlap".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "integer",
            "minimum": 0,
            "maximum": Self::LONGEST,
            "default": Self::default().0,
            "description": "Seconds for which the old secret works beside the new one; 0: it stops at once.",
            "examples": [3600],
        })
    }
}
