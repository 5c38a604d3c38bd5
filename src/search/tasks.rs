use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Terms;
use crate::access::{Ask, Listed};
use crate::db::{Id, Moment, Stmt, Text, Time};
use crate::error::Result;
use crate::http::Page;
use crate::sql;
use crate::tasks::Status;
use crate::tasks::labels::LabelIds;
use crate::tasks::list::{Assignee, commas, label_ids};

/// A task that says what was looked for: first what has that title, then what begins with it, then what has all
/// words in its title, then the rest; of equals, the last updated first.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct FoundTask {
    pub id: Id,
    pub project_id: Id,
    #[schemars(example = &"Launch in spring")]
    pub project_name: String,
    #[schemars(example = &"Write the announcement")]
    pub title: String,
    pub status: Status,
    #[schemars(example = 42)]
    pub assignee_id: Option<i64>,
    pub due_date: Option<Time>,
    pub created_at: Time,
    pub updated_at: Time,
    /// HTML: the title, or the part of the description that has what the title has not. Matches are in `<mark>`, everything else is escaped.
    #[serde(deserialize_with = "super::snippet::read")]
    #[schemars(example = &"Write the <mark>announcement</mark>")]
    pub snippet: String,
}

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// Words, or parts of words, that all are in the title or the description, whatever their case and accents.
    #[schemars(example = &"announce")]
    q: Text<1, 100>,
    project_id: Option<Id>,
    /// One of these, comma-separated.
    #[serde(default, deserialize_with = "commas")]
    #[schemars(with = "String", regex(pattern = r"^(open|in_progress|blocked|done)(,(open|in_progress|blocked|done))*$"), example = &"open,blocked")]
    status: Option<Vec<Status>>,
    /// A user's id, `me`, or `none` for tasks of nobody.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = r"^(me|none|[1-9][0-9]{0,14})$"), example = &"me")]
    assignee: Option<Assignee>,
    /// Ids of labels, comma-separated, at most 20: tasks that have all of them.
    #[serde(default, deserialize_with = "label_ids")]
    #[schemars(with = "String", regex(pattern = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(,[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}){0,19}$"), example = &"0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77")]
    labels: Option<LabelIds>,
    /// Due at this moment or later.
    #[serde(default)]
    #[schemars(with = "Moment")]
    due_after: Option<Moment>,
    /// Due before this moment.
    #[serde(default)]
    #[schemars(with = "Moment")]
    due_before: Option<Moment>,
}

impl Listed for FoundTask {
    type Filter = Filter;

