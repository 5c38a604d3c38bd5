//! Passwords: Argon2id with OWASP's parameters, as PHC strings.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
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

thread_local! {
    /// Wasm memory never shrinks: what hashing took once is kept for the next one, and not cleared again.
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

fn digest(password: &str, salt: &[u8], memory_kib: u32, passes: u32, lanes: u32) -> Result<Output> {
    let failed = |error: argon2::Error| Error::internal(format!("a password could not be hashed: {error}"));
    let params = Params::new(memory_kib, passes, lanes, None).map_err(failed)?;
    let blocks = params.block_count();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut digest = [0; 32];
    MEMORY.with_borrow_mut(|memory| {
        if memory.len() < blocks {
            memory.resize(blocks, Block::new());
        }
        let memory = memory.get_mut(..blocks).unwrap_or_default();
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut digest, memory).map_err(failed)
    })?;
    Output::new(&digest).map_err(|error| Error::internal(error.to_string()))
}

impl Password {
    /// The PHC string to store.
    pub fn hash(&self, salt: &[u8; 16]) -> Result<String> {
        let digest = digest(&self.0, salt, MEMORY_KIB, PASSES, LANES)?;
        let salt = Salt::new(salt).map_err(|error| Error::internal(error.to_string()))?;
        Ok(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${digest}"))
    }

    /// Takes as long for a user who does not exist as for one who does.
    pub fn matches(&self, stored: Option<&str>) -> Result<bool> {
        let Some(stored) = stored else {
            digest(&self.0, b"a salt of no one", MEMORY_KIB, PASSES, LANES)?;
            return Ok(false);
        };
        let broken = || Error::internal("a stored password hash is broken");
        let stored = PasswordHash::new(stored).map_err(|_| broken())?;
        let param = |name| stored.params.get_decimal(name).ok_or_else(broken);
        let (salt, expected) = stored.salt.as_ref().zip(stored.hash).ok_or_else(broken)?;
        // Its comparison takes the same time wherever they differ.
        Ok(digest(&self.0, salt, param("m")?, param("t")?, param("p")?)? == expected)
    }
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
