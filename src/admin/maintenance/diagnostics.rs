//! Looks closely at all that the service stands on. It reads all of the database, which does little else meanwhile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::{App, Change};
use crate::db::{MINUTE, Stmt};
use crate::error::{Error, Result};
use crate::http::NoContent;
use crate::{host, sql};

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Diagnosis")]
pub struct Check {
    #[schemars(example = &"foreign_keys")]
    pub name: String,
    pub ok: bool,
    #[schemars(example = 12)]
    pub milliseconds: i64,
    /// What is wrong.
    pub found: Option<String>,
}

/// Milliseconds that a binding has to answer.
const PATIENCE: u32 = 5_000;

pub async fn run(app: &App) -> Vec<Check> {
    let mut checks: Vec<Check> = match app.host().probe(PATIENCE).await {
        Ok(probed) => probed
            .into_iter()
            .map(|part| Check {
                name: part.name,
                ok: part.failure.is_none(),
                milliseconds: part.milliseconds,
                found: part.failure,
            })
            .collect(),
        Err(error) => vec![check("bindings", 0, Err(error))],
    };
    for (name, look) in [
        ("storage", sql!("PRAGMA quick_check(1)")),
        ("foreign_keys", sql!("PRAGMA foreign_key_check")),
        (
            "outbox",
            sql!(
                "SELECT id FROM events WHERE delivered_at IS NULL AND created_at < ?1 LIMIT 1",
                app.now().plus(-5 * MINUTE)
            ),
        ),
    ] {
        let began = host::now().millis();
        let found = clean(app, look).await;
        checks.push(check(name, began, found));
    }
    // Fails where an index and what it is of do not fit.
    for (name, index) in [
        ("search_projects", sql!("INSERT INTO projects_fts (projects_fts, rank) VALUES ('integrity-check', 1)")),
        ("search_tasks", sql!("INSERT INTO tasks_fts (tasks_fts, rank) VALUES ('integrity-check', 1)")),
        ("search_comments", sql!("INSERT INTO comments_fts (comments_fts, rank) VALUES ('integrity-check', 1)")),
    ] {
        let began = host::now().millis();
        let found = app.commit::<NoContent>(Change::to(()).run(index)).await.map(drop);
        checks.push(check(name, began, found));
    }
    checks
}

/// Nothing is found, or that all is well.
async fn clean(app: &App, look: Stmt) -> Result<()> {
    let rows: Vec<serde_json::Value> = app.read(vec![look]).await?.rows()?;
    match rows.first() {
        Some(row) if row.get("quick_check").is_none_or(|said| said != "ok") => Err(Error::internal(row.to_string())),
        _ => Ok(()),
    }
}

fn check(name: &str, began: i64, found: Result<()>) -> Check {
    let milliseconds = host::now().millis().saturating_sub(began).max(0);
    let found = found.err().map(|error| error.cause().unwrap_or(error.message()).to_owned());
    Check { name: name.into(), ok: found.is_none(), milliseconds, found }
}
