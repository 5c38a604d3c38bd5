//! Invites: by an email address or a username, good for a week.
//!
//! Who invites learns nothing of people who are not on the team: neither whether an address or a name is
//! anybody's, nor that two of them are the same person's. So an invite shows what was typed and nothing else, and
//! only the same address or name typed again is the same invite. A person may hold several to one project; accepting
//! any settles them all.

use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::access::{Ask, Delete, Listed, Permits, Role, Thing};
use crate::app::{By, Change};
use crate::db::{Answers, DAY, Email, Id, Stmt, Time, Word};
use crate::error::{Code, Error, Result};
use crate::event::{Event, Kind};
use crate::http::Page;
use crate::limits::Quota;
use crate::projects::{Project, membership, refuse_unless};
use crate::sql;

/// How long an invite can be accepted.
const LIFE: i64 = 7 * DAY;

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InviteStatus {
    #[default]
    Pending,
    Accepted,
    Declined,
    Revoked,
    Expired,
}

impl InviteStatus {
    const fn name(self) -> &'static str {
        match self {
            InviteStatus::Pending => "pending",
            InviteStatus::Accepted => "accepted",
            InviteStatus::Declined => "declined",
            InviteStatus::Revoked => "revoked",
            InviteStatus::Expired => "expired",
        }
    }
}

/// An invite as the project's team sees it: by what was typed, `email` or `username`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Invite {
    pub id: Id,
    pub project_id: Id,
    #[schemars(example = &"bob@example.com")]
    pub email: Option<String>,
    #[schemars(example = None::<&str>)]
    pub username: Option<String>,
    pub status: InviteStatus,
    #[schemars(example = 42)]
    pub inviter_id: i64,
    pub created_at: Time,
    pub expires_at: Time,
}

/// Whom to invite: exactly one of the two.
#[derive(Deserialize, JsonSchema)]
#[schemars(example = json!({ "email": "bob@example.com" }), extend("oneOf" = json!([
    { "required": ["email"], "properties": { "email": { "type": "string" }, "username": { "type": "null" } } },
    { "required": ["username"], "properties": { "username": { "type": "string" }, "email": { "type": "null" } } },
])))]
pub struct NewInvite {
    email: Option<Email>,
    username: Option<Word>,
}

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    #[serde(default)]
    status: InviteStatus,
}

impl Listed for Invite {
    type Filter = Filter;
    const NO_HOLDER: Code = Code::ProjectNotFound;

    fn holders(ask: &Ask) -> Result<Vec<(Stmt, Code)>> {
        let project = ask.path.id("project_id", Self::NO_HOLDER)?;
        Ok(vec![(membership(&project, ask.caller.user), Self::NO_HOLDER)])
    }

    fn list(ask: &Ask, filter: Filter, page: Page) -> Result<[Stmt; 2]> {
        let (project, status) = (ask.path.id("project_id", Self::NO_HOLDER)?, filter.status.name());
        Ok([
            sql!(
                "SELECT count(*) AS total FROM team_invites
                 WHERE project_id = ?1 AND status = iif(?2 = 'expired', 'pending', ?2)
                   AND (status <> 'pending' OR (expires_at > ?3) = (?2 = 'pending'))",
                project,
                status,
                ask.now,
            ),
            sql!(
                "SELECT id, project_id, email, username, ?2 AS status, inviter_id, created_at, expires_at FROM team_invites
                 WHERE project_id = ?1 AND status = iif(?2 = 'expired', 'pending', ?2)
                   AND (status <> 'pending' OR (expires_at > ?3) = (?2 = 'pending'))
                 ORDER BY id DESC LIMIT ?4 OFFSET ?5",
                project,
                status,
                ask.now,
                page.limit(),
                page.offset(),
            ),
        ])
    }
}

