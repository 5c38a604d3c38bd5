//! Projects: what people work in together.

pub mod api;
pub mod path;
pub mod purge;
pub mod tags;
pub mod templates;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::access::{Ask, Contribute, Delete, Edit, Listed, Permits, Role, Thing, View};
use crate::app::{By, Change};
use crate::db::{self, Answers, Id, Patch, Stmt, Text, Time};
use crate::error::{Code, Result};
use crate::event::{Event, Kind};
use crate::http::Page;
use crate::limits::Quota;
use crate::search::Terms;
use crate::sql;
use tags::Tag;

/// A project as one of its team sees it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Project {
    pub id: Id,
    #[schemars(example = 42)]
    pub owner_id: i64,
    #[schemars(example = &"Launch in spring")]
    pub name: String,
    #[schemars(example = &"Everything for the first release.")]
    pub description: Option<String>,
    /// The caller's.
    pub role: Role,
    /// The caller's.
    #[serde(deserialize_with = "db::flag")]
    pub is_favorite: bool,
    #[serde(deserialize_with = "db::json")]
    pub tags: Vec<Tag>,
    pub created_at: Time,
    pub updated_at: Time,
}

#[derive(Deserialize, JsonSchema)]
pub struct NewProject {
    name: Text<1, 160>,
    description: Option<Text<0, 4000>>,
}

/// Absent fields stay as they are; a `null` description clears it.
#[derive(Deserialize, JsonSchema)]
pub struct EditProject {
    name: Option<Text<1, 160>>,
    #[serde(default)]
    description: Patch<Text<0, 4000>>,
}

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// Words, or parts of words, that all are in the name or the description, whatever their case and accents.
    #[schemars(example = &"launch", length(max = 100))]
    search: Option<Text<0, 100>>,
    /// Only favorites, or only others.
    favorite: Option<bool>,
    #[serde(default)]
    sort: Sort,
}

/// `-` is descending.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub enum Sort {
    #[serde(rename = "created_at")]
    Created,
    #[default]
    #[serde(rename = "-created_at")]
    CreatedLast,
    #[serde(rename = "updated_at")]
    Updated,
    #[serde(rename = "-updated_at")]
    UpdatedLast,
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameLast,
}

impl Sort {
    fn name(&self) -> &'static str {
        match self {
            Sort::Created => "created_at",
            Sort::CreatedLast => "-created_at",
            Sort::Updated => "updated_at",
            Sort::UpdatedLast => "-updated_at",
            Sort::Name => "name",
            Sort::NameLast => "-name",
        }
    }
}

pub fn find(project: &Id, user: i64) -> Stmt {
    sql!(
        "SELECT p.id, p.owner_id, p.name, p.description, m.role, p.created_at, p.updated_at,
                EXISTS (SELECT 1 FROM project_favorites f WHERE f.user_id = m.user_id AND f.project_id = p.id) AS is_favorite,
                (SELECT json_group_array(json_object('id', t.id, 'name', t.name, 'color', t.color, 'created_at', t.created_at))
                 FROM (SELECT * FROM project_tags WHERE project_id = p.id ORDER BY name) t) AS tags
         FROM team_members m JOIN projects p ON p.id = m.project_id
         WHERE m.project_id = ?1 AND m.user_id = ?2",
        project,
        user,
    )
}

/// A row where the user is on the project's team.
pub fn membership(project: &Id, user: i64) -> Stmt {
    sql!("SELECT role FROM team_members WHERE project_id = ?1 AND user_id = ?2", project, user)
}

/// What was allowed a trip ago may not be any more.
pub fn refuse_unless(project: &Id, user: i64, needs: Role) -> Stmt {
    sql!(
        "INSERT INTO refusals SELECT 'PROJECT_NOT_FOUND' WHERE NOT EXISTS
           (SELECT 1 FROM team_members WHERE project_id = ?1 AND user_id = ?2 AND (role = 'owner' OR ?3))",
        project,
        user,
        needs == Role::Member,
    )
}

impl Thing for Project {
    const NOT_FOUND: Code = Code::ProjectNotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        Ok(vec![find(&ask.path.id("project_id", Self::NOT_FOUND)?, ask.caller.user)])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        answers.first()
    }

    fn role(&self) -> Role {
        self.role
    }
}

