//! The only folder that knows Cloudflare.

mod bell;
mod channel;
mod database;
mod files;
mod limiter;
mod objects;
mod outbound;
mod pouring;
mod probes;
mod request;
mod sender;
mod sequencer;
mod sockets;

use std::cell::OnceCell;
use std::future::Future;
use std::sync::Arc;

use serde_json::json;
use worker::send::SendFuture;
use worker::wasm_bindgen::JsValue;
use worker::{Context, Env, MessageBatch, MessageBuilder, MessageExt, SqlStorageValue, console_error, console_log};

use crate::ai_docs;
use crate::app::App;
use crate::config::Config;
use crate::db::{Answers, Id, Stmt, Time};
use crate::error::{Error, Result};
use crate::event;
use crate::limits::{Grant, Take};
use crate::monitoring::logs;
use crate::serve::{Configured, serve};

/// What the deployment must bind.
const BINDINGS: [&str; 12] = [
    "DB", "SESSIONS", "FILES", "EVENTS", "LIMITER", "CHANNELS", "SOCKETS", "AUDIT", "BELL", "WEBHOOKS", "AI_HIGH",
    "AI_LOW",
];

thread_local! {
    static CONFIG: OnceCell<Configured> = const { OnceCell::new() };
}

pub use files::Storing;
pub use objects::Object;
pub use outbound::{Cut, Outbound, Outgoing, Patience};
pub use pouring::Pouring;
pub use probes::Probed;
pub use request::{Chunks, Foreign, Incoming};
pub use sockets::Entry;

/// The platform, as far as the house needs it. Everything fails with `Error`.
#[derive(Clone)]
pub struct Host {
    env: Env,
    context: Option<Arc<Context>>,
}

impl Host {
    /// What the deployment sets, read at the isolate's first request.
    pub fn config(&self) -> Configured {
        CONFIG.with(|config| config.get_or_init(|| self.read_config()).clone())
    }

    fn read_config(&self) -> Configured {
        let var = |name: &str| self.env.var(name).ok().map(|value| value.to_string());
        let missing = BINDINGS.into_iter().filter(|name| {
            js_sys::Reflect::get(self.env.as_ref(), &JsValue::from_str(name)).map_or(true, |value| value.is_undefined())
        });
        let mut wrong: Vec<String> = missing.map(|name| format!("the binding {name} is missing")).collect();
        match Config::read(var) {
            Ok(config) if wrong.is_empty() => return Ok(Arc::new(config)),
            Ok(_) => {}
            Err(more) => wrong.extend(more),
        }
        Err(Arc::new(wrong))
    }

    /// One atomic batch.
    pub fn batch(&self, stmts: &[Stmt]) -> impl Future<Output = Result<Answers>> + Send + use<> {
        let json = serde_json::to_string(stmts).map_err(|error| Error::internal(error.to_string()));
        let env = self.env.clone();
        SendFuture::new(async move { database::batch(&env, &json?).await })
    }

    pub fn kv_get(&self, key: &str) -> impl Future<Output = Result<Option<String>>> + Send + use<> {
        let (env, key) = (self.env.clone(), key.to_owned());
        SendFuture::new(async move { env.kv("SESSIONS").map_err(broken)?.get(&key).text().await.map_err(broken) })
    }

    /// `seconds` is how long it is kept: 60 at least.
    pub fn kv_put(&self, key: &str, value: &str, seconds: u64) -> impl Future<Output = Result<()>> + Send + use<> {
        let (env, key, value) = (self.env.clone(), key.to_owned(), value.to_owned());
        SendFuture::new(async move {
            let put = env.kv("SESSIONS").map_err(broken)?.put(&key, value).map_err(broken)?;
            put.expiration_ttl(seconds).execute().await.map_err(broken)
        })
    }

    /// Tells the queue that an event waits.
    pub fn announce(&self, id: &Id) -> impl Future<Output = Result<()>> + Send + use<> {
        let (env, id) = (self.env.clone(), id.to_string());
        SendFuture::new(async move { env.queue("EVENTS").map_err(broken)?.send(id).await.map_err(broken) })
    }

    /// Hands a job to a lane's queue, which gives it out again after so many seconds at the earliest.
    pub fn dispatch(&self, lane: Lane, job: &str, delay: u32) -> impl Future<Output = Result<()>> + Send + use<> {
        let (env, message) = (self.env.clone(), MessageBuilder::new(job.to_owned()).delay_seconds(delay).build());
        let binding = lane.binding();
        SendFuture::new(async move { env.queue(binding).map_err(broken)?.send(message).await.map_err(broken) })
    }

    pub fn take_tokens(&self, key: &str, take: &Take) -> impl Future<Output = Result<Grant>> + Send + use<> {
        let query = serde_urlencoded::to_string(take).map_err(|error| Error::internal(error.to_string()));
        let (env, key) = (self.env.clone(), key.to_owned());
        SendFuture::new(async move { limiter::ask(&env, &key, &query?).await })
    }

