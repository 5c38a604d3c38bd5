//! Every day how far the chain has come is put aside in R2, where the database's keys open nothing.

use audit_chain::{Checkpoint, hex};
use serde_json::json;

use super::{Position, Witness};
use crate::app::{App, Change};
use crate::auth::token::Keys;
use crate::error::{Error, Result};
use crate::event::{Event, Kind};
use crate::http::NoContent;
use crate::sql;

const PREFIX: &str = "audit/checkpoints/";

/// The cron's: the day's checkpoint, once.
pub async fn round(app: &App) -> Result<()> {
    let created_at = app.now().text();
    let day = created_at.split('T').next().unwrap_or_default();
    let mut answers = app
        .read(vec![
            sql!("SELECT value FROM cursors WHERE name = 'audit checkpoint'"),
            sql!("SELECT seq, hash FROM audit_links WHERE seq > 0 ORDER BY seq DESC LIMIT 1"),
        ])
        .await?;
    let (done, head): (Option<Position>, Option<Witness>) = (answers.first()?, answers.first()?);
    let Some(Witness { seq, hash }) = head.filter(|_| done.is_none_or(|done| done.value != day)) else { return Ok(()) };
    let signed: [&[u8]; 3] = [&seq.to_be_bytes(), hash.as_bytes(), created_at.as_bytes()];
    let signature = hex(&app.config().keys.digest(PREFIX, &signed));
    let checkpoint = json!(Checkpoint { seq, hash, created_at: created_at.clone(), signature });
    let change = Change::to(()).run(sql!(
        "INSERT INTO cursors (name, value) VALUES ('audit checkpoint', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        day,
    ));
    // One that is there stays: a crash came between it and the note that it is.
    let change = match app.host().keep_file(&format!("{PREFIX}{day}.json"), &checkpoint).await? {
        true => {
            change.announce(Event::new(Kind::AuditCheckpointed, &app.by_user(None), day).with(json!({ "seq": seq })))
        }
        false => change,
    };
    app.commit::<NoContent>(change).await.map(drop)
}

/// All that were put aside.
pub async fn all(app: &App) -> Result<Vec<Checkpoint>> {
    let text = app.host().kept_files(PREFIX).await?;
    serde_json::from_str(&text).map_err(|error| Error::internal(format!("no checkpoints: {error}")))
}

/// Whether we made it, and it says what it said.
pub fn is_ours(Checkpoint { seq, hash, created_at, signature }: &Checkpoint, keys: &Keys) -> bool {
    let signature = audit_chain::unhex(signature).unwrap_or_default();
    let signed: [&[u8]; 3] = [&seq.to_be_bytes(), hash.as_bytes(), created_at.as_bytes()];
    keys.digest_is(PREFIX, &signed, &signature)
}
