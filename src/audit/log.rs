//! The log as operators read it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::access::{Ask, Listed};
use crate::db::{self, Id, Moment, Stmt, Text, Time};
use crate::error::{Error, Result};
use crate::event::{Kind, Severity};
use crate::http::Page;
use crate::sql;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuditEvent {
    #[schemars(with = "Id")]
    pub id: String,
    /// What happened; there can be new kinds at any time.
    #[schemars(example = &"task.updated")]
    pub kind: String,
    pub severity: Severity,
    /// Who did it; `null` where nobody did, or their account is gone.
    pub actor: Option<Suspect>,
    #[schemars(with = "Option<Id>")]
    pub project_id: Option<String>,
    /// What it happened to.
    #[schemars(example = &"0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77")]
    pub entity_id: String,
    /// More of it, by kind.
    #[schemars(with = "Map<String, Value>")]
    pub data: Value,
    #[schemars(example = &"203.0.113.7")]
    pub ip_address: Option<String>,
    #[schemars(example = &"5f0c1f0e-6a2d-4c77-9b52-0198c5f27d3a")]
    pub request_id: String,
    #[schemars(with = "Time")]
    pub created_at: String,
    /// Its link in the chain; `null`: it has none yet. Minutes later that is a bad sign.
    pub link: Option<LinkShown>,
}

/// A user, as far as a list shows one.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AuditActor")]
pub struct Suspect {
    #[schemars(example = 42)]
    pub id: i64,
    #[schemars(example = &"ad***@example.com")]
    pub email: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AuditLink")]
pub struct LinkShown {
    #[schemars(range(min = 1), example = 1841)]
    pub seq: i64,
    #[schemars(example = &"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub hash: String,
}

/// A row of the log. Read as it is: what somebody made of it must not keep the rest from being shown.
#[derive(Deserialize)]
pub struct Row {
    id: String,
    kind: String,
    actor_id: Option<i64>,
    actor_email: Option<String>,
    project_id: Option<String>,
    entity_id: String,
    #[serde(deserialize_with = "db::json")]
    data: Value,
    ip_address: Option<String>,
    request_id: String,
    created_at: String,
    seq: Option<i64>,
    hash: Option<String>,
}

impl Row {
    pub fn shown(self) -> AuditEvent {
        AuditEvent {
            severity: Kind::from_name(&self.kind).map(Kind::severity).unwrap_or_default(),
            actor: self.actor_id.zip(self.actor_email).map(|(id, email)| Suspect { id, email: redacted(&email) }),
            link: self.seq.zip(self.hash).map(|(seq, hash)| LinkShown { seq, hash }),
            id: self.id,
            kind: self.kind,
            project_id: self.project_id,
            entity_id: self.entity_id,
            data: self.data,
            ip_address: self.ip_address,
            request_id: self.request_id,
            created_at: self.created_at,
        }
    }
}

/// An address that somebody who knows it recognises: `ad***@example.com`.
pub fn redacted(email: &str) -> String {
    let (local, domain) = email.split_once('@').unwrap_or((email, ""));
    let shown: String = local.chars().take(2).collect();
    format!("{shown}***@{domain}")
}

#[derive(Deserialize, Serialize, JsonSchema)]
pub struct Filter {
    /// Who did it.
    #[schemars(example = 42)]
    user_id: Option<i64>,
    /// A kind, or how kinds begin, like `task.`.
    #[schemars(example = &"task.")]
    event: Option<Text<1, 64>>,
    /// What it happened to.
    entity_id: Option<Text<1, 64>>,
    project_id: Option<Id>,
    severity: Option<Severity>,
    /// From then on.
    from: Option<Moment>,
    /// Before then. The latest 100,000 events that fit can be had: `total` counts no further, and a page beyond them is
    /// refused with 422. Go on with an earlier `to`.
    to: Option<Moment>,
}

impl Filter {
    /// Which kinds are wanted; `None`: all.
    fn kinds(&self) -> Result<Option<Value>> {
        if self.event.is_none() && self.severity.is_none() {
            return Ok(None);
        }
        let wanted = self.event.as_ref().map_or("", AsRef::as_ref);
        let named = |kind: &&Kind| kind.name() == wanted || wanted.is_empty() || begins(kind.name(), wanted);
        let named: Vec<&Kind> = Kind::ALL.iter().filter(named).collect();
        if named.is_empty() {
            return Err(Error::invalid("event", "must be a kind of event, or end with a dot after how kinds begin"));
        }
        let severe = |kind: &&&Kind| self.severity.is_none_or(|severity| kind.severity() == severity);
        Ok(Some(json!(named.iter().filter(severe).map(|kind| kind.name()).collect::<Vec<_>>())))
    }

    /// What was asked, without words that somebody may have typed.
    pub fn noted(&self) -> Value {
        let mut noted = json!(self);
        if let (Some(entity), Some(noted)) = (&self.entity_id, noted.as_object_mut()) {
            let is_id = Id::parse(entity.as_ref()).is_some() || entity.as_ref().parse::<i64>().is_ok();
            noted.insert("entity_id".into(), if is_id { json!(entity) } else { json!("of another kind") });
        }
        if let Some(noted) = noted.as_object_mut() {
            noted.retain(|_, value| !value.is_null());
        }
        noted
    }
}

fn begins(kind: &str, with: &str) -> bool {
    with.ends_with('.') && kind.starts_with(with)
}

/// Where ids of then begin, which sort by time: '' before all, '~' after all.
pub fn span(from: Option<Moment>, to: Option<Moment>) -> [String; 2] {
    let first = |Moment(time)| Id::new(time, [0; 10]).to_string();
    [from.map_or(String::new(), first), to.map_or("~".into(), first)]
}

/// How many events of a list are counted, and can be turned to.
const REACH: i64 = 100_000;

impl Listed for Row {
    type Filter = Filter;
    const FOR_OPERATORS: bool = true;

