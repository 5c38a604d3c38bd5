//! What the provider said of a subscription at one moment, and when that was.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::db::{HOUR, SECOND, Time};

/// A subscription's resource without what is personal in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Snapshot {
    /// The latest change it knows of; ties within a second.
    pub updated: Time,
    /// When it was written down. The provider does not say, but its signed links expire a fixed time later.
    pub generated: Option<Time>,
    pub content: Content,
}

/// What we act on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Content {
    /// In the provider's words.
    pub status: String,
    pub variant: i64,
    pub pause_mode: Option<String>,
    pub renews_at: Option<Time>,
    pub ends_at: Option<Time>,
    pub created_at: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cycle {
    Monthly,
    Yearly,
}

impl Cycle {
    pub const fn name(self) -> &'static str {
        match self {
            Cycle::Monthly => "monthly",
            Cycle::Yearly => "yearly",
        }
    }
}

/// How long the provider's signed links hold.
const LINK_LIFE: i64 = 6 * HOUR;

impl Snapshot {
    /// Reads a JSON:API resource of type `subscriptions`.
    pub fn read(resource: &Value) -> Option<Self> {
        let attributes = resource.get("attributes")?;
        let updated = time(attributes.get("updated_at"))?;
        let item = time(attributes.pointer("/first_subscription_item/updated_at"));
        let portal = attributes.pointer("/urls/customer_portal").and_then(Value::as_str);
        Some(Snapshot {
            updated: item.map_or(updated, |item| item.max(updated)),
            generated: portal.and_then(expiry).map(|expires| expires.plus(-LINK_LIFE)),
            content: Content {
                status: attributes.get("status")?.as_str()?.to_owned(),
                variant: number(attributes.get("variant_id"))?,
                pause_mode: attributes.pointer("/pause/mode").and_then(Value::as_str).map(str::to_owned),
                renews_at: time(attributes.get("renews_at")),
                ends_at: time(attributes.get("ends_at")),
                created_at: time(attributes.get("created_at")).unwrap_or(updated),
            },
        })
    }

    /// What orders snapshots: those of one version tell the same, or nobody can say which is later.
    pub fn version(&self) -> (Time, Option<Time>) {
        (self.updated, self.generated)
    }
}

fn expiry(url: &str) -> Option<Time> {
    let (_, query) = url.split_once('?')?;
    let (_, seconds) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "expires")?;
    Some(Time::from_millis(seconds.parse::<i64>().ok()?.checked_mul(SECOND)?))
}

fn time(value: Option<&Value>) -> Option<Time> {
    value.and_then(|value| Time::deserialize(value).ok())
}

/// A whole number, or text that is one: the provider sends both. Up to 2^53, which the database keeps exactly.
pub fn number(value: Option<&Value>) -> Option<i64> {
    let number = match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.filter(|number| number.unsigned_abs() < 1 << 53)
}
