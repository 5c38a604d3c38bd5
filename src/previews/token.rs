//! Tokens that open a preview's files on a device: signed, for minutes, checked without a look into the database.
//!
//! base64url(JSON) + "." + base64url(HMAC-SHA256 over the encoded JSON).

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::device::{Device, Platform};
use crate::db::{Id, MINUTE, Time};
use crate::error::{Code, Error, Result};
use crate::limits::Tier;

pub const GOOD_FOR: i64 = 5 * MINUTE;
const VERSION: u8 = 1;

/// The secret tokens are signed with, and the one before, while its tokens still live.
pub struct TokenKeys {
    current: Key,
    previous: Option<Key>,
}

struct Key {
    id: String,
    secret: Vec<u8>,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    pub job_id: Id,
    pub project_id: Id,
    pub user_id: i64,
    pub platform: Platform,
    pub tier: Tier,
    pub allowed_device_types: Vec<Device>,
    pub safe_mode: bool,
    /// Of the job: what an earlier one left is not shown.
    pub attempt: i64,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    ver: u8,
    kid: String,
    #[serde(flatten)]
    claims: Claims,
    /// Seconds since 1970.
    expires_at: i64,
}

impl Key {
    fn new(secret: &str) -> Self {
        let digest = Sha256::digest(format!("kid:{secret}"));
        let id = Base64UrlUnpadded::encode_string(digest.get(..9).unwrap_or_default());
        Key { id, secret: secret.as_bytes().to_vec() }
    }

    fn mac(&self, encoded: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).ok()?;
        mac.update(encoded.as_bytes());
        Some(mac)
    }
}

impl TokenKeys {
    pub fn new(current: &str, previous: Option<&str>) -> Self {
        TokenKeys { current: Key::new(current), previous: previous.map(Key::new) }
    }

    /// A token, and until when it is good.
    pub fn sign(&self, claims: &Claims, now: Time) -> Result<(String, Time)> {
        let key = &self.current;
        let expires_at = now.plus(GOOD_FOR).millis() / 1000;
        let payload = Payload { ver: VERSION, kid: key.id.clone(), claims: claims.clone(), expires_at };
        let json = serde_json::to_vec(&payload).map_err(|error| Error::internal(error.to_string()))?;
        let encoded = Base64UrlUnpadded::encode_string(&json);
        let mac = key.mac(&encoded).ok_or_else(|| Error::internal("a preview token's key is no key"))?;
        let signature = Base64UrlUnpadded::encode_string(&mac.finalize().into_bytes());
        Ok((format!("{encoded}.{signature}"), Time::from_millis(expires_at * 1000)))
    }

    /// What a token of ours says that is still good.
    pub fn verify(&self, token: &str, now: Time) -> Result<Claims> {
        let payload = self.read(token).ok_or(Code::LinkInvalid)?;
        if payload.expires_at <= now.millis() / 1000 {
            return Err(Code::LinkExpired.into());
        }
        Ok(payload.claims)
    }

    fn read(&self, token: &str) -> Option<Payload> {
        let (encoded, signature) = token.split_once('.')?;
        let json = Base64UrlUnpadded::decode_vec(encoded).ok()?;
        let payload: Payload = serde_json::from_slice(&json).ok().filter(|payload: &Payload| payload.ver == VERSION)?;
        let key =
            [Some(&self.current), self.previous.as_ref()].into_iter().flatten().find(|key| key.id == payload.kid)?;
        key.mac(encoded)?.verify_slice(&Base64UrlUnpadded::decode_vec(signature).ok()?).ok()?;
        Some(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_772_357_400_000);
    const OLD: &str = "zR8kW1vN4qT7yB2mC5xJ9dF3hL6pS0aG";
    const NEW: &str = "kV3pQ9zX7rT1mB5nL8wY2cF6hJ4dS0gA";

    fn claims() -> Claims {
        Claims {
            job_id: Id::new(NOW, [1; 10]),
            project_id: Id::new(NOW, [2; 10]),
            user_id: 42,
            platform: Platform::Ios,
            tier: Tier::Free,
            allowed_device_types: vec![Device::usual(Platform::Ios)],
            safe_mode: true,
            attempt: 1,
        }
    }

    fn code(result: Result<Claims>) -> Option<Code> {
        result.err().map(|error| error.code)
    }

    #[test]
    fn a_token_is_good_for_five_minutes() {
        let keys = TokenKeys::new(NEW, None);
        let (token, until) = keys.sign(&claims(), NOW).unwrap_or((String::new(), NOW));
        assert_eq!(until, NOW.plus(300_000));
        assert_eq!(keys.verify(&token, NOW.plus(299_999)).ok(), Some(claims()));
        assert_eq!(code(keys.verify(&token, NOW.plus(300_000))), Some(Code::LinkExpired));
    }

    #[test]
    fn a_replaced_secret_counts_while_it_is_named() {
        let (token, _) = TokenKeys::new(OLD, None).sign(&claims(), NOW).unwrap_or((String::new(), NOW));
        assert!(TokenKeys::new(NEW, Some(OLD)).verify(&token, NOW).is_ok());
        assert_eq!(code(TokenKeys::new(NEW, None).verify(&token, NOW)), Some(Code::LinkInvalid));
    }

    #[test]
    fn what_was_changed_is_none_of_ours() {
        let keys = TokenKeys::new(NEW, None);
        let (token, _) = keys.sign(&claims(), NOW).unwrap_or((String::new(), NOW));
        let (encoded, signature) = token.split_once('.').unwrap_or_default();
        let forged = Claims { user_id: 43, ..claims() };
        let other = TokenKeys::new(OLD, None).sign(&forged, NOW).unwrap_or((String::new(), NOW)).0;
        let (forged, _) = other.split_once('.').unwrap_or_default();
        for bad in [
            "",
            ".",
            encoded,
            &format!("{forged}.{signature}"),
            &format!("{encoded}."),
            &format!("{encoded}.{signature}A"),
            &other,
        ] {
            assert_eq!(code(keys.verify(bad, NOW)), Some(Code::LinkInvalid), "{bad}");
        }
    }
}
