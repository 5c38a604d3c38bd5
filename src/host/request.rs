//! From a JavaScript request to ours, and back.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use worker::send::{SendFuture, SendWrapper};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{self, JsCast, JsValue};

use crate::db::Time;
use crate::error::{Code, Error, Result};
use crate::serve::Arrival;

#[wasm_bindgen(module = "/src/host/bridge.js")]
extern "C" {
    fn arrive(request: &web_sys::Request) -> String;
    #[wasm_bindgen(catch)]
    async fn read(request: &web_sys::Request, limit: f64) -> Result<JsValue, JsValue>;
    fn length(request: &web_sys::Request) -> f64;
    #[wasm_bindgen(js_name = Chunks)]
    type JsChunks;
    #[wasm_bindgen(constructor, js_class = "Chunks")]
    fn new(request: &web_sys::Request) -> JsChunks;
    #[wasm_bindgen(method, catch)]
    async fn next(this: &JsChunks) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = respond)]
    fn respond_js(status: u16, headers: &str, body: &JsValue) -> web_sys::Response;
}

/// Everything of a request but its body, in one crossing; the body waits until it is wanted.
pub fn arrival(request: web_sys::Request) -> Result<Arrival> {
    let text = arrive(&request);
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let (method, url, now, request_id) = (next(), next(), next(), next().to_owned());
    let unreadable = |what: &str| Error::internal(format!("the platform gave an unreadable {what}"));
    let mut built = Request::new(Body::empty());
    *built.method_mut() = method.parse::<Method>().map_err(|_| unreadable("method"))?;
    *built.uri_mut() = url.parse::<Uri>().map_err(|_| unreadable("address"))?;
    for line in lines {
        if let Some((name, value)) = line.split_once(':')
            && let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            built.headers_mut().append(name, value);
        }
    }
    let now = now.parse().map_err(|_| unreadable("time"))?;
    if request.body().is_some() {
        built.extensions_mut().insert(Incoming(Arc::new(SendWrapper::new(request))));
    }
    Ok(Arrival { request: built, request_id, now: Time::from_millis(now) })
}

/// The request as the platform holds it: its body waits there until it is wanted.
#[derive(Clone)]
pub struct Incoming(Arc<SendWrapper<web_sys::Request>>);

impl Incoming {
    pub(super) fn request(&self) -> &web_sys::Request {
        &self.0
    }

    /// All of the body, of `limit` bytes at most.
    pub fn whole(&self, limit: usize) -> impl Future<Output = Result<Bytes>> + Send + use<> {
        let request = self.0.clone();
        SendFuture::new(async move {
            let whole = read(&request, limit as f64).await;
            let whole = whole.map_err(|_| ended_early())?;
            match whole.dyn_into::<js_sys::Uint8Array>() {
                Ok(bytes) => Ok(Bytes::from(bytes.to_vec())),
                Err(_) => Err(Code::PayloadTooLarge.into()),
            }
        })
    }

    /// How many bytes there are, where the caller says.
    pub fn length(&self) -> Option<u64> {
        let length = length(&self.0);
        (length >= 0.0).then_some(length as u64)
    }

    pub fn chunks(&self) -> Chunks {
        Chunks(Arc::new(SendWrapper::new(JsChunks::new(&self.0))))
    }
}

fn ended_early() -> Error {
    Error::new(Code::BadRequest).saying("The body ended early.")
}

/// A body piece by piece.
pub struct Chunks(Arc<SendWrapper<JsChunks>>);

impl Chunks {
    /// `None`: that was all.
    pub fn next(&self) -> impl Future<Output = Result<Option<Bytes>>> + Send + use<> {
        let chunks = self.0.clone();
        SendFuture::new(async move {
            let next = chunks.next().await.map_err(|_| ended_early())?;
            Ok(next.dyn_into::<js_sys::Uint8Array>().ok().map(|bytes| Bytes::from(bytes.to_vec())))
        })
    }
}

/// A body that never comes into the wasm: a file's stream, or the other end of a socket. Rides in a
/// response's extensions, where it vouches for the `Content-Length`.
#[derive(Clone)]
pub struct Foreign(Arc<SendWrapper<JsValue>>);

impl Foreign {
    pub(super) fn new(value: impl Into<JsValue>) -> Self {
        Foreign(Arc::new(SendWrapper::new(value.into())))
    }

    /// Where the headers tell of a body that is not sent.
    pub fn unsent() -> Self {
        Foreign::new(js_sys::Uint8Array::new_with_length(0))
    }
}

pub fn respond(response: Response<Bytes>) -> web_sys::Response {
    let (parts, body) = response.into_parts();
    let mut headers = String::with_capacity(1024);
    for (name, value) in &parts.headers {
        let Ok(value) = value.to_str() else { continue };
        if !headers.is_empty() {
            headers.push('\n');
        }
        headers.push_str(name.as_str());
        headers.push(':');
        headers.push_str(value);
    }
    let body = match parts.extensions.get::<Foreign>() {
        Some(Foreign(value)) => (***value).clone(),
        None => js_sys::Uint8Array::from(body.as_ref()).into(),
    };
    respond_js(parts.status.as_u16(), &headers, &body)
}
