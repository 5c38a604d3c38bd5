//! Whether what the Worker stands on answers.

use serde::Deserialize;
use worker::Env;
use worker::send::SendFuture;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{self, JsValue};

use super::Host;
use crate::error::{Error, Result};

#[wasm_bindgen(module = "/src/host/probes.js")]
extern "C" {
    async fn probe(env: &Env, patience: f64) -> JsValue;
}

#[derive(Deserialize)]
pub struct Probed {
    pub name: String,
    pub milliseconds: i64,
    pub failure: Option<String>,
}

impl Host {
    /// Asks every binding at once; what takes longer than so many milliseconds failed.
    pub fn probe(&self, patience: u32) -> impl Future<Output = Result<Vec<Probed>>> + Send + use<> {
        let env = self.env.clone();
        SendFuture::new(async move {
            let text = probe(&env, patience.into()).await.as_string().unwrap_or_default();
            serde_json::from_str(&text).map_err(|error| Error::internal(format!("probes said '{text}': {error}")))
        })
    }
}
