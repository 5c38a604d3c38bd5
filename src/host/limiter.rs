//! The Durable Object that holds one caller's token bucket.
//!
//! In memory only: the platform drops an idle object after longer than a bucket
//! takes to refill, and a row a request would cost more than it protects.

use std::cell::RefCell;

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::broken;
use crate::error::{Error, Result};
use crate::limits::{Bucket, Grant, Take};

#[durable_object(fetch)]
pub struct Limiter {
    bucket: RefCell<Bucket>,
}

impl DurableObject for Limiter {
    fn new(_: State, _: Env) -> Self {
        Limiter { bucket: RefCell::default() }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let url = request.url()?;
        match serde_urlencoded::from_str::<Take>(url.query().unwrap_or_default()) {
            Ok(take) => Response::from_json(&self.bucket.borrow_mut().take(&take)),
            Err(error) => Response::error(error.to_string(), 400),
        }
    }
}

pub async fn ask(env: &Env, key: &str, query: &str) -> Result<Grant> {
    let namespace = env.durable_object("LIMITER").map_err(broken)?;
    let stub = namespace.id_from_name(key).and_then(|id| id.get_stub()).map_err(broken)?;
    let mut response = stub.fetch_with_str(&format!("https://limiter/?{query}")).await.map_err(broken)?;
    let text = response.text().await.map_err(broken)?;
    serde_json::from_str(&text).map_err(|error| Error::internal(format!("the limiter said '{text}': {error}")))
}
