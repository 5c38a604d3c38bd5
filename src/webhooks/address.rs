//! Where a webhook may go: public hosts, by https, and never back to us.
//!
//! The address is read and kept as browsers and the runtime read it (WHATWG URL), so what is checked is what is called:
//! every notation of an IPv4 address has become the same four numbers by then. It is checked when it is given and before
//! every attempt. What a name resolves to is not: Cloudflare's edge is in no network of ours that it could reach.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use url::{Host, Url};

use crate::db::{Param, ToParam};

const MOST: usize = 2048;
const PORTS: [u16; 2] = [443, 8443];

/// What is found on one's own machine or network only, or nowhere.
const PRIVATE_ENDS: [&str; 16] = [
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "arpa",
    "onion",
    "test",
    "example",
    "invalid",
    "alt",
    "kubernetes",
];

/// Our name at Cloudflare, which all its addresses on workers.dev carry.
const WORKER: &str = "hivesync-api";

#[derive(Clone, Debug)]
pub struct Address(Url);

/// What a deployment adds to the rules.
pub struct Own<'a> {
    /// Origins of ours.
    pub sites: &'a [&'a str],
    pub loopback_allowed: bool,
}

impl Address {
    /// What is no address says why.
    pub fn parse(text: &str) -> Result<Address, &'static str> {
        let url = Url::parse(text).map_err(|_| "must be an https:// address")?;
        if text.len() > MOST || url.as_str().len() > MOST {
            return Err("must be at most 2048 characters");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not hold a user or a password");
        }
        if url.fragment().is_some() {
            return Err("must not have a fragment");
        }
        Ok(Address(url))
    }

    /// Why it must not be called.
    pub fn refusal(&self, own: &Own) -> Option<&'static str> {
        if own.loopback_allowed && self.is_loopback() {
            return None;
        }
        if self.0.scheme() != "https" {
            return Some("must be an https:// address");
        }
        if !PORTS.contains(&self.0.port_or_known_default().unwrap_or_default()) {
            return Some("must be on port 443 or 8443");
        }
        let public = match self.0.host() {
            Some(Host::Domain(name)) => is_public_name(name),
            Some(Host::Ipv4(ip)) => is_public_v4(ip),
            Some(Host::Ipv6(ip)) => is_public_v6(ip),
            None => false,
        };
        if !public {
            return Some("must be a public host");
        }
        let host = self.0.host_str().unwrap_or_default();
        let is_own = |site: &&str| Url::parse(site).is_ok_and(|site| site.host_str() == Some(host));
        if own.sites.iter().any(is_own) || is_worker_of_ours(host) {
            return Some("must not be this service");
        }
        None
    }

    fn is_loopback(&self) -> bool {
        matches!(self.0.scheme(), "http" | "https")
            && match self.0.host() {
                Some(Host::Domain(name)) => name == "localhost",
                Some(Host::Ipv4(ip)) => ip.is_loopback(),
                Some(Host::Ipv6(ip)) => ip.is_loopback(),
                None => false,
            }
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

fn is_public_name(name: &str) -> bool {
    // A name that ends in a dot is the same name, but not the same text.
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains('.') && !last.is_empty() && !PRIVATE_ENDS.contains(&last)
}

fn is_worker_of_ours(host: &str) -> bool {
    let mut labels = host.split('.');
    let first = labels.next().unwrap_or_default();
    host.ends_with(".workers.dev") && (first == WORKER || first.ends_with("-hivesync-api"))
}

/// Not what IANA's registry of special addresses holds.
fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special = match ip.octets() {
        [0 | 10 | 127, ..] | [224..=255, ..] | [169, 254, ..] | [192, 168, ..] => true,
        [100, second, ..] => (64..128).contains(&second),
        [172, second, ..] => (16..32).contains(&second),
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        [192, 31, 196, _] | [192, 52, 193, _] | [192, 175, 48, _] | [198, 18 | 19, ..] => true,
        _ => false,
    };
    !special
}

/// Only 2000::/3 is handed out; of it not what stands for an IPv4 address, for documentation or for tests.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    let special = match (first, second) {
        (0x2001, second) => second < 0x200 || second == 0xdb8,
        (0x2002, _) => true,
        (0x2620, 0x4f) => true,
        (0x3fff, second) => second < 0x1000,
        _ => false,
    };
    first & 0xe000 == 0x2000 && !special
}

impl ToParam for Address {
    fn param(&self) -> Param {
        Param::Text(self.0.as_str().to_owned())
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Address::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "WebhookAddress".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "uri",
            "maxLength": MOST,
            "description": "Public, by https, on port 443 or 8443. Redirects are not followed.",
            "examples": ["https://example.com/hivesync"],
        })
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
