//! Access tokens (JWT, HS256) and refresh tokens (opaque, rotated).

use base64ct::{Base64UrlUnpadded, Encoding};
use chrono::Duration;
use hmac::{Hmac, Mac};
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt, Claims as JwtClaims, Header, TimeOptions, UntrustedToken, ValidationError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::db::{Id, Time};
use crate::error::{Code, Error, Result};
use crate::limits::Tier;

/// Seconds an access token lives.
pub const ACCESS_SECONDS: i64 = 15 * 60;

/// Clocks of two edges may differ by this much; shorter than any test of expiry.
const LEEWAY_SECONDS: i64 = 5;

const REFRESH_PREFIX: &str = "hsr_";

pub struct Keys {
    current: AccessKey,
    previous: Option<AccessKey>,
    session: Vec<u8>,
}

struct AccessKey {
    id: String,
    key: Hs256Key,
}

/// What an access token says of its bearer.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    pub user: i64,
    pub session: Id,
    /// As it was when the token was made.
    pub tier: Tier,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    sub: String,
    sid: Id,
    tier: Tier,
    #[serde(rename = "type")]
    kind: String,
}

impl AccessKey {
    fn new(secret: &str) -> Self {
        let digest = Sha256::digest(format!("kid:{secret}"));
        let id = Base64UrlUnpadded::encode_string(digest.get(..9).unwrap_or_default());
        AccessKey { id, key: Hs256Key::new(secret) }
    }
}

impl Keys {
    pub fn new(jwt: &str, previous: Option<&str>, session: &str) -> Self {
        Keys {
            current: AccessKey::new(jwt),
            previous: previous.map(AccessKey::new),
            session: session.as_bytes().to_vec(),
        }
    }

    pub fn sign(&self, claims: &Claims, now: Time) -> Result<String> {
        let payload = Payload {
            sub: claims.user.to_string(),
            sid: claims.session.clone(),
            tier: claims.tier,
            kind: "access".into(),
        };
        let options = TimeOptions::new(Duration::zero(), || now.utc());
        let claims = JwtClaims::new(payload).set_duration_and_issuance(&options, Duration::seconds(ACCESS_SECONDS));
        let header = Header::empty().with_key_id(&self.current.id);
        Hs256
            .token(&header, &claims, &self.current.key)
            .map_err(|error| Error::internal(format!("no token could be made: {error}")))
    }

    pub fn verify(&self, token: &str, now: Time) -> Result<Claims> {
        let invalid = || Error::new(Code::TokenInvalid);
        let token = UntrustedToken::new(token).map_err(|_| invalid())?;
        let kid = token.header().key_id.as_deref().ok_or_else(invalid)?;
        let key = std::iter::once(&self.current).chain(&self.previous).find(|key| key.id == kid).ok_or_else(invalid)?;
        let token = Hs256.validator::<Payload>(&key.key).validate(&token).map_err(|_| invalid())?;
        let options = TimeOptions::new(Duration::seconds(LEEWAY_SECONDS), || now.utc());
        token.claims().validate_expiration(&options).map_err(|error| match error {
            ValidationError::Expired => Error::new(Code::TokenExpired),
            _ => invalid(),
        })?;
        let payload = &token.claims().custom;
        if payload.kind != "access" {
            return Err(invalid());
        }
        Ok(Claims {
            user: payload.sub.parse().map_err(|_| invalid())?,
            session: payload.sid.clone(),
            tier: payload.tier,
        })
    }

    /// A digest under a key of ours, for what must be found again but not read.
    pub fn digest(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        self.mac(purpose, parts).map_or([0; 32], |mac| mac.finalize().into_bytes().into())
    }

    /// Whether that is the digest; takes the same time wherever they differ.
    pub fn digest_is(&self, purpose: &str, parts: &[&[u8]], digest: &[u8]) -> bool {
        self.mac(purpose, parts).is_some_and(|mac| mac.verify_slice(digest).is_ok())
    }

    fn mac(&self, purpose: &str, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.session).ok()?;
        mac.update(purpose.as_bytes());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Some(mac)
    }
}

/// `hsr_` and 64 bytes: the session, 32 secret bytes, and a seal that tells ours
/// from a guess. A child's secret follows from its parent's, so that two tabs that
/// refresh at once get the same child although only hashes are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct RefreshToken {
    pub session: Id,
    secret: [u8; 32],
}

impl RefreshToken {
    pub fn first(session: Id, secret: [u8; 32]) -> Self {
        RefreshToken { session, secret }
    }

    pub fn child(&self, keys: &Keys) -> Self {
        let secret = keys.digest("refresh child", &[&self.session.bytes(), &self.secret]);
        RefreshToken { session: self.session.clone(), secret }
    }

    /// What the database knows of it.
    pub fn hash(&self) -> String {
        Base64UrlUnpadded::encode_string(&Sha256::digest(self.secret))
    }

