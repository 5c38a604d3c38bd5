//! Whoever signs with the workers' secret is a worker; the signature counts once.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::signature::Check;
use crate::app::{App, Change};
use crate::db::Time;
use crate::error::{Code, Error, Result};
use crate::http::{BODY_LIMIT, Raw, is_json, parse};
use crate::sql;

/// A worker whose request was signed.
pub struct Worker {
    /// What it calls itself.
    pub name: String,
    signature: String,
}

/// A signed request with a JSON body.
pub struct Signed<T> {
    pub worker: Worker,
    pub body: T,
}

/// A request that says it is signed, with its body still to come.
pub struct Signing {
    pub worker: Worker,
    pub check: Check,
    pub body: Raw,
    pub content_type: String,
    /// The token of the attempt it is about.
    pub attempt: String,
}

impl Worker {
    /// Refuses a signature that was used before, and notes this one.
    pub fn once(&self, now: Time) -> Change<()> {
        note(&self.signature, now)
    }

    /// The same for one place: of two jobs the same picture may come, and has no room to differ.
    pub fn once_at(&self, place: &str, now: Time) -> Change<()> {
        note(&format!("{} {place}", self.signature), now)
    }

    pub fn signed(&self, check: Check) -> bool {
        check.fits(&self.signature)
    }
}

fn note(signature: &str, now: Time) -> Change<()> {
    Change::to(())
        .run(sql!(
            "INSERT INTO refusals (code) SELECT 'WORKER_CALLBACK_INVALID' FROM worker_signatures WHERE signature = ?1",
            signature
        ))
        .run(sql!("INSERT INTO worker_signatures (signature, seen_at) VALUES (?1, ?2)", signature, now))
}

/// The names of machines.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

impl FromRequest<()> for Signing {
    type Rejection = Error;

    async fn from_request(request: Request, state: &()) -> Result<Self> {
        let app = App::of(request.extensions())?;
        let headers = request.headers();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let worker = Worker { name: text("x-hs-worker"), signature: text("x-hs-signature") };
        let (content_type, attempt) = (text("content-type"), text("x-hs-attempt"));
        let timestamp = text("x-hs-timestamp");
        let check = app.config().worker_key.check(&timestamp, app.now());
        let check = check.filter(|_| is_name(&worker.name)).ok_or(Code::WorkerCallbackInvalid)?;
        let Ok(body) = Raw::from_request(request, state).await;
        Ok(Signing { worker, check, body, content_type, attempt })
    }
}

impl<T: DeserializeOwned> FromRequest<()> for Signed<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &()) -> Result<Self> {
        let json = is_json(request.headers());
        let Signing { worker, mut check, body: Raw(incoming), .. } = Signing::from_request(request, state).await?;
        let bytes = match incoming {
            Some(incoming) => incoming.whole(BODY_LIMIT).await?,
            None => Bytes::new(),
        };
        check.add(&bytes);
        if !worker.signed(check) {
            return Err(Code::WorkerCallbackInvalid.into());
        }
        if !json {
            return Err(Code::UnsupportedMediaType.into());
        }
        Ok(Signed { worker, body: parse(&bytes)? })
    }
}
