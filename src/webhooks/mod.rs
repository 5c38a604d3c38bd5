//! Webhooks: what happens in a project, told to servers elsewhere.
//!
//! To the Standard Webhooks specification. What an endpoint is told is written down with the event that it is of
//! (`outbox`); each endpoint has a sender of its own (`sender`), so that none waits for another's.

mod address;
pub mod api;
mod attempt;
mod deliveries;
mod outbox;
mod owners;
mod secret;
mod sender;
mod testing;
mod topics;
mod upkeep;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::access::{Ask, Edit, Listed, Permits, Role, Thing, View};
use crate::api_keys::Overlap;
use crate::app::{App, By, Change};
use crate::db::{self, Answers, Id, Patch, Stmt, Text, Time};
use crate::error::{Code, Error, Result};
use crate::event::{Event, Kind};
use crate::http::Page;
use crate::limits::Quota;
use crate::projects::{membership, refuse_unless};
use crate::sql;

use address::{Address, Own};
use owners::OfOwner;
use secret::{Made, Old};
use topics::Topics;

pub use outbox::{Poke, Poked, Waiting, listening, poke, told, waiting};
pub use sender::round;
pub use upkeep::{forget_old, wake};

/// Old secrets that may sign at a time.
const OLD_SECRETS: i64 = 5;

/// Where a project's events are told. Only its owner sees it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Webhook {
    pub id: Id,
    pub project_id: Id,
    #[schemars(example = &"https://example.com/hivesync")]
    pub url: String,
    #[serde(deserialize_with = "db::json")]
    pub events: Topics,
    #[schemars(example = &"Tells the build server.")]
    pub description: Option<String>,
    /// Whether it is told anything.
    #[serde(deserialize_with = "db::flag")]
    pub is_active: bool,
    /// Why it was disabled, if not by its owner: it answered `410 Gone`, or failed too long.
    pub disabled_reason: Option<Reason>,
    /// Attempts that failed in a row.
    #[schemars(range(min = 0), example = 0)]
    pub failures: i64,
    pub failing_since: Option<Time>,
    pub created_at: Time,
    pub updated_at: Time,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "WebhookDisabledReason")]
pub enum Reason {
    Gone,
    Failing,
}

impl Reason {
    const fn name(self) -> &'static str {
        match self {
            Reason::Gone => "gone",
            Reason::Failing => "failing",
        }
    }
}

/// A webhook with its secret: shown this once, and to who repeats the request with its `Idempotency-Key`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "NewlyMadeWebhook")]
pub struct Unveiled {
    #[serde(flatten)]
    webhook: Webhook,
    /// Verifies that a delivery is ours: see Standard Webhooks.
    #[schemars(example = &"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")]
    secret: String,
}

#[derive(Deserialize, JsonSchema)]
pub struct NewWebhook {
    pub project_id: Id,
    pub url: Address,
    events: Topics,
    description: Option<Text<0, 200>>,
}

/// Absent fields stay as they are. Making it active again, or another address, forgets past failures.
#[derive(Deserialize, JsonSchema)]
pub struct EditWebhook {
    pub url: Option<Address>,
    events: Option<Topics>,
    #[schemars(example = true)]
    is_active: Option<bool>,
    #[serde(default)]
    description: Patch<Text<0, 200>>,
}

/// A misspelled `overlap_seconds` would let a secret that leaked sign for a day: unknown fields are refused.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    #[serde(default)]
    overlap_seconds: Overlap,
}

/// A webhook with what only we look at.
#[derive(Deserialize)]
pub struct Endpoint {
    #[serde(flatten)]
    pub webhook: Webhook,
    role: Role,
    secret: String,
    #[serde(deserialize_with = "db::json")]
    old_secrets: Vec<Old>,
    site: String,
}

fn find(webhook: &Id, user: i64) -> Stmt {
    sql!(
        "SELECT w.id, w.project_id, w.url, w.event_types AS events, w.description, w.is_active, w.disabled_reason, w.failures,
                w.failing_since, w.created_at, w.updated_at, w.secret, w.old_secrets, w.site, m.role
         FROM webhook_endpoints w JOIN team_members m ON m.project_id = w.project_id AND m.user_id = ?2
         WHERE w.id = ?1 AND w.closed_at IS NULL",
        webhook,
        user,
    )
}

/// The address, where the deployment lets it be called.
pub fn allowed<'a>(app: &App, address: &'a Address) -> Result<&'a Address> {
    let refusal = refusal(app, address, &app.caller().site);
    refusal.map_or(Ok(address), |why| Err(Error::invalid("url", why)))
}