    fn seal(&self, keys: &Keys) -> [u8; 32] {
        keys.digest("refresh seal", &[&self.session.bytes(), &self.secret])
    }

    pub fn text(&self, keys: &Keys) -> String {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend(self.session.bytes());
        bytes.extend(self.secret);
        bytes.extend(self.seal(keys).iter().take(16));
        format!("{REFRESH_PREFIX}{}", Base64UrlUnpadded::encode_string(&bytes))
    }

    pub fn read(text: &str, keys: &Keys) -> Option<Self> {
        let bytes = Base64UrlUnpadded::decode_vec(text.strip_prefix(REFRESH_PREFIX)?).ok()?;
        let (session, rest) = bytes.split_first_chunk::<16>()?;
        let (secret, seal) = rest.split_first_chunk::<32>()?;
        let token = RefreshToken { session: Id::from_bytes(*session), secret: *secret };
        let expected = token.seal(keys);
        // The seal is public to its bearer; comparing digests of both hides where they differ.
        let same = seal.len() == 16 && Sha256::digest(seal) == Sha256::digest(expected.get(..16).unwrap_or_default());
        same.then_some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_772_357_400_000);
    const OLD: &str = "zR8kW1vN4qT7yB2mC5xJ9dF3hL6pS0aG";
    const NEW: &str = "kV3pQ9zX7rT1mB5nL8wY2cF6hJ4dS0gA";

    fn keys(jwt: &str, previous: Option<&str>) -> Keys {
        Keys::new(jwt, previous, "G5tR8nK2vX6qZ1wM4bJ7yC3fP9hL0sDa")
    }

    fn claims() -> Claims {
        Claims { user: 42, session: Id::new(NOW, [3; 10]), tier: Tier::Free }
    }

    fn code(result: Result<Claims>) -> Option<Code> {
        result.err().map(|error| error.code)
    }

    #[test]
    fn a_token_is_read_back_until_it_expires() {
        let keys = keys(NEW, None);
        let token = keys.sign(&claims(), NOW).unwrap_or_default();
        assert_eq!(keys.verify(&token, NOW.plus(14 * 60_000)).ok(), Some(claims()));
        assert_eq!(code(keys.verify(&token, NOW.plus(16 * 60_000))), Some(Code::TokenExpired));
    }

    #[test]
    fn after_a_rotation_the_previous_key_still_reads() {
        let token = keys(OLD, None).sign(&claims(), NOW).unwrap_or_default();
        assert_eq!(keys(NEW, Some(OLD)).verify(&token, NOW).ok(), Some(claims()));
        assert_eq!(code(keys(NEW, None).verify(&token, NOW)), Some(Code::TokenInvalid));
    }

    #[test]
    fn forged_and_broken_tokens_are_refused() {
        let keys = keys(NEW, None);
        let token = keys.sign(&claims(), NOW).unwrap_or_default();
        let (signed, signature) = token.rsplit_once('.').unwrap_or_default();
        let payload = signed.split('.').nth(1).unwrap_or_default();
        let part = |json: &str| Base64UrlUnpadded::encode_string(json.as_bytes());
        let header = |alg: &str| part(&format!(r#"{{"alg":"{alg}","kid":"{}"}}"#, keys.current.id));
        for bad in [
            String::new(),
            "a.b.c".into(),
            format!("{signed}."),
            format!("{signed}.AAAA"),
            format!("{}.{payload}.", header("none")),
            format!("{}.{payload}.{signature}", header("HS512")),
            format!("{}.{}.{signature}", header("HS256"), part(r#"{"sub":"1"}"#)),
            format!("{signed}.{}", signature.chars().rev().collect::<String>()),
        ] {
            assert_eq!(code(keys.verify(&bad, NOW)), Some(Code::TokenInvalid), "{bad}");
        }
    }

    #[test]
    fn a_refresh_token_is_ours_or_nothing() {
        let keys = keys(NEW, None);
        let token = RefreshToken::first(Id::new(NOW, [3; 10]), [9; 32]);
        let text = token.text(&keys);
        assert_eq!(RefreshToken::read(&text, &keys), Some(token.clone()));
        let forged = RefreshToken { secret: [8; 32], ..token.clone() };
        let mut bytes = Base64UrlUnpadded::decode_vec(text.trim_start_matches("hsr_")).unwrap_or_default();
        if let Some(byte) = bytes.get_mut(20) {
            *byte ^= 1;
        }
        let guess = format!("hsr_{}", Base64UrlUnpadded::encode_string(&bytes));
        assert_eq!(RefreshToken::read(&guess, &keys), None);
        assert_ne!(forged.hash(), token.hash());
        assert_eq!(token.child(&keys), token.child(&keys));
        assert_ne!(token.child(&keys).hash(), token.hash());
    }
}
