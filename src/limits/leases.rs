use std::collections::HashMap;

use super::{Grant, Policy, REMEMBERED, Standing};
use crate::db::{SECOND, Time};

/// How long leased tokens may be spent.
const LEASE_LIFE: i64 = 10 * SECOND;

/// How long an answer of the bucket is waited for before another lease is asked.
const ASKING: i64 = SECOND;

/// What one isolate holds of its callers' tokens.
#[derive(Default)]
pub struct Leases(HashMap<String, Lease>);

struct Lease {
    tokens: u32,
    /// Left in the bucket when last asked.
    left: u32,
    expires: Time,
    /// There is no use in asking before.
    closed_until: Time,
    /// A lease is being asked for since then.
    asking_since: Option<Time>,
    limit: u32,
}

impl Leases {
    /// Spends a leased token, or refuses without asking; `None`: the bucket must be asked.
    pub fn spend(&mut self, policy: &Policy, now: Time) -> Option<Standing> {
        let lease = self.0.get_mut(&policy.key).filter(|lease| lease.limit == policy.limit)?;
        if lease.tokens > 0 && now < lease.expires {
            lease.tokens -= 1;
            return Some(Standing { allowed: true, remaining: lease.left + lease.tokens, retry_at: now });
        }
        if now < lease.closed_until {
            return Some(Standing { allowed: false, remaining: 0, retry_at: lease.closed_until });
        }
        None
    }

    /// How many tokens to ask for: a lease, or just its own where one is on its way
    /// already. A burst would else take many leases, and starve the other isolates.
    pub fn want(&mut self, policy: &Policy, now: Time) -> u32 {
        let lease = self.entry(policy, now);
        if lease.asking_since.is_some_and(|since| now < since.plus(ASKING)) {
            return 1;
        }
        lease.asking_since = Some(now);
        policy.lease
    }

    /// Adds what the bucket granted, and spends one of it.
    pub fn add(&mut self, policy: &Policy, grant: Grant, now: Time) -> Standing {
        let lease = self.entry(policy, now);
        lease.asking_since = None;
        if now >= lease.expires {
            lease.tokens = 0;
        }
        lease.tokens += grant.tokens;
        lease.left = grant.left;
        lease.limit = policy.limit;
        if grant.tokens > 0 {
            // Of two leases the older one's end holds for both.
            lease.expires = if lease.tokens > grant.tokens { lease.expires } else { now.plus(LEASE_LIFE) };
        } else {
            lease.closed_until = grant.retry_at;
        }
        self.spend(policy, now).unwrap_or(Standing { allowed: false, remaining: 0, retry_at: grant.retry_at })
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    fn entry(&mut self, policy: &Policy, now: Time) -> &mut Lease {
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, lease| now < lease.expires || now < lease.closed_until);
        }
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        let fresh =
            Lease { tokens: 0, left: 0, expires: now, closed_until: now, asking_since: None, limit: policy.limit };
        self.0.entry(policy.key.clone()).or_insert(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::super::bucket::{Bucket, Take};
    use super::*;

    fn policy(limit: u32) -> Policy {
        Policy { name: "free", key: "user 1".into(), limit, lease: 5, fails_closed: false }
    }

    /// One request through an isolate: whether it passed, and whether it asked.
    fn request(leases: &mut Leases, bucket: &mut Bucket, policy: &Policy, now: Time) -> (bool, bool) {
        if let Some(standing) = leases.spend(policy, now) {
            return (standing.allowed, false);
        }
        let want = leases.want(policy, now);
        let grant = bucket.take(&Take { limit: policy.limit, want, now });
        (leases.add(policy, grant, now).allowed, true)
    }

    #[test]
    fn a_hot_caller_asks_once_in_five_requests() {
        let (mut leases, mut bucket, policy) = (Leases::default(), Bucket::default(), policy(60));
        let now = Time::from_millis(1_700_000_000_000);
        let passed: Vec<_> = (0..100).map(|_| request(&mut leases, &mut bucket, &policy, now)).collect();
        assert_eq!(passed.iter().filter(|(allowed, _)| *allowed).count(), 60);
        // The sixtieth token is gone with the twelfth trip; the thirteenth learns so.
        assert_eq!(passed.iter().filter(|(_, asked)| *asked).count(), 13);
    }

    #[test]
    fn many_isolates_together_never_pass_the_limit() {
        let mut bucket = Bucket::default();
        let mut isolates: Vec<Leases> = (0..7).map(|_| Leases::default()).collect();
        let (policy, start) = (policy(60), 1_700_000_000_000_i64);
        let mut passed = 0;
        for step in 0..6000_i64 {
            let now = Time::from_millis(start + step * 10);
            let isolate = usize::try_from(step * 31 % 7).unwrap_or_default();
            if let Some(leases) = isolates.get_mut(isolate) {
                passed += i64::from(request(leases, &mut bucket, &policy, now).0);
            }
        }
        // A full bucket and one minute's refill.
        assert!((100..=120).contains(&passed), "{passed}");
    }

    #[test]
    fn a_burst_takes_one_lease() {
        let (mut leases, policy) = (Leases::default(), policy(60));
        let now = Time::from_millis(1_700_000_000_000);
        assert_eq!([0; 3].map(|_| leases.want(&policy, now)), [5, 1, 1]);
        assert_eq!(leases.want(&policy, now.plus(ASKING)), 5, "the first one never came back");
        leases.add(&policy, Grant { tokens: 5, left: 50, retry_at: now }, now);
        assert_eq!(leases.want(&policy, now), 5);
    }

    #[test]
    fn an_unspent_lease_is_lost_in_time() {
        let (mut leases, mut bucket, policy) = (Leases::default(), Bucket::default(), policy(60));
        let now = Time::from_millis(1_700_000_000_000);
        request(&mut leases, &mut bucket, &policy, now);
        assert_eq!(leases.spend(&policy, now.plus(LEASE_LIFE)), None);
    }
}
