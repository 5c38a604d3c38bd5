//! A subscription as it was last decided, the tier that follows from it, and its end.

use serde::Deserialize;
use serde_json::json;

use super::history::{State, Status};
use super::ledger::Ledger;
use super::snapshot::Cycle;
use crate::app::{App, By, Change};
use crate::db::{Stmt, Time};
use crate::error::{Code, Result};
use crate::event::{Event, Kind};
use crate::http::NoContent;
use crate::limits::Tier;
use crate::sql;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Row {
    pub subscription_id: String,
    pub user_id: i64,
    pub tier: Tier,
    pub billing_cycle: Cycle,
    pub status: Status,
    pub renews_at: Option<Time>,
    pub ends_at: Option<Time>,
    pub access_until: Option<Time>,
    pub revision: i64,
    pub created_at: Time,
}

impl Row {
    pub fn is_charged(&self) -> bool {
        is_charged(self.status)
    }

    pub fn is(&self, state: &State) -> bool {
        let State { tier, cycle, status, renews_at, ends_at, access_until, created_at } = state;
        (self.tier, self.billing_cycle, self.status) == (*tier, *cycle, *status)
            && (self.renews_at, self.ends_at, self.access_until) == (*renews_at, *ends_at, *access_until)
            && self.created_at == *created_at
    }
}

/// Whether the provider goes on charging for it.
pub fn is_charged(status: Status) -> bool {
    matches!(status, Status::Active | Status::PastDue)
}

/// Two who decide at once: the second one's decision is refused, and taken anew on what both know.
/// Whatever waits in the inbox meanwhile has its own turn.
pub fn if_still<T>(change: Change<T>, ledger: &Ledger) -> Change<T> {
    change
        .run(sql!(
            "INSERT INTO refusals SELECT 'CONFLICT'
             WHERE ?2 <> ifnull((SELECT revision FROM subscriptions WHERE subscription_id = ?1), 0)",
            ledger.subscription_id,
            ledger.row.as_ref().map_or(0, |row| row.revision),
        ))
        .run(sql!(
            "UPDATE subscriptions SET revision = revision + 1 WHERE subscription_id = ?1",
            ledger.subscription_id
        ))
}

/// The subscription as it is now, the reference it used up, and the tier that follows.
pub fn write<T>(
    mut change: Change<T>,
    ledger: &Ledger,
    user: i64,
    state: &State,
    reference: Option<&str>,
    by: &By,
) -> Change<T> {
    let id = &ledger.subscription_id;
    if let Some(reference) = reference {
        change = change
            .run(sql!(
                "UPDATE checkouts SET subscription_id = ?2 WHERE reference = ?1 AND subscription_id IS NULL",
                reference,
                id
            ))
            .run(sql!(
                "INSERT INTO refusals SELECT 'CONFLICT' WHERE NOT EXISTS
                   (SELECT 1 FROM checkouts WHERE reference = ?1 AND subscription_id = ?2)",
                reference,
                id,
            ));
    }
    let known = ledger.others_of(user).count() + usize::from(ledger.row.is_some());
    change = change.run(sql!(
        "INSERT INTO refusals SELECT 'CONFLICT' WHERE ?2 <> (SELECT count(*) FROM subscriptions WHERE user_id = ?1)",
        user,
        i64::try_from(known).unwrap_or_default(),
    ));
    for other in ledger.superseded(user, state) {
        change = change.announce(Event::new(Kind::SubscriptionSuperseded, by, other).with(json!({ "user_id": user })));
    }
    let told = json!({
        "user_id": user, "status": state.status.name(), "tier": state.tier.name(),
        "billing_cycle": state.cycle.name(), "has_access": state.access_until.is_some(),
    });
    change
        .run(sql!(
            "INSERT INTO subscriptions (subscription_id, user_id, tier, billing_cycle, status, renews_at, ends_at,
                                        access_until, revision, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9, ?10)
             ON CONFLICT (subscription_id) DO UPDATE SET tier = ?3, billing_cycle = ?4, status = ?5, renews_at = ?6,
               ends_at = ?7, access_until = ?8, created_at = ?9, updated_at = ?10",
            id,
            user,
            state.tier.name(),
            state.cycle.name(),
            state.status.name(),
            state.renews_at,
            state.ends_at,
            state.access_until,
            state.created_at,
            by.at,
        ))
        .run(set_tier(user, by.at))
        .announce(Event::new(Kind::SubscriptionUpdated, by, id).with(told))
}

/// The best tier anything of the user's gives now.
fn set_tier(user: i64, now: Time) -> Stmt {
    sql!(
        "UPDATE users SET tier = best.tier, updated_at = ?2
         FROM (SELECT ifnull((SELECT tier FROM subscriptions WHERE user_id = ?1 AND access_until > ?2
                              ORDER BY tier = 'premium' DESC LIMIT 1), 'free') AS tier) AS best
         WHERE users.id = ?1 AND users.tier <> best.tier",
        user,
        now,
    )
}

#[derive(Deserialize)]
pub struct Lapsed {
    subscription_id: String,
    user_id: i64,
}

/// Those whose time is up.
pub fn find_lapsed(now: Time) -> Stmt {
    sql!(
        "SELECT subscription_id, user_id FROM subscriptions WHERE access_until <= ?1 ORDER BY access_until LIMIT 50",
        now
    )
}

impl Lapsed {
    /// Takes back what it gave, once.
    pub fn end(&self, by: &By) -> Change<()> {
        Change::to(())
            .run(sql!(
                "INSERT INTO refusals SELECT 'CONFLICT' WHERE NOT EXISTS
                   (SELECT 1 FROM subscriptions WHERE subscription_id = ?1 AND access_until <= ?2)",
                self.subscription_id,
                by.at,
            ))
            .run(sql!(
                "UPDATE subscriptions SET access_until = NULL, status = iif(status = 'canceled', 'expired', status),
                                          revision = revision + 1, updated_at = ?2
                 WHERE subscription_id = ?1",
                self.subscription_id,
                by.at,
            ))
            .run(set_tier(self.user_id, by.at))
            .announce(
                Event::new(Kind::SubscriptionLapsed, by, &self.subscription_id)
                    .with(json!({ "user_id": self.user_id })),
            )
    }
}

/// Takes back what is over. Whoever was quicker has done it.
pub async fn lapse(app: &App) -> Result<()> {
    let due: Vec<Lapsed> = app.read(vec![find_lapsed(app.now())]).await?.rows()?;
    for lapsed in due {
        match app.commit::<NoContent>(lapsed.end(&app.by_user(None))).await {
            Err(error) if error.code != Code::Conflict => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
