//! A webhook as it comes in: what it says, and what we make of it at once.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Billing;
use super::snapshot::{Snapshot, number};

/// One signed notification, read as leniently as the provider writes.
#[derive(Debug, Default)]
pub struct Notice {
    /// As the body names the event, or the header where the body cannot be read.
    pub name: String,
    pub webhook_id: Option<String>,
    /// Of the bytes and the event's name: the same twice is the same notice.
    pub hash: String,
    pub object_id: Option<String>,
    pub subscription_id: Option<String>,
    pub snapshot: Option<Snapshot>,
    pub claim: Claim,
    /// Done with at once; `None`: to be worked through.
    pub outcome: Option<(Outcome, &'static str)>,
}

/// Whose it says it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claim {
    pub user: Option<i64>,
    pub reference: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It changed something.
    Applied,
    /// It said what was known.
    Unchanged,
    /// Worth noting, and nothing follows.
    Recorded,
    /// Not for us, or not understood.
    Ignored,
    /// Somebody tries something, or the wrong world is connected.
    Refused,
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Applied => "applied",
            Outcome::Unchanged => "unchanged",
            Outcome::Recorded => "recorded",
            Outcome::Ignored => "ignored",
            Outcome::Refused => "refused",
        }
    }
}

/// Characters of a name or an id that are kept.
const KEPT: usize = 100;

impl Notice {
    /// `header` is the event's name beside the body, which no signature covers.
    pub fn read(body: &[u8], header: &str, billing: &Billing) -> Self {
        let header: String = header.chars().take(KEPT).collect();
        let hash = Sha256::new().chain_update(&header).chain_update([0]).chain_update(body).finalize();
        let hash = format!("{hash:x}");
        let Ok(json) = serde_json::from_slice::<Value>(body) else {
            return Notice { name: header, hash, outcome: Some((Outcome::Ignored, "unreadable")), ..Notice::default() };
        };
        let text =
            |path: &str| json.pointer(path).and_then(Value::as_str).map(|text| text.chars().take(KEPT).collect());
        let name: String = text("/meta/event_name").unwrap_or_default();
        if name != header {
            // Not under its own id: the header is not signed, and the true one may still come.
            return Notice { name, hash, outcome: Some((Outcome::Ignored, "event_mismatch")), ..Notice::default() };
        }
        let resource = json.get("data").unwrap_or(&Value::Null);
        let object_id = number(resource.get("id")).map(|id| id.to_string());
        let kind = resource.get("type").and_then(Value::as_str).unwrap_or_default();
        let subscription_id = match kind {
            "subscriptions" => object_id.clone(),
            "subscription-invoices" => number(resource.pointer("/attributes/subscription_id")).map(|id| id.to_string()),
            _ => None,
        };
        let custom = json.pointer("/meta/custom_data").or_else(|| resource.pointer("/attributes/custom_data"));
        let reference = custom.and_then(|custom| custom.get("checkout_ref")).and_then(Value::as_str);
        let mut notice = Notice {
            snapshot: Snapshot::read(resource).filter(|_| kind == "subscriptions"),
            claim: Claim {
                user: number(custom.and_then(|custom| custom.get("user_id"))),
                reference: reference.map(|text| text.chars().take(KEPT).collect()),
            },
            webhook_id: text("/meta/webhook_id"),
            name,
            hash,
            object_id,
            subscription_id,
            outcome: None,
        };
        notice.outcome = notice.judge(&json, billing);
        match notice.outcome {
            None => notice,
            // What is not ours says nothing of a subscription, nor whose it is.
            Some(_) => Notice { snapshot: None, subscription_id: None, claim: Claim::default(), ..notice },
        }
    }

    fn judge(&self, json: &Value, billing: &Billing) -> Option<(Outcome, &'static str)> {
        let flag = |path: &str| is_true(json.pointer(path));
        if (flag("/meta/test_mode") || flag("/data/attributes/test_mode")) != billing.test_mode {
            let reason = if billing.test_mode { "live_event_in_test_mode" } else { "test_event_in_live_mode" };
            return Some((Outcome::Refused, reason));
        }
        if number(json.pointer("/data/attributes/store_id")) != Some(billing.store_id) {
            return Some((Outcome::Refused, "other_store"));
        }
        match self.name.as_str() {
            "order_created" | "order_refunded" => Some((Outcome::Recorded, "order")),
            "subscription_payment_refunded" => Some((Outcome::Recorded, "refund")),
            "subscription_payment_success" | "subscription_payment_failed" | "subscription_payment_recovered" => {
                self.subscription_id.is_none().then_some((Outcome::Ignored, "no_subscription"))
            }
            name if name.starts_with("subscription_") && self.snapshot.is_some() && self.subscription_id.is_some() => {
                None
            }
            name if name.starts_with("subscription_") => Some((Outcome::Ignored, "no_subscription")),
            _ => Some((Outcome::Ignored, "unknown_event")),
        }
    }
}

/// A flag, which the provider writes as a boolean or as 0 and 1.
pub fn is_true(value: Option<&Value>) -> bool {
    value.is_some_and(|value| value.as_bool() == Some(true) || value.as_i64() == Some(1))
}
