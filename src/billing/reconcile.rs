//! The comparison with the provider's own list, so that an outage longer than its retries loses nothing.
//!
//! A round goes through all pages, a few a minute, far below the provider's 300 calls a minute. What differs
//! goes into the inbox like a webhook.

use serde::Deserialize;
use serde_json::json;

use super::inbox;
use super::ledger::{self, Decision, Ledger};
use super::notice::Claim;
use super::provider::{Listed, Provider};
use super::snapshot::Snapshot;
use crate::app::{App, Change};
use crate::db::{MINUTE, Stmt, Time};
use crate::error::{Code, Result};
use crate::http::NoContent;
use crate::sql;

/// A page may take 200 statements, and the database takes 1,000 of one run.
const PAGES_A_MINUTE: usize = 3;

/// From one round to the next.
const REST: i64 = 15 * MINUTE;

#[derive(Deserialize)]
struct Progress {
    next_page: i64,
    due_at: Time,
}

/// As many pages as a minute allows. A failure leaves the rest to the next minute.
pub async fn round(app: &App) -> Result<()> {
    if app.config().billing.is_none() {
        return Ok(());
    }
    let progress: Option<Progress> = app
        .read(vec![sql!("SELECT next_page, due_at FROM reconciliations WHERE name = 'subscriptions'")])
        .await?
        .first()?;
    if progress.as_ref().is_some_and(|progress| progress.due_at > app.now()) {
        return Ok(());
    }
    let mut page = progress.map_or(1, |progress| progress.next_page);
    for _ in 0..PAGES_A_MINUTE {
        let listed = Provider::of(app)?.list(page).await?;
        page = if listed.is_last { 1 } else { page + 1 };
        compare(app, &listed, page).await?;
        if listed.is_last {
            break;
        }
    }
    Ok(())
}

async fn compare(app: &App, listed: &Listed, next_page: i64) -> Result<()> {
    let ids: Vec<String> = listed.items.iter().map(|(id, _)| id.clone()).collect();
    let mut answers = app.read(ledger::find(&json!(ids)).into()).await?;
    let ledgers = ledger::read(ids, &mut answers)?;
    let (by, catalog) = (app.by_user(None), Provider::of(app)?.catalog());
    let due = if listed.is_last { app.now().plus(REST) } else { app.now() };
    let mut change = Change::to(()).run(progress(next_page, due));
    for (ledger, (id, snapshot)) in ledgers.iter().zip(&listed.items) {
        let unsettled = matches!(ledger.decide(catalog, app.now()), Decision::Write { .. } | Decision::Ask);
        if unsettled || is_news(ledger, snapshot) {
            change = inbox::tell(change, &app.id()?, id, snapshot, Claim::default(), "reconciliation", &by);
        }
    }
    match app.commit::<NoContent>(change).await {
        // Another round at the same time put it there.
        Err(error) if error.code == Code::Conflict => Ok(()),
        outcome => outcome.map(drop),
    }
}

fn progress(next_page: i64, due: Time) -> Stmt {
    sql!(
        "INSERT INTO reconciliations (name, next_page, due_at) VALUES ('subscriptions', ?1, ?2)
         ON CONFLICT (name) DO UPDATE SET next_page = excluded.next_page, due_at = excluded.due_at",
        next_page,
        due,
    )
}

/// Whether the latest that was said is something else.
fn is_news(ledger: &Ledger, listed: &Snapshot) -> bool {
    let said = ledger.records.iter().filter_map(|record| record.snapshot.as_ref());
    said.max_by_key(|snapshot| snapshot.version()).is_none_or(|latest| latest.content != listed.content)
}
