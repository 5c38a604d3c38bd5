use axum::extract::FromRequestParts;
use http::header;
use http::request::Parts;
use serde_json::json;

use crate::access::{Actor, Operator};
use crate::admin::viewed;
use crate::app::App;
use crate::error::{Error, Result};
use crate::http::{Answer, One, Plain};
use crate::monitoring::health::{self, Health};
use crate::monitoring::metrics;

pub async fn health(app: App) -> Result<One<Health>> {
    One::of(&health::look(&app).await?)
}

pub async fn metrics(app: App, scraper: Scraper) -> Result<Plain> {
    let reads = metrics::reads(app.now());
    let mut answers = match scraper {
        Scraper::Operator(actor) => app.commit_and_read(viewed("metrics", json!({}), &app.by(&actor)), reads).await?,
        Scraper::Machine => app.read_regardless(reads).await?,
    };
    metrics::told(&mut answers).map(Plain)
}

/// Who may read the metrics: an operator, or a machine with the token that the deployment sets.
pub enum Scraper {
    Operator(Actor),
    Machine,
}

impl FromRequestParts<()> for Scraper {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &()) -> Result<Self> {
        let app = App::of(&parts.extensions)?;
        let given = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.split_once(' ')).map(|(_, token)| token.trim());
        if given.is_some_and(|token| app.config().is_metrics_token(token)) {
            return Ok(Scraper::Machine);
        }
        Operator::from_request_parts(parts, state).await.map(|Operator(actor)| Scraper::Operator(actor))
    }
}