impl Permits<View> for Project {
    const NEEDS: Role = Role::Member;
}

impl Permits<Contribute> for Project {
    const NEEDS: Role = Role::Member;
}

impl Permits<Edit> for Project {
    const NEEDS: Role = Role::Owner;
}

impl Permits<Delete> for Project {
    const NEEDS: Role = Role::Owner;
}

impl Listed for Project {
    type Filter = Filter;

    fn list(ask: &Ask, filter: Filter, page: Page) -> Result<[Stmt; 2]> {
        let user = ask.caller.user;
        let terms = Terms::parse(filter.search.as_ref().map_or("", Text::as_ref));
        let (long, short) = (terms.anywhere("name description"), terms.short());
        Ok([
            sql!(
                "SELECT count(*) AS total
                 FROM team_members m JOIN projects p ON p.id = m.project_id
                 WHERE m.user_id = ?1
                   AND (?2 = '[]' OR p.rowid IN (
                     SELECT projects_fts.rowid FROM json_each(?2) CROSS JOIN projects_fts
                     WHERE projects_fts MATCH (SELECT 'scope : (' || group_concat('\"' || p.scope || '\"', ' OR ') || ') AND '
                                               FROM team_members m JOIN projects p ON p.id = m.project_id WHERE m.user_id = ?1) || value))
                   AND (?3 = '[]' OR NOT EXISTS (
                     SELECT 1 FROM json_each(?3) AS word
                     WHERE NOT EXISTS (SELECT 1 FROM json_each(word.value) AS spelling
                                       WHERE instr(lower(p.name || char(10) || ifnull(p.description, '')), spelling.value))))
                   AND (?4 IS NULL OR ?4 = EXISTS (SELECT 1 FROM project_favorites f WHERE f.user_id = ?1 AND f.project_id = p.id))",
                user,
                long,
                short,
                filter.favorite,
            ),
            // The page first: tags are gathered for its projects only.
            sql!(
                "WITH page AS (
                   SELECT p.*, m.role, row_number() OVER (ORDER BY
                     CASE ?5 WHEN 'created_at' THEN p.created_at WHEN 'updated_at' THEN p.updated_at END,
                     CASE ?5 WHEN '-created_at' THEN p.created_at WHEN '-updated_at' THEN p.updated_at END DESC,
                     CASE ?5 WHEN 'name' THEN p.name END COLLATE NOCASE,
                     CASE ?5 WHEN '-name' THEN p.name END COLLATE NOCASE DESC,
                     p.id DESC) AS place
                   FROM team_members m JOIN projects p ON p.id = m.project_id
                   WHERE m.user_id = ?1
                     AND (?2 = '[]' OR p.rowid IN (
                       SELECT projects_fts.rowid FROM json_each(?2) CROSS JOIN projects_fts
                       WHERE projects_fts MATCH (SELECT 'scope : (' || group_concat('\"' || p.scope || '\"', ' OR ') || ') AND '
                                                 FROM team_members m JOIN projects p ON p.id = m.project_id WHERE m.user_id = ?1) || value))
                     AND (?3 = '[]' OR NOT EXISTS (
                       SELECT 1 FROM json_each(?3) AS word
                       WHERE NOT EXISTS (SELECT 1 FROM json_each(word.value) AS spelling
                                         WHERE instr(lower(p.name || char(10) || ifnull(p.description, '')), spelling.value))))
                     AND (?4 IS NULL OR ?4 = EXISTS (SELECT 1 FROM project_favorites f WHERE f.user_id = ?1 AND f.project_id = p.id))
                   ORDER BY place LIMIT ?6 OFFSET ?7)
                 SELECT id, owner_id, name, description, role, created_at, updated_at,
                        EXISTS (SELECT 1 FROM project_favorites f WHERE f.user_id = ?1 AND f.project_id = page.id) AS is_favorite,
                        (SELECT json_group_array(json_object('id', t.id, 'name', t.name, 'color', t.color, 'created_at', t.created_at))
                         FROM (SELECT * FROM project_tags WHERE project_id = page.id ORDER BY name) t) AS tags
                 FROM page ORDER BY place",
                user,
                long,
                short,
                filter.favorite,
                filter.sort.name(),
                page.limit(),
                page.offset(),
            ),
        ])
    }
}

