use serde::{Deserialize, Serialize};

use super::WINDOW_SECONDS;
use crate::db::Time;

/// A token bucket: a full window's tokens at most, refilled evenly.
#[derive(Debug, Default)]
pub struct Bucket {
    /// Thousandths of a token that were taken and have not come back yet.
    used: i64,
    at: i64,
}

/// What an isolate asks of a bucket.
#[derive(Debug, Serialize, Deserialize)]
pub struct Take {
    pub limit: u32,
    pub want: u32,
    pub now: Time,
}

/// What it gets.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    pub tokens: u32,
    /// What is left in the bucket.
    pub left: u32,
    /// When the next token is there, if none was.
    pub retry_at: Time,
}

const WHOLE: i64 = 1000;

impl Bucket {
    pub fn take(&mut self, take: &Take) -> Grant {
        let full = i64::from(take.limit) * WHOLE;
        // Edges' clocks differ a little: time never runs backwards here.
        let now = self.at.max(take.now.millis());
        let refilled = (now - self.at).saturating_mul(i64::from(take.limit)) / WINDOW_SECONDS;
        self.used = self.used.saturating_sub(refilled).clamp(0, full);
        self.at = now;
        let available = (full - self.used) / WHOLE;
        let tokens = available.min(i64::from(take.want));
        self.used += tokens * WHOLE;
        let short = (self.used - full + WHOLE).max(0);
        let wait = (short * WINDOW_SECONDS + i64::from(take.limit) - 1) / i64::from(take.limit).max(1);
        Grant {
            tokens: u32::try_from(tokens).unwrap_or_default(),
            left: u32::try_from(available - tokens).unwrap_or_default(),
            retry_at: Time::from_millis(now + wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(bucket: &mut Bucket, limit: u32, want: u32, at: i64) -> Grant {
        bucket.take(&Take { limit, want, now: Time::from_millis(at) })
    }

    #[test]
    fn a_bucket_gives_its_limit_and_then_one_token_at_a_time() {
        let mut bucket = Bucket::default();
        let start = 1_700_000_000_000;
        assert_eq!(take(&mut bucket, 60, 50, start).tokens, 50);
        assert_eq!(take(&mut bucket, 60, 50, start).tokens, 10);
        let none = take(&mut bucket, 60, 5, start);
        assert_eq!((none.tokens, none.retry_at.millis()), (0, start + 1000));
        assert_eq!(take(&mut bucket, 60, 5, start + 999).tokens, 0);
        assert_eq!(take(&mut bucket, 60, 5, start + 1000).tokens, 1);
        assert_eq!(take(&mut bucket, 60, 100, start + 100_000).tokens, 60);
    }

    #[test]
    fn a_clock_that_runs_backwards_refills_nothing() {
        let mut bucket = Bucket::default();
        take(&mut bucket, 60, 60, 1_000_000);
        assert_eq!(take(&mut bucket, 60, 60, 0).tokens, 0);
        assert_eq!(take(&mut bucket, 60, 60, 1_001_000).tokens, 1);
    }

    #[test]
    fn a_higher_tier_counts_at_once() {
        let mut bucket = Bucket::default();
        take(&mut bucket, 60, 60, 1_000_000);
        assert_eq!(take(&mut bucket, 300, 300, 1_000_000).tokens, 240);
    }
}
