//! The cron's round.

use futures::future::join_all;
use serde::Deserialize;

use super::Kind;
use crate::admin::queues;
use crate::app::{App, Change};
use crate::attachments::orphans;
use crate::auth::{login_link, session};
use crate::billing::{checkout, inbox, reconcile, subscription};
use crate::db::{DAY, Id, MINUTE};
use crate::error::{Code, Result};
use crate::host::log;
use crate::http::NoContent;
use crate::monitoring::tally;
use crate::{
    ai_docs, api_keys, audit, idempotency, jobs, notifications, previews, search, sql, support, webhooks, workers,
};

/// How long an event may wait for the queue before it is sent again.
const OVERDUE: i64 = MINUTE;

/// What fails here keeps nothing else from its turn. Answers with what was done, and whether it succeeded.
pub async fn sweep(app: &App) -> Vec<(&'static str, bool)> {
    let mut done = Vec::new();
    for (what, outcome) in [
        ("outbox", send_again(app).await),
        ("sessions", end_expired(app).await),
        ("keeping", forget_old(app).await),
        ("audit", audit::catch_up(app).await),
        ("checkpoint", audit::checkpoint::round(app).await),
        ("lapse", subscription::lapse(app).await),
        ("orphans", orphans::round(app).await),
        ("jobs", jobs::sweep::round(app).await),
        ("workers", workers::round(app).await),
        ("previews", previews::round(app).await),
        ("ai_docs", ai_docs::sweep(app).await),
        ("search", search::merge(app).await),
        ("queues", queues::sample(app).await),
        ("reconcile", reconcile::round(app).await),
        ("webhooks", webhooks::wake(app).await),
    ] {
        done.push((what, outcome.is_ok()));
        if let Err(error) = outcome {
            log(what, error.cause().unwrap_or(error.message()));
        }
    }
    done
}

/// What was never delivered.
async fn send_again(app: &App) -> Result<()> {
    #[derive(Deserialize)]
    struct Due {
        id: Id,
    }
    let overdue = sql!(
        "SELECT id FROM events WHERE delivered_at IS NULL AND created_at < ?1 ORDER BY random() LIMIT 500",
        app.now().plus(-OVERDUE)
    );
    let due: Vec<Due> = app.read(vec![overdue]).await?.rows()?;
    let announced = join_all(due.iter().map(|due| app.host().announce(&due.id))).await;
    announced.into_iter().collect()
}

/// Sessions that ran out: sockets that were opened with them end, too.
async fn end_expired(app: &App) -> Result<()> {
    #[derive(Deserialize)]
    struct Expired {
        id: Id,
        user_id: i64,
    }
    let now = app.now();
    let expired = sql!(
        "SELECT id, user_id FROM sessions WHERE expires_at < ?1 AND expires_at > ?2 AND revoked_at IS NULL LIMIT 200",
        now,
        now.plus(-DAY),
    );
    let expired: Vec<Expired> = app.read(vec![expired]).await?.rows()?;
    for Expired { id, user_id } in expired {
        let by = app.by_user(None);
        let _: NoContent =
            app.commit(session::revoke(&id, user_id, Kind::SessionRevoked, Code::SessionNotFound, &by)).await?;
    }
    Ok(())
}

/// What is past keeping.
async fn forget_old(app: &App) -> Result<()> {
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
        .run(tally::forget_old(now))
        .run(support::forget_old(now))
        .run(sql!(
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ?1 LIMIT 1000)",
            now.plus(-30 * DAY)
        ));
    let more =
        notifications::forget_old(now).into_iter().chain(api_keys::forget_old(now)).chain(webhooks::forget_old(now));
    let change = more.fold(change, Change::run);
    app.commit::<NoContent>(change).await.map(drop)
}
