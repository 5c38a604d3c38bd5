//! What somebody is invited to: theirs to accept or to decline.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::invites::refuse_unless_pending;
use crate::access::{Ask, Edit, Listed, NoFilter, Permits, Role, Thing};
use crate::app::{By, Change};
use crate::db::{self, Answers, Id, Stmt, Time};
use crate::error::{Code, Result};
use crate::event::{Event, Kind};
use crate::http::Page;
use crate::projects::{self, Project};
use crate::sql;
use crate::user::Person;

/// An invite as whom it is for sees it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Invitation {
    pub id: Id,
    pub project_id: Id,
    #[schemars(example = &"Launch in spring")]
    pub project_name: String,
    #[serde(deserialize_with = "db::json")]
    pub inviter: Person,
    pub created_at: Time,
    pub expires_at: Time,
}

impl Listed for Invitation {
    type Filter = NoFilter;

    fn list(ask: &Ask, _: NoFilter, page: Page) -> Result<[Stmt; 2]> {
        Ok([
            sql!(
                "SELECT count(*) AS total FROM team_invites WHERE user_id = ?1 AND status = 'pending' AND expires_at > ?2",
                ask.caller.user,
                ask.now,
            ),
            sql!(
                "SELECT i.id, i.project_id, p.name AS project_name, i.created_at, i.expires_at,
                        json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url) AS inviter
                 FROM team_invites i JOIN projects p ON p.id = i.project_id JOIN users u ON u.id = i.inviter_id
                 WHERE i.user_id = ?1 AND i.status = 'pending' AND i.expires_at > ?2
                 ORDER BY i.id DESC LIMIT ?3 OFFSET ?4",
                ask.caller.user,
                ask.now,
                page.limit(),
                page.offset(),
            ),
        ])
    }
}

impl Thing for Invitation {
    const NOT_FOUND: Code = Code::InviteNotFound;

    /// Whatever became of it: the answer to one that is over says so.
    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        Ok(vec![sql!(
            "SELECT i.id, i.project_id, p.name AS project_name, i.created_at, i.expires_at,
                    json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url) AS inviter
             FROM team_invites i JOIN projects p ON p.id = i.project_id JOIN users u ON u.id = i.inviter_id
             WHERE i.id = ?1 AND i.user_id = ?2",
            ask.path.id("invite_id", Self::NOT_FOUND)?,
            ask.caller.user,
        )])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first()
    }

    fn role(&self) -> Role {
        Role::Owner
    }
}

impl Permits<Edit> for Invitation {
    const NEEDS: Role = Role::Member;
}

impl Invitation {
    /// `limits` is how many members a project may have, by its owner's tier.
    pub fn accept(&self, user: i64, limits: [Option<i64>; 3], by: &By) -> Change<Project> {
        let [free, pro, premium] = limits;
        let joined = Event::new(Kind::MemberJoined, by, user).in_project(&self.project_id);
        Change::returning(self.project(user))
            .run(refuse_unless_pending(&self.id, Code::InviteOver, by.at))
            .run(sql!(
                "INSERT INTO refusals SELECT 'INVITE_OVER' WHERE EXISTS
                   (SELECT 1 FROM team_members WHERE project_id = ?1 AND user_id = ?2)",
                self.project_id,
                user,
            ))
            .run(sql!(
                "INSERT INTO refusals SELECT 'TEAM_FULL'
                 FROM team_members o JOIN users u ON u.id = o.user_id
                 WHERE o.project_id = ?1 AND o.role = 'owner'
                   AND (SELECT count(*) FROM team_members WHERE project_id = ?1)
                       >= CASE u.tier WHEN 'premium' THEN ?4 WHEN 'pro' THEN ?3 ELSE ?2 END",
                self.project_id,
                free,
                pro,
                premium,
            ))
            .run(sql!(
                "INSERT INTO team_members (project_id, user_id, role, joined_at) VALUES (?1, ?2, 'member', ?3)",
                self.project_id,
                user,
                by.at,
            ))
            .run(sql!(
                "UPDATE team_invites SET status = 'accepted', decided_at = ?3
                 WHERE user_id = ?2 AND status = 'pending' AND project_id = ?1",
                self.project_id,
                user,
                by.at,
            ))
            .announce(joined.with(json!({ "invite_id": self.id })))
    }

    /// The project, where the user is on its team.
    pub fn project(&self, user: i64) -> Stmt {
        projects::find(&self.project_id, user)
    }

    /// This one alone: that others of the same person's go, too, would show whose they are.
    pub fn decline(&self, by: &By) -> Change<()> {
        Change::to(())
            .run(refuse_unless_pending(&self.id, Code::InviteOver, by.at))
            .run(sql!("UPDATE team_invites SET status = 'declined', decided_at = ?2 WHERE id = ?1", self.id, by.at))
            .announce(Event::new(Kind::InviteDeclined, by, &self.id).in_project(&self.project_id))
    }
}
