//! The comments of a project, filtered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Comment, EntityType};
use crate::access::{Ask, Listed};
use crate::db::{Id, Stmt, Text};
use crate::error::{Code, Result};
use crate::http::Page;
use crate::projects;
use crate::sql;

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    entity_type: Option<EntityType>,
    /// A project's id, a task's, or a path in the code.
    #[schemars(example = &"src/main.rs")]
    entity_id: Option<Text<1, 512>>,
    /// Only direct replies to this comment.
    parent_id: Option<Id>,
    /// Only what the caller starred, or only the rest.
    starred: Option<bool>,
    /// Only what this user wrote.
    #[schemars(example = 42)]
    author: Option<i64>,
    #[serde(default)]
    sort: Sort,
}

/// `-` is descending.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub enum Sort {
    #[default]
    #[serde(rename = "created_at")]
    Created,
    #[serde(rename = "-created_at")]
    CreatedLast,
}

/// Comments of a task that is gone are in no list, though they go only piece by piece.
impl Filter {
    /// The index that leads to the fewest; where it is in the order of the list, `-` reads it backwards.
    fn way(&self) -> &'static str {
        match (self, matches!(self.sort, Sort::CreatedLast)) {
            (Filter { parent_id: Some(_), .. }, _) => "parent",
            (Filter { entity_type: Some(_), entity_id: Some(_), .. }, false) => "entity",
            (Filter { entity_type: Some(_), entity_id: Some(_), .. }, true) => "-entity",
            (Filter { starred: Some(true), .. }, _) => "stars",
            (Filter { author: Some(_), .. }, _) => "author",
            (_, false) => "project",
            (_, true) => "-project",
        }
    }

    /// Whether all that index leads to is listed.
    fn is_whole(&self) -> bool {
        let Filter { entity_type, entity_id, parent_id, starred, author, .. } = self;
        entity_type.is_some() == entity_id.is_some() && parent_id.is_none() && starred.is_none() && author.is_none()
    }

    /// As it is kept: an id in its one spelling, a path as it stands.
    fn entity(&self) -> Option<String> {
        let given = self.entity_id.as_ref()?.to_string();
        match self.entity_type {
            Some(EntityType::Code) => Some(given),
            _ => Some(Id::parse(&given).map_or(given, |id| id.to_string())),
        }
    }

    fn count(&self, project: &Id, user: i64) -> Stmt {
        let entity_type = self.entity_type.map(EntityType::name);
        match self.is_whole() {
            true if entity_type.is_none() => {
                sql!(
                    "SELECT (SELECT count(*) FROM comments WHERE project_id = ?1)
                          - (SELECT count(*) FROM comments WHERE project_id = ?1 AND entity_type = 'task' AND task_id IS NULL) AS total",
                    project,
                )
            }
            true => sql!(
                "SELECT count(*) AS total FROM comments WHERE project_id = ?1 AND entity_type = ?2 AND entity_id = ?3
                   AND (?2 <> 'task' OR EXISTS (SELECT 1 FROM tasks WHERE id = ?3))",
                project,
                entity_type,
                self.entity(),
            ),
            false => sql!(
                "WITH found AS (
                   SELECT n FROM comments WHERE ?3 IN ('entity', '-entity') AND project_id = ?1 AND entity_type = ?5 AND entity_id = ?6
                   UNION ALL SELECT n FROM comments WHERE ?3 IN ('project', '-project') AND project_id = ?1
                   UNION ALL SELECT n FROM comments WHERE ?3 = 'parent' AND parent_id = ?4
                   UNION ALL SELECT c.n FROM comment_stars s JOIN comments c ON c.id = s.comment_id WHERE ?3 = 'stars' AND s.user_id = ?2
                   UNION ALL SELECT n FROM comments WHERE ?3 = 'author' AND author_id = ?7 AND project_id = ?1)
                 SELECT count(*) AS total FROM found CROSS JOIN comments c ON c.n = found.n
                 WHERE c.project_id = ?1 AND (c.entity_type <> 'task' OR c.task_id IS NOT NULL) AND (?4 IS NULL OR c.parent_id = ?4)
                   AND (?5 IS NULL OR c.entity_type = ?5) AND (?6 IS NULL OR c.entity_id = ?6) AND (?7 IS NULL OR c.author_id = ?7)
                   AND (?8 IS NULL OR ?8 = EXISTS (SELECT 1 FROM comment_stars s WHERE s.user_id = ?2 AND s.comment_id = c.id))",
                project,
                user,
                self.way(),
                self.parent_id,
                entity_type,
                self.entity(),
                self.author,
                self.starred,
            ),
        }
    }

    /// The page first: what is told of a comment is gathered for its comments only. A whole list is read
    /// in its order no further than the page (`?12`); one that is filtered on has to be read to its end.
    fn page(&self, project: &Id, user: i64, page: Page) -> Stmt {
        sql!(
            "WITH found AS (
               SELECT * FROM (SELECT n FROM comments WHERE ?3 = 'entity' AND project_id = ?1 AND entity_type = ?5 AND entity_id = ?6
                              ORDER BY id LIMIT ?12)
               UNION ALL
               SELECT * FROM (SELECT n FROM comments WHERE ?3 = '-entity' AND project_id = ?1 AND entity_type = ?5 AND entity_id = ?6
                              ORDER BY id DESC LIMIT ?12)
               UNION ALL
               SELECT * FROM (SELECT n FROM comments WHERE ?3 = 'project' AND project_id = ?1 AND (entity_type <> 'task' OR task_id IS NOT NULL)
                              ORDER BY id LIMIT ?12)
               UNION ALL
               SELECT * FROM (SELECT n FROM comments WHERE ?3 = '-project' AND project_id = ?1 AND (entity_type <> 'task' OR task_id IS NOT NULL)
                              ORDER BY id DESC LIMIT ?12)
               UNION ALL SELECT * FROM (
                 SELECT n FROM comments WHERE ?3 = 'parent' AND parent_id = ?4
                 UNION ALL SELECT c.n FROM comment_stars s JOIN comments c ON c.id = s.comment_id WHERE ?3 = 'stars' AND s.user_id = ?2
                 UNION ALL SELECT n FROM comments WHERE ?3 = 'author' AND author_id = ?7 AND project_id = ?1)),
             page AS (
               SELECT c.n FROM found CROSS JOIN comments c ON c.n = found.n
               WHERE c.project_id = ?1 AND (c.entity_type <> 'task' OR c.task_id IS NOT NULL) AND (?4 IS NULL OR c.parent_id = ?4)
                 AND (?5 IS NULL OR c.entity_type = ?5) AND (?6 IS NULL OR c.entity_id = ?6) AND (?7 IS NULL OR c.author_id = ?7)
                 AND (?8 IS NULL OR ?8 = EXISTS (SELECT 1 FROM comment_stars s WHERE s.user_id = ?2 AND s.comment_id = c.id))
               ORDER BY iif(?9, c.id, NULL) DESC, c.id LIMIT ?10 OFFSET ?11)
             SELECT c.id, c.project_id, c.parent_id, c.entity_type, c.entity_id, c.author_id, iif(c.deleted_at IS NULL, c.body, NULL) AS body,
                    c.deleted_at IS NOT NULL AS is_deleted, c.version, c.created_at, c.updated_at,
                    iif(c.author_id = ?2, 'author', (SELECT role FROM team_members WHERE project_id = ?1 AND user_id = ?2)) AS role,
                    (SELECT json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url)
                     FROM users u WHERE u.id = c.author_id) AS author,
                    (SELECT json_group_array(json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url))
                     FROM comment_mentions k JOIN users u ON u.id = k.user_id WHERE k.comment_id = c.id) AS mentions,
                    EXISTS (SELECT 1 FROM comment_stars s WHERE s.user_id = ?2 AND s.comment_id = c.id) AS is_starred,
                    (SELECT count(*) FROM comment_stars s WHERE s.comment_id = c.id) AS star_count,
                    (SELECT count(*) FROM comments r WHERE r.parent_id = c.id) AS reply_count
             FROM page JOIN comments c ON c.n = page.n ORDER BY iif(?9, c.id, NULL) DESC, c.id",
            project,
            user,
            self.way(),
            self.parent_id,
            self.entity_type.map(EntityType::name),
            self.entity(),
            self.author,
            self.starred,
            matches!(self.sort, Sort::CreatedLast),
            page.limit(),
            page.offset(),
            if self.is_whole() { page.offset() + page.limit() } else { -1 },
        )
    }
}

