//! `Idempotency-Key`: the same request again is the same answer, not the same effect again.

use base64ct::{Base64UrlUnpadded, Encoding};
use http::{Method, StatusCode};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::auth::token::Keys;
use crate::db::{HOUR, Stmt, Time};
use crate::error::{Code, Error, Replay, Result};
use crate::sql;

/// How long an answer is kept.
pub const KEPT: i64 = 24 * HOUR;

const MAX_LENGTH: usize = 255;

/// Answers are kept sealed: some hold what is shown only once.
const PURPOSE: &str = "idempotent answer";

/// The key of one request, and what is known of it so far.
pub struct Idempotency {
    scope: String,
    key: String,
    fingerprint: Option<String>,
    earlier: Lookup,
}

enum Lookup {
    Due,
    /// With the answer, where it can be read.
    Done(Option<(Earlier, Option<String>)>),
}

#[derive(Deserialize)]
pub struct Earlier {
    fingerprint: String,
    status: u16,
    answer: String,
}

impl Idempotency {
    /// The key of a POST; other methods are idempotent by themselves.
    pub fn read(method: &Method, path: &str, who: &str, key: Option<&str>) -> Result<Option<Self>> {
        let Some(key) = key.filter(|_| method == Method::POST) else {
            return Ok(None);
        };
        // The IETF draft quotes it, most clients do not.
        let key = key.trim().trim_matches('"');
        if key.is_empty() || key.len() > MAX_LENGTH || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(
                Error::new(Code::BadRequest).saying("Idempotency-Key must be 1 to 255 visible ASCII characters.")
            );
        }
        Ok(Some(Idempotency {
            scope: format!("{who} POST {path}"),
            key: key.to_owned(),
            fingerprint: None,
            earlier: Lookup::Due,
        }))
    }

    /// Rides along with the request's first trip.
    pub fn look_up(&self) -> Option<Stmt> {
        matches!(self.earlier, Lookup::Due).then(|| {
            sql!(
                "SELECT fingerprint, status, answer FROM idempotency_keys WHERE scope = ?1 AND key = ?2",
                self.scope,
                self.key
            )
        })
    }

    pub fn found(&mut self, earlier: Option<Earlier>, keys: &Keys) {
        let earlier = earlier.map(|earlier| {
            let answer = keys.unseal(PURPOSE, &self.about(), &earlier.answer);
            (earlier, answer.and_then(|bytes| String::from_utf8(bytes).ok()))
        });
        self.earlier = Lookup::Done(earlier);
    }

    fn about(&self) -> [&[u8]; 2] {
        [self.scope.as_bytes(), self.key.as_bytes()]
    }

    pub fn body(&mut self, body: &[u8]) {
        let hash = Sha256::new().chain_update(&self.scope).chain_update([0]).chain_update(body).finalize();
        self.fingerprint = Some(Base64UrlUnpadded::encode_string(&hash));
    }

    /// Fails with the earlier answer, or with a mismatch, as soon as both are known.
    pub fn settle(&self) -> Result<()> {
        match (&self.earlier, &self.fingerprint) {
            (Lookup::Done(Some((earlier, answer))), Some(fingerprint)) if earlier.fingerprint == *fingerprint => {
                // Sealed with another SESSION_SECRET: it happened, and must not happen again.
                let answer = answer.clone().ok_or(Code::IdempotencyOver)?;
                Err(Error::replay(Replay { status: earlier.status, answer }))
            }
            (Lookup::Done(Some(_)), Some(_)) => Err(Code::IdempotencyMismatch.into()),
            _ => Ok(()),
        }
    }

    /// Goes into the batch of the effect: crashing leaves neither or both.
    pub fn keep(&self, status: StatusCode, answer: &str, now: Time, keys: &Keys, nonce: [u8; 24]) -> Option<Stmt> {
        let fingerprint = self.fingerprint.as_ref()?;
        let sealed = keys.seal(PURPOSE, &self.about(), nonce, answer.as_bytes())?;
        Some(sql!(
            "INSERT INTO idempotency_keys (scope, key, fingerprint, status, answer, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            self.scope,
            self.key,
            fingerprint,
            i64::from(status.as_u16()),
            sealed,
            now,
        ))
    }
}