/// `site` is the origin of ours by which the address was given.
fn refusal(app: &App, address: &Address, site: &str) -> Option<&'static str> {
    let loopback_allowed = app.config().webhooks_allow_loopback;
    address.refusal(&Own { sites: &[app.site(), site], loopback_allowed })
}

impl Thing for Endpoint {
    const NOT_FOUND: Code = Code::WebhookNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        Ok(vec![find(&ask.path.id("webhook_id", Self::NOT_FOUND)?, ask.caller.user)])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first()
    }

    fn role(&self) -> Role {
        self.role
    }
}

impl Permits<View> for Endpoint {
    const NEEDS: Role = Role::Owner;
}

impl Permits<Edit> for Endpoint {
    const NEEDS: Role = Role::Owner;
}

/// What a list needs of its query beside the page.
#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// Whose webhooks.
    project_id: Id,
}

impl Listed for Webhook {
    type Filter = Filter;
    const NO_HOLDER: Code = Code::ProjectNotFound;

    fn list(_: &Ask, filter: Filter, page: Page) -> Result<[Stmt; 2]> {
        Ok([
            sql!(
                "SELECT count(*) AS total FROM webhook_endpoints WHERE project_id = ?1 AND closed_at IS NULL",
                filter.project_id
            ),
            sql!(
                "SELECT id, project_id, url, event_types AS events, description, is_active, disabled_reason, failures, failing_since,
                        created_at, updated_at
                 FROM webhook_endpoints WHERE project_id = ?1 AND closed_at IS NULL ORDER BY id LIMIT ?2 OFFSET ?3",
                filter.project_id,
                page.limit(),
                page.offset(),
            ),
        ])
    }
}

impl OfOwner for Webhook {
    fn role(ask: &Ask) -> Result<Stmt> {
        let Filter { project_id } = crate::http::query(ask.query)?;
        Ok(membership(&project_id, ask.caller.user))
    }
}

/// Who may not see the project does not learn of it; who only works in it may not do this.
fn refuse_others(project: &Id, user: i64) -> [Stmt; 2] {
    let not_owner = sql!(
        "INSERT INTO refusals SELECT 'AUTH_FORBIDDEN' WHERE NOT EXISTS
           (SELECT 1 FROM team_members WHERE project_id = ?1 AND user_id = ?2 AND role = 'owner')",
        project,
        user,
    );
    [refuse_unless(project, user, Role::Member), not_owner]
}

impl NewWebhook {
    pub fn create(self, id: Id, secret: Made, site: &str, user: i64, quota: Quota, by: &By) -> Change<Unveiled> {
        let webhook = Webhook {
            id,
            project_id: self.project_id,
            url: self.url.as_str().to_owned(),
            events: self.events,
            description: self.description.as_ref().map(Text::to_string),
            is_active: true,
            disabled_reason: None,
            failures: 0,
            failing_since: None,
            created_at: by.at,
            updated_at: by.at,
        };
        let full = sql!(
            "INSERT INTO refusals SELECT 'TIER_LIMIT_EXCEEDED ' || used
             FROM (SELECT count(*) AS used FROM webhook_endpoints WHERE project_id = ?1 AND closed_at IS NULL) WHERE used >= ?2",
            webhook.project_id,
            quota.limit(),
        );
        let insert = sql!(
            "INSERT INTO webhook_endpoints (id, project_id, url, event_types, description, secret, site, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
            webhook.id,
            webhook.project_id,
            webhook.url,
            webhook.events,
            webhook.description,
            secret.sealed,
            site,
            by.at,
        );
        let event = Event::new(Kind::WebhookCreated, by, &webhook.id)
            .in_project(&webhook.project_id)
            .with(json!({ "events": webhook.events }));
        let refusals = refuse_others(&webhook.project_id, user);
        let change = Change::to(Unveiled { webhook, secret: secret.text });
        refusals.into_iter().fold(change, Change::run).within(quota, full).run(insert).announce(event)
    }
}

impl Endpoint {
    /// A change that only happens while it is there and the user still owns its project.
    fn change<T>(&self, change: Change<T>, user: i64) -> Change<T> {
        let gone = sql!(
            "INSERT INTO refusals SELECT 'WEBHOOK_NOT_FOUND' WHERE NOT EXISTS
               (SELECT 1 FROM webhook_endpoints WHERE id = ?1 AND closed_at IS NULL)",
            self.webhook.id
        );
        change.run(refuse_unless(&self.webhook.project_id, user, Role::Owner)).run(gone)
    }

