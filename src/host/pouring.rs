//! Bodies of answers that are written while they are read.

use std::sync::Arc;

use worker::send::{SendFuture, SendWrapper};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{self, JsValue};

use super::{Foreign, Host};
use crate::error::{Code, Error, Result};

#[wasm_bindgen(module = "/src/host/files.js")]
extern "C" {
    type Pour;
    #[wasm_bindgen(constructor)]
    fn new() -> Pour;
    #[wasm_bindgen(method)]
    fn body(this: &Pour) -> JsValue;
    #[wasm_bindgen(method, catch)]
    async fn write(this: &Pour, bytes: js_sys::Uint8Array) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn close(this: &Pour) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn abort(this: &Pour) -> Result<JsValue, JsValue>;
}

/// The end that is written to.
pub struct Pouring(Arc<SendWrapper<Pour>>);

impl Pouring {
    /// Waits for who reads. Fails once nobody does.
    pub fn write(&self, text: String) -> impl Future<Output = Result<()>> + Send + use<> {
        let pour = self.0.clone();
        SendFuture::new(async move {
            let bytes = js_sys::Uint8Array::from(text.as_bytes());
            drop(text);
            pour.write(bytes).await.map(drop).map_err(gone)
        })
    }

    pub fn close(self) -> impl Future<Output = Result<()>> + Send {
        SendFuture::new(async move { self.0.close().await.map(drop).map_err(gone) })
    }

    pub fn abort(self) -> impl Future<Output = Result<()>> + Send {
        SendFuture::new(async move { self.0.abort().await.map(drop).map_err(gone) })
    }
}

impl Host {
    /// A body, and the end that is written to.
    pub fn pour(&self) -> (Pouring, Foreign) {
        let pour = Pour::new();
        let body = Foreign::new(pour.body());
        (Pouring(Arc::new(SendWrapper::new(pour))), body)
    }
}

fn gone(error: JsValue) -> Error {
    Error::new(Code::Unavailable).because(format!("the reader: {error:?}"))
}
