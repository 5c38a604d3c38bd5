//! What can be exported: the columns of each, and its pages by key.

use serde_json::{Value, json};

use super::Format;
use super::format::Row;
use crate::app::App;
use crate::audit::{self, log::redacted};
use crate::db::{DAY, Moment, Stmt, Time};
use crate::error::{Error, Result};
use crate::event::Kind;
use crate::sql;

/// Rows read at once: what an isolate holds of an export, and a million of them in few enough queries.
const PAGE: usize = 2500;
/// Days of figures made at once.
const DAYS: i64 = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Audit,
    Users,
    Previews,
    AiDocs,
    Workers,
    Metrics,
}

impl What {
    pub const ALL: [What; 6] = [What::Audit, What::Users, What::Previews, What::AiDocs, What::Workers, What::Metrics];

    pub fn name(self) -> &'static str {
        match self {
            What::Audit => "audit",
            What::Users => "users",
            What::Previews => "previews",
            What::AiDocs => "ai_docs",
            What::Workers => "workers",
            What::Metrics => "metrics",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        What::ALL.into_iter().find(|what| what.name() == name)
    }

    pub fn columns(self) -> &'static [&'static str] {
        match self {
            What::Audit => &[
                "seq",
                "id",
                "kind",
                "severity",
                "actor_id",
                "actor_email",
                "project_id",
                "entity_id",
                "data",
                "request_id",
                "created_at",
                "hash",
            ],
            What::Users => &[
                "id",
                "email",
                "username",
                "tier",
                "status",
                "is_admin",
                "created_at",
                "last_seen_at",
                "projects",
                "memberships",
                "sessions",
            ],
            What::Previews | What::AiDocs => &[
                "id",
                "project_id",
                "requested_by",
                "tier",
                "status",
                "attempt",
                "worker_id",
                "error_code",
                "created_at",
                "started_at",
                "finished_at",
                "expires_at",
            ],
            What::Workers => &[
                "id",
                "type",
                "status",
                "draining",
                "registered_at",
                "last_heartbeat_at",
                "completed",
                "failed",
                "timed_out",
                "busy_ms",
                "metrics",
            ],
            What::Metrics => &["day", "kind", "severity", "events", "actors"],
        }
    }

    /// Where to begin and to end.
    pub async fn pages(self, app: &App, from: Option<Moment>, to: Option<Moment>) -> Result<Pages> {
        let to = to.map_or(app.now().plus(1), |Moment(to)| to.min(app.now().plus(1)));
        let from = from.map_or(Time::FIRST, |Moment(from)| from);
        let after = match self {
            What::Audit | What::Previews | What::AiDocs => first_id(from),
            What::Workers => String::new(),
            What::Users => "0".into(),
            What::Metrics => {
                let first = sql!("SELECT created_at FROM events WHERE id > '' ORDER BY id LIMIT 1");
                let first = app.read(vec![first]).await?.first::<Row>()?;
                let first =
                    first.and_then(|first| serde_json::from_value::<Time>(first.get("created_at")?.clone()).ok());
                from.max(first.unwrap_or(to)).text()
            }
        };
        Ok(Pages { what: self, from, to, after: Some(after) })
    }
}

/// An export as far as it has been read.
pub struct Pages {
    what: What,
    from: Time,
    to: Time,
    /// The last key there was; `None`: that was all.
    after: Option<String>,
}

impl Pages {
    pub async fn next(&mut self, app: &App, format: Format) -> Result<Option<Vec<Row>>> {
        let Some(after) = self.after.take() else { return Ok(None) };
        match self.what {
            What::Audit => self.audit(app, after, format).await,
            What::Users => {
                let mut rows = self.page(app, self.users(&after), "id").await?;
                for row in &mut rows {
                    redact(row, "email");
                }
                Ok(Some(rows))
            }
            What::Previews => self.page(app, self.jobs("preview", &after), "id").await.map(Some),
            What::AiDocs => self.page(app, self.jobs("ai_doc", &after), "id").await.map(Some),
            What::Workers => self.page(app, self.workers(&after), "id").await.map(Some),
            What::Metrics => self.metrics(app, after).await.map(Some),
        }
    }

    /// A page of rows; where it is full, another comes after its last key.
    async fn page(&mut self, app: &App, stmt: Stmt, key: &str) -> Result<Vec<Row>> {
        let rows: Vec<Row> = app.read(vec![stmt]).await?.rows()?;
        self.after = next_after(&rows, key);
        Ok(rows)
    }