impl Project {
    pub fn invite(&self, body: NewInvite, id: Id, inviter: i64, quota: Quota, by: &By) -> Result<Change<Invite>> {
        match (&body.email, &body.username) {
            (None, None) => return Err(Error::invalid("email", "is required, or a username")),
            (Some(_), Some(_)) => return Err(Error::invalid("username", "must not stand beside an email")),
            _ => {}
        }
        let already = sql!(
            "INSERT INTO refusals SELECT 'ALREADY_MEMBER' WHERE EXISTS
               (SELECT 1 FROM team_members m JOIN users u ON u.id = m.user_id
                WHERE m.project_id = ?1 AND (u.email = ?2 OR u.username = ?3))",
            self.id,
            body.email,
            body.username,
        );
        let again = sql!(
            "INSERT INTO refusals SELECT 'INVITE_EXISTS' WHERE EXISTS
               (SELECT 1 FROM team_invites WHERE project_id = ?1 AND status = 'pending' AND expires_at > ?4
                  AND (email = ?2 OR username = ?3))",
            self.id,
            body.email,
            body.username,
            by.at,
        );
        let full = sql!(
            "INSERT INTO refusals SELECT 'TIER_LIMIT_EXCEEDED ' || used
             FROM (SELECT (SELECT count(*) FROM team_members WHERE project_id = ?1)
                        + (SELECT count(*) FROM team_invites
                           WHERE project_id = ?1 AND status = 'pending' AND expires_at > ?3) AS used)
             WHERE used >= ?2",
            self.id,
            quota.limit(),
            by.at,
        );
        // A username that is nobody's today stays nobody's: it must not go to whoever takes it tomorrow.
        let insert = sql!(
            "INSERT INTO team_invites (id, project_id, inviter_id, email, username, user_id, created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, (SELECT id FROM users WHERE email = ?4 OR username = ?5), ?6, ?7)",
            id,
            self.id,
            inviter,
            body.email,
            body.username,
            by.at,
            by.at.plus(LIFE),
        );
        // Whose it is, the row tells whoever delivers it.
        let event = Event::new(Kind::MemberInvited, by, &id).in_project(&self.id);
        let invite = Invite {
            id,
            project_id: self.id.clone(),
            email: body.email.as_ref().map(Email::to_string),
            username: body.username.as_ref().map(Word::to_string),
            status: InviteStatus::Pending,
            inviter_id: inviter,
            created_at: by.at,
            expires_at: by.at.plus(LIFE),
        };
        Ok(Change::to(invite)
            .run(refuse_unless(&self.id, inviter, Role::Owner))
            .run(already)
            .run(again)
            .within(quota, full)
            .run(insert)
            .announce(event))
    }
}

/// Hands the invites to an address over to whom it belongs from now on.
pub fn claim(email: &Email, user: i64) -> Stmt {
    sql!("UPDATE team_invites SET user_id = ?2 WHERE email = ?1 AND status = 'pending'", email, user)
}

pub fn refuse_unless_pending(invite: &Id, otherwise: Code, now: Time) -> Stmt {
    sql!(
        "INSERT INTO refusals SELECT ?2 WHERE NOT EXISTS
           (SELECT 1 FROM team_invites WHERE id = ?1 AND status = 'pending' AND expires_at > ?3)",
        invite,
        otherwise.name(),
        now,
    )
}

/// An invite that can be accepted still, with the caller's role in its project.
#[derive(Deserialize)]
pub struct OpenInvite {
    id: Id,
    project_id: Id,
    role: Role,
}

impl Thing for OpenInvite {
    const NOT_FOUND: Code = Code::InviteNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let (project, caller) = (ask.path.id("project_id", Code::ProjectNotFound)?, ask.caller.user);
        let invite = sql!(
            "SELECT i.id, i.project_id, m.role
             FROM team_invites i JOIN team_members m ON m.project_id = i.project_id
             WHERE i.id = ?1 AND i.project_id = ?2 AND m.user_id = ?3 AND i.status = 'pending' AND i.expires_at > ?4",
            ask.path.id("invite_id", Self::NOT_FOUND)?,
            project,
            caller,
            ask.now,
        );
        Ok(vec![membership(&project, caller), invite])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first::<IgnoredAny>()?.ok_or(Code::ProjectNotFound)?;
        answers.first()
    }

    fn role(&self) -> Role {
        self.role
    }
}

impl Permits<Delete> for OpenInvite {
    const NEEDS: Role = Role::Owner;
}

impl OpenInvite {
    pub fn revoke(&self, user: i64, by: &By) -> Change<()> {
        Change::to(())
            .run(refuse_unless(&self.project_id, user, Role::Owner))
            .run(refuse_unless_pending(&self.id, Code::InviteNotFound, by.at))
            .run(sql!("UPDATE team_invites SET status = 'revoked', decided_at = ?2 WHERE id = ?1", self.id, by.at))
            .announce(Event::new(Kind::InviteRevoked, by, &self.id).in_project(&self.project_id))
    }
}