    fn list(ask: &Ask, filter: Filter, page: Page) -> Result<[Stmt; 2]> {
        let terms = Terms::parse(filter.q.as_ref());
        let statuses = filter.status.map(|statuses| json!(statuses));
        let assignee = filter.assignee.map(|assignee| match assignee {
            Assignee::Me => ask.caller.user,
            Assignee::Nobody => 0,
            Assignee::User(id) => id,
        });
        Ok([
            sql!(
                "WITH hits AS (
                   SELECT tasks_fts.rowid AS n FROM json_each(?2) CROSS JOIN tasks_fts
                   WHERE tasks_fts MATCH (SELECT 'scope : (' || ifnull(group_concat('\"' || p.scope || '\"', ' OR '), '\"---\"') || ') AND '
                                          FROM team_members m JOIN projects p ON p.id = m.project_id
                                          WHERE m.user_id = ?1 AND (?4 IS NULL OR p.id = ?4)) || value
                   UNION ALL
                   SELECT t.n FROM team_members m CROSS JOIN projects p ON p.id = m.project_id
                     CROSS JOIN tasks t NOT INDEXED ON t.n BETWEEN p.slot << 28 AND (p.slot << 28) + 268435455 AND t.project_id = p.id
                   WHERE ?2 = '[]' AND m.user_id = ?1 AND (?4 IS NULL OR p.id = ?4))
                 SELECT count(*) AS total
                 FROM hits CROSS JOIN tasks t ON t.n = hits.n CROSS JOIN team_members m ON m.project_id = t.project_id AND m.user_id = ?1
                 WHERE NOT EXISTS (SELECT 1 FROM json_each(?3) AS word
                                   WHERE NOT EXISTS (SELECT 1 FROM json_each(word.value) AS spelling
                                                     WHERE instr(lower(t.title || char(10) || ifnull(t.description, '')), spelling.value)))
                   AND (?4 IS NULL OR t.project_id = ?4)
                   AND (?5 IS NULL OR t.status IN (SELECT value FROM json_each(?5)))
                   AND (?6 IS NULL OR t.assignee_id IS nullif(?6, 0))
                   AND (?7 IS NULL OR json_array_length(?7) =
                     (SELECT count(*) FROM task_label_links WHERE task_id = t.id AND label_id IN (SELECT value FROM json_each(?7))))
                   AND (?8 IS NULL OR t.due_date >= ?8) AND (?9 IS NULL OR t.due_date < ?9)",
                ask.caller.user,
                terms.anywhere("title description"),
                terms.short(),
                filter.project_id,
                statuses,
                assignee,
                filter.labels,
                filter.due_after,
                filter.due_before,
            ),
            sql!(
                "WITH hits AS (
                   SELECT tasks_fts.rowid AS n, min(key) AS best FROM json_each(?2) CROSS JOIN tasks_fts
                   WHERE tasks_fts MATCH (SELECT 'scope : (' || ifnull(group_concat('\"' || p.scope || '\"', ' OR '), '\"---\"') || ') AND '
                                          FROM team_members m JOIN projects p ON p.id = m.project_id
                                          WHERE m.user_id = ?1 AND (?4 IS NULL OR p.id = ?4)) || value
                   GROUP BY 1
                   UNION ALL
                   SELECT t.n, NULL FROM team_members m CROSS JOIN projects p ON p.id = m.project_id
                     CROSS JOIN tasks t NOT INDEXED ON t.n BETWEEN p.slot << 28 AND (p.slot << 28) + 268435455 AND t.project_id = p.id
                   WHERE ?2 = '[]' AND m.user_id = ?1 AND (?4 IS NULL OR p.id = ?4)),
                 page AS (
                   SELECT t.n, t.updated_at, t.id,
                          CASE WHEN best = 0 OR best IS NULL AND EXISTS (SELECT 1 FROM json_each(?10) WHERE instr(lower(t.title), value) = 1)
                               THEN NOT EXISTS (SELECT 1 FROM json_each(?10) WHERE length(value) = length(t.title))
                               WHEN best IS NOT 2 AND NOT EXISTS (
                                 SELECT 1 FROM json_each(?3) AS word
                                 WHERE NOT EXISTS (SELECT 1 FROM json_each(word.value) AS spelling WHERE instr(lower(t.title), spelling.value)))
                               THEN 2 ELSE 3 END AS rank
                   FROM hits CROSS JOIN tasks t ON t.n = hits.n CROSS JOIN team_members m ON m.project_id = t.project_id AND m.user_id = ?1
                   WHERE NOT EXISTS (SELECT 1 FROM json_each(?3) AS word
                                     WHERE NOT EXISTS (SELECT 1 FROM json_each(word.value) AS spelling
                                                       WHERE instr(lower(t.title || char(10) || ifnull(t.description, '')), spelling.value)))
                     AND (?4 IS NULL OR t.project_id = ?4)
                     AND (?5 IS NULL OR t.status IN (SELECT value FROM json_each(?5)))
                     AND (?6 IS NULL OR t.assignee_id IS nullif(?6, 0))
                     AND (?7 IS NULL OR json_array_length(?7) =
                       (SELECT count(*) FROM task_label_links WHERE task_id = t.id AND label_id IN (SELECT value FROM json_each(?7))))
                     AND (?8 IS NULL OR t.due_date >= ?8) AND (?9 IS NULL OR t.due_date < ?9)
                   ORDER BY rank, t.updated_at DESC, t.id DESC LIMIT ?12 OFFSET ?13)
                 SELECT t.id, t.project_id, p.name AS project_name, t.title, t.status, t.assignee_id, t.due_date, t.created_at, t.updated_at,
                        json_array(iif(page.rank < 3, t.title, ifnull(t.description, t.title)), json(?11)) AS snippet
                 FROM page CROSS JOIN tasks t ON t.n = page.n CROSS JOIN projects p ON p.id = t.project_id
                 ORDER BY page.rank, page.updated_at DESC, page.id DESC",
                ask.caller.user,
                terms.ranked("title", "title description"),
                terms.short(),
                filter.project_id,
                statuses,
                assignee,
                filter.labels,
                filter.due_after,
                filter.due_before,
                terms.whole(),
                terms.words(),
                page.limit(),
                page.offset(),
            ),
        ])
    }
}