    /// In JSON each line has what it takes to check it without the service.
    async fn audit(&mut self, app: &App, after: String, format: Format) -> Result<Option<Vec<Row>>> {
        let to = first_id(self.to);
        let page = sql!(
            "SELECT l.seq, e.id, e.kind, e.actor_id, u.email AS actor_email, e.project_id, e.entity_id, e.data, e.request_id,
                    e.created_at, l.hash, p.hash AS previous, l.actor, l.entity, l.data AS digest
             FROM events e LEFT JOIN audit_links l ON l.event_id = e.id LEFT JOIN audit_links p ON p.seq = l.seq - 1
             LEFT JOIN users u ON u.id = e.actor_id
             WHERE e.id > ?1 AND e.id < ?2 ORDER BY e.id LIMIT 2500",
            after,
            to,
        );
        let salts = sql!(
            "SELECT DISTINCT s.user_id, s.salt FROM events e
             JOIN json_tree(json_array(e.actor_id, e.entity_id, json(e.data))) part
             JOIN audit_salts s ON s.user_id = CAST(part.atom AS INTEGER)
             WHERE e.id IN (SELECT id FROM events WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT 2500) AND part.atom IS NOT NULL",
            after,
            to,
        );
        let checkable = format != Format::Csv;
        let mut answers = app.read(if checkable { vec![page, salts] } else { vec![page] }).await?;
        let mut rows: Vec<Row> = answers.rows()?;
        let salts = if checkable { Some(audit::Salts::read(&mut answers)?) } else { None };
        self.after = next_after(&rows, "id");
        for row in &mut rows {
            redact(row, "actor_email");
            row.insert("severity".into(), json!(severity(row)));
            let mut take = |name: &str| row.remove(name).unwrap_or_default();
            let (previous, actor, entity, data) = (take("previous"), take("actor"), take("entity"), take("digest"));
            let Some(salts) = &salts else { continue };
            let (seq, hash) = (row.get("seq").cloned(), row.get("hash").cloned());
            let previous = if seq == Some(json!(1)) { json!(audit_chain::START) } else { previous };
            let link = json!({ "seq": seq, "previous": previous, "actor": actor, "entity": entity, "data": data, "hash": hash });
            let is_linked = seq.is_some_and(|seq| !seq.is_null());
            let event = serde_json::from_value(Value::Object(row.clone()))
                .map_err(|error| Error::internal(format!("an event does not fit its type: {error}")))?;
            let openings = salts.openings(&event);
            // `null` says of whom that they are erased.
            let openings = openings.iter().map(|(person, opening)| {
                (person.to_string(), json!(opening.map(|opening| audit_chain::hex(&opening))))
            });
            row.insert("openings".into(), Value::Object(openings.collect()));
            row.insert("link".into(), if is_linked { link } else { Value::Null });
        }
        Ok(Some(rows))
    }

    fn users(&self, after: &str) -> Stmt {
        sql!(
            "SELECT id, email, username, tier, status, is_admin, created_at,
                    (SELECT max(last_seen_at) FROM sessions WHERE user_id = u.id) AS last_seen_at,
                    (SELECT count(*) FROM projects WHERE owner_id = u.id) AS projects,
                    (SELECT count(*) FROM team_members WHERE user_id = u.id) AS memberships,
                    (SELECT count(*) FROM sessions WHERE user_id = u.id AND revoked_at IS NULL) AS sessions
             FROM users u WHERE id > CAST(?1 AS INTEGER) AND created_at >= ?2 AND created_at < ?3 ORDER BY id LIMIT 2500",
            after,
            self.from,
            self.to,
        )
    }

    fn jobs(&self, kind: &str, after: &str) -> Stmt {
        sql!(
            "SELECT id, project_id, requested_by, tier, status, attempt, worker_id, error_code, created_at, started_at,
                    finished_at, expires_at
             FROM jobs WHERE kind = ?1 AND id > ?2 AND id < ?3 ORDER BY id LIMIT 2500",
            kind,
            after,
            first_id(self.to),
        )
    }

    /// Those that were heard of in that time.
    fn workers(&self, after: &str) -> Stmt {
        sql!(
            "SELECT id, type, status, draining, registered_at, last_heartbeat_at, completed, failed, timed_out, busy_ms, metrics
             FROM worker_nodes WHERE id > ?1 AND last_heartbeat_at >= ?2 AND registered_at < ?3 ORDER BY id LIMIT 2500",
            after,
            self.from,
            self.to,
        )
    }

    /// Figures of some days: how often what happened, and by how many.
    async fn metrics(&mut self, app: &App, from: String) -> Result<Vec<Row>> {
        let Ok(from) = serde_json::from_value::<Time>(json!(from)) else { return Ok(Vec::new()) };
        let midnight = Time::from_millis(from.millis().div_euclid(DAY) * DAY);
        let end = midnight.plus(DAYS * DAY).min(self.to);
        let figures = sql!(
            "SELECT substr(created_at, 1, 10) AS day, kind, count(*) AS events, count(DISTINCT actor_id) AS actors
             FROM events WHERE id >= ?1 AND id < ?2 GROUP BY 1, 2 ORDER BY 1, 2",
            first_id(from),
            first_id(end),
        );
        let mut rows: Vec<Row> = app.read(vec![figures]).await?.rows()?;
        self.after = (end < self.to).then(|| end.text());
        for row in &mut rows {
            row.insert("severity".into(), json!(severity(row)));
        }
        Ok(rows)
    }
}

/// Comes before every id of then.
fn first_id(time: Time) -> String {
    audit::log::span(Some(Moment(time)), None).into_iter().next().unwrap_or_default()
}

fn next_after(rows: &[Row], key: &str) -> Option<String> {
    let last = rows.last().filter(|_| rows.len() == PAGE)?.get(key)?;
    Some(last.as_str().map_or_else(|| last.to_string(), str::to_owned))
}

fn redact(row: &mut Row, column: &str) {
    if let Some(Value::String(email)) = row.get_mut(column) {
        *email = redacted(email);
    }
}

fn severity(row: &Row) -> crate::event::Severity {
    let kind = row.get("kind").and_then(Value::as_str).and_then(Kind::from_name);
    kind.map(Kind::severity).unwrap_or_default()
}
