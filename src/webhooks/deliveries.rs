//! What was sent where, what came of it, and sending it again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Endpoint;
use super::attempt::Attempt;
use super::owners::OfOwner;
use crate::access::{Ask, Edit, Listed, Permits, Role, Thing};
use crate::app::{By, Change};
use crate::db::{self, Answers, Id, Moment, Stmt, Time};
use crate::error::{Code, Result};
use crate::event::{Event, Kind};
use crate::http::Page;
use crate::projects::refuse_unless;
use crate::sql;

/// Deliveries replayed by one request, and those made in the same moment as its last.
const MOST: i64 = 1000;

/// One event, told to one webhook.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "WebhookDelivery")]
pub struct Delivery {
    /// The `webhook-id` of every attempt: whoever has seen it has seen the event.
    pub id: Id,
    #[schemars(example = &"task.created")]
    pub event: String,
    pub status: Status,
    /// When it is tried again; `null` where it is not.
    pub next_attempt_at: Option<Time>,
    #[serde(deserialize_with = "db::json")]
    pub attempts: Vec<Attempt>,
    pub created_at: Time,
    pub finished_at: Option<Time>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "WebhookDeliveryStatus")]
pub enum Status {
    Pending,
    Delivered,
    /// Tried as often as it is.
    Failed,
    /// The webhook became inactive first.
    Canceled,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Delivered => "delivered",
            Status::Failed => "failed",
            Status::Canceled => "canceled",
        }
    }
}

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    status: Option<Status>,
    /// The name of an event.
    #[schemars(example = &"task.created", length(max = 64))]
    event: Option<db::Text<0, 64>>,
}

impl Listed for Delivery {
    type Filter = Filter;
    const NO_HOLDER: Code = Code::WebhookNotFound;

    fn list(ask: &Ask, filter: Filter, page: Page) -> Result<[Stmt; 2]> {
        let (webhook, status) = (ask.path.id("webhook_id", Self::NO_HOLDER)?, filter.status.map(Status::name));
        Ok([
            sql!(
                "SELECT count(*) AS total FROM webhook_deliveries
                 WHERE webhook_id = ?1 AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR event = ?3)",
                webhook,
                status,
                filter.event,
            ),
            sql!(
                "SELECT d.id, d.event, d.status, d.next_attempt_at, d.created_at, d.finished_at,
                        (SELECT json_group_array(json_object('at', at, 'status', status, 'latency_ms', latency_ms, 'error', error, 'answer', answer))
                         FROM (SELECT * FROM webhook_attempts WHERE delivery_id = d.id ORDER BY n)) AS attempts
                 FROM webhook_deliveries d
                 WHERE d.webhook_id = ?1 AND (?2 IS NULL OR d.status = ?2) AND (?3 IS NULL OR d.event = ?3)
                 ORDER BY d.created_at DESC, d.id DESC LIMIT ?4 OFFSET ?5",
                webhook,
                status,
                filter.event,
                page.limit(),
                page.offset(),
            ),
        ])
    }
}

impl OfOwner for Delivery {
    fn role(ask: &Ask) -> Result<Stmt> {
        Ok(role(&ask.path.id("webhook_id", Self::NO_HOLDER)?, ask.caller.user))
    }
}

fn role(webhook: &Id, user: i64) -> Stmt {
    sql!(
        "SELECT m.role FROM webhook_endpoints w JOIN team_members m ON m.project_id = w.project_id AND m.user_id = ?2
         WHERE w.id = ?1 AND w.closed_at IS NULL",
        webhook,
        user,
    )
}

/// A delivery of a webhook, to replay.
#[derive(Deserialize)]
pub struct Sent {
    id: Id,
    webhook_id: Id,
    project_id: Id,
    role: Role,
}

impl Thing for Sent {
    const NOT_FOUND: Code = Code::DeliveryNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let webhook = ask.path.id("webhook_id", Code::WebhookNotFound)?;
        let find = sql!(
            "SELECT d.id, w.id AS webhook_id, w.project_id, m.role
             FROM webhook_endpoints w JOIN team_members m ON m.project_id = w.project_id AND m.user_id = ?3
                  JOIN webhook_deliveries d ON d.webhook_id = w.id
             WHERE w.id = ?1 AND d.id = ?2 AND w.closed_at IS NULL",
            webhook,
            ask.path.id("delivery_id", Self::NOT_FOUND)?,
            ask.caller.user,
        );
        Ok(vec![role(&webhook, ask.caller.user), find])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first::<serde::de::IgnoredAny>()?.ok_or(Code::WebhookNotFound)?;
        answers.first()
    }

    fn role(&self) -> Role {
        self.role
    }
}

impl Permits<Edit> for Sent {
    const NEEDS: Role = Role::Owner;
}

