//! Requests to other servers: whole text each way, redirects not followed, never waited for long.

use std::future::Future;

use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{self, JsValue};

use crate::error::{Error, Result};

#[wasm_bindgen(module = "/src/host/bridge.js")]
extern "C" {
    async fn call(method: &str, url: &str, headers: &str, body: Option<String>, milliseconds: f64) -> JsValue;
}

const PATIENCE_MILLIS: f64 = 10_000.0;

pub struct Outgoing {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<String>,
}

/// What came back, whatever its status.
pub struct Outbound {
    pub status: u16,
    pub body: String,
}

pub fn send(outgoing: &Outgoing) -> impl Future<Output = Result<Outbound>> + use<> {
    let (method, url, body) = (outgoing.method, outgoing.url.clone(), outgoing.body.clone());
    let headers = serde_json::to_string(&outgoing.headers);
    async move {
        let headers = headers.map_err(|error| Error::internal(error.to_string()))?;
        let answer = call(method, &url, &headers, body, PATIENCE_MILLIS).await;
        let text = answer.as_string().unwrap_or_default();
        let (status, body) = text.split_once('\n').unwrap_or((&text, ""));
        // What is no status says why there is none.
        let status = status.parse().map_err(|_| Error::internal(format!("no answer: {text}")))?;
        Ok(Outbound { status, body: body.to_owned() })
    }
}
