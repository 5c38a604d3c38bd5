//! Events on their way: signed, sent, tried again.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, Mac};
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::provider::{Provider, uuid};
use crate::state::Event;

/// One event as it goes over the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub event: String,
    pub webhook_id: String,
    pub body: Vec<u8>,
    pub signature: String,
}

impl Delivery {
    /// Any bytes, signed; the id is the one in them, empty if there is none.
    pub fn signed(event: &str, body: Vec<u8>, secret: &str) -> Delivery {
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        let webhook_id = json["meta"]["webhook_id"].as_str().unwrap_or_default().into();
        Delivery { event: event.into(), webhook_id, signature: sign(secret, &body), body }
    }
}

/// A delivery tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    pub event: String,
    pub webhook_id: String,
    /// 0 for no answer.
    pub status: u16,
    /// 1 for the first.
    pub attempt: usize,
}

/// The signature of a body: HMAC-SHA256 in lower-case hex.
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length is a key");
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Default)]
pub(crate) struct Outbox {
    pub url: Option<String>,
    pub copies: usize,
    pub holding: bool,
    pub losing: bool,
    pub held: Vec<Delivery>,
    pub attempts: Vec<Attempt>,
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .build()
        .expect("a client without TLS needs nothing")
}

/// Counts among what is not yet ended while it lives.
struct Pending(Arc<watch::Sender<usize>>);

impl Pending {
    fn new(count: &Arc<watch::Sender<usize>>) -> Pending {
        count.send_modify(|count| *count += 1);
        Pending(count.clone())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Provider {
    /// Sends events one after the other, each once; what fails is tried again after this has returned.
    pub async fn send(self: &Arc<Provider>, events: Vec<Event>) {
        if let Some(sending) = self.start_sending(events) {
            // It only fails when the stand-in ends.
            let _ = sending.await;
        }
    }

    /// Like `send`, without waiting.
    pub fn start_sending(self: &Arc<Provider>, events: Vec<Event>) -> Option<JoinHandle<()>> {
        let deliveries: Vec<Delivery> = events.into_iter().map(|event| self.delivery(event)).collect();
        let mut outbox = self.outbox();
        if outbox.losing || outbox.url.is_none() && !outbox.holding {
            return None;
        }
        if outbox.holding {
            outbox.held.extend(deliveries);
            return None;
        }
        let copies = outbox.copies;
        drop(outbox);
        let pending = Pending::new(&self.pending);
        let provider = self.clone();
        Some(self.runtime.spawn(async move {
            for delivery in deliveries {
                let copies: Vec<_> =
                    (0..copies).map(|_| tokio::spawn(provider.clone().begin(delivery.clone()))).collect();
                for copy in copies {
                    let _ = copy.await;
                }
            }
            drop(pending);
        }))
    }

    /// One POST, on the runtime that keeps the connections.
    pub async fn deliver(self: &Arc<Provider>, delivery: Delivery) -> u16 {
        let provider = self.clone();
        self.runtime.spawn(async move { provider.attempt(&delivery, 1).await }).await.unwrap_or_default()
    }

    pub async fn settled(&self) {
        // The sender is in `self`, so waiting cannot fail.
        let _ = self.pending.subscribe().wait_for(|count| *count == 0).await;
    }

    async fn begin(self: Arc<Provider>, delivery: Delivery) {
        if self.attempt(&delivery, 1).await == 200 {
            return;
        }
        let pending = Pending::new(&self.pending);
        tokio::spawn(async move {
            for (delay, attempt) in self.options.retry_after.into_iter().zip(2..) {
                tokio::time::sleep(delay).await;
                if self.outbox().losing || self.attempt(&delivery, attempt).await == 200 {
                    break;
                }
            }
            drop(pending);
        });
    }

    async fn attempt(&self, delivery: &Delivery, attempt: usize) -> u16 {
        let Some(url) = self.outbox().url.clone() else { return 0 };
        let Delivery { event, webhook_id, body, signature } = delivery.clone();
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("x-event-name", &event)
            .header("x-signature", signature)
            .body(body);
        let status = match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                // Read to its end, the connection serves the next one too.
                response.bytes().await.map_or(0, |_| status)
            }
            Err(_) => 0,
        };
        let attempt = Attempt { event, webhook_id, status, attempt };
        (self.options.log)(&attempt);
        self.outbox().attempts.push(attempt);
        status
    }

    fn delivery(&self, event: Event) -> Delivery {
        let mut meta = json!({
            "test_mode": self.options.test_mode,
            "event_name": event.name,
            "webhook_id": uuid(),
        });
        if let Some(custom) = custom_data(event.custom) {
            meta["custom_data"] = custom;
        }
        let body = format!("{{\"meta\":{meta},\"data\":{}}}", event.data);
        Delivery::signed(event.name, body.into_bytes(), &self.options.webhook_secret)
    }
}

/// Whatever a value was given as, it comes back as a string.
fn custom_data(custom: Value) -> Option<Value> {
    match custom {
        Value::Null => None,
        Value::Object(fields) => {
            let text = |value: Value| match value {
                Value::String(_) | Value::Object(_) | Value::Array(_) | Value::Null => value,
                other => other.to_string().into(),
            };
            Some(fields.into_iter().map(|(name, value)| (name, text(value))).collect())
        }
        other => Some(other),
    }
}
