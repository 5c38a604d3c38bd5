//! Durable Objects of ours, by name: JSON in, JSON out, and a socket's way through.

use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::Env;
use worker::send::SendFuture;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{self, JsValue};

use super::{Entry, Foreign, Host};
use crate::error::{Code, Error, Result};
use crate::live::Channel;

#[wasm_bindgen(module = "/src/host/bridge.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn ask(env: &Env, binding: &str, name: &str, json: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn enter(env: &Env, binding: &str, name: &str, query: &str) -> Result<JsValue, JsValue>;
}

/// Which Durable Object is meant.
pub enum Object<'a> {
    Channel(&'a Channel),
    /// Those of this user.
    Sockets(i64),
    /// The one that links the audit log.
    Sequencer,
    /// What idle workers wait at.
    Bell,
    /// Of this webhook.
    Sender(&'a str),
}

impl Object<'_> {
    fn binding(&self) -> &'static str {
        match self {
            Object::Channel(_) => "CHANNELS",
            Object::Sockets(_) => "SOCKETS",
            Object::Sequencer => "AUDIT",
            Object::Bell => "BELL",
            Object::Sender(_) => "WEBHOOKS",
        }
    }

    fn name(&self) -> String {
        match self {
            Object::Channel(channel) => channel.to_string(),
            Object::Sockets(user) => user.to_string(),
            Object::Sequencer => "sequencer".into(),
            Object::Bell => "previews".into(),
            Object::Sender(webhook) => (*webhook).to_owned(),
        }
    }
}

impl Host {
    pub fn ask<T: DeserializeOwned, Q: Serialize>(
        &self,
        object: Object,
        question: &Q,
    ) -> impl Future<Output = Result<T>> + Send + use<T, Q> {
        let (env, binding, name) = (self.env.clone(), object.binding(), object.name());
        let json = serde_json::to_string(question).map_err(|error| Error::internal(error.to_string()));
        SendFuture::new(async move {
            let answer = ask(&env, binding, &name, &json?).await.map_err(|error| unreached(binding, &error))?;
            let answer = answer.as_string().unwrap_or_default();
            serde_json::from_str(&answer)
                .map_err(|error| Error::internal(format!("{binding} said '{answer}': {error}")))
        })
    }

    /// Opens a socket at the object and gives its other end.
    pub fn enter(&self, object: Object, entry: &Entry) -> impl Future<Output = Result<Foreign>> + Send + use<> {
        let (env, binding, name) = (self.env.clone(), object.binding(), object.name());
        let query = serde_urlencoded::to_string(entry).map_err(|error| Error::internal(error.to_string()));
        SendFuture::new(async move {
            let socket = enter(&env, binding, &name, &query?).await.map_err(|error| unreached(binding, &error))?;
            match socket.as_f64() {
                Some(401.0) => Err(Code::TokenInvalid.into()),
                Some(429.0) => {
                    Err(Error::new(Code::RateLimited).saying("Too many open sockets; close one.").retry_after(60))
                }
                Some(status) => Err(Error::new(Code::Unavailable).because(format!("{binding} answered {status}"))),
                None => Ok(Foreign::new(socket)),
            }
        })
    }
}

fn unreached(binding: &str, error: &JsValue) -> Error {
    Error::new(Code::Unavailable).retry_after(1).because(format!("{binding}: {error:?}"))
}
