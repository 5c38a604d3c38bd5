//! Whoever signs with the workers' secret is a worker; the signature counts once.

use std::cell::RefCell;
use std::collections::HashMap;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::signature::Check;
use crate::app::{App, Change};
use crate::db::{Id, MINUTE, Time};
use crate::error::{Code, Error, Result};
use crate::event::Kind;
use crate::http::{BODY_LIMIT, NoContent, Raw, is_json, parse};
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
        let check = check.filter(|_| is_name(&worker.name)).ok_or_else(|| refused(&app))?;
        let Ok(body) = Raw::from_request(request, state).await;
        Ok(Signing { worker, check, body, content_type, attempt })
    }
}

impl<T: DeserializeOwned> FromRequest<()> for Signed<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &()) -> Result<Self> {
        let app = App::of(request.extensions())?;
        let json = is_json(request.headers());
        let Signing { worker, mut check, body: Raw(incoming), .. } = Signing::from_request(request, state).await?;
        let bytes = match incoming {
            Some(incoming) => incoming.whole(BODY_LIMIT).await?,
            None => Bytes::new(),
        };
        check.add(&bytes);
        if !worker.signed(check) {
            return Err(refused(&app));
        }
        if !json {
            return Err(Code::UnsupportedMediaType.into());
        }
        Ok(Signed { worker, body: parse(&bytes)? })
    }
}

thread_local! {
    /// When each address was last written down by this isolate.
    static WRITTEN: RefCell<HashMap<String, i64>> = RefCell::default();
}

const REMEMBERED: usize = 1_000;

/// The refusal. That it happened is written down behind the answer: once a minute and address, whoever tries how often.
pub fn refused(app: &App) -> Error {
    let (minute, network) = (app.now().millis() / MINUTE, app.caller().network());
    let new = WRITTEN.with_borrow_mut(|written| {
        if written.len() >= REMEMBERED {
            written.clear();
        }
        written.insert(network.clone(), minute) != Some(minute)
    });
    if new {
        let (behind, by) = (app.behind("workers"), app.by_user(None));
        app.host().later(async move {
            // The same for all isolates: the second one finds it there.
            let mut random = [0; 10];
            Sha256::digest(network).iter().zip(&mut random).for_each(|(from, to)| *to = *from);
            let event = Id::new(Time::from_millis(minute * MINUTE), random);
            let note = sql!(
                "INSERT INTO events (id, kind, entity_id, data, ip_address, request_id, created_at)
                 VALUES (?1, ?2, 'worker', '{}', nullif(?3, ''), ?4, ?5) ON CONFLICT DO NOTHING",
                event,
                Kind::CallbackRefused.name(),
                by.ip,
                by.request_id,
                by.at,
            );
            if let Err(error) = behind.commit::<NoContent>(Change::to(()).run(note)).await {
                crate::host::log("workers", error.cause().unwrap_or(error.message()));
            }
        });
    }
    Code::WorkerCallbackInvalid.into()
}

/// What a batch with `Worker::once` came to: a signature that was used before is written down, too.
pub fn noted<T>(app: &App, outcome: Result<T>) -> Result<T> {
    outcome.map_err(|error| if error.code == Code::WorkerCallbackInvalid { refused(app) } else { error })
}
