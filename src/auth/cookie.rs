//! The browser's session: a cookie that names it under a seal of ours.
//!
//! The seal tells ours from a guess before any trip; whether the session still
//! lives is for the database to say, as with an access token.

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::auth::token::{Claims, Keys};
use crate::db::{DAY, Id, SECOND, Time};
use crate::http::SetCookie;
use crate::limits::Tier;

/// `__Host-`: only over TLS, only this host, every path.
const NAME: &str = "__Host-session";

/// How long a browser's session lives, whatever it does.
pub const LIFE: i64 = DAY;

const PURPOSE: &str = "session cookie";

/// Session, user, tier and end, before the seal.
const SIGNED: usize = 16 + 8 + 1 + 8;

pub fn set(claims: &Claims, keys: &Keys, now: Time) -> SetCookie {
    let mut bytes = Vec::with_capacity(SIGNED + 32);
    bytes.extend(claims.session.bytes());
    bytes.extend(claims.user.to_be_bytes());
    bytes.push(claims.tier.rank());
    bytes.extend(now.plus(LIFE).millis().to_be_bytes());
    bytes.extend(keys.digest(PURPOSE, &[&bytes]));
    written(&Base64UrlUnpadded::encode_string(&bytes), LIFE / SECOND)
}

pub fn clear() -> SetCookie {
    written("", 0)
}

fn written(value: &str, seconds: i64) -> SetCookie {
    SetCookie(format!("{NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Lax"))
}

/// What a Cookie header says, if it has one of ours.
pub fn read(cookies: &str, keys: &Keys, now: Time) -> Option<Claims> {
    let value = cookies.split(';').find_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))?;
    unseal(value, keys, now)
}

fn unseal(value: &str, keys: &Keys, now: Time) -> Option<Claims> {
    let bytes = Base64UrlUnpadded::decode_vec(value).ok()?;
    let (signed, seal) = bytes.split_at_checked(SIGNED)?;
    if !keys.digest_is(PURPOSE, &[signed], seal) {
        return None;
    }
    let (session, rest) = signed.split_first_chunk::<16>()?;
    let (user, rest) = rest.split_first_chunk::<8>()?;
    let (tier, until) = rest.split_first()?;
    let until = Time::from_millis(i64::from_be_bytes(until.try_into().ok()?));
    let claims =
        Claims { user: i64::from_be_bytes(*user), session: Id::from_bytes(*session), tier: Tier::from_rank(*tier)? };
    (now < until).then_some(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_772_357_400_000);

    fn keys(session: &str) -> Keys {
        Keys::new("kV3pQ9zX7rT1mB5nL8wY2cF6hJ4dS0gA", None, session)
    }

    #[test]
    fn a_cookie_is_ours_or_nothing() {
        let (keys, others) = (keys("G5tR8nK2vX6qZ1wM4bJ7yC3fP9hL0sDa"), keys("zR8kW1vN4qT7yB2mC5xJ9dF3hL6pS0aG"));
        let claims = Claims { user: 42, session: Id::new(NOW, [3; 10]), tier: Tier::Pro };
        let cookie = set(&claims, &keys, NOW).0;
        let pair = cookie.split(';').next().unwrap_or_default().to_owned();
        assert_eq!(read(&pair, &keys, NOW.plus(LIFE - 1)), Some(claims.clone()));
        assert_eq!(read(&format!("a=b; {pair}; c=d"), &keys, NOW), Some(claims.clone()));
        assert_eq!(read(&pair, &others, NOW), None);
        assert_eq!(read(&pair, &keys, NOW.plus(LIFE)), None);
        let mut forged = Base64UrlUnpadded::decode_vec(pair.trim_start_matches("__Host-session=")).unwrap_or_default();
        if let Some(user) = forged.get_mut(23) {
            *user ^= 1;
        }
        let forged = Base64UrlUnpadded::encode_string(&forged);
        for bad in ["", "__Host-session=", "__Host-session=AAAA", "session=x", &format!("__Host-session={forged}")] {
            assert_eq!(read(bad, &keys, NOW), None, "{bad}");
        }
    }
}
