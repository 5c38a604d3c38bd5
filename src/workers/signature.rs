//! How workers prove who they are: an HMAC over the time and the body, byte for byte.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::db::{MINUTE, SECOND, Time};

/// How far a worker's clock may be off.
const OFF_AT_MOST: i64 = 5 * MINUTE;
/// How long a signature is remembered: twice as long as its time can count.
pub const REMEMBERED: i64 = 2 * OFF_AT_MOST;

/// The secret that workers share with us.
pub struct WorkerKey(Vec<u8>);

impl WorkerKey {
    pub fn new(secret: &str) -> Self {
        WorkerKey(secret.as_bytes().to_vec())
    }

    /// Begins to check the body of a request that says it is of this time; `None`: of no time that counts.
    pub fn check(&self, timestamp: &str, now: Time) -> Option<Check> {
        let seconds: i64 = timestamp.parse().ok().filter(|_| timestamp.bytes().all(|byte| byte.is_ascii_digit()))?;
        let off = seconds.checked_mul(SECOND)?.checked_sub(now.millis())?.abs();
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok().filter(|_| off <= OFF_AT_MOST)?;
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        Some(Check(mac))
    }
}

/// A body being checked.
pub struct Check(Hmac<Sha256>);

impl Check {
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Whether this is the signature of what was added, in lower-case hex.
    pub fn fits(self, signature: &str) -> bool {
        hex(signature).is_some_and(|bytes| self.0.verify_slice(&bytes).is_ok())
    }
}

/// 32 bytes in lower case: what is spelled otherwise would be another signature to who remembers it.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pair = |pair: &[u8]| Some(digit(pair.first()?)? * 16 + digit(pair.get(1)?)?);
    text.as_bytes().chunks(2).map(pair).collect::<Option<Vec<u8>>>().filter(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_772_357_400_000);

    fn signature(timestamp: &str, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").unwrap_or_else(|_| std::process::abort());
        mac.update(format!("{timestamp}.{body}").as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn is_signed(timestamp: &str, body: &str, signature: &str) -> bool {
        WorkerKey::new("secret").check(timestamp, NOW).is_some_and(|mut check| {
            check.add(body.as_bytes());
            check.fits(signature)
        })
    }

    #[test]
    fn only_what_was_signed_passes() {
        let (at, body) = ("1772357400", "{}");
        let good = signature(at, body);
        assert!(is_signed(at, body, &good));
        assert!(!is_signed(at, "{} ", &good) && !is_signed("1772357401", body, &good));
        for bad in ["", "00", &good.to_uppercase(), &format!("{good}00"), &format!(" {good}")] {
            assert!(!is_signed(at, body, bad), "{bad}");
        }
    }

    #[test]
    fn a_clock_may_be_five_minutes_off() {
        for (seconds, counts) in [(0, true), (300, true), (-300, true), (301, false), (-301, false), (600, false)] {
            let at = (1_772_357_400_i64 + seconds).to_string();
            assert_eq!(is_signed(&at, "{}", &signature(&at, "{}")), counts, "{seconds}");
        }
        for bad in ["", "x", "+1772357400", "1772357400.0", "99999999999999999999", "9223372036854775807"] {
            assert!(!is_signed(bad, "{}", &signature(bad, "{}")), "{bad}");
        }
    }
}
