//! Five failures from one address for one email lock that pair out.
//!
//! An attempt is counted before its password is looked at, and a success takes
//! the count back: however many guesses arrive at once, five are let through.

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::auth::token::Keys;
use crate::db::{Email, Id, MINUTE, SECOND, Stmt, Time};
use crate::sql;

/// After this long without a failure the count begins anew.
const WINDOW: i64 = 15 * MINUTE;

/// Names the pair without holding either.
pub fn key(keys: &Keys, email: &Email, network: &str) -> String {
    Base64UrlUnpadded::encode_string(&keys.digest("lockout", &[email.as_ref().as_bytes(), network.as_bytes()]))
}

/// Counts the attempt unless the pair is locked. The fifth failure locks for
/// 60 s, each one more for twice as long, up to 15 minutes.
pub fn count(key: &str, attempt: &Id, now: Time) -> Stmt {
    sql!(
        "INSERT INTO login_attempts (key, failures, last_attempt, last_at, locked_until) VALUES (?1, 1, ?2, ?3, NULL)
         ON CONFLICT (key) DO UPDATE SET
           failures = iif(max(last_at, ifnull(locked_until, '')) < ?4, 1, failures + 1),
           last_attempt = excluded.last_attempt,
           last_at = excluded.last_at,
           locked_until = CASE iif(max(last_at, ifnull(locked_until, '')) < ?4, 1, failures + 1)
             WHEN 1 THEN NULL WHEN 2 THEN NULL WHEN 3 THEN NULL WHEN 4 THEN NULL
             WHEN 5 THEN ?5 WHEN 6 THEN ?6 WHEN 7 THEN ?7 WHEN 8 THEN ?8 ELSE ?9 END
         WHERE locked_until IS NULL OR locked_until <= ?3",
        key,
        attempt,
        now,
        now.plus(-WINDOW),
        now.plus(60 * SECOND),
        now.plus(120 * SECOND),
        now.plus(240 * SECOND),
        now.plus(480 * SECOND),
        now.plus(15 * MINUTE),
    )
}

pub fn forget(key: &str) -> Stmt {
    sql!("DELETE FROM login_attempts WHERE key = ?1", key)
}
