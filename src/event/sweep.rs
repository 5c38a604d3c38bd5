//! The cron's round.

use serde::Deserialize;

use crate::app::{App, Change};
use crate::attachments::orphans;
use crate::auth::login_link;
use crate::billing::{checkout, inbox, reconcile, subscription};
use crate::db::{DAY, Id, MINUTE};
use crate::error::Result;
use crate::host::log;
use crate::http::NoContent;
use crate::{idempotency, notifications, search, sql};

/// How long an event may wait for the queue before it is sent again.
const OVERDUE: i64 = MINUTE;

/// Sends again what was never delivered, drops what is past keeping, takes back what is over,
/// tidies the search indexes and compares with the provider.
pub async fn sweep(app: &App) -> Result<()> {
    #[derive(Deserialize)]
    struct DueAgain {
        id: Id,
    }
    let now = app.now();
    let change = Change::to(())
        .run(sql!(
            "DELETE FROM idempotency_keys WHERE (scope, key) IN
               (SELECT scope, key FROM idempotency_keys WHERE created_at < ?1 LIMIT 1000)",
            now.plus(-idempotency::KEPT)
        ))
        .run(sql!(
            "DELETE FROM login_attempts WHERE key IN (SELECT key FROM login_attempts WHERE last_at < ?1 LIMIT 1000)",
            now.plus(-DAY)
        ))
        .run(login_link::forget_old(now))
        .run(checkout::forget_old(now))
        .run(inbox::forget_old(now))
        .run(sql!(
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ?1 LIMIT 1000)",
            now.plus(-30 * DAY)
        ));
    let change = notifications::forget_old(now).into_iter().fold(change, Change::run);
    let _: NoContent = app.commit(change).await?;
    let overdue = sql!(
        "SELECT id FROM events WHERE delivered_at IS NULL AND created_at < ?1 ORDER BY random() LIMIT 100",
        now.plus(-OVERDUE)
    );
    let due: Vec<DueAgain> = app.read(vec![overdue]).await?.rows()?;
    // What fails here keeps nothing else from its turn.
    for DueAgain { id } in due {
        let announced = app.host().announce(&id).await;
        announced.unwrap_or_else(|error| log("outbox", error.cause().unwrap_or_default()));
    }
    let lapsed = subscription::lapse(app).await;
    lapsed.unwrap_or_else(|error| log("lapse", error.cause().unwrap_or_default()));
    let orphans = orphans::round(app).await;
    orphans.unwrap_or_else(|error| log("orphans", error.cause().unwrap_or_default()));
    let merged = search::merge(app).await;
    merged.unwrap_or_else(|error| log("search", error.cause().unwrap_or_default()));
    reconcile::round(app).await
}
