//! What a deleted project or task leaves behind goes in pieces: all at once could be more than one batch may take.

use serde::Deserialize;

use crate::app::{App, Change};
use crate::db::{self, Id, Time};
use crate::error::{Code, Error, Result};
use crate::sql;

/// Pieces one delivery of an event removes.
const AT_ONCE: usize = 8;

#[derive(Deserialize)]
struct Rest {
    #[serde(deserialize_with = "db::flag")]
    is_left: bool,
}

/// Removes what a deleted project left, piece by piece; done again it goes on where it ended, or finds nothing.
pub async fn all(app: &App, project: &str) -> Result<()> {
    match Id::parse(project) {
        Some(project) => pieces(app, || of_project(&project, app.now())).await,
        None => Ok(()),
    }
}

/// Removes the comments of a deleted task, as `all` does.
pub async fn task(app: &App, project: &str, task: &str) -> Result<()> {
    match (Id::parse(project), Id::parse(task)) {
        (Some(project), Some(task)) => pieces(app, || of_task(&project, &task)).await,
        _ => Ok(()),
    }
}

/// An error where more is left than one call may take: so the event is delivered again.
async fn pieces(app: &App, next: impl Fn() -> Change<Rest>) -> Result<()> {
    for _ in 0..AT_ONCE {
        if !app.commit_row(next()).await?.is_some_and(|rest| rest.is_left) {
            return Ok(());
        }
    }
    Err(Error::new(Code::Unavailable).because("more is left to purge"))
}

/// The next piece, and whether any is left. Nothing can go while another refers to it: what replies to the
/// comments of the piece lets go of them first, whichever piece it is in itself.
fn of_project(project: &Id, now: Time) -> Change<Rest> {
    Change::returning(sql!("SELECT EXISTS (SELECT 1 FROM projects WHERE id = ?1) AS is_left", project))
        .run(sql!(
            "UPDATE comments SET parent_id = NULL
             WHERE parent_id IN (SELECT id FROM comments WHERE project_id = ?1 ORDER BY id DESC LIMIT 500)",
            project
        ))
        .run(sql!(
            "DELETE FROM comments WHERE id IN (SELECT id FROM comments WHERE project_id = ?1 ORDER BY id DESC LIMIT 500)",
            project
        ))
        .run(sql!(
            "DELETE FROM tasks WHERE id IN (SELECT id FROM tasks WHERE project_id = ?1 LIMIT 500)
               AND NOT EXISTS (SELECT 1 FROM comments WHERE project_id = ?1)",
            project
        ))
        // What was requested counts for a day, whatever became of the project.
        .run(sql!(
            "UPDATE jobs SET project_id = NULL, request = '{}', result = NULL, lease_until = NULL, expires_at = NULL,
                    status = iif(status IN ('queued', 'running'), 'canceled', status), finished_at = ifnull(finished_at, ?2)
             WHERE id IN (SELECT id FROM jobs WHERE project_id = ?1 LIMIT 500)",
            project,
            now,
        ))
        .run(sql!(
            "DELETE FROM preview_files WHERE (project_id, sha256) IN
               (SELECT project_id, sha256 FROM preview_files WHERE project_id = ?1 LIMIT 1000)",
            project
        ))
        .run(sql!(
            "DELETE FROM projects WHERE id = ?1
               AND NOT EXISTS (SELECT 1 FROM tasks WHERE project_id = ?1)
               AND NOT EXISTS (SELECT 1 FROM jobs WHERE project_id = ?1)
               AND NOT EXISTS (SELECT 1 FROM preview_files WHERE project_id = ?1)
               AND NOT EXISTS (SELECT 1 FROM comments WHERE project_id = ?1)",
            project
        ))
}

/// As `of_project`.
fn of_task(project: &Id, task: &Id) -> Change<Rest> {
    Change::returning(sql!(
        "SELECT EXISTS (SELECT 1 FROM comments
                        WHERE project_id = ?1 AND entity_type = 'task' AND entity_id = ?2 AND task_id IS NULL) AS is_left",
        project,
        task,
    ))
    .run(sql!(
        "UPDATE comments SET parent_id = NULL
         WHERE parent_id IN (SELECT id FROM comments WHERE project_id = ?1 AND entity_type = 'task' AND entity_id = ?2 AND task_id IS NULL
                             ORDER BY id DESC LIMIT 500)",
        project,
        task,
    ))
    .run(sql!(
        "DELETE FROM comments
         WHERE id IN (SELECT id FROM comments WHERE project_id = ?1 AND entity_type = 'task' AND entity_id = ?2 AND task_id IS NULL
                      ORDER BY id DESC LIMIT 500)",
        project,
        task,
    ))
}
