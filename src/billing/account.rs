//! What a caller has: their plan, their subscription, and how much of it is used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checkout::{self, Open};
use super::history::Status;
use super::inbox;
use super::ledger::{Decision, Ledger, Record};
use super::plans::Catalog;
use super::snapshot::{Cycle, Snapshot};
use super::subscription::{self, Row};
use crate::access::{Ask, Edit, Permits, Role, Thing, View};
use crate::app::{By, Change};
use crate::db::{self, Answers, Id, Stmt, Time};
use crate::error::{Code, Result};
use crate::limits::{Limits, Tier};
use crate::sql;

/// The caller's plan.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct BillingStatus {
    pub tier: Tier,
    #[serde(deserialize_with = "db::maybe_json")]
    pub subscription: Option<Subscription>,
    #[serde(deserialize_with = "db::json")]
    pub usage: Usage,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Subscription {
    /// The provider's.
    #[schemars(example = &"1652029")]
    pub subscription_id: String,
    pub status: Status,
    pub tier: Tier,
    pub billing_cycle: Cycle,
    pub renews_at: Option<Time>,
    pub ends_at: Option<Time>,
    /// Whether it gives its tier.
    #[serde(deserialize_with = "db::flag")]
    pub has_access: bool,
    /// Until when, if that has an end: a canceled one's last day, or the end of the grace after a failed payment.
    pub access_until: Option<Time>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    pub projects: Used,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Used {
    #[schemars(example = 3)]
    pub used: i64,
    /// `null`: without a limit.
    #[schemars(example = 3)]
    pub limit: Option<i64>,
}

/// A signed address at the provider, for one visit.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Portal {
    #[schemars(example = &"https://my-store.lemonsqueezy.com/billing?expires=…&signature=…")]
    pub url: String,
}

/// Everything about the caller's billing, as decided and as told.
pub struct Account {
    pub status: BillingStatus,
    /// Of the subscription in `status`.
    ledger: Option<Ledger>,
    pub open: Vec<Open>,
}

/// Of several subscriptions the one that counts stands first.
pub fn status(user: i64, limits: &Limits, now: Time) -> Stmt {
    let [free, pro, premium] = limits.by_tier(|allowed| allowed.projects);
    sql!(
        "SELECT u.tier,
                (SELECT json_object('subscription_id', s.subscription_id, 'status', s.status, 'tier', s.tier,
                          'billing_cycle', s.billing_cycle, 'renews_at', s.renews_at, 'ends_at', s.ends_at,
                          'has_access', ifnull(s.access_until > ?2, 0), 'access_until', nullif(s.access_until, ?3))
                 FROM subscriptions s WHERE s.user_id = u.id
                 ORDER BY s.access_until IS NOT NULL DESC, s.tier = 'premium' DESC, s.status <> 'expired' DESC, s.created_at DESC
                 LIMIT 1) AS subscription,
                json_object('projects', json_object(
                  'used', (SELECT count(*) FROM team_members WHERE user_id = u.id AND role = 'owner'),
                  'limit', CAST(CASE u.tier WHEN 'premium' THEN ?6 WHEN 'pro' THEN ?5 ELSE ?4 END AS INTEGER))) AS usage
         FROM users u WHERE u.id = ?1",
        user,
        now,
        Time::NEVER,
        free,
        pro,
        premium,
    )
}

impl Thing for Account {
    const NOT_FOUND: Code = Code::NotFound;

    fn find(ask: &Ask) -> Result<Vec<Stmt>> {
        let user = ask.caller.user;
        Ok(vec![
            status(user, ask.limits, ask.now),
            sql!("SELECT * FROM subscriptions WHERE user_id = ?1", user),
            sql!(
                "SELECT subscription_id, source, snapshot, claimed_user, reference, received_at FROM billing_events
                 WHERE subscription_id IN (SELECT subscription_id FROM subscriptions WHERE user_id = ?1)",
                user
            ),
            checkout::find_open(user),
        ])
    }

    fn load(answers: &mut Answers, _: &Ask) -> Result<Option<Self>> {
        let status: Option<BillingStatus> = answers.first()?;
        let (rows, records): (Vec<Row>, Vec<Record>) = (answers.rows()?, answers.rows()?);
        let open = answers.rows()?;
        Ok(status.map(|status| {
            let ledger = status.subscription.as_ref().map(|subscription| {
                let id = subscription.subscription_id.clone();
                let (mine, others): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.subscription_id == id);
                let records = records.into_iter().filter(|record| record.subscription_id == id).collect();
                Ledger { row: mine.into_iter().next(), subscription_id: id, records, checkouts: Vec::new(), others }
            });
            Account { status, ledger, open }
        }))
    }

    fn role(&self) -> Role {
        Role::Owner
    }
}

impl Permits<View> for Account {
    const NEEDS: Role = Role::Member;
}

impl Permits<Edit> for Account {
    const NEEDS: Role = Role::Member;
}

impl Account {
    pub fn subscription(&self) -> Result<&Subscription> {
        self.status.subscription.as_ref().ok_or_else(|| Code::SubscriptionNotFound.into())
    }

    /// One that can be changed still.
    pub fn running(&self) -> Result<&Subscription> {
        match self.subscription()? {
            over if over.status == Status::Expired => Err(Code::SubscriptionOver.into()),
            running => Ok(running),
        }
    }

    /// Takes over what the provider answered to a change, at once. Its webhooks will say the same.
    pub fn told(&self, snapshot: Snapshot, catalog: &Catalog, id: Id, after: Stmt, by: &By) -> Change<BillingStatus> {
        let change = Change::returning(after);
        let Some(mut ledger) = self.ledger.clone() else {
            return change;
        };
        let subscription = ledger.subscription_id.clone();
        let change = subscription::if_still(change, &ledger);
        let change = change.run(inbox::note(&subscription, &snapshot, &id, by.at));
        ledger.records.push(Record::asked(&subscription, snapshot, by.at));
        match ledger.decide(catalog, by.at) {
            Decision::Write { user, state, .. } => subscription::write(change, &ledger, user, &state, None, by),
            _ => change,
        }
    }
}
