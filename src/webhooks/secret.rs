//! What an endpoint knows us by: one secret of its own, and while it is replaced, those before it.

use base64ct::{Base64, Encoding};
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;

use crate::app::App;
use crate::auth::token::Keys;
use crate::db::{Id, Time};
use crate::error::{Error, Result};

/// Before the Base64, as Standard Webhooks wants it.
const PREFIX: &str = "whsec_";
const PURPOSE: &str = "webhook secret";

pub struct Secret(Vec<u8>);

/// A secret as the database keeps it.
#[derive(Deserialize)]
pub struct Old {
    sealed: String,
    until: Time,
}

/// A new secret: to be shown once, and to be kept.
pub struct Made {
    pub text: String,
    pub sealed: String,
}

impl Made {
    pub fn new(app: &App, webhook: &Id) -> Result<Self> {
        let secret = app.random::<32>()?;
        let about = [webhook.as_str().as_bytes()];
        let sealed = app.config().keys.seal(PURPOSE, &about, app.random()?, &secret);
        let sealed = sealed.ok_or_else(|| Error::internal("a secret cannot be sealed"))?;
        Ok(Made { text: format!("{PREFIX}{}", Base64::encode_string(&secret)), sealed })
    }
}

/// Those that sign at a time, the newest first. None where the newest was sealed with another `SESSION_SECRET`; older
/// ones that were sign nothing any more.
pub fn in_use(keys: &Keys, webhook: &Id, current: &str, old: &[Old], now: Time) -> Option<Vec<Secret>> {
    let unseal = |sealed: &str| keys.unseal(PURPOSE, &[webhook.as_str().as_bytes()], sealed).map(Secret);
    let still = old.iter().filter(|old| old.until > now).filter_map(|old| unseal(&old.sealed));
    Some(std::iter::once(unseal(current)?).chain(still).collect())
}

/// The value of `webhook-signature`: one signature for each secret.
pub fn signatures(secrets: &[Secret], id: &Id, seconds: i64, body: &str) -> String {
    let all: Vec<String> = secrets.iter().filter_map(|secret| secret.sign(id.as_str(), seconds, body)).collect();
    all.join(" ")
}

impl Secret {
    fn sign(&self, id: &str, seconds: i64, body: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        Some(format!("v1,{}", Base64::encode_string(&mac.finalize().into_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's libraries.
    #[test]
    fn a_signature_is_the_specifications() {
        let secret = Secret(Base64::decode_vec("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap_or_default());
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }
}
