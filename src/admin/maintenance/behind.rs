//! What follows from an operator's word. All of it may be done again.

use serde::Deserialize;
use serde_json::json;

use super::Action;
use crate::app::{App, Change};
use crate::auth::session;
use crate::db::{Id, Time};
use crate::error::Result;
use crate::event::{Event, Kind, Recorded};
use crate::host::log;
use crate::http::NoContent;
use crate::jobs::step::Step;
use crate::{search, sql};

pub async fn follow(app: &App, event: &Recorded) -> Result<()> {
    match Action::parse(&event.entity_id) {
        Some(Action::InvalidateSessions) => end_sessions(app, event).await,
        Some(action @ (Action::ResetPreviewQueue | Action::ResetAiQueue)) => cancel(app, action.kind(), event).await,
        Some(Action::Reindex) => reindex(app, event).await,
        _ => Ok(()),
    }
}

/// Each index is one statement. One that took too long takes too long again, so that it is not tried again: operators
/// are told.
async fn reindex(app: &App, event: &Recorded) -> Result<()> {
    let Err(error) = search::rebuild(app).await else { return Ok(()) };
    log("reindex", error.cause().unwrap_or(error.message()));
    let failed = Event::new(Kind::MaintenanceFailed, &app.by_user(event.actor_id), &event.entity_id);
    let _: NoContent = app.commit(Change::to(()).announce(failed)).await?;
    Ok(())
}

/// Each as if its user had: edges and sockets are told by what follows from that.
async fn end_sessions(app: &App, event: &Recorded) -> Result<()> {
    #[derive(Deserialize)]
    struct Living {
        id: Id,
        user_id: i64,
        expires_at: Time,
    }
    let keep = event.data.get("keep").and_then(|keep| keep.as_str());
    // Those that are over already.
    let mut from = app.now();
    loop {
        let living = sql!(
            "SELECT id, user_id, expires_at FROM sessions
             WHERE expires_at >= ?1 AND revoked_at IS NULL AND created_at <= ?2 AND id IS NOT ?3
             ORDER BY expires_at LIMIT 100",
            from,
            event.created_at,
            keep,
        );
        let living: Vec<Living> = app.read(vec![living]).await?.rows()?;
        let Some(last) = living.last() else { return Ok(()) };
        from = last.expires_at;
        let ids: Vec<&Id> = living.iter().map(|session| &session.id).collect();
        let by = app.by_user(event.actor_id);
        let ended = Change::to(()).run(sql!(
            "UPDATE sessions SET revoked_at = ?2 WHERE id IN (SELECT value FROM json_each(?1)) AND revoked_at IS NULL",
            json!(ids),
            app.now(),
        ));
        let ended = living.iter().fold(ended, |change, session| {
            change.announce(session::ended(&session.id, session.user_id, Kind::SessionRevoked, &by))
        });
        let _: NoContent = app.commit(ended).await?;
    }
}

async fn cancel(app: &App, kind: &str, event: &Recorded) -> Result<()> {
    #[derive(Deserialize)]
    struct Unfinished {
        id: Id,
    }
    loop {
        let mut found = app
            .read(vec![
                sql!(
                    "SELECT id FROM jobs WHERE status = 'queued' AND kind = ?1 AND created_at <= ?2 LIMIT 25",
                    kind,
                    event.created_at
                ),
                sql!(
                    "SELECT id FROM jobs WHERE status = 'running' AND lease_until > '' AND kind = ?1 AND created_at <= ?2
                     LIMIT 25",
                    kind,
                    event.created_at
                ),
            ])
            .await?;
        let mut jobs: Vec<Unfinished> = found.rows()?;
        jobs.extend(found.rows::<Unfinished>()?);
        if jobs.is_empty() {
            return Ok(());
        }
        let by = app.by_user(event.actor_id);
        let mut all = Change::to(());
        for job in &jobs {
            let event = app.id()?;
            all = all.after(Step { job: &job.id, attempt: None, event: &event, by: &by }.cancel());
        }
        let _: NoContent = app.commit(all).await?;
    }
}
