//! What can happen, and what follows from it.
//!
//! A change and its event are one batch. The queue carries only the event's id;
//! delivering one twice does nothing twice, and the cron sends again what was
//! never delivered.

mod delivery;
pub mod noticed;
mod sweep;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::app::{App, By};
use crate::db::{self, Id, Stmt, Time};
use crate::host::Host;
use crate::sql;

pub use delivery::deliver;
pub use sweep::sweep;

/// How much an operator should care.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    #[default]
    Info,
    Warning,
    Critical,
}

/// In brackets: `user` where the entity is a user's id, and how severe it is, if it is.
macro_rules! kinds {
    ($($kind:ident $name:literal $([$($mark:ident)*])?)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $($kind),* }

        impl Kind {
            pub const ALL: &[Kind] = &[$(Kind::$kind),*];

            fn marks(self) -> &'static [&'static str] {
                match self { $(Kind::$kind => &[$($(stringify!($mark)),*)?]),* }
            }

            pub const fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name),* }
            }

            pub fn from_name(name: &str) -> Option<Kind> {
                match name { $($name => Some(Kind::$kind),)* _ => None }
            }
        }
    };
}

impl Kind {
    pub fn severity(self) -> Severity {
        match self.marks() {
            marks if marks.contains(&"critical") => Severity::Critical,
            marks if marks.contains(&"warning") => Severity::Warning,
            _ => Severity::Info,
        }
    }

    /// Whether it happens to a user: whether its entity is one.
    pub fn is_of_user(self) -> bool {
        self.marks().contains(&"user")
    }
}

kinds! {
    UserRegistered    "user.registered" [user]
    ProfileUpdated    "profile.updated" [user]
    LoginFailed       "login.failed" [user warning]
    LoginRefused      "login.refused" [user warning]
    SessionCreated    "session.created"
    SessionSuspicious "session.suspicious" [warning]
    SessionReused     "session.reused" [critical]
    SessionRefreshed  "session.refreshed"
    SessionRevoked    "session.revoked"
    LimitExceeded     "limit.exceeded" [warning]
    TierExceeded      "tier.exceeded" [user]
    AdminViewed       "admin.viewed"
    AdminExported     "admin.exported" [warning]
    AdminMaintained   "admin.maintenance" [warning]
    AdminSwitched     "admin.switched" [warning]
    MaintenanceFailed "admin.maintenance_failed" [critical]
    AdminGranted      "admin.granted" [user critical]
    AdminWithdrawn    "admin.withdrawn" [user warning]
    AuditCheckpointed "audit.checkpointed"
    ApiKeyCreated     "api_key.created"
    ApiKeyRegenerated "api_key.regenerated"
    ApiKeyRevoked     "api_key.revoked"
    ProjectCreated    "project.created"
    ProjectUpdated    "project.updated"
    ProjectDeleted    "project.deleted"
    TagCreated        "tag.created"
    TagDeleted        "tag.deleted"
    MemberInvited     "team.member_invited"
    InviteRevoked     "team.invite_revoked"
    InviteDeclined    "team.invite_declined"
    MemberJoined      "team.member_joined" [user]
    MemberRemoved     "team.member_removed" [user]
    MemberLeft        "team.member_left" [user]
    TaskCreated       "task.created"
    TaskUpdated       "task.updated"
    TaskCompleted     "task.completed"
    TaskDeleted       "task.deleted"
    DependencyAdded   "task.dependency_added"
    DependencyRemoved "task.dependency_removed"
    LabelCreated      "label.created"
    LabelDeleted      "label.deleted"
    CommentCreated    "comment.created"
    CommentUpdated    "comment.updated"
    CommentDeleted    "comment.deleted"
    AttachmentAdded   "attachment.added"
    AttachmentDeleted "attachment.deleted"
    PreviewRequested  "preview.requested"
    PreviewStarted    "preview.started"
    PreviewRetried    "preview.retried"
    PreviewCompleted  "preview.completed"
    PreviewFailed     "preview.failed" [warning]
    PreviewCanceled   "preview.canceled"
    PreviewExpired    "preview.expired"
    AiDocsRequested   "ai_docs.requested"
    AiDocsStarted     "ai_docs.started"
    AiDocsRetried     "ai_docs.retried"
    AiDocsCompleted   "ai_docs.completed"
    AiDocsFailed      "ai_docs.failed" [warning]
    AiDocsCanceled    "ai_docs.canceled"
    AiDocsExpired     "ai_docs.expired"
    WorkerRegistered  "worker.registered"
    WorkerSilent      "worker.silent" [warning]
    CallbackRefused   "worker.callback_refused" [warning]
    CheckoutStarted   "checkout.started" [user]
    WebhookCreated    "webhook.created"
    WebhookUpdated    "webhook.updated"
    WebhookDeleted    "webhook.deleted"
    WebhookDisabled   "webhook.disabled" [warning]
    WebhookTested     "webhook.tested"
    WebhookReplayed   "webhook.replayed"
    SupportAsked      "support.asked"
    SupportAnswered   "support.answered"
    SupportEscalated  "support.escalated" [warning]
    SupportRated      "support.rated"
    BillingRefused    "billing.signature_refused" [warning]
    BillingReceived   "billing.received"
    BillingProcessed  "billing.processed"
    SubscriptionUpdated "subscription.updated"
    SubscriptionLapsed "subscription.lapsed" [warning]
    SubscriptionSuperseded "subscription.superseded"
}