fn refuse_inactive(webhook: &Id) -> Stmt {
    sql!(
        "INSERT INTO refusals SELECT 'WEBHOOK_DISABLED' WHERE NOT EXISTS
           (SELECT 1 FROM webhook_endpoints WHERE id = ?1 AND is_active AND closed_at IS NULL)",
        webhook
    )
}

/// Whoever asks for it does not wait for the time a failing endpoint is left alone. A round that is on its way sees by
/// the time that somebody did.
fn wake(webhook: &Id, by: &By) -> Stmt {
    sql!("UPDATE webhook_endpoints SET due_at = ?2, held_until = NULL WHERE id = ?1", webhook, by.at)
}

impl Sent {
    /// Sends it again, whatever became of it: the same bytes under the same id.
    pub fn replay(&self, user: i64, by: &By) -> Change<Delivery> {
        let found = sql!(
            "SELECT d.id, d.event, d.status, d.next_attempt_at, d.created_at, d.finished_at,
                    (SELECT json_group_array(json_object('at', at, 'status', status, 'latency_ms', latency_ms, 'error', error, 'answer', answer))
                     FROM (SELECT * FROM webhook_attempts WHERE delivery_id = d.id ORDER BY n)) AS attempts
             FROM webhook_deliveries d WHERE d.id = ?1",
            self.id
        );
        let again = sql!(
            "UPDATE webhook_deliveries SET status = 'pending', tries = 0, next_attempt_at = ?2, finished_at = NULL WHERE id = ?1",
            self.id,
            by.at,
        );
        let event = Event::new(Kind::WebhookReplayed, by, &self.webhook_id)
            .in_project(&self.project_id)
            .with(json!({ "delivery_id": self.id }));
        Change::returning(found)
            .run(refuse_unless(&self.project_id, user, Role::Owner))
            .run(refuse_inactive(&self.webhook_id))
            .run(again)
            .run(wake(&self.webhook_id, by))
            .announce(event)
    }
}

/// Of which time deliveries are sent again.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ReplayWebhook")]
pub struct Range {
    /// Of deliveries made from then on
    after: Moment,
    /// until before then.
    before: Moment,
    /// Only what did not arrive; else everything.
    #[serde(default = "yes")]
    #[schemars(example = true)]
    only_failed: bool,
}

fn yes() -> bool {
    true
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ReplayedWebhook")]
pub struct Replayed {
    /// How many are sent again, the earliest first: about a thousand at most.
    #[schemars(range(min = 0), example = 1000)]
    replayed: i64,
    /// When the next ones were made: repeat the request with this as `after`. `null`: there are no more.
    next_after: Option<Time>,
}

impl Endpoint {
    pub fn replay(&self, range: &Range, user: i64, by: &By) -> Change<Replayed> {
        let id = &self.webhook.id;
        let again = sql!(
            "UPDATE webhook_deliveries SET status = 'pending', tries = 0, next_attempt_at = ?4, finished_at = NULL
             WHERE id IN (SELECT id FROM webhook_deliveries
                          WHERE webhook_id = ?1 AND created_at >= ?2 AND created_at < ?3
                            AND (status IN ('failed', 'canceled') OR status = 'delivered' AND NOT ?5)
                            AND event <> 'webhook.test'
                            AND created_at <= ifnull(
                              (SELECT created_at FROM webhook_deliveries
                               WHERE webhook_id = ?1 AND created_at >= ?2 AND created_at < ?3
                                 AND (status IN ('failed', 'canceled') OR status = 'delivered' AND NOT ?5)
                                 AND event <> 'webhook.test'
                               ORDER BY created_at LIMIT 1 OFFSET ?6), ?3))",
            id,
            range.after,
            range.before,
            by.at,
            range.only_failed,
            MOST - 1,
        );
        let replayed = sql!(
            "WITH again AS
               (SELECT count(*) AS replayed, max(created_at) AS last FROM webhook_deliveries
                WHERE webhook_id = ?1 AND status = 'pending' AND next_attempt_at = ?2 AND tries = 0 AND created_at < ?2)
             SELECT replayed,
                    (SELECT min(created_at) FROM webhook_deliveries
                     WHERE webhook_id = ?1 AND created_at > last AND created_at < ?3
                       AND (status IN ('failed', 'canceled') OR status = 'delivered' AND NOT ?4)
                       AND event <> 'webhook.test') AS next_after
             FROM again",
            id,
            by.at,
            range.before,
            range.only_failed,
        );
        let event = self.event(Kind::WebhookReplayed, by).with(json!({ "after": range.after, "before": range.before }));
        self.change(Change::returning(replayed), user)
            .run(refuse_inactive(id))
            .run(again)
            .run(wake(id, by))
            .announce(event)
    }
}
