//! Passwords: Argon2id with OWASP's parameters, as PHC strings.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use argon2::password_hash::phc::{PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::error::{Error, Result};

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// 8 to 256 characters, any of them. Never printed.
#[derive(Clone)]
pub struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Password")
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if (8..=256).contains(&text.chars().count()) {
            Ok(Password(text))
        } else {
            Err(serde::de::Error::custom("must be 8 to 256 characters"))
        }
    }
}

impl JsonSchema for Password {
    fn schema_name() -> Cow<'static, str> {
        "Password".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "format": "password", "minLength": 8, "maxLength": 256,
            "examples": ["correct horse battery staple"],
        })
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|error| Error::internal(format!("Argon2 parameters: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

impl Password {
    /// The PHC string to store.
    pub fn hash(&self, salt: &[u8; 16]) -> Result<String> {
        let hash = argon2()?
            .hash_password_with_salt(self.0.as_bytes(), salt)
            .map_err(|error| Error::internal(format!("a password could not be hashed: {error}")))?;
        Ok(hash.to_string())
    }

    /// Takes as long for a user who does not exist as for one who does.
    pub fn matches(&self, stored: Option<&str>) -> Result<bool> {
        let decoy = match stored {
            Some(_) => "",
            None => decoy()?,
        };
        let parsed = PasswordHash::new(stored.unwrap_or(decoy))
            .map_err(|error| Error::internal(format!("a stored password hash is broken: {error}")))?;
        let same = argon2()?.verify_password(self.0.as_bytes(), &parsed).is_ok();
        Ok(same && stored.is_some())
    }
}

/// A hash of nothing anyone knows, with the parameters of the real ones.
fn decoy() -> Result<&'static str> {
    static DECOY: OnceLock<String> = OnceLock::new();
    if DECOY.get().is_none() {
        let salt = Salt::new(b"a salt of no one").map_err(|error| Error::internal(error.to_string()))?;
        let phc = format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${}", "A".repeat(43));
        let _ = DECOY.set(phc);
    }
    DECOY.get().map(String::as_str).ok_or_else(|| Error::internal("no decoy"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_matches_its_hash_and_no_other() -> Result<()> {
        let hash = Password("correct horse".into()).hash(&[1; 16])?;
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(Password("correct horse".into()).matches(Some(&hash))?);
        assert!(!Password("correct house".into()).matches(Some(&hash))?);
        assert!(!Password("correct horse".into()).matches(None)?);
        Ok(())
    }

    #[test]
    fn a_password_is_8_to_256_characters() {
        let read = |text: &str| serde_json::from_value::<Password>(text.into()).is_ok();
        assert!(!read("1234567") && read("12345678") && read(&"é".repeat(256)) && !read(&"é".repeat(257)));
    }
}
