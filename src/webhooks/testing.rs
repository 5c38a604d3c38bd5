//! Sending something at once, to see whether it arrives.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::attempt::Attempt;
use super::outbox::Payload;
use super::topics::TEST;
use super::{Endpoint, secret, sender};
use crate::app::{App, By, Change};
use crate::db::{Id, Time};
use crate::error::{Code, Error, Result};
use crate::event::Kind;
use crate::sql;

/// What came of a test.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TestedWebhook")]
pub struct Tested {
    delivery_id: Id,
    #[serde(flatten)]
    attempt: Attempt,
}

impl Endpoint {
    /// Active or not: whoever repairs an endpoint tests it first.
    pub async fn test(&self, app: &App, by: &By) -> Result<(Tested, Change<()>)> {
        let id = app.id()?;
        let body = self.test_body(by.at);
        let webhook = &self.webhook.id;
        let secrets = secret::in_use(&app.config().keys, webhook, &self.secret, &self.old_secrets, by.at);
        let attempt = sender::send(app, (&self.webhook.url, &self.site), secrets.as_deref(), &id, &body).await;
        let insert = sql!(
            "INSERT INTO webhook_deliveries (id, webhook_id, event_id, event, body, status, next_attempt_at, created_at)
             SELECT ?1, id, ?1, ?3, ?4, 'pending', ?5, ?5 FROM webhook_endpoints WHERE id = ?2",
            id,
            webhook,
            TEST,
            body,
            by.at,
        );
        let event =
            self.event(Kind::WebhookTested, by).with(json!({ "delivery_id": id, "succeeded": attempt.succeeded() }));
        let change = sender::note(Change::to(()).run(insert), &id, by.at, &attempt, None).announce(event);
        Ok((Tested { delivery_id: id, attempt }, change))
    }

    fn test_body(&self, at: Time) -> String {
        let data = json!({ "webhook_id": self.webhook.id, "project_id": self.webhook.project_id });
        Payload { kind: TEST, timestamp: at, data: &data }.text()
    }
}

impl Tested {
    pub fn arrived(self) -> Result<Tested> {
        let Tested { delivery_id, attempt } = self;
        if attempt.succeeded() {
            return Ok(Tested { delivery_id, attempt });
        }
        Err(Error::new(Code::WebhookDeliveryFailed)
            .with("delivery_id", delivery_id.as_str())
            .with("status", attempt.status)
            .with("latency_ms", attempt.latency_ms)
            .with("error", attempt.error)
            .with("answer", attempt.answer))
    }
}
