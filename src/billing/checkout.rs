//! Buying: a checkout we open, and the receipt a buyer comes back with.

use base64ct::{Base64UrlUnpadded, Encoding};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::inbox;
use super::notice::Claim;
use super::plans::Catalog;
use super::snapshot::{Cycle, Snapshot};
use crate::access::Actor;
use crate::app::{By, Change};
use crate::db::{self, DAY, Id, Stmt, Time};
use crate::error::Result;
use crate::event::{Event, Kind};
use crate::limits::Tier;
use crate::sql;

/// An unused reference is kept this long: the provider may tell late.
const REFERENCE_KEPT: i64 = 90 * DAY;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartCheckout {
    pub tier: Paid,
    pub billing_cycle: Cycle,
}

/// A tier that costs something.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Paid {
    Pro,
    Premium,
}

impl From<Paid> for Tier {
    fn from(paid: Paid) -> Tier {
        match paid {
            Paid::Pro => Tier::Pro,
            Paid::Premium => Tier::Premium,
        }
    }
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct CheckoutLink {
    #[schemars(example = &"https://my-store.lemonsqueezy.com/checkout/custom/5e8b546c-c561-4a2c-a586-40c18bb2a195?…")]
    pub checkout_url: String,
}

/// What the provider's receipt says: only who paid knows both.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    #[serde(deserialize_with = "db::whole")]
    #[schemars(example = 9569465, range(min = 1))]
    pub order_id: u64,
    #[schemars(example = &"dd18772b-334c-4308-9989-3995c889911f")]
    pub order_identifier: Id,
}

/// 128 bits nobody guesses, known to us and to the buyer's checkout.
pub fn reference(random: [u8; 16]) -> String {
    Base64UrlUnpadded::encode_string(&random)
}

/// Notes the checkout before the provider knows of it. Refuses what would be a second subscription of its tier, or of a higher one.
pub fn open(actor: &Actor, tier: Tier, cycle: Cycle, reference: &str, by: &By) -> Change<()> {
    let event = Event::new(Kind::CheckoutStarted, by, actor.user.id)
        .with(json!({ "tier": tier.name(), "billing_cycle": cycle.name() }));
    Change::to(())
        .run(sql!(
            "INSERT INTO refusals SELECT 'SUBSCRIPTION_EXISTS' WHERE EXISTS
               (SELECT 1 FROM subscriptions WHERE user_id = ?1 AND status <> 'expired' AND (tier = ?2 OR tier = 'premium'))",
            actor.user.id,
            tier.name(),
        ))
        .run(sql!(
            "INSERT INTO checkouts (reference, user_id, tier, billing_cycle, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            reference,
            actor.user.id,
            tier.name(),
            cycle.name(),
            by.at,
        ))
        .announce(event)
}

/// The caller's checkouts nothing came of yet, the latest first.
pub fn find_open(user: i64) -> Stmt {
    sql!(
        "SELECT reference, tier, billing_cycle FROM checkouts WHERE user_id = ?1 AND subscription_id IS NULL ORDER BY created_at DESC",
        user
    )
}

#[derive(Deserialize)]
pub struct Open {
    reference: String,
    tier: Tier,
    billing_cycle: Cycle,
}

/// A receipt shown by a caller stands for the event that should have told: the subscription goes into the
/// inbox with the reference of the checkout it fits.
pub fn claim(
    open: &[Open],
    bought: &[(String, Snapshot)],
    catalog: &Catalog,
    ids: impl Fn() -> Result<Id>,
    by: &By,
) -> Result<Change<()>> {
    let mut change = Change::to(());
    let mut open: Vec<&Open> = open.iter().collect();
    for (subscription, snapshot) in bought {
        let plan = catalog.plan(snapshot.content.variant);
        let Some(at) = open.iter().position(|open| plan == Some((open.tier, open.billing_cycle))) else {
            continue;
        };
        let checkout = open.remove(at);
        let claim = Claim { user: by.user, reference: Some(checkout.reference.clone()) };
        change = inbox::tell(change, &ids()?, subscription, snapshot, claim, "receipt", by);
    }
    Ok(change)
}

/// References nobody can use any more.
pub fn forget_old(now: Time) -> Stmt {
    sql!(
        "DELETE FROM checkouts WHERE reference IN
           (SELECT reference FROM checkouts WHERE subscription_id IS NULL AND created_at < ?1 LIMIT 1000)",
        now.plus(-REFERENCE_KEPT)
    )
}
