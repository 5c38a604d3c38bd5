//! The stand-in for the AI provider.

use anyhow::Result;

use crate::standin::StandIn;

pub fn start() -> Result<StandIn> {
    StandIn::start("the AI provider", "ai-stand-in", None, |_| {})
}

/// For `--var`: what makes a Worker ask it.
pub fn vars(ai: &StandIn) -> [String; 2] {
    [format!("AI_BASE_URL:{}", ai.url), "AI_MODEL:stand-in".into()]
}