/// What a client is told of projects.
pub fn told(ids: &Value) -> Stmt {
    sql!(
        "SELECT id, json_object('id', id, 'owner_id', owner_id, 'name', name, 'description', description,
                  'created_at', created_at, 'updated_at', updated_at) AS thing
         FROM projects WHERE id IN (SELECT value FROM json_each(?1))",
        ids
    )
}

pub fn create(body: NewProject, id: Id, owner: i64, quota: Quota, by: &By) -> Change<Project> {
    let description = body.description.as_ref().map(Text::to_string);
    Project::new(id, owner, body.name.to_string(), description, by.at).create(json!({}), quota, by)
}

impl Project {
    fn new(id: Id, owner_id: i64, name: String, description: Option<String>, at: Time) -> Self {
        Project {
            id,
            owner_id,
            name,
            description,
            role: Role::Owner,
            is_favorite: false,
            tags: Vec::new(),
            created_at: at,
            updated_at: at,
        }
    }

    /// The project with its owner; `data` goes with the event.
    fn create(self, data: Value, quota: Quota, by: &By) -> Change<Project> {
        let full = sql!(
            "INSERT INTO refusals SELECT 'TIER_LIMIT_EXCEEDED ' || used
             FROM (SELECT count(*) AS used FROM team_members WHERE user_id = ?1 AND role = 'owner') WHERE used >= ?2",
            self.owner_id,
            quota.limit(),
        );
        let insert = sql!(
            "INSERT INTO projects (id, owner_id, name, description, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
            self.id,
            self.owner_id,
            self.name,
            self.description,
            by.at,
        );
        let join = sql!(
            "INSERT INTO team_members (project_id, user_id, role, joined_at) VALUES (?1, ?2, 'owner', ?3)",
            self.id,
            self.owner_id,
            by.at,
        );
        let event = Event::new(Kind::ProjectCreated, by, &self.id).in_project(&self.id).with(data);
        Change::to(self).within(quota, full).run(insert).run(join).announce(event)
    }

    pub fn edit(&self, edit: EditProject, user: i64, by: &By) -> Change<Project> {
        let changed = json!({ "name": edit.name.is_some(), "description": !edit.description.is_keep() });
        Change::returning(find(&self.id, user))
            .run(refuse_unless(&self.id, user, Role::Owner))
            .run(sql!(
                "UPDATE projects SET name = ifnull(?2, name), description = iif(?3, description, ?4), updated_at = ?5 WHERE id = ?1",
                self.id,
                edit.name,
                edit.description.is_keep(),
                edit.description.value(),
                by.at,
            ))
            .announce(Event::new(Kind::ProjectUpdated, by, &self.id).in_project(&self.id).with(changed))
    }

    /// Nobody sees it from here on; its rows go in pieces, which the event leads to.
    pub fn delete(&self, user: i64, by: &By) -> Change<()> {
        Change::to(())
            .run(refuse_unless(&self.id, user, Role::Owner))
            .run(sql!("DELETE FROM team_members WHERE project_id = ?1", self.id))
            .run(sql!("DELETE FROM project_favorites WHERE project_id = ?1", self.id))
            .run(sql!("DELETE FROM team_invites WHERE project_id = ?1 AND status = 'pending'", self.id))
            .announce(Event::new(Kind::ProjectDeleted, by, &self.id).in_project(&self.id))
    }

    pub fn favorite(&self, user: i64, now: Time) -> Change<Project> {
        Change::returning(find(&self.id, user)).run(refuse_unless(&self.id, user, Role::Member)).run(sql!(
            "INSERT INTO project_favorites (user_id, project_id, created_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            user,
            self.id,
            now,
        ))
    }

    pub fn unfavorite(&self, user: i64) -> Change<()> {
        Change::to(()).run(sql!("DELETE FROM project_favorites WHERE user_id = ?1 AND project_id = ?2", user, self.id))
    }
}