impl Listed for Comment {
    type Filter = Filter;
    const NO_HOLDER: Code = Code::ProjectNotFound;

    fn holders(ask: &Ask) -> Result<Vec<(Stmt, Code)>> {
        let project = ask.path.id("project_id", Self::NO_HOLDER)?;
        Ok(vec![(projects::membership(&project, ask.caller.user), Self::NO_HOLDER)])
    }

    fn list(ask: &Ask, filter: Filter, page: Page) -> Result<[Stmt; 2]> {
        let (project, user) = (ask.path.id("project_id", Self::NO_HOLDER)?, ask.caller.user);
        Ok([filter.count(&project, user), filter.page(&project, user, page)])
    }
}

/// What a client is told of comments.
pub fn told(ids: &Value) -> Stmt {
    sql!(
        "SELECT c.id, json_object('id', c.id, 'parent_id', c.parent_id, 'entity_type', c.entity_type, 'entity_id', c.entity_id,
                  'author_id', c.author_id, 'body', iif(c.deleted_at IS NULL, c.body, NULL),
                  'is_deleted', json(iif(c.deleted_at IS NULL, 'false', 'true')), 'version', c.version,
                  'mentions', (SELECT json_group_array(user_id) FROM comment_mentions WHERE comment_id = c.id),
                  'created_at', c.created_at, 'updated_at', c.updated_at) AS thing
         FROM comments c WHERE c.id IN (SELECT value FROM json_each(?1))",
        ids
    )
}
