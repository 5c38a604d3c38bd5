//! The tiers and what each allows: one table, and the one refusal for all of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Code, Error};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    #[default]
    Free,
    Pro,
    Premium,
}

impl Tier {
    pub const ALL: [Tier; 3] = [Tier::Free, Tier::Pro, Tier::Premium];

    pub const fn name(self) -> &'static str {
        match self {
            Tier::Free => "free",
            Tier::Pro => "pro",
            Tier::Premium => "premium",
        }
    }

    /// For people.
    const fn title(self) -> &'static str {
        match self {
            Tier::Free => "Free",
            Tier::Pro => "Pro",
            Tier::Premium => "Premium",
        }
    }

    pub const fn rank(self) -> u8 {
        self as u8
    }

    pub fn from_rank(rank: u8) -> Option<Tier> {
        Tier::ALL.into_iter().find(|tier| tier.rank() == rank)
    }
}

macro_rules! allowances {
    ($($(#[$doc:meta])* $name:ident $variable:literal [$free:expr, $pro:expr, $premium:expr];)*) => {
        /// What a tier allows. `null`: without a limit.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub struct Allowance {
            $($(#[$doc])* #[schemars(example = $free)] pub $name: Option<u64>),*
        }

        impl Allowance {
            /// What is published, each limit changeable by a variable: `LIMIT_PROJECTS_FREE` for the free tier's projects.
            pub fn read(tier: Tier, mut changed: impl FnMut(&str) -> Option<u64>) -> Self {
                let of = |all: [Option<u64>; 3]| all.get(usize::from(tier.rank())).copied().flatten();
                Allowance {
                    $($name: changed(&format!("{}_{}", $variable, tier.name().to_uppercase())).or_else(|| of([$free, $pro, $premium]))),*
                }
            }
        }
    };
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

allowances! {
    requests_per_minute   "RATE_LIMIT"                  [Some(60), Some(120), Some(300)];
    max_page_size         "LIMIT_PAGE_SIZE"             [Some(50), Some(100), Some(200)];
    /// Projects of one's own.
    projects              "LIMIT_PROJECTS"              [Some(3), Some(25), Some(200)];
    /// Members of a project, its owner among them.
    members               "LIMIT_MEMBERS"               [Some(3), Some(15), Some(50)];
    previews_per_hour     "LIMIT_PREVIEWS_PER_HOUR"     [Some(5), Some(20), Some(250)];
    previews_per_day      "LIMIT_PREVIEWS_PER_DAY"      [Some(30), Some(100), None];
    concurrent_previews   "LIMIT_CONCURRENT_PREVIEWS"   [Some(1), Some(2), Some(5)];
    /// Files of one preview.
    preview_files         "LIMIT_PREVIEW_FILES"         [Some(200), Some(1_000), Some(5_000)];
    preview_bytes         "LIMIT_PREVIEW_BYTES"         [Some(2 * MIB), Some(10 * MIB), Some(50 * MIB)];
    snapshots_per_preview "LIMIT_SNAPSHOTS_PER_PREVIEW" [Some(5), Some(20), Some(100)];
    snapshot_bytes        "LIMIT_SNAPSHOT_BYTES"        [Some(256 * KIB), Some(MIB), Some(5 * MIB)];
    devices_per_preview   "LIMIT_DEVICES_PER_PREVIEW"   [Some(1), Some(2), Some(5)];
    ai_doc_bytes          "LIMIT_AI_DOC_BYTES"          [Some(50 * KIB), Some(200 * KIB), Some(MIB)];
    ai_doc_tokens         "LIMIT_AI_DOC_TOKENS"         [Some(1_000), Some(4_000), Some(12_000)];
    ai_docs_per_minute    "LIMIT_AI_DOCS_PER_MINUTE"    [Some(1), Some(3), Some(10)];
    concurrent_ai_docs    "LIMIT_CONCURRENT_AI_DOCS"    [Some(1), Some(2), Some(5)];
    api_keys              "LIMIT_API_KEYS"              [Some(2), Some(10), Some(25)];
    /// Seconds from the end of one to the next.
    ai_doc_pause_seconds  "LIMIT_AI_DOC_PAUSE_SECONDS"  [Some(40), None, None];
    attachment_bytes      "LIMIT_ATTACHMENT_BYTES"      [Some(5 * MIB), Some(50 * MIB), Some(100 * MIB)];
    attachments_per_task  "LIMIT_ATTACHMENTS_PER_TASK"  [Some(5), Some(20), Some(50)];
    /// Of a project.
    webhooks              "LIMIT_WEBHOOKS"              [Some(1), Some(5), Some(20)];
}

/// How many of something a caller may have, for a change that adds one.
#[derive(Clone, Debug)]
pub struct Quota {
    /// What is counted, in the plural: `details.limit_type`.
    limit_type: &'static str,
    code: Code,
    tier: Tier,
    /// In the order of `Tier::ALL`.
    limits: [Option<u64>; 3],
}

impl Quota {
    pub fn new(limit_type: &'static str, tier: Tier, limits: [Option<u64>; 3]) -> Self {
        Quota { limit_type, code: Code::TierLimitExceeded, tier, limits }
    }

    /// Refuses with another code than `TIER_LIMIT_EXCEEDED`.
    pub fn refusing_with(self, code: Code) -> Self {
        Quota { code, ..self }
    }

    pub fn code(&self) -> Code {
        self.code
    }

    fn of(&self, tier: Tier) -> Option<u64> {
        self.limits.get(usize::from(tier.rank())).copied().flatten()
    }

    /// `NULL` to a statement that has no limit.
    pub fn limit(&self) -> Option<i64> {
        self.of(self.tier).and_then(|limit| i64::try_from(limit).ok())
    }

    /// The refusal, with what a client needs to offer an upgrade.
    pub fn exceeded(&self, used: u64) -> Error {
        let limit = self.of(self.tier).unwrap_or_default();
        let roomier = |tier: &Tier| *tier > self.tier && self.of(*tier).is_none_or(|limit| limit > used);
        let recommended = Tier::ALL.into_iter().find(roomier);
        let reason = recommended.map(|tier| match self.of(tier) {
            Some(limit) => format!("{} allows {limit} {}.", tier.title(), self.limit_type),
            None => format!("{} allows any number of {}.", tier.title(), self.limit_type),
        });
        Error::new(self.code)
            .saying(format!("The {} plan allows {limit} {}.", self.tier.title(), self.limit_type))
            .with("limit_type", self.limit_type)
            .with("tier", self.tier.name())
            .with("limit", limit)
            .with("used", used)
            .with("upgrade_available", recommended.is_some())
            .with("recommended_tier", recommended.map_or(Value::Null, |tier| tier.name().into()))
            .with("upgrade_reason", reason.map_or(Value::Null, Value::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(tier: Tier, used: u64, name: &str) -> Option<Value> {
        let quota = Quota::new("projects", tier, [Some(3), Some(25), Some(200)]);
        quota.exceeded(used).detail(name).cloned()
    }

    #[test]
    fn a_refusal_recommends_the_next_tier_with_room() {
        assert_eq!(detail(Tier::Free, 3, "recommended_tier"), Some("pro".into()));
        assert_eq!(detail(Tier::Free, 3, "upgrade_reason"), Some("Pro allows 25 projects.".into()));
        // After a downgrade there may be more than the next tier allows.
        assert_eq!(detail(Tier::Free, 40, "recommended_tier"), Some("premium".into()));
        assert_eq!(detail(Tier::Premium, 200, "upgrade_available"), Some(false.into()));
        assert_eq!(detail(Tier::Premium, 200, "recommended_tier"), Some(Value::Null));
    }

    #[test]
    fn a_limit_can_be_changed_by_its_variable() {
        let changed = Allowance::read(Tier::Pro, |name| (name == "LIMIT_PROJECTS_PRO").then_some(7));
        let usual = Allowance::read(Tier::Pro, |_| None);
        assert_eq!(changed, Allowance { projects: Some(7), ..usual });
        assert_eq!(Allowance::read(Tier::Premium, |_| None).previews_per_day, None);
    }
}