#[derive(Clone, Debug)]
pub struct Event {
    kind: Kind,
    by: By,
    project: Option<Id>,
    task: Option<Id>,
    entity: String,
    data: Value,
}

impl Event {
    /// `entity` is the id of what it happened to.
    pub fn new(kind: Kind, by: &By, entity: impl ToString) -> Self {
        Event { kind, by: by.clone(), project: None, task: None, entity: entity.to_string(), data: json!({}) }
    }

    pub fn in_project(self, project: &Id) -> Self {
        Event { project: Some(project.clone()), ..self }
    }

    /// The task whose activity shows it.
    pub fn on_task(self, task: &Id) -> Self {
        Event { task: Some(task.clone()), ..self }
    }

    /// Never secrets, never what people wrote.
    pub fn with(self, data: Value) -> Self {
        Event { data, ..self }
    }

    pub fn insert(&self, id: &Id) -> Stmt {
        sql!(
            "INSERT INTO events (id, kind, actor_id, project_id, entity_id, data, ip_address, request_id, created_at, task_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, nullif(?7, ''), ?8, ?9, ?10)",
            id,
            self.kind.name(),
            self.by.user,
            self.project,
            self.entity,
            self.data,
            self.by.ip,
            self.by.request_id,
            self.by.at,
            self.task,
        )
    }

    /// The same, unless there is one with this id; of no project.
    fn insert_once(&self, id: &Id) -> Stmt {
        sql!(
            "INSERT INTO events (id, kind, actor_id, entity_id, data, ip_address, request_id, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, nullif(?6, ''), ?7, ?8) ON CONFLICT DO NOTHING",
            id,
            self.kind.name(),
            self.by.user,
            self.entity,
            self.data,
            self.by.ip,
            self.by.request_id,
            self.by.at,
        )
    }
}

/// An event out of the database.
#[derive(Deserialize)]
pub struct Recorded {
    pub id: Id,
    pub kind: String,
    pub actor_id: Option<i64>,
    pub project_id: Option<String>,
    pub task_id: Option<String>,
    pub entity_id: String,
    #[serde(deserialize_with = "db::json")]
    pub data: Value,
    pub created_at: Time,
}

/// Which of them are there.
pub fn among(ids: &[Id]) -> Stmt {
    sql!("SELECT value AS id FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM events WHERE id = value)", json!(ids))
}

/// Hands what was committed so far to the queue; what is not is found by the cron.
pub async fn send_now(app: &App) {
    for id in app.take_outbox() {
        if let Err(error) = app.host().announce(&id).await {
            crate::host::log("outbox", error.cause().unwrap_or_default());
        }
    }
}

/// Hands a committed event to the queue once the answer is out; the cron covers for a failure.
pub fn send_later(host: &Host, id: Id) {
    let sent = host.announce(&id);
    host.later(async move {
        if let Err(error) = sent.await {
            crate::host::log("outbox", error.cause().unwrap_or_default());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_read_back_by_name() {
        assert_eq!(Kind::from_name("session.revoked"), Some(Kind::SessionRevoked));
        assert_eq!(Kind::from_name("nonsense"), None);
    }
}