    /// By whatever of the filter says most.
    fn list(_: &Ask, filter: Filter, page: Page) -> Result<[Stmt; 2]> {
        if page.offset() >= REACH {
            return Err(Error::invalid("page", "must be among the latest 100000 events; ask for an earlier `to`"));
        }
        let kinds = filter.kinds()?;
        let [from, to] = span(filter.from, filter.to);
        let (limit, offset) = (page.limit(), page.offset());
        let Filter { user_id: user, entity_id: entity, project_id: project, .. } = filter;
        Ok(match (entity, user, project, kinds) {
            (Some(entity), user, project, kinds) => [
                sql!(
                    "SELECT count(*) AS total FROM
                       (SELECT 1 FROM events WHERE entity_id = ?3 AND id >= ?1 AND id < ?2 AND (?4 IS NULL OR actor_id = ?4)
                          AND (?5 IS NULL OR project_id = ?5) AND (?6 IS NULL OR kind IN (SELECT value FROM json_each(?6)))
                        LIMIT 100000)",
                    from,
                    to,
                    entity,
                    user,
                    project,
                    kinds,
                ),
                sql!(
                    "SELECT * FROM audit_log WHERE entity_id = ?3 AND id >= ?1 AND id < ?2 AND (?4 IS NULL OR actor_id = ?4)
                       AND (?5 IS NULL OR project_id = ?5) AND (?6 IS NULL OR kind IN (SELECT value FROM json_each(?6)))
                     ORDER BY id DESC LIMIT ?7 OFFSET ?8",
                    from,
                    to,
                    entity,
                    user,
                    project,
                    kinds,
                    limit,
                    offset,
                ),
            ],
            (None, Some(user), project, kinds) => [
                sql!(
                    "SELECT count(*) AS total FROM
                       (SELECT 1 FROM events WHERE actor_id = ?3 AND id >= ?1 AND id < ?2 AND (?4 IS NULL OR project_id = ?4)
                          AND (?5 IS NULL OR kind IN (SELECT value FROM json_each(?5)))
                        LIMIT 100000)",
                    from,
                    to,
                    user,
                    project,
                    kinds,
                ),
                sql!(
                    "SELECT * FROM audit_log WHERE actor_id = ?3 AND id >= ?1 AND id < ?2 AND (?4 IS NULL OR project_id = ?4)
                       AND (?5 IS NULL OR kind IN (SELECT value FROM json_each(?5)))
                     ORDER BY id DESC LIMIT ?6 OFFSET ?7",
                    from,
                    to,
                    user,
                    project,
                    kinds,
                    limit,
                    offset,
                ),
            ],
            (None, None, Some(project), kinds) => [
                sql!(
                    "SELECT count(*) AS total FROM
                       (SELECT 1 FROM events WHERE project_id = ?3 AND id >= ?1 AND id < ?2
                          AND (?4 IS NULL OR kind IN (SELECT value FROM json_each(?4)))
                        LIMIT 100000)",
                    from,
                    to,
                    project,
                    kinds,
                ),
                sql!(
                    "SELECT * FROM audit_log WHERE project_id = ?3 AND id >= ?1 AND id < ?2
                       AND (?4 IS NULL OR kind IN (SELECT value FROM json_each(?4)))
                     ORDER BY id DESC LIMIT ?5 OFFSET ?6",
                    from,
                    to,
                    project,
                    kinds,
                    limit,
                    offset,
                ),
            ],
            // Of each kind as many as could be on the page: what is rare is found without reading what is not.
            (None, None, None, Some(kinds)) => [
                sql!(
                    "SELECT count(*) AS total FROM
                       (SELECT 1 FROM json_each(?3) CROSS JOIN events ON kind = value WHERE events.id >= ?1 AND events.id < ?2
                        LIMIT 100000)",
                    from,
                    to,
                    kinds,
                ),
                sql!(
                    "SELECT * FROM audit_log WHERE id IN
                       (SELECT found.id FROM json_each(?3) wanted CROSS JOIN events found ON found.id IN
                          (SELECT id FROM events WHERE kind = wanted.value AND id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT ?4 + ?5))
                     ORDER BY id DESC LIMIT ?4 OFFSET ?5",
                    from,
                    to,
                    kinds,
                    limit,
                    offset,
                ),
            ],
            (None, None, None, None) => [
                sql!(
                    "SELECT count(*) AS total FROM (SELECT 1 FROM events WHERE id >= ?1 AND id < ?2 LIMIT 100000)",
                    from,
                    to,
                ),
                sql!(
                    "SELECT * FROM audit_log WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3 OFFSET ?4",
                    from,
                    to,
                    limit,
                    offset,
                ),
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_recognised_but_not_told() {
        assert_eq!(redacted("ada@example.com"), "ad***@example.com");
        assert_eq!(redacted("é@example.com"), "é***@example.com");
    }
}
