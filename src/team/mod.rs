//! Teams: who works on a project.

pub mod api;
pub mod invitations;
pub mod invites;

use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::access::{Ask, Delete, Listed, NoFilter, Permits, Role, Thing};
use crate::app::{By, Change};
use crate::db::{self, Answers, Id, Stmt, Time};
use crate::error::{Code, Result};
use crate::event::{Event, Kind};
use crate::http::Page;
use crate::projects::{membership, refuse_unless};
use crate::sql;

/// Someone on a project's team.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    #[schemars(example = 42)]
    pub user_id: i64,
    #[schemars(example = &"ada")]
    pub username: Option<String>,
    #[schemars(example = &"Ada Lovelace")]
    pub display_name: Option<String>,
    #[schemars(example = &"https://example.com/ada.png")]
    pub avatar_url: Option<String>,
    #[schemars(example = &"ada@example.com")]
    pub email: String,
    pub role: Role,
    pub joined_at: Time,
}

impl Listed for Member {
    type Filter = NoFilter;
    const NO_HOLDER: Code = Code::ProjectNotFound;

    fn holders(ask: &Ask) -> Result<Vec<(Stmt, Code)>> {
        let project = ask.path.id("project_id", Self::NO_HOLDER)?;
        Ok(vec![(membership(&project, ask.caller.user), Self::NO_HOLDER)])
    }

    fn list(ask: &Ask, _: NoFilter, page: Page) -> Result<[Stmt; 2]> {
        let project = ask.path.id("project_id", Self::NO_HOLDER)?;
        Ok([
            sql!("SELECT count(*) AS total FROM team_members WHERE project_id = ?1", project),
            sql!(
                "SELECT u.id AS user_id, u.username, u.display_name, u.avatar_url, u.email, m.role, m.joined_at
                 FROM team_members m JOIN users u ON u.id = m.user_id
                 WHERE m.project_id = ?1
                 ORDER BY m.role = 'owner' DESC, m.joined_at, m.user_id LIMIT ?2 OFFSET ?3",
                project,
                page.limit(),
                page.offset(),
            ),
        ])
    }
}

/// A place on a team. Its holder may clear it, and the project's owner any.
#[derive(Deserialize)]
pub struct Place {
    project_id: Id,
    user_id: i64,
    #[serde(deserialize_with = "db::flag")]
    is_own: bool,
    /// The caller's in the project.
    role: Role,
}

impl Thing for Place {
    const NOT_FOUND: Code = Code::MemberNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let (project, caller) = (ask.path.id("project_id", Code::ProjectNotFound)?, ask.caller.user);
        let place = sql!(
            "SELECT m.project_id, m.user_id, m.user_id = c.user_id AS is_own, c.role
             FROM team_members c JOIN team_members m ON m.project_id = c.project_id
             WHERE c.project_id = ?1 AND c.user_id = ?2 AND m.user_id = ?3",
            project,
            caller,
            ask.path.user("user_id", Self::NOT_FOUND)?,
        );
        Ok(vec![membership(&project, caller), place])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first::<IgnoredAny>()?.ok_or(Code::ProjectNotFound)?;
        answers.first()
    }

    fn role(&self) -> Role {
        if self.is_own { Role::Owner } else { self.role }
    }
}

impl Permits<Delete> for Place {
    const NEEDS: Role = Role::Owner;
}

impl Place {
    /// What was theirs alone goes with them: their favorite, and the tasks assigned to them are nobody's.
    pub fn clear(&self, caller: i64, by: &By) -> Change<()> {
        let (needs, kind) =
            if self.is_own { (Role::Member, Kind::MemberLeft) } else { (Role::Owner, Kind::MemberRemoved) };
        Change::to(())
            .run(refuse_unless(&self.project_id, caller, needs))
            .run(sql!(
                "INSERT INTO refusals SELECT 'OWNER_STAYS' WHERE EXISTS
                   (SELECT 1 FROM team_members WHERE project_id = ?1 AND user_id = ?2 AND role = 'owner')",
                self.project_id,
                self.user_id,
            ))
            .run(sql!(
                "INSERT INTO refusals SELECT 'MEMBER_NOT_FOUND' WHERE NOT EXISTS
                   (SELECT 1 FROM team_members WHERE project_id = ?1 AND user_id = ?2)",
                self.project_id,
                self.user_id,
            ))
            .run(sql!(
                "UPDATE tasks SET assignee_id = NULL, version = version + 1, updated_at = ?3
                 WHERE project_id = ?1 AND assignee_id = ?2",
                self.project_id,
                self.user_id,
                by.at,
            ))
            .run(sql!(
                "DELETE FROM project_favorites WHERE project_id = ?1 AND user_id = ?2",
                self.project_id,
                self.user_id
            ))
            .run(sql!("DELETE FROM team_members WHERE project_id = ?1 AND user_id = ?2", self.project_id, self.user_id))
            .announce(Event::new(kind, by, self.user_id).in_project(&self.project_id))
    }
}
