use std::collections::HashMap;

use super::{Grant, Policy, REMEMBERED, Standing};
use crate::db::{SECOND, Time};

/// How long leased tokens may be spent.
const LEASE_LIFE: i64 = 10 * SECOND;

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

    /// Adds what the bucket granted, and spends one of it.
    pub fn add(&mut self, policy: &Policy, grant: Grant, now: Time) -> Standing {
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, lease| now < lease.expires || now < lease.closed_until);
        }
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        let lease = self.0.entry(policy.key.clone()).or_insert(Lease {
            tokens: 0,
            left: 0,
            expires: now,
            closed_until: now,
            limit: policy.limit,
        });
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
        let grant = bucket.take(&Take { limit: policy.limit, want: policy.lease, now });
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
    fn an_unspent_lease_is_lost_in_time() {
        let (mut leases, mut bucket, policy) = (Leases::default(), Bucket::default(), policy(60));
        let now = Time::from_millis(1_700_000_000_000);
        request(&mut leases, &mut bucket, &policy, now);
        assert_eq!(leases.spend(&policy, now.plus(LEASE_LIFE)), None);
    }
}
