//! The stand-in for the payment provider.

use anyhow::Result;

use crate::settings::Settings;
use crate::standin::StandIn;

/// Opens the shop that `.dev.vars` describes on this port, or any free one, and tells the Worker on the other of
/// what happens there.
pub fn open(port: Option<u16>, worker: u16) -> Result<StandIn> {
    let settings = Settings::of_development()?;
    StandIn::start("the payment provider", "lemonsqueezy-stand-in", port, |run| {
        run.args(["--webhook", &format!("http://127.0.0.1:{worker}/api/v1/billing/webhook")])
            .envs(settings.starting("LZ_").map(|(name, value)| (name, value)));
    })
}

/// For `--var`: what makes a Worker ask the stand-in and not the provider.
pub fn var(shop: &StandIn) -> String {
    format!("LZ_API_BASE_URL:{}", shop.url)
}
