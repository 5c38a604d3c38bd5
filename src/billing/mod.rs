//! Billing: checkouts, subscriptions, and the provider's word on both.
//!
//! The provider is LemonSqueezy. Everything it says goes into an inbox first
//! (`inbox`); a subscription is what all of it, sorted, amounts to (`history`).

pub mod account;
pub mod api;
pub mod checkout;
mod history;
pub mod inbox;
pub mod ledger;
#[cfg(test)]
mod ledger_tests;
pub mod notice;
pub mod plans;
pub mod provider;
pub mod reconcile;
pub mod snapshot;
pub mod subscription;

pub use history::Status as SubscriptionStatus;
pub use plans::Catalog;

use hmac::{Hmac, Mac};
use plans::{OFFERS, Offer};
use sha2::{Digest, Sha256};

/// What a deployment says of its shop at the provider.
#[derive(Clone, Debug)]
pub struct Billing {
    /// Without a slash at the end.
    pub api_base_url: String,
    pub api_key: String,
    pub store_id: i64,
    pub webhook_secret: String,
    pub catalog: Catalog,
    /// Whether it is the provider's test mode that counts here.
    pub test_mode: bool,
}

const API_BASE_URL: &str = "https://api.lemonsqueezy.com";

impl Billing {
    /// `None` where nothing is set: then nothing is for sale. On failure a sentence for each setting that is wrong.
    pub fn read(var: impl Fn(&str) -> Option<String>) -> Result<Option<Billing>, Vec<String>> {
        let set = |name: &str| var(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let variables = OFFERS.map(|(_, _, stem)| format!("{stem}_VARIANT_ID"));
        let all: Vec<&str> = ["LZ_API_KEY", "LZ_STORE_ID", "LZ_WEBHOOK_SECRET"]
            .into_iter()
            .chain(variables.iter().map(String::as_str))
            .collect();
        if all.iter().all(|name| set(name).is_none()) {
            return Ok(None);
        }
        let mut wrong: Vec<String> =
            all.iter().filter(|name| set(name).is_none()).map(|name| format!("{name} is missing")).collect();
        let mut id = |name: &str| {
            let text = set(name).unwrap_or_default();
            let number = text.parse::<i64>().ok().filter(|id| *id > 0);
            if number.is_none() && !text.is_empty() {
                wrong.push(format!("{name} must be the provider's number"));
            }
            number.unwrap_or_default()
        };
        let store_id = id("LZ_STORE_ID");
        let catalog = Catalog(OFFERS.map(|(tier, cycle, stem)| Offer {
            variant: id(&format!("{stem}_VARIANT_ID")),
            tier,
            cycle,
            price: set(&format!("{stem}_PRICE")),
        }));
        let mut variants: Vec<i64> = catalog.0.iter().map(|offer| offer.variant).filter(|id| *id > 0).collect();
        variants.sort_unstable();
        if variants.windows(2).any(|pair| pair.first() == pair.last()) {
            wrong.push("two LZ_…_VARIANT_ID are the same".into());
        }
        let webhook_secret = set("LZ_WEBHOOK_SECRET").unwrap_or_default();
        // The provider takes 6 to 40; below 16 it can be guessed.
        if !webhook_secret.is_empty() && !(16..=40).contains(&webhook_secret.len()) {
            wrong.push("LZ_WEBHOOK_SECRET must be 16 to 40 characters".into());
        }
        let api_base_url = set("LZ_API_BASE_URL").unwrap_or_else(|| API_BASE_URL.into());
        let local = ["http://127.0.0.1:", "http://localhost:"].iter().any(|prefix| api_base_url.starts_with(prefix));
        if !local && !api_base_url.starts_with("https://") {
            wrong.push("LZ_API_BASE_URL must be an https:// address".into());
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(Some(Billing {
            api_base_url: api_base_url.trim_end_matches('/').to_owned(),
            api_key: set("LZ_API_KEY").unwrap_or_default(),
            store_id,
            webhook_secret,
            catalog,
            test_mode: set("LZ_TEST_MODE").as_deref() == Some("true"),
        }))
    }
}

impl Billing {
    /// Whether the provider wrote these bytes: lower-case hex of their HMAC-SHA256. Takes the same time wherever they differ.
    pub fn signed(&self, bytes: &[u8], signature: &str) -> bool {
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(self.webhook_secret.as_bytes()) else {
            return false;
        };
        let expected = format!("{:x}", mac.chain_update(bytes).finalize().into_bytes());
        // Digests of both hide where they differ.
        Sha256::digest(expected) == Sha256::digest(signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(change: (&str, &str)) -> Result<Option<Billing>, Vec<String>> {
        Billing::read(|name| {
            if name == change.0 {
                return Some(change.1.to_owned());
            }
            let usual = match name {
                "LZ_API_KEY" => "key",
                "LZ_STORE_ID" => "1",
                "LZ_WEBHOOK_SECRET" => "0123456789abcdef",
                "LZ_PRO_MONTHLY_VARIANT_ID" => "11",
                "LZ_PRO_YEARLY_VARIANT_ID" => "12",
                "LZ_PREMIUM_MONTHLY_VARIANT_ID" => "21",
                "LZ_PREMIUM_YEARLY_VARIANT_ID" => "22",
                _ => return None,
            };
            Some(usual.to_owned())
        })
    }

    #[test]
    fn a_shop_is_set_up_whole_or_not_at_all() {
        assert!(matches!(Billing::read(|_| None), Ok(None)));
        assert!(matches!(read(("", "")), Ok(Some(_))));
        for (name, value) in [
            ("LZ_API_KEY", ""),
            ("LZ_STORE_ID", "mine"),
            ("LZ_WEBHOOK_SECRET", "short"),
            ("LZ_PRO_YEARLY_VARIANT_ID", "11"),
            ("LZ_API_BASE_URL", "http://api.example.com"),
        ] {
            assert!(read((name, value)).is_err_and(|wrong| wrong.len() == 1), "{name}={value}");
        }
    }
}
