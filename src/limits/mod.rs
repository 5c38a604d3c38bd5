//! How much a caller may ask and have: tiers, their limits, and the token buckets that count.
//!
//! A Durable Object per caller holds the bucket. An isolate leases a few tokens at a
//! time and spends them without asking again; a lease that is not spent in time is
//! lost, so that all leases together never exceed the bucket.

mod bucket;
mod leases;
mod tiers;

use std::cell::RefCell;
use std::collections::HashMap;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::access::{Credential, Identity};
use crate::app::App;
use crate::db::{Id, Time};
use crate::error::{Code, Error, Result};
use crate::user::User;

use leases::Leases;

pub use bucket::{Bucket, Grant, Take};
pub use tiers::{Allowance, Quota, Tier};

/// How many times a key's limit all keys of a user have together.
const KEYS_TOGETHER: u32 = 2;

/// Requests a minute of an operator's: what a tier allows is no concern of theirs, a page that runs wild is.
const OPERATORS: u32 = 3_000;

/// Seconds over which a limit is counted.
pub const WINDOW_SECONDS: i64 = 60;

/// What callers are held to.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests a minute and address where credentials are tried.
    pub auth: u32,
    /// Requests a minute and address without a session.
    pub anonymous: u32,
    /// Webhooks a minute and address.
    pub webhook: u32,
    /// What workers ask, and files they fetch, a minute and address.
    pub worker: u32,
    /// Files of a preview that its token opens, a minute and preview.
    pub preview: u32,
    /// In the order of `Tier::ALL`.
    pub tiers: [Allowance; 3],
}

impl Limits {
    pub fn of(&self, tier: Tier) -> &Allowance {
        let [free, pro, premium] = &self.tiers;
        match tier {
            Tier::Free => free,
            Tier::Pro => pro,
            Tier::Premium => premium,
        }
    }

    /// A minute.
    fn requests_of(&self, caller: &Identity) -> u32 {
        whole(self.of(known_tier(caller)).requests_per_minute)
    }

    pub fn max_page_size(&self, tier: Tier) -> u32 {
        whole(self.of(tier).max_page_size)
    }

    /// `limit_type` is a plural, as in "200 projects".
    pub fn quota(&self, limit_type: &'static str, tier: Tier, of: fn(&Allowance) -> Option<u64>) -> Quota {
        Quota::new(limit_type, tier, Tier::ALL.map(|tier| of(self.of(tier))))
    }

    /// For a statement that looks up whose tier counts: in the order of `Tier::ALL`, `NULL` without a limit.
    pub fn by_tier(&self, of: fn(&Allowance) -> Option<u64>) -> [Option<i64>; 3] {
        Tier::ALL.map(|tier| of(self.of(tier)).and_then(|limit| i64::try_from(limit).ok()))
    }
}

fn whole(limit: Option<u64>) -> u32 {
    limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(u32::MAX)
}

/// What a route's requests count against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The user or their key, or the address of who has neither.
    Caller,
    /// The address, strictly: passwords and tokens are tried here.
    Credentials,
    /// The address: a provider's notifications, each of which proves itself.
    Webhook,
    /// The address: workers, each of whose requests proves itself.
    Worker,
    /// The preview whose token was shown: a team looks at it from one address.
    Preview(Id),
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
    pub fn of(app: &App, counted: &Counted) -> Policy {
        let limits = &app.config().limits;
        let network = app.caller().network();
        let (name, key, limit) = match (counted, app.identity()) {
            (Counted::Credentials, _) => {
                let key = format!("auth {network}");
                return Policy { name: "auth", key, limit: limits.auth, lease: 1, fails_closed: true };
            }
            (Counted::Webhook, _) => ("webhook", format!("webhook {network}"), limits.webhook),
            (Counted::Worker, _) => ("worker", format!("worker {network}"), limits.worker),
            (Counted::Preview(job), _) => ("preview", format!("preview {job}"), limits.preview),
            (Counted::Caller, Err(_)) => ("anonymous", format!("ip {network}"), limits.anonymous),
            (Counted::Caller, Ok(caller)) if operates(caller) => ("operator", caller.account(), OPERATORS),
            (Counted::Caller, Ok(caller)) => (known_tier(caller).name(), caller.account(), limits.requests_of(caller)),
        };
        Policy::leased(name, key, limit)
    }

    /// Beside each key's own: all keys of its user, that making many of them is no way around the limit.
    fn of_all_keys(app: &App) -> Option<Policy> {
        let caller = app.identity().ok().filter(|caller| matches!(caller.credential, Credential::Key(_)))?;
        let limit = app.config().limits.requests_of(caller).saturating_mul(KEYS_TOGETHER);
        Some(Policy::leased("keys", format!("keys of {}", caller.user), limit))
    }

    fn leased(name: &'static str, key: String, limit: u32) -> Policy {
        Policy { name, key, limit, lease: (limit / 12).max(5), fails_closed: false }
    }
}

thread_local! {
    static LEASES: RefCell<Leases> = RefCell::default();
    static KNOWN: RefCell<HashMap<i64, Known>> = RefCell::default();
}

/// An isolate forgets rather than grow without end.
const REMEMBERED: usize = 10_000;

/// As a user row was last read.
#[derive(Clone, Copy)]
struct Known {
    tier: Tier,
    operates: bool,
}

pub fn remember(user: &User) {
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(user.id, Known { tier: user.tier, operates: user.is_admin });
    });
}

/// Forgets what this isolate remembers of callers: how many leases, and how many users' tiers.
pub fn forget() -> (i64, i64) {
    (LEASES.take().len() as i64, KNOWN.take().len() as i64)
}

fn known(caller: &Identity) -> Option<Known> {
    KNOWN.with_borrow(|known| known.get(&caller.user).copied())
}

/// The latest this isolate read, else what is said with the request.
pub fn known_tier(caller: &Identity) -> Tier {
    known(caller).map_or(caller.tier, |known| known.tier)
}

/// Somebody who runs this service, with their own hands.
fn operates(caller: &Identity) -> bool {
    caller.credential.session().is_ok() && known(caller).is_some_and(|known| known.operates)
}

/// What one request cost, and what is left.
pub struct Spent {
    pub policy: Policy,
    pub standing: Standing,
    /// Whether the Durable Object was asked.
    pub asked: bool,
}

/// Takes one token of each bucket the request counts against. What one refuses the next need not pay for.
pub async fn spend(app: &App, counted: &Counted) -> Spent {
    let spent = take(app, Policy::of(app, counted)).await;
    match Policy::of_all_keys(app) {
        Some(all) if spent.standing.allowed => spent.and(take(app, all).await),
        _ => spent,
    }
}

/// From a lease where there is one.
async fn take(app: &App, policy: Policy) -> Spent {
    let now = app.now();
    if let Some(standing) = LEASES.with_borrow_mut(|leases| leases.spend(&policy, now)) {
        return Spent { policy, standing, asked: false };
    }
    let want = LEASES.with_borrow_mut(|leases| leases.want(&policy, now));
    let take = Take { limit: policy.limit, want, now };
    // The trip is being paid for anyway: learn in its shadow whether the session is over.
    let session = app.identity().ok().and_then(|caller| caller.credential.session().ok()).map(Id::as_str);
    let session = session.map(crate::access::revocation_key);
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
    /// Of two, what is told is the one that binds.
    fn and(self, other: Spent) -> Spent {
        let asked = self.asked || other.asked;
        let binds = !other.standing.allowed || other.standing.remaining < self.standing.remaining;
        Spent { asked, ..if binds { other } else { self } }
    }

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
