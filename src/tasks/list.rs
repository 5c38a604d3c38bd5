//! A project's tasks, filtered, sorted, page by page.

use schemars::JsonSchema;
use serde::de::{Error as _, IntoDeserializer, value};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::labels::LabelIds;
use super::{Status, Task};
use crate::access::{Ask, Listed};
use crate::db::{Moment, Stmt, Text};
use crate::error::{Code, Result};
use crate::http::Page;
use crate::search::Terms;
use crate::{projects, sql};

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
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
    /// Words that all are in the title or the description, or parts of words, whatever the case.
    #[schemars(example = &"announce", length(max = 100))]
    search: Option<Text<0, 100>>,
    /// Due at this moment or later. A date alone is its midnight in UTC.
    #[serde(default)]
    #[schemars(with = "Moment")]
    due_after: Option<Moment>,
    /// Due before this moment. A date alone is its midnight in UTC.
    #[serde(default)]
    #[schemars(with = "Moment")]
    due_before: Option<Moment>,
    #[serde(default)]
    sort: Sort,
}

/// `-` is descending. What is due at no time comes last.
#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    #[serde(rename = "due_date")]
    Due,
    #[serde(rename = "-due_date")]
    DueLast,
}

impl Sort {
    fn name(self) -> &'static str {
        match self {
            Sort::Created => "created_at",
            Sort::CreatedLast => "-created_at",
            Sort::Updated => "updated_at",
            Sort::UpdatedLast => "-updated_at",
            Sort::Due => "due_date",
            Sort::DueLast => "-due_date",
        }
    }
}

pub enum Assignee {
    Me,
    Nobody,
    User(i64),
}

impl<'de> Deserialize<'de> for Assignee {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match &*String::deserialize(from)? {
            "me" => Ok(Assignee::Me),
            "none" => Ok(Assignee::Nobody),
            id => match id.parse() {
                Ok(id @ 1..) => Ok(Assignee::User(id)),
                _ => Err(D::Error::custom("must be a user's id, 'me' or 'none'")),
            },
        }
    }
}

/// `a,b` as a list.
pub fn commas<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Vec<T>>, D::Error> {
    let text = String::deserialize(from)?;
    let item = |item: &str| T::deserialize(item.to_owned().into_deserializer());
    text.split(',').map(item).collect::<Result<_, value::Error>>().map(Some).map_err(D::Error::custom)
}

pub fn label_ids<'de, D: Deserializer<'de>>(from: D) -> Result<Option<LabelIds>, D::Error> {
    let ids = commas(from)?.unwrap_or_default();
    LabelIds::new(ids).map(Some).ok_or_else(|| D::Error::custom("must be at most 20 ids"))
}

impl Listed for Task {
    type Filter = Filter;
    const NO_HOLDER: Code = Code::ProjectNotFound;

    fn holders(ask: &Ask) -> Result<Vec<(Stmt, Code)>> {
        let project = ask.path.id("project_id", Self::NO_HOLDER)?;
        Ok(vec![(projects::membership(&project, ask.caller.user), Self::NO_HOLDER)])
    }

