use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Terms;
use crate::access::{Ask, Listed};
use crate::comments::EntityType;
use crate::db::{self, Id, Moment, Stmt, Text, Time};
use crate::error::Result;
use crate::http::Page;
use crate::sql;
use crate::user::Person;

/// A comment that says what was looked for. The newest come first.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct FoundComment {
    pub id: Id,
    pub project_id: Id,
    #[schemars(example = &"Launch in spring")]
    pub project_name: String,
    /// The comment this one replies to.
    pub parent_id: Option<Id>,
    pub entity_type: EntityType,
    /// A project's id, a task's, or a path in the code.
    #[schemars(example = &"src/main.rs")]
    pub entity_id: String,
    #[serde(deserialize_with = "db::maybe_json")]
    pub author: Option<Person>,
    pub created_at: Time,
    pub updated_at: Time,
    /// HTML: a part of the comment with the matches in `<mark>`, everything else escaped.
    #[serde(deserialize_with = "super::snippet::read")]
    #[schemars(example = &"Shall we <mark>launch</mark> on Monday?")]
    pub snippet: String,
}

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// Words, or parts of words, that all are in the comment, whatever their case and accents.
    #[schemars(example = &"launch")]
    q: Text<1, 100>,
    project_id: Option<Id>,
    entity_type: Option<EntityType>,
    /// Only what this user wrote.
    #[schemars(example = 42)]
    author: Option<i64>,
    /// Written at this moment or later. A date alone is its midnight in UTC.
    #[serde(default)]
    #[schemars(with = "Moment")]
    from: Option<Moment>,
    /// Written before this moment. A date alone is its midnight in UTC.
    #[serde(default)]
    #[schemars(with = "Moment")]
    to: Option<Moment>,
}

impl Listed for FoundComment {
    type Filter = Filter;

    fn list(ask: &Ask, filter: Filter, page: Page) -> Result<[Stmt; 2]> {
        let terms = Terms::parse(filter.q.as_ref());
        let anywhere = terms.anywhere("body");
        let entity_type = filter.entity_type.map(EntityType::name);
        Ok([
            sql!(
                "WITH hits AS (
                   SELECT comments_fts.rowid AS n FROM json_each(?2) CROSS JOIN comments_fts
                   WHERE comments_fts MATCH (SELECT 'scope : (' || ifnull(group_concat('\"' || p.scope || '\"', ' OR '), '\"---\"') || ') AND '
                                             FROM team_members m JOIN projects p ON p.id = m.project_id
                                             WHERE m.user_id = ?1 AND (?4 IS NULL OR p.id = ?4)) || value
                   UNION ALL
                   SELECT c.n FROM team_members m CROSS JOIN projects p ON p.id = m.project_id
                     CROSS JOIN comments c NOT INDEXED ON c.n BETWEEN p.slot << 28 AND (p.slot << 28) + 268435455 AND c.project_id = p.id
                   WHERE ?2 = '[]' AND m.user_id = ?1 AND (?4 IS NULL OR p.id = ?4))
                 SELECT count(*) AS total
                 FROM hits CROSS JOIN comments c ON c.n = hits.n
                   CROSS JOIN team_members m ON m.project_id = c.project_id AND m.user_id = ?1
                 WHERE c.deleted_at IS NULL
                   AND NOT EXISTS (SELECT 1 FROM json_each(?3) AS word
                                   WHERE NOT EXISTS (SELECT 1 FROM json_each(word.value) AS spelling WHERE instr(lower(c.body), spelling.value)))
                   AND (?4 IS NULL OR c.project_id = ?4) AND (?5 IS NULL OR c.entity_type = ?5) AND (?6 IS NULL OR c.author_id = ?6)
                   AND (?7 IS NULL OR c.created_at >= ?7) AND (?8 IS NULL OR c.created_at < ?8)",
                ask.caller.user,
                anywhere,
                terms.short(),
                filter.project_id,
                entity_type,
                filter.author,
                filter.from,
                filter.to,
            ),
            // The page first: only its texts are marked. Ids are in order of creation.
            sql!(
                "WITH hits AS (
                   SELECT comments_fts.rowid AS n FROM json_each(?2) CROSS JOIN comments_fts
                   WHERE comments_fts MATCH (SELECT 'scope : (' || ifnull(group_concat('\"' || p.scope || '\"', ' OR '), '\"---\"') || ') AND '
                                             FROM team_members m JOIN projects p ON p.id = m.project_id
                                             WHERE m.user_id = ?1 AND (?4 IS NULL OR p.id = ?4)) || value
                   UNION ALL
                   SELECT c.n FROM team_members m CROSS JOIN projects p ON p.id = m.project_id
                     CROSS JOIN comments c NOT INDEXED ON c.n BETWEEN p.slot << 28 AND (p.slot << 28) + 268435455 AND c.project_id = p.id
                   WHERE ?2 = '[]' AND m.user_id = ?1 AND (?4 IS NULL OR p.id = ?4)),
                 page AS (
                   SELECT c.n, c.id
                   FROM hits CROSS JOIN comments c ON c.n = hits.n
                     CROSS JOIN team_members m ON m.project_id = c.project_id AND m.user_id = ?1
                   WHERE c.deleted_at IS NULL
                     AND NOT EXISTS (SELECT 1 FROM json_each(?3) AS word
                                     WHERE NOT EXISTS (SELECT 1 FROM json_each(word.value) AS spelling WHERE instr(lower(c.body), spelling.value)))
                     AND (?4 IS NULL OR c.project_id = ?4) AND (?5 IS NULL OR c.entity_type = ?5) AND (?6 IS NULL OR c.author_id = ?6)
                     AND (?7 IS NULL OR c.created_at >= ?7) AND (?8 IS NULL OR c.created_at < ?8)
                   ORDER BY c.id DESC LIMIT ?9 OFFSET ?10)
                 SELECT c.id, c.project_id, p.name AS project_name, c.parent_id, c.entity_type, c.entity_id, c.created_at, c.updated_at,
                        (SELECT json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url)
                         FROM users u WHERE u.id = c.author_id) AS author,
                        json_array(c.body, json(?11)) AS snippet
                 FROM page CROSS JOIN comments c ON c.n = page.n CROSS JOIN projects p ON p.id = c.project_id
                 ORDER BY page.id DESC",
                ask.caller.user,
                anywhere,
                terms.short(),
                filter.project_id,
                entity_type,
                filter.author,
                filter.from,
                filter.to,
                page.limit(),
                page.offset(),
                terms.words(),
            ),
        ])
    }
}