    /// A request to somebody else's server.
    pub fn send(&self, outgoing: &Outgoing) -> impl Future<Output = Result<Outbound>> + Send + use<> {
        SendFuture::new(outbound::send(outgoing))
    }

    /// The time now, where work takes some.
    pub fn now(&self) -> Time {
        now()
    }

    /// Whether the account's own models are bound.
    pub fn has_models(&self) -> bool {
        outbound::has_models(self.env.as_ref())
    }

    /// A question to one of them; `input` is JSON.
    pub fn infer(
        &self,
        model: &str,
        input: &str,
        patience: Patience,
    ) -> impl Future<Output = Result<Outbound>> + Send + use<> {
        let (env, model, input) = (self.env.clone(), model.to_owned(), input.to_owned());
        SendFuture::new(async move { outbound::infer(env.as_ref(), &model, &input, patience).await })
    }

    /// Goes on after the answer is sent.
    pub fn later(&self, work: impl Future<Output = ()> + 'static) {
        if let Some(context) = &self.context {
            context.wait_until(work);
        }
    }
}

/// Whose jobs wait together.
#[derive(Clone, Copy, Debug)]
pub enum Lane {
    /// Of those who pay.
    High,
    Low,
}

impl Lane {
    const fn binding(self) -> &'static str {
        match self {
            Lane::High => "AI_HIGH",
            Lane::Low => "AI_LOW",
        }
    }
}

fn whole(number: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn broken(error: impl std::fmt::Debug) -> Error {
    Error::internal(format!("{error:?}"))
}

/// One line of JSON for whoever runs this; `about` is a request's id or a part of the house.
pub fn log(about: &str, message: &str) {
    let time = now().text();
    console_error!("{}", json!({ "time": time, "level": "error", "about": about, "message": message }));
}

pub fn write_line(json: &str) {
    console_log!("{json}");
}

pub async fn fetch(request: web_sys::Request, env: Env, context: Context) -> worker::Result<web_sys::Response> {
    let host = Host { env, context: Some(Arc::new(context)) };
    let arrival = request::arrival(request).map_err(|error| {
        log("arrival", error.cause().unwrap_or_default());
        worker::Error::RustError("unreadable request".into())
    })?;
    Ok(request::respond(serve(arrival, host).await))
}

pub async fn queue(batch: MessageBatch<String>, env: Env) {
    match batch.queue().contains("-ai-") {
        true => run_jobs(batch, env).await,
        false => deliver(batch, env).await,
    }
}

/// One after the other: how many run at once is how many consumers there are.
async fn run_jobs(batch: MessageBatch<String>, env: Env) {
    for message in batch.iter().flatten() {
        let host = Host { env: env.clone(), context: None };
        let done = match Id::parse(message.body()) {
            Some(job) => in_background(host, "ai_docs", now(), async |app| ai_docs::run(app, &job).await).await,
            None => Some(()),
        };
        if done.is_some() { message.ack() } else { message.retry() }
    }
}

async fn deliver(batch: MessageBatch<String>, env: Env) {
    let host = Host { env, context: None };
    let messages: Vec<_> = batch.iter().flatten().collect();
    let ids: Vec<Id> = messages.iter().filter_map(|message| Id::parse(message.body())).collect();
    let delivered = in_background(host, "queue", now(), async |app| {
        let delivered = event::deliver(app, &ids).await?;
        logs::work(app, "queue", ids.len(), ids.len().saturating_sub(delivered.len()));
        Ok(delivered)
    })
    .await;
    let delivered = delivered.unwrap_or_default();
    for message in messages {
        match Id::parse(message.body()) {
            Some(id) if !delivered.contains(&id) => message.retry(),
            // What is no id never will be one.
            _ => message.ack(),
        }
    }
}

/// `at`: milliseconds since 1970.
pub async fn scheduled(at: f64, env: Env) {
    let host = Host { env, context: None };
    in_background(host, "cron", Time::from_millis(at as i64), async |app| {
        let parts = event::sweep(app).await;
        logs::work(app, "cron", parts.len(), parts.iter().filter(|(_, done)| !done).count());
        Ok(())
    })
    .await;
}

/// Does the work, logs its failure, and hands on what it announced.
async fn in_background<T>(host: Host, what: &str, now: Time, work: impl AsyncFnOnce(&App) -> Result<T>) -> Option<T> {
    let config = match host.config() {
        Ok(config) => config,
        Err(wrong) => {
            log("config", &wrong.join("; "));
            return None;
        }
    };
    let app = App::background(host, config, what, now);
    let done = work(&app).await;
    event::send_now(&app).await;
    done.map_err(|error| log(what, error.cause().unwrap_or(error.code.name()))).ok()
}

/// The platform's, which stands still but for waiting.
pub fn now() -> Time {
    Time::from_millis(js_sys::Date::now() as i64)
}
