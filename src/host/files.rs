//! R2: files go in and out as streams, and never come into the wasm whole.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures::channel::oneshot;
use serde::Deserialize;
use serde_json::Value;
use worker::send::{SendFuture, SendWrapper};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{self, JsValue};

use super::{Foreign, Host, Incoming};
use crate::db::Time;
use crate::error::{Code, Error, Result};

#[wasm_bindgen(module = "/src/host/files.js")]
extern "C" {
    type Upload;
    #[wasm_bindgen(constructor)]
    fn new(env: &JsValue, key: &str) -> Upload;
    #[wasm_bindgen(method)]
    fn take(this: &Upload, bytes: &[u8]) -> usize;
    #[wasm_bindgen(method, catch)]
    async fn send(this: &Upload) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn finish(this: &Upload) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    async fn abort(this: &Upload) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    async fn open(env: &JsValue, key: &str, offset: f64, length: f64) -> Result<JsValue, JsValue>;
    async fn store(env: &JsValue, request: &web_sys::Request, key: &str, sha256: &str) -> JsValue;
    #[wasm_bindgen(catch)]
    async fn head(env: &JsValue, key: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn text(env: &JsValue, key: &str, offset: f64, length: f64) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn write_text(env: &JsValue, key: &str, text: &str, seal: &[u8]) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn load_text(env: &JsValue, key: &str, seal: &[u8]) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn remove(env: &JsValue, keys: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn clear(env: &JsValue, prefix: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn keep(env: &JsValue, key: &str, json: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn kept(env: &JsValue, prefix: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn list(env: &JsValue, prefix: &str, after: &str) -> Result<JsValue, JsValue>;
}

/// A file on its way in. Until it is finished, nobody sees anything of it.
pub struct Storing {
    upload: Arc<SendWrapper<Upload>>,
    /// Keeps the platform from ending the request of a caller who hung up before this is finished or aborted.
    _alive: oneshot::Sender<()>,
}

impl Storing {
    pub fn write(&self, mut bytes: Bytes) -> impl Future<Output = Result<()>> + Send + use<> {
        let upload = self.upload.clone();
        SendFuture::new(async move {
            loop {
                let taken = upload.take(&bytes);
                bytes.advance(taken.min(bytes.len()));
                if bytes.is_empty() {
                    return Ok(());
                }
                upload.send().await.map_err(failed)?;
            }
        })
    }

    /// Its ETag, without quotes.
    pub fn finish(self) -> impl Future<Output = Result<String>> + Send {
        SendFuture::new(async move {
            match self.upload.finish().await {
                Ok(etag) => Ok(etag.as_string().unwrap_or_default()),
                Err(error) => {
                    self.abort().await;
                    Err(failed(error))
                }
            }
        })
    }

    pub fn abort(self) -> impl Future<Output = ()> + Send {
        SendFuture::new(async move {
            if let Err(error) = self.upload.abort().await.map_err(failed) {
                super::log("files", error.cause().unwrap_or_default());
            }
        })
    }
}

/// Some of the files there are, in the order of their keys.
#[derive(Deserialize)]
pub struct Listing {
    pub truncated: bool,
    /// Each with when it was written, in milliseconds since 1970, and its bytes.
    pub objects: Vec<(String, i64, u64)>,
}

impl Listing {
    /// Keys of what was written before this time.
    pub fn before(&self, time: Time) -> impl Iterator<Item = &str> {
        self.objects.iter().filter(move |(_, written, _)| *written < time.millis()).map(|(key, ..)| key.as_str())
    }
}

/// What there is to know of a stored file without its bytes.
#[derive(Deserialize)]
pub struct Stored {
    pub size: u64,
    pub etag: String,
}

impl Host {
    /// Stores a request's body as it comes in, if this is its SHA-256 and its length is known. `false`: it is another.
    pub fn store_body(
        &self,
        key: &str,
        body: &Incoming,
        sha256: &str,
    ) -> impl Future<Output = Result<bool>> + Send + use<> {
        let (env, key, sha256, body) = (self.env.clone(), key.to_owned(), sha256.to_owned(), body.clone());
        SendFuture::new(async move {
            let wrong = store(env.as_ref(), body.request(), &key, &sha256).await.as_string().unwrap_or_default();
            match wrong.as_str() {
                "" => Ok(true),
                other if other.contains("checksum") => Ok(false),
                other => Err(Error::new(Code::Unavailable).retry_after(1).because(format!("R2: {other}"))),
            }
        })
    }

    /// `None`: there is no such file.
    pub fn head_file(&self, key: &str) -> impl Future<Output = Result<Option<Stored>>> + Send + use<> {
        let (env, key) = (self.env.clone(), key.to_owned());
        SendFuture::new(async move {
            let found = head(env.as_ref(), &key).await.map_err(failed)?;
            let text = found.as_string();
            let read = |text: String| serde_json::from_str(&text).map_err(|error| Error::internal(error.to_string()));
            text.map(read).transpose()
        })
    }

    pub fn store_file(&self, key: &str) -> Storing {
        let (alive, over) = oneshot::channel();
        self.later(async {
            let _ = over.await;
        });
        Storing { upload: Arc::new(SendWrapper::new(Upload::new(self.env.as_ref(), key))), _alive: alive }
    }

    /// So many bytes of a file from an offset on; `None`: it is gone.
    pub fn open_file(
        &self,
        key: &str,
        offset: u64,
        length: u64,
    ) -> impl Future<Output = Result<Option<Foreign>>> + Send + use<> {
        let (env, key) = (self.env.clone(), key.to_owned());
        SendFuture::new(async move {
            let body = open(env.as_ref(), &key, offset as f64, length as f64).await.map_err(failed)?;
            Ok((!body.is_null()).then(|| Foreign::new(body)))
        })
    }

    /// So many bytes of a small file of ours, as text; `None`: it is gone.
    pub fn read_text(
        &self,
        key: &str,
        offset: u64,
        length: u64,
    ) -> impl Future<Output = Result<Option<String>>> + Send + use<> {
        let (env, key) = (self.env.clone(), key.to_owned());
        SendFuture::new(async move {
            let found = text(env.as_ref(), &key, offset as f64, length as f64).await.map_err(failed)?;
            Ok(found.as_string())
        })
    }

    /// Stores a small text, which only who has the key of `seal` can read. Such a key is for one file, written once.
    pub fn store_text(
        &self,
        key: &str,
        text: &str,
        seal: Option<&[u8; 32]>,
    ) -> impl Future<Output = Result<()>> + Send + use<> {
        let (env, key, text, seal) = (self.env.clone(), key.to_owned(), text.to_owned(), seal.copied());
        SendFuture::new(async move {
            let seal = seal.as_ref().map_or(&[][..], |seal| &seal[..]);
            write_text(env.as_ref(), &key, &text, seal).await.map(drop).map_err(failed)
        })
    }

    /// `None`: it is gone.
    pub fn load_text(
        &self,
        key: &str,
        seal: Option<&[u8; 32]>,
    ) -> impl Future<Output = Result<Option<String>>> + Send + use<> {
        let (env, key, seal) = (self.env.clone(), key.to_owned(), seal.copied());
        SendFuture::new(async move {
            let seal = seal.as_ref().map_or(&[][..], |seal| &seal[..]);
            Ok(load_text(env.as_ref(), &key, seal).await.map_err(failed)?.as_string())
        })
    }

    /// At most 1,000. Those that are not there are as good as deleted.
    pub fn delete_files(&self, keys: &[&str]) -> impl Future<Output = Result<()>> + Send + use<> {
        let (env, keys) = (self.env.clone(), serde_json::to_string(keys).unwrap_or_default());
        SendFuture::new(async move { remove(env.as_ref(), &keys).await.map(drop).map_err(failed) })
    }

    /// All whose keys begin so.
    pub fn clear_files(&self, prefix: &str) -> impl Future<Output = Result<()>> + Send + use<> {
        let (env, prefix) = (self.env.clone(), prefix.to_owned());
        SendFuture::new(async move { clear(env.as_ref(), &prefix).await.map(drop).map_err(failed) })
    }

    /// Keeps JSON under a key, unless there is something already. Answers whether there was not.
    pub fn keep_file(&self, key: &str, json: &Value) -> impl Future<Output = Result<bool>> + Send + use<> {
        let (env, key, json) = (self.env.clone(), key.to_owned(), json.to_string());
        SendFuture::new(async move { Ok(keep(env.as_ref(), &key, &json).await.map_err(failed)?.is_truthy()) })
    }

    /// A list of what is kept under keys that begin so.
    pub fn kept_files(&self, prefix: &str) -> impl Future<Output = Result<String>> + Send + use<> {
        let (env, prefix) = (self.env.clone(), prefix.to_owned());
        SendFuture::new(async move {
            let kept = kept(env.as_ref(), &prefix).await.map_err(failed)?;
            kept.as_string().ok_or_else(|| Error::internal("R2 listed no text"))
        })
    }

    /// Up to 1,000 whose keys begin so and come after `after`.
    pub fn list_files(&self, prefix: &str, after: &str) -> impl Future<Output = Result<Listing>> + Send + use<> {
        let (env, prefix, after) = (self.env.clone(), prefix.to_owned(), after.to_owned());
        SendFuture::new(async move {
            let text = list(env.as_ref(), &prefix, &after).await.map_err(failed)?.as_string().unwrap_or_default();
            serde_json::from_str(&text).map_err(|error| Error::internal(format!("R2 listed '{text}': {error}")))
        })
    }
}

/// Whatever R2 failed at may be tried again.
fn failed(error: JsValue) -> Error {
    Error::new(Code::Unavailable).retry_after(1).because(format!("R2: {error:?}"))
}
