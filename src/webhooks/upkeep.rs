//! What the cron sees to.

use futures::future::join_all;

use super::outbox::{Waiting, poke};
use crate::app::App;
use crate::db::{DAY, MINUTE, Stmt, Time};
use crate::error::Result;
use crate::sql;

/// How long deliveries are kept.
const KEPT: i64 = 30 * DAY;
/// How late a sender may be before it is woken.
const OVERDUE: i64 = MINUTE;

/// Wakes senders that sleep though something is due.
pub async fn wake(app: &App) -> Result<()> {
    let asleep = sql!(
        "SELECT id AS webhook_id FROM webhook_endpoints WHERE due_at < ?1 AND is_active ORDER BY due_at LIMIT 200",
        app.now().plus(-OVERDUE)
    );
    let asleep: Vec<Waiting> = app.read(vec![asleep]).await?.rows()?;
    join_all(asleep.iter().map(|waiting| poke(app, &waiting.webhook_id))).await;
    Ok(())
}

/// Drops what is past keeping, and what deleted webhooks have left once nothing of it is to be sent.
pub fn forget_old(now: Time) -> [Stmt; 3] {
    [
        sql!(
            "DELETE FROM webhook_deliveries WHERE id IN
               (SELECT id FROM webhook_deliveries WHERE created_at < ?1 AND status <> 'pending' LIMIT 1000)",
            now.plus(-KEPT)
        ),
        sql!(
            "DELETE FROM webhook_deliveries WHERE id IN
               (SELECT d.id FROM webhook_endpoints w JOIN webhook_deliveries d ON d.webhook_id = w.id
                WHERE w.closed_at < ?1 AND (w.due_at IS NULL OR NOT w.is_active) LIMIT 1000)",
            now
        ),
        sql!(
            "DELETE FROM webhook_endpoints WHERE closed_at < ?1 AND (due_at IS NULL OR NOT is_active)
               AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = webhook_endpoints.id)",
            now
        ),
    ]
}
