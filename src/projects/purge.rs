//! What a deleted project leaves behind goes in pieces: all at once could be more than one batch may take.

use serde::Deserialize;

use crate::app::{App, Change};
use crate::db::{self, Id};
use crate::error::Result;
use crate::sql;

#[derive(Deserialize)]
struct Rest {
    #[serde(deserialize_with = "db::flag")]
    is_left: bool,
}

/// Removes everything a deleted project left, piece by piece; done again it finds nothing.
pub async fn all(app: &App, project: &str) -> Result<()> {
    let Some(project) = Id::parse(project) else { return Ok(()) };
    while app.commit_row(piece(&project)).await?.is_some_and(|rest| rest.is_left) {}
    Ok(())
}

/// The next piece, and whether any is left. Comments go the newest first, before what they reply to, and are let go
/// of it before: SQLite gives up where one deletion leads to the next a thousand times.
fn piece(project: &Id) -> Change<Rest> {
    Change::returning(sql!("SELECT EXISTS (SELECT 1 FROM projects WHERE id = ?1) AS is_left", project))
        .run(sql!(
            "UPDATE comments SET parent_id = NULL WHERE parent_id IS NOT NULL
               AND id IN (SELECT id FROM comments WHERE project_id = ?1 ORDER BY id DESC LIMIT 1000)",
            project
        ))
        .run(sql!(
            "DELETE FROM comments WHERE id IN (SELECT id FROM comments WHERE project_id = ?1 ORDER BY id DESC LIMIT 1000)",
            project
        ))
        .run(sql!(
            "DELETE FROM tasks WHERE id IN (SELECT id FROM tasks WHERE project_id = ?1 LIMIT 1000)
               AND NOT EXISTS (SELECT 1 FROM comments WHERE project_id = ?1)",
            project
        ))
        .run(sql!(
            "DELETE FROM projects WHERE id = ?1
               AND NOT EXISTS (SELECT 1 FROM tasks WHERE project_id = ?1)
               AND NOT EXISTS (SELECT 1 FROM comments WHERE project_id = ?1)",
            project
        ))
}
