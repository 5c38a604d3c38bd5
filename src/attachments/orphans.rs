//! Files without an attachment, and attachments without their file: a crash between two stores leaves them.
//!
//! The cron walks the keys of both in the same order, a page a round, and begins anew at the end.

use serde::Deserialize;
use serde_json::json;

use super::PREFIX;
use crate::app::{App, Change};
use crate::db::HOUR;
use crate::error::Result;
use crate::http::NoContent;
use crate::sql;

/// What is younger may be in the middle of its upload.
const SETTLED: i64 = HOUR;
/// Comes after every key.
const LAST: &str = "~";

#[derive(Deserialize)]
struct Key {
    key: String,
}

pub async fn round(app: &App) -> Result<()> {
    let settled = app.now().plus(-SETTLED);
    let position = sql!("SELECT value AS key FROM cursors WHERE name = 'attachments'");
    let after = app.read(vec![position]).await?.first::<Key>()?.map_or(String::new(), |found| found.key);
    let page = app.host().list_files(PREFIX, &after).await?;
    let there = json!(page.objects.iter().map(|(key, ..)| key).collect::<Vec<_>>());
    let end = page.objects.last().filter(|_| page.truncated).map(|(key, ..)| key.as_str());
    let mut answers = app
        .read(vec![
            sql!(
                "SELECT value AS key FROM json_each(?1)
                 WHERE NOT EXISTS (SELECT 1 FROM task_attachments WHERE r2_key = value)",
                json!(page.before(settled).collect::<Vec<_>>()),
            ),
            sql!(
                "SELECT r2_key AS key FROM task_attachments
                 WHERE r2_key > ?1 AND r2_key <= ?2 AND uploaded_at < ?3 AND lost_at IS NULL
                   AND r2_key NOT IN (SELECT value FROM json_each(?4))
                 LIMIT 1000",
                after,
                end.unwrap_or(LAST),
                settled,
                there,
            ),
        ])
        .await?;
    let (orphans, lost): (Vec<Key>, Vec<Key>) = (answers.rows()?, answers.rows()?);
    if !orphans.is_empty() {
        let keys: Vec<&str> = orphans.iter().map(|orphan| orphan.key.as_str()).collect();
        app.host().delete_files(&keys).await?;
    }
    let keys: Vec<&str> = lost.iter().map(|lost| lost.key.as_str()).collect();
    if !keys.is_empty() {
        crate::host::log("files", &format!("these are lost: {}", keys.join(", ")));
    }
    let change = Change::to(())
        .run(sql!(
            "UPDATE task_attachments SET lost_at = ?2 WHERE r2_key IN (SELECT value FROM json_each(?1))",
            json!(keys),
            app.now(),
        ))
        // What turned up again was only late.
        .run(sql!(
            "UPDATE task_attachments SET lost_at = NULL
             WHERE r2_key IN (SELECT value FROM json_each(?1)) AND lost_at IS NOT NULL",
            there,
        ))
        .run(sql!(
            "INSERT INTO cursors (name, value) VALUES ('attachments', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            end.unwrap_or_default(),
        ));
    let _: NoContent = app.commit(change).await?;
    Ok(())
}