    fn event(&self, kind: Kind, by: &By) -> Event {
        Event::new(kind, by, &self.webhook.id).in_project(&self.webhook.project_id)
    }

    /// What waits is not sent any more once it is inactive; it can be replayed.
    pub fn edit(&self, edit: EditWebhook, site: &str, user: i64, by: &By) -> Change<Webhook> {
        let id = &self.webhook.id;
        let changed = json!({
            "url": edit.url.is_some(), "events": edit.events, "is_active": edit.is_active,
            "description": !edit.description.is_keep(),
        });
        let fresh = edit.url.is_some() || edit.is_active == Some(true);
        self.change(Change::returning(find(id, user)), user)
            .run(sql!(
                "UPDATE webhook_endpoints
                 SET url = ifnull(?2, url), event_types = ifnull(?3, event_types), is_active = ifnull(?4, is_active),
                     description = iif(?5, description, ?6), updated_at = ?7, site = iif(?2 IS NULL, site, ?8)
                 WHERE id = ?1",
                id,
                edit.url,
                edit.events,
                edit.is_active,
                edit.description.is_keep(),
                edit.description.value(),
                by.at,
                site,
            ))
            .run(sql!(
                "UPDATE webhook_endpoints
                 SET failures = 0, strikes = 0, failing_since = NULL, held_until = NULL, disabled_reason = iif(is_active, NULL, disabled_reason),
                     due_at = (SELECT min(next_attempt_at) FROM webhook_deliveries WHERE webhook_id = ?1 AND status = 'pending')
                 WHERE id = ?1 AND ?2",
                id,
                fresh,
            ))
            .run(cancel_what_waits(id, by.at))
            .run(rest(id))
            .announce(self.event(Kind::WebhookUpdated, by).with(changed))
    }

    /// Nobody sees it from here on; its rows go in pieces.
    pub fn delete(&self, user: i64, by: &By) -> Change<()> {
        self.change(Change::to(()), user)
            .run(sql!(
                "UPDATE webhook_endpoints SET closed_at = ?2, is_active = 0, due_at = NULL WHERE id = ?1",
                self.webhook.id,
                by.at,
            ))
            .announce(self.event(Kind::WebhookDeleted, by))
    }

    /// The new secret signs from here on, and the one before it for as long as it is asked to.
    pub fn rotate(&self, rotate: &Rotate, secret: Made, user: i64, by: &By) -> Change<Unveiled> {
        let seconds = rotate.overlap_seconds.get();
        let until = by.at.plus(seconds * db::SECOND);
        let full = sql!(
            "INSERT INTO refusals SELECT 'TOO_MANY' FROM webhook_endpoints w
             WHERE w.id = ?1 AND (SELECT count(*) FROM json_each(w.old_secrets) WHERE value ->> 'until' > ?2) >= ?3",
            self.webhook.id,
            by.at,
            OLD_SECRETS,
        );
        let rotated = sql!(
            "UPDATE webhook_endpoints
             SET secret = ?2, updated_at = ?4,
                 old_secrets = (SELECT json_group_array(json(old)) FROM (
                   SELECT json_object('sealed', webhook_endpoints.secret, 'until', ?3) AS old WHERE ?3 > ?4
                   UNION ALL SELECT value FROM json_each(webhook_endpoints.old_secrets) WHERE value ->> 'until' > ?4))
             WHERE id = ?1",
            self.webhook.id,
            secret.sealed,
            until,
            by.at,
        );
        let event = self.event(Kind::WebhookUpdated, by).with(json!({ "secret": true, "overlap_seconds": seconds }));
        let webhook = Webhook { updated_at: by.at, ..self.webhook.clone() };
        let change = Change::to(Unveiled { webhook, secret: secret.text });
        self.change(change, user).run(full).run(rotated).announce(event)
    }
}

fn cancel_what_waits(webhook: &Id, at: Time) -> Stmt {
    sql!(
        "UPDATE webhook_deliveries SET status = 'canceled', next_attempt_at = NULL, finished_at = ?2
         WHERE webhook_id = ?1 AND status = 'pending'
           AND EXISTS (SELECT 1 FROM webhook_endpoints WHERE id = ?1 AND NOT is_active)",
        webhook,
        at,
    )
}

/// What is not active has nothing to do.
fn rest(webhook: &Id) -> Stmt {
    sql!("UPDATE webhook_endpoints SET due_at = NULL WHERE id = ?1 AND NOT is_active", webhook)
}
