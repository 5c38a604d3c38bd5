use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Terms;
use crate::access::{Ask, Listed, Role};
use crate::db::{self, Id, Stmt, Text, Time};
use crate::error::Result;
use crate::http::Page;
use crate::sql;

/// A project that says what was looked for: first the one of that name, then what begins with it, then what
/// has all words in its name, then the rest; of equals, the last updated first.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct FoundProject {
    pub id: Id,
    #[schemars(example = &"Launch in spring")]
    pub name: String,
    #[schemars(example = &"Everything for the first release.")]
    pub description: Option<String>,
    /// The caller's.
    pub role: Role,
    /// The caller's.
    #[serde(deserialize_with = "db::flag")]
    pub is_favorite: bool,
    pub created_at: Time,
    pub updated_at: Time,
    /// HTML: the name, or the part of the description that has what the name has not. Matches are in `<mark>`, everything else is escaped.
    #[serde(deserialize_with = "super::snippet::read")]
    #[schemars(example = &"<mark>Launch</mark> in spring")]
    pub snippet: String,
}

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// Words, or parts of words, that all are in the name or the description, whatever their case and accents.
    #[schemars(example = &"launch")]
    q: Text<1, 100>,
    /// Only favorites, or only others.
    favorite: Option<bool>,
}

impl Listed for FoundProject {
    type Filter = Filter;

    fn list(ask: &Ask, filter: Filter, page: Page) -> Result<[Stmt; 2]> {
        let terms = Terms::parse(filter.q.as_ref());
        Ok([
            sql!(
                "WITH hits AS (
                   SELECT projects_fts.rowid AS n FROM json_each(?2) CROSS JOIN projects_fts
                   WHERE projects_fts MATCH (SELECT 'scope : (' || ifnull(group_concat('\"' || p.scope || '\"', ' OR '), '\"---\"') || ') AND '
                                             FROM team_members m JOIN projects p ON p.id = m.project_id WHERE m.user_id = ?1) || value
                   UNION ALL
                   SELECT p.rowid FROM team_members m CROSS JOIN projects p ON p.id = m.project_id WHERE ?2 = '[]' AND m.user_id = ?1)
                 SELECT count(*) AS total
                 FROM hits CROSS JOIN projects p ON p.rowid = hits.n CROSS JOIN team_members m ON m.project_id = p.id AND m.user_id = ?1
                 WHERE NOT EXISTS (SELECT 1 FROM json_each(?3) AS word
                                   WHERE NOT EXISTS (SELECT 1 FROM json_each(word.value) AS spelling
                                                     WHERE instr(lower(p.name || char(10) || ifnull(p.description, '')), spelling.value)))
                   AND (?4 IS NULL OR ?4 = EXISTS (SELECT 1 FROM project_favorites f WHERE f.user_id = ?1 AND f.project_id = p.id))",
                ask.caller.user,
                terms.anywhere("name description"),
                terms.short(),
                filter.favorite,
            ),
            sql!(
                "WITH hits AS (
                   SELECT projects_fts.rowid AS n, min(key) AS best FROM json_each(?2) CROSS JOIN projects_fts
                   WHERE projects_fts MATCH (SELECT 'scope : (' || ifnull(group_concat('\"' || p.scope || '\"', ' OR '), '\"---\"') || ') AND '
                                             FROM team_members m JOIN projects p ON p.id = m.project_id WHERE m.user_id = ?1) || value
                   GROUP BY 1
                   UNION ALL
                   SELECT p.rowid, NULL FROM team_members m CROSS JOIN projects p ON p.id = m.project_id WHERE ?2 = '[]' AND m.user_id = ?1),
                 page AS (
                   SELECT p.rowid AS n, m.role, p.updated_at, p.id,
                          CASE WHEN best = 0 OR best IS NULL AND EXISTS (SELECT 1 FROM json_each(?5) WHERE instr(lower(p.name), value) = 1)
                               THEN NOT EXISTS (SELECT 1 FROM json_each(?5) WHERE length(value) = length(p.name))
                               WHEN best IS NOT 2 AND NOT EXISTS (
                                 SELECT 1 FROM json_each(?3) AS word
                                 WHERE NOT EXISTS (SELECT 1 FROM json_each(word.value) AS spelling WHERE instr(lower(p.name), spelling.value)))
                               THEN 2 ELSE 3 END AS rank
                   FROM hits CROSS JOIN projects p ON p.rowid = hits.n CROSS JOIN team_members m ON m.project_id = p.id AND m.user_id = ?1
                   WHERE NOT EXISTS (SELECT 1 FROM json_each(?3) AS word
                                     WHERE NOT EXISTS (SELECT 1 FROM json_each(word.value) AS spelling
                                                       WHERE instr(lower(p.name || char(10) || ifnull(p.description, '')), spelling.value)))
                     AND (?4 IS NULL OR ?4 = EXISTS (SELECT 1 FROM project_favorites f WHERE f.user_id = ?1 AND f.project_id = p.id))
                   ORDER BY rank, p.updated_at DESC, p.id DESC LIMIT ?7 OFFSET ?8)
                 SELECT p.id, p.name, p.description, page.role, p.created_at, p.updated_at,
                        EXISTS (SELECT 1 FROM project_favorites f WHERE f.user_id = ?1 AND f.project_id = p.id) AS is_favorite,
                        json_array(iif(page.rank < 3, p.name, ifnull(p.description, p.name)), json(?6)) AS snippet
                 FROM page CROSS JOIN projects p ON p.rowid = page.n
                 ORDER BY page.rank, page.updated_at DESC, page.id DESC",
                ask.caller.user,
                terms.ranked("name", "name description"),
                terms.short(),
                filter.favorite,
                terms.whole(),
                terms.words(),
                page.limit(),
                page.offset(),
            ),
        ])
    }
}
