//! Whether all that the service stands on answers, and how soon. Anybody may ask: an isolate looks once in a few seconds.

use std::cell::{Cell, RefCell};

use futures::future::join;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ai;
use crate::app::App;
use crate::db::{SECOND, Time};
use crate::error::{Code, Error, Result};
use crate::host::{self, Probed};

/// Milliseconds that each part has.
const PATIENCE: u32 = 5_000;

/// How long an isolate tells the same, and how long at most while somebody looks anew.
const GOOD_FOR: i64 = 5 * SECOND;
const GOOD_MEANWHILE: i64 = 15 * SECOND;

thread_local! {
    static LATEST: RefCell<Option<Health>> = const { RefCell::new(None) };
    /// Since when somebody is looking. Who looks may hang up, so it counts for as long as an answer is good.
    static LOOKING: Cell<Option<Time>> = const { Cell::new(None) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Ok,
    /// Some part does not answer; what does not need it works.
    Degraded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartStatus {
    Ok,
    Failed,
    /// Not set up here.
    Off,
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ServiceHealth")]
pub struct Health {
    pub status: Condition,
    #[schemars(example = &"0.1.0")]
    pub version: String,
    /// What is told may be a few seconds old.
    pub checked_at: Time,
    pub parts: Vec<Part>,
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ServicePart")]
pub struct Part {
    /// `d1`, `kv`, `r2`, `queues`, `durable_objects` or `ai`.
    #[schemars(example = &"d1")]
    pub name: String,
    pub status: PartStatus,
    /// Until it answered.
    #[schemars(example = 4)]
    pub milliseconds: Option<i64>,
}

/// Fails where the database does not answer: nothing works then.
pub async fn look(app: &App) -> Result<Health> {
    let now = host::now();
    let latest = LATEST.with_borrow(Clone::clone);
    let busy = LOOKING.get().is_some_and(|since| now < since.plus(GOOD_FOR));
    let fresh = |health: &Health| now < health.checked_at.plus(if busy { GOOD_MEANWHILE } else { GOOD_FOR });
    let health = match latest.filter(fresh) {
        Some(health) => health,
        None => {
            LOOKING.set(Some(now));
            let health = probe(app, now).await?;
            LOOKING.set(None);
            LATEST.set(Some(health.clone()));
            health
        }
    };
    if health.parts.iter().any(|part| part.name == "d1" && part.status == PartStatus::Failed) {
        return Err(Error::new(Code::Unavailable).retry_after(5).with("parts", json!(health.parts)));
    }
    Ok(health)
}

async fn probe(app: &App, now: Time) -> Result<Health> {
    let (probed, ai) = join(app.host().probe(PATIENCE), of_ai(app)).await;
    let probed = probed?;
    for Probed { name, failure, .. } in &probed {
        if let Some(failure) = failure {
            host::log(name, failure);
        }
    }
    let parts: Vec<Part> = probed.into_iter().map(Part::from).chain([ai]).collect();
    let whole = parts.iter().all(|part| part.status != PartStatus::Failed);
    let status = if whole { Condition::Ok } else { Condition::Degraded };
    Ok(Health { status, version: env!("CARGO_PKG_VERSION").into(), checked_at: now, parts })
}

async fn of_ai(app: &App) -> Part {
    let since = host::now();
    let stands = ai::stands(app).await;
    let status = match stands {
        Some(true) => PartStatus::Ok,
        Some(false) => PartStatus::Failed,
        None => PartStatus::Off,
    };
    let milliseconds = stands.map(|_| host::now().millis().saturating_sub(since.millis()));
    Part { name: "ai".into(), status, milliseconds }
}

impl From<Probed> for Part {
    fn from(Probed { name, milliseconds, failure }: Probed) -> Self {
        let status = if failure.is_none() { PartStatus::Ok } else { PartStatus::Failed };
        Part { name, status, milliseconds: Some(milliseconds) }
    }
}
