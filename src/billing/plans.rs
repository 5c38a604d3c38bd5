//! What is for sale: the provider's variants as our tiers, and what each plan offers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::snapshot::Cycle;
use crate::limits::{Allowance, Limits, Tier};

/// Which variant at the provider is which plan. A tier is read from here and from nowhere else.
#[derive(Clone, Debug)]
pub struct Catalog(pub [Offer; 4]);

#[derive(Clone, Debug)]
pub struct Offer {
    pub variant: i64,
    pub tier: Tier,
    pub cycle: Cycle,
    /// For display; what is charged is the provider's.
    pub price: Option<String>,
}

/// The four that are sold, with the stem of their variables.
pub const OFFERS: [(Tier, Cycle, &str); 4] = [
    (Tier::Pro, Cycle::Monthly, "LZ_PRO_MONTHLY"),
    (Tier::Pro, Cycle::Yearly, "LZ_PRO_YEARLY"),
    (Tier::Premium, Cycle::Monthly, "LZ_PREMIUM_MONTHLY"),
    (Tier::Premium, Cycle::Yearly, "LZ_PREMIUM_YEARLY"),
];

impl Catalog {
    pub fn plan(&self, variant: i64) -> Option<(Tier, Cycle)> {
        self.0.iter().find(|offer| offer.variant == variant).map(|offer| (offer.tier, offer.cycle))
    }

    pub fn offer(&self, tier: Tier, cycle: Cycle) -> Option<&Offer> {
        self.0.iter().find(|offer| offer.tier == tier && offer.cycle == cycle)
    }
}

/// A plan as the upgrade page shows it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    pub tier: Tier,
    pub prices: Prices,
    pub limits: Allowance,
}

/// For display; `null` where only the checkout says it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Prices {
    #[schemars(example = &"$14.99")]
    pub monthly: Option<String>,
    #[schemars(example = &"$149.90")]
    pub yearly: Option<String>,
}

pub fn all(limits: &Limits, catalog: Option<&Catalog>) -> Vec<Plan> {
    let price =
        |tier, cycle| catalog.and_then(|catalog| catalog.offer(tier, cycle)).and_then(|offer| offer.price.clone());
    Tier::ALL
        .map(|tier| Plan {
            tier,
            prices: Prices { monthly: price(tier, Cycle::Monthly), yearly: price(tier, Cycle::Yearly) },
            limits: limits.of(tier).clone(),
        })
        .into()
}
