//! The Durable Object behind a webhook: it wakes when something is due, and sends it.
//!
//! All it keeps is its alarm, and whose it is, which an alarm does not say. What is due, and when, is in the database; at most one alarm runs at a time.

use std::cell::Cell;

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::{Host, in_background, now};
use crate::app::App;
use crate::db::{MINUTE, Time};
use crate::webhooks::{self, Poke, Poked};

const WEBHOOK: &str = "webhook";

/// Rounds of one alarm; then comes another.
const ROUNDS: usize = 20;

#[durable_object(alarm)]
pub struct WebhookSender {
    state: State,
    host: Host,
    /// How far a test has moved the clock.
    ahead: Cell<i64>,
}

impl DurableObject for WebhookSender {
    fn new(state: State, env: Env) -> Self {
        WebhookSender { state, host: Host { env, context: None }, ahead: Cell::new(0) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let Poke { webhook, now: theirs } = request.json().await?;
        if self.host.config().is_ok_and(|config| config.test_clock) {
            self.ahead.set((theirs.millis() - now().millis()).max(self.ahead.get()));
        }
        if self.webhook().await?.as_ref() != Some(&webhook) {
            self.state.storage().put(WEBHOOK, webhook).await?;
        }
        self.wake_within(0).await?;
        Response::from_json(&Poked {})
    }

    async fn alarm(&self) -> worker::Result<Response> {
        let Some(webhook) = self.webhook().await? else { return Response::ok("") };
        let mut next = Some(self.now());
        for _ in 0..ROUNDS {
            if next.is_none_or(|next| next > self.now()) {
                break;
            }
            let round = async |app: &App| webhooks::round(app, &webhook).await;
            // What failed is tried again: nothing was written down.
            let done = in_background(self.host.clone(), "webhooks", self.now(), round).await;
            next = done.unwrap_or(Some(self.now().plus(MINUTE)));
        }
        if let Some(next) = next {
            self.wake_within(next.millis() - self.now().millis()).await?;
        }
        Response::ok("")
    }
}

impl WebhookSender {
    async fn webhook(&self) -> worker::Result<Option<String>> {
        self.state.storage().get(WEBHOOK).await
    }

    fn now(&self) -> Time {
        now().plus(self.ahead.get())
    }

    /// Within so many milliseconds the alarm goes off.
    async fn wake_within(&self, within: i64) -> worker::Result<()> {
        let (storage, within) = (self.state.storage(), within.max(0));
        if storage.get_alarm().await?.is_none_or(|set| set > now().millis() + within) {
            storage.set_alarm(within).await?;
        }
        Ok(())
    }
}
