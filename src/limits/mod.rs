//! How much a caller may ask: tiers, their limits, and the token buckets that count.
//!
//! A Durable Object per caller holds the bucket. An isolate leases a few tokens at a
//! time and spends them without asking again; a lease that is not spent in time is
//! lost, so that all leases together never exceed the bucket.

mod bucket;
mod leases;

use std::cell::RefCell;
use std::collections::HashMap;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::auth::token::Claims;
use crate::db::Time;
use crate::error::{Code, Error, Result};

pub use bucket::{Bucket, Grant, Take};
use leases::Leases;

/// Seconds over which a limit is counted.
pub const WINDOW_SECONDS: i64 = 60;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    #[default]
    Free,
    Pro,
    Premium,
}

impl Tier {
    pub const ALL: [Tier; 3] = [Tier::Free, Tier::Pro, Tier::Premium];

    /// Where it stands among the tiers: a higher one includes the lower ones.
    pub const fn rank(self) -> u8 {
        match self {
            Tier::Free => 0,
            Tier::Pro => 1,
            Tier::Premium => 2,
        }
    }

    pub fn from_rank(rank: u8) -> Option<Tier> {
        Tier::ALL.into_iter().find(|tier| tier.rank() == rank)
    }

    pub fn max_page_size(self) -> u32 {
        match self {
            Tier::Free => 50,
            Tier::Pro => 100,
            Tier::Premium => 200,
        }
    }
}

/// Requests per minute.
#[derive(Clone, Debug)]
pub struct Limits {
    pub auth: u32,
    pub anonymous: u32,
    pub free: u32,
    pub pro: u32,
    pub premium: u32,
}

/// Whose requests are counted together, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub name: &'static str,
    pub key: String,
    pub limit: u32,
    /// How many tokens an isolate takes at once.
    pub lease: u32,
    /// Refuse when the counter cannot be reached.
    pub fails_closed: bool,
}

/// Where a caller stands after a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub allowed: bool,
    pub remaining: u32,
    /// When there is a token again, if there is none now.
    pub retry_at: Time,
}

impl Policy {
    /// Routes that take credentials count by address, the others by user where there is one.
    pub fn of(app: &App, takes_credentials: bool) -> Policy {
        let limits = &app.config().limits;
        let network = app.caller().network();
        if takes_credentials {
            let key = format!("auth {network}");
            return Policy { name: "auth", key, limit: limits.auth, lease: 1, fails_closed: true };
        }
        let (name, key, limit) = match app.claims() {
            Err(_) => ("anonymous", format!("ip {network}"), limits.anonymous),
            Ok(claims) => {
                let (name, limit) = match known_tier(claims) {
                    Tier::Free => ("free", limits.free),
                    Tier::Pro => ("pro", limits.pro),
                    Tier::Premium => ("premium", limits.premium),
                };
                (name, format!("user {}", claims.user), limit)
            }
        };
        Policy { name, key, limit, lease: (limit / 12).max(5), fails_closed: false }
    }
}

thread_local! {
    static LEASES: RefCell<Leases> = RefCell::default();
    static TIERS: RefCell<HashMap<i64, Tier>> = RefCell::default();
}

/// An isolate forgets rather than grow without end.
const REMEMBERED: usize = 10_000;

/// Notes the tier a user row was just read with.
pub fn remember_tier(user: i64, tier: Tier) {
    TIERS.with_borrow_mut(|tiers| {
        if tiers.len() >= REMEMBERED {
            tiers.clear();
        }
        tiers.insert(user, tier);
    });
}

/// The latest this isolate read, else what the token says.
pub fn known_tier(claims: &Claims) -> Tier {
    TIERS.with_borrow(|tiers| tiers.get(&claims.user).copied()).unwrap_or(claims.tier)
}

/// What one request cost, and what is left.
pub struct Spent {
    pub policy: Policy,
    pub standing: Standing,
    /// Whether the Durable Object was asked.
    pub asked: bool,
}

/// Takes one token of the caller's, from a lease where there is one.
pub async fn spend(app: &App, policy: Policy) -> Spent {
    let now = app.now();
    if let Some(standing) = LEASES.with_borrow_mut(|leases| leases.spend(&policy, now)) {
        return Spent { policy, standing, asked: false };
    }
    let want = LEASES.with_borrow_mut(|leases| leases.want(&policy, now));
    let take = Take { limit: policy.limit, want, now };
    // The trip is being paid for anyway: learn in its shadow whether the session is over.
    let session = app.claims().ok().map(|claims| crate::access::revocation_key(claims.session.as_str()));
    let (grant, revoked) = futures::join!(app.host().take_tokens(&policy.key, &take), async {
        match session {
            Some(key) => app.host().kv_get(&key).await.is_ok_and(|value| value.is_some()),
            None => false,
        }
    });
    let standing = match grant {
        Ok(grant) => LEASES.with_borrow_mut(|leases| leases.add(&policy, grant, now)),
        Err(error) => {
            crate::host::log("limiter", error.cause().unwrap_or_default());
            Standing { allowed: !policy.fails_closed, remaining: 0, retry_at: now.plus(1000) }
        }
    };
    if revoked {
        app.end_session();
    }
    Spent { policy, standing, asked: true }
}

impl Spent {
    pub fn check(&self, now: Time) -> Result<()> {
        if self.standing.allowed {
            return Ok(());
        }
        Err(Error::new(Code::RateLimited).retry_after(now.seconds_until(self.standing.retry_at)))
    }

    pub fn write(&self, headers: &mut HeaderMap, now: Time) {
        let Policy { name, limit, .. } = &self.policy;
        let remaining = self.standing.remaining;
        // Until the bucket is full again.
        let missing = i64::from(limit.saturating_sub(remaining));
        let reset = (missing * WINDOW_SECONDS + i64::from(*limit) - 1) / i64::from(*limit).max(1);
        let text = |value: String| HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static(""));
        headers.insert(RATELIMIT_POLICY, text(format!("\"{name}\";q={limit};w={WINDOW_SECONDS}")));
        headers.insert(RATELIMIT, text(format!("\"{name}\";r={remaining};t={reset}")));
        headers.insert(LIMIT, (*limit).into());
        headers.insert(REMAINING, remaining.into());
        headers.insert(RESET, (now.millis() / 1000 + reset).into());
        if !self.standing.allowed && !headers.contains_key(header::RETRY_AFTER) {
            headers.insert(header::RETRY_AFTER, now.seconds_until(self.standing.retry_at).max(1).into());
        }
    }
}

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
