//! Requests to other servers: text each way, redirects not followed, never waited for long, never read without end.

use std::future::Future;

use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{self, JsValue};

use crate::error::{Error, Result};

#[wasm_bindgen(module = "/src/host/bridge.js")]
extern "C" {
    async fn call(method: &str, url: &str, headers: &str, body: Option<String>, limits: &str) -> JsValue;
    #[wasm_bindgen(js_name = infer)]
    async fn infer_js(env: &JsValue, model: &str, input: &str, limits: &str) -> JsValue;
    pub fn has_models(env: &JsValue) -> bool;
}

/// How long an answer is waited for, and how much of it is read.
#[derive(Clone, Copy, Serialize)]
pub struct Patience {
    /// Milliseconds until all of it is there.
    pub total: u32,
    /// Milliseconds from one piece of it to the next. The first one has all the time.
    pub silence: u32,
    /// Bytes.
    pub most: u32,
}

impl Patience {
    /// For an answer that comes at once.
    pub const SHORT: Patience = Patience { total: 10_000, silence: 10_000, most: 4 << 20 };
}

pub struct Outgoing {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<String>,
    pub patience: Patience,
}

/// What came back, whatever its status.
#[derive(Debug)]
pub struct Outbound {
    pub status: u16,
    pub retry_after: Option<String>,
    /// Why there is no more of the body, where it does not end by itself.
    pub cut: Option<Cut>,
    pub body: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    TooLong,
    TooLate,
    /// It began, and then nothing came for too long.
    Stalled,
    Broken,
}

/// What precedes the body.
#[derive(Deserialize)]
struct Head {
    status: u16,
    retry_after: Option<String>,
    cut: Option<Cut>,
}

pub fn send(outgoing: &Outgoing) -> impl Future<Output = Result<Outbound>> + use<> {
    let (method, url, body) = (outgoing.method, outgoing.url.clone(), outgoing.body.clone());
    let (headers, patience) = (serde_json::to_string(&outgoing.headers), serde_json::to_string(&outgoing.patience));
    async move {
        let headers = headers.map_err(|error| Error::internal(error.to_string()))?;
        let patience = patience.map_err(|error| Error::internal(error.to_string()))?;
        read(&call(method, &url, &headers, body, &patience).await)
    }
}

/// A question to a model of the account's own; `input` is JSON. It fails with what the model says.
pub async fn infer(env: &JsValue, model: &str, input: &str, patience: Patience) -> Result<Outbound> {
    let patience = serde_json::to_string(&patience).map_err(|error| Error::internal(error.to_string()))?;
    read(&infer_js(env, model, input, &patience).await)
}

fn read(answer: &JsValue) -> Result<Outbound> {
    let text = answer.as_string().unwrap_or_default();
    let (head, body) = text.split_once('\n').unwrap_or((&text, ""));
    // What is no head says why there is none.
    let head: Head = serde_json::from_str(head).map_err(|_| Error::internal(format!("no answer: {text}")))?;
    let Head { status, retry_after, cut } = head;
    Ok(Outbound { status, retry_after, cut, body: body.to_owned() })
}