    fn list(ask: &Ask, filter: Filter, page: Page) -> Result<[Stmt; 2]> {
        let project = ask.path.id("project_id", Self::NO_HOLDER)?;
        let user = ask.caller.user;
        let terms = Terms::parse(filter.search.as_ref().map_or("", Text::as_ref));
        let (long, short) = (terms.within("title description"), terms.short());
        let assignee = filter.assignee.as_ref().map(|assignee| match assignee {
            Assignee::Me => user,
            Assignee::Nobody => 0,
            Assignee::User(id) => *id,
        });
        let newest = filter.sort == Sort::CreatedLast
            && filter.status.is_none()
            && assignee.is_none()
            && filter.labels.is_none()
            && long.is_none()
            && short == json!([])
            && filter.due_after.is_none()
            && filter.due_before.is_none();
        // All of them, if none is named: so the index is of use in any case.
        let statuses = json!(filter.status.unwrap_or_else(|| Status::ALL.to_vec()));
        Ok([
            sql!(
                "SELECT count(*) AS total FROM tasks t
                 WHERE t.project_id = ?1 AND t.status IN (SELECT value FROM json_each(?2))
                   AND (?3 IS NULL OR t.assignee_id IS nullif(?3, 0))
                   AND (?4 IS NULL OR json_array_length(?4) =
                     (SELECT count(*) FROM task_label_links WHERE task_id = t.id AND label_id IN (SELECT value FROM json_each(?4))))
                   AND (?5 IS NULL OR t.due_date >= ?5) AND (?6 IS NULL OR t.due_date < ?6)
                   AND (?7 IS NULL OR t.n IN (SELECT rowid FROM tasks_fts WHERE tasks_fts MATCH
                     'scope : \"' || (SELECT scope FROM projects WHERE id = ?1) || '\" AND ' || ?7))
                   AND (?8 = '[]' OR NOT EXISTS (SELECT 1 FROM json_each(?8) AS word
                     WHERE NOT EXISTS (SELECT 1 FROM json_each(word.value) AS spelling
                                       WHERE instr(lower(t.title || char(10) || ifnull(t.description, '')), spelling.value))))",
                project,
                statuses,
                assignee,
                filter.labels,
                filter.due_after,
                filter.due_before,
                long,
                short,
            ),
            // The page first: labels and the rest are gathered for its tasks only. Ids are in order of creation,
            // so the newest are read off the index.
            sql!(
                "WITH page AS (
                   SELECT * FROM (
                     SELECT n, id, NULL AS up, id AS down FROM tasks WHERE ?13 AND project_id = ?1 ORDER BY id DESC LIMIT ?10 OFFSET ?11)
                   UNION ALL
                   SELECT * FROM (
                     SELECT t.n, t.id,
                            CASE ?9 WHEN 'created_at' THEN t.id WHEN 'updated_at' THEN t.updated_at WHEN 'due_date' THEN t.due_date END AS up,
                            CASE ?9 WHEN '-created_at' THEN t.id WHEN '-updated_at' THEN t.updated_at WHEN '-due_date' THEN t.due_date END AS down
                     FROM tasks t
                     WHERE NOT ?13 AND t.project_id = ?1 AND t.status IN (SELECT value FROM json_each(?2))
                       AND (?3 IS NULL OR t.assignee_id IS nullif(?3, 0))
                       AND (?4 IS NULL OR json_array_length(?4) =
                         (SELECT count(*) FROM task_label_links WHERE task_id = t.id AND label_id IN (SELECT value FROM json_each(?4))))
                       AND (?5 IS NULL OR t.due_date >= ?5) AND (?6 IS NULL OR t.due_date < ?6)
                       AND (?7 IS NULL OR t.n IN (SELECT rowid FROM tasks_fts WHERE tasks_fts MATCH
                         'scope : \"' || (SELECT scope FROM projects WHERE id = ?1) || '\" AND ' || ?7))
                       AND (?8 = '[]' OR NOT EXISTS (SELECT 1 FROM json_each(?8) AS word
                         WHERE NOT EXISTS (SELECT 1 FROM json_each(word.value) AS spelling
                                           WHERE instr(lower(t.title || char(10) || ifnull(t.description, '')), spelling.value))))
                     ORDER BY up NULLS LAST, down DESC NULLS LAST, t.id DESC LIMIT ?10 OFFSET ?11))
                 SELECT t.id, t.project_id, t.title, t.description, t.status, t.assignee_id, t.due_date, t.created_by, t.version,
                        t.created_at, t.updated_at, m.role,
                        (SELECT json_object('id', u.id, 'username', u.username, 'display_name', u.display_name, 'avatar_url', u.avatar_url)
                         FROM users u WHERE u.id = t.assignee_id) AS assignee,
                        (SELECT json_group_array(id) FROM (SELECT l.id FROM task_label_links k JOIN task_labels l ON l.id = k.label_id
                                                           WHERE k.task_id = t.id ORDER BY l.name)) AS label_ids,
                        (SELECT json_group_array(json_object('id', id, 'name', name, 'color', color))
                         FROM (SELECT l.* FROM task_label_links k JOIN task_labels l ON l.id = k.label_id
                               WHERE k.task_id = t.id ORDER BY l.name)) AS labels,
                        (SELECT json_group_array(depends_on_task_id)
                         FROM (SELECT depends_on_task_id FROM task_dependencies WHERE task_id = t.id ORDER BY depends_on_task_id)) AS depends_on,
                        (SELECT count(*) FROM comments WHERE task_id = t.id AND deleted_at IS NULL) AS comment_count,
                        (SELECT count(*) FROM task_attachments WHERE task_id = t.id) AS attachment_count
                 FROM page JOIN tasks t ON t.n = page.n JOIN team_members m ON m.project_id = t.project_id AND m.user_id = ?12
                 ORDER BY page.up NULLS LAST, page.down DESC NULLS LAST, page.id DESC",
                project,
                statuses,
                assignee,
                filter.labels,
                filter.due_after,
                filter.due_before,
                long,
                short,
                filter.sort.name(),
                page.limit(),
                page.offset(),
                user,
                newest,
            ),
        ])
    }
}
