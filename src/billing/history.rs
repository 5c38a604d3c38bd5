//! The state of a subscription: a pure function of the set of what was said of it.
//!
//! Events arrive in any order and any number of times. Snapshots are sorted by
//! their version, so the order of their arrival cannot matter; where versions tie
//! and say different things, only the provider knows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Catalog;
use super::snapshot::{Content, Cycle, Snapshot};
use crate::db::{DAY, Time};
use crate::limits::Tier;

/// How long a failed payment keeps its tier.
pub const GRACE: i64 = 14 * DAY;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    PastDue,
    Canceled,
    Paused,
    Expired,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::PastDue => "past_due",
            Status::Canceled => "canceled",
            Status::Paused => "paused",
            Status::Expired => "expired",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub tier: Tier,
    pub cycle: Cycle,
    pub status: Status,
    pub renews_at: Option<Time>,
    pub ends_at: Option<Time>,
    /// Until when it gives its tier; `None`: it does not.
    pub access_until: Option<Time>,
    pub created_at: Time,
}

/// One thing that was said.
#[derive(Clone, Debug)]
pub struct Said {
    pub snapshot: Snapshot,
    /// When we asked for it: it was true then.
    pub asked: Option<Time>,
}

#[derive(Debug, PartialEq)]
pub enum Verdict {
    Is(State),
    /// Two say different things at once, or the end was not the end: the provider must be asked.
    Ask,
    /// Nothing of it can be understood, for this reason.
    Unknown(&'static str),
}

/// What all of it amounts to now. `plan` is what it was last known as, for variants that are sold no more.
pub fn fold(said: &[Said], plan: Option<(Tier, Cycle)>, catalog: &Catalog, now: Time) -> Verdict {
    let mut known: Vec<&Said> = said.iter().filter(|said| is_known(&said.snapshot.content.status)).collect();
    known.sort_by_key(|said| (said.snapshot.version(), said.asked, &said.snapshot.content));
    let Some(last) = known.last() else {
        return Verdict::Unknown("unknown_status");
    };
    let others = |said: &&&Said| said.snapshot.content != last.snapshot.content;
    let tie = known.iter().filter(others).any(|said| said.snapshot.version() == last.snapshot.version());
    let revived =
        last.snapshot.content.status != "expired" && known.iter().any(|said| said.snapshot.content.status == "expired");
    if (tie || revived) && last.asked.is_none() {
        return Verdict::Ask;
    }
    let contents: Vec<&Content> = known.iter().map(|said| &said.snapshot.content).collect();
    let sold = contents.iter().rev().find_map(|content| catalog.plan(content.variant));
    let Some((tier, cycle)) = sold.or(plan) else {
        return Verdict::Unknown("unknown_variant");
    };
    let content = &last.snapshot.content;
    let (status, access_until) = standing(content, past_due_since(&known), now);
    Verdict::Is(State {
        tier,
        cycle,
        status,
        renews_at: content.renews_at.filter(|_| matches!(status, Status::Active | Status::PastDue)),
        ends_at: content.ends_at,
        access_until: access_until.filter(|until| *until > now),
        created_at: content.created_at,
    })
}

pub fn is_known(status: &str) -> bool {
    matches!(status, "on_trial" | "active" | "paused" | "past_due" | "unpaid" | "cancelled" | "expired")
}

fn standing(content: &Content, past_due_since: Time, now: Time) -> (Status, Option<Time>) {
    match content.status.as_str() {
        "active" | "on_trial" => (Status::Active, Some(Time::NEVER)),
        "past_due" => (Status::PastDue, Some(past_due_since.plus(GRACE))),
        "unpaid" => (Status::PastDue, None),
        "cancelled" if content.ends_at.is_some_and(|end| end > now) => (Status::Canceled, content.ends_at),
        // The seller gives it away while it rests, or does not.
        "paused" if content.pause_mode.as_deref() == Some("free") => (Status::Paused, Some(Time::NEVER)),
        "paused" => (Status::Paused, None),
        _ => (Status::Expired, None),
    }
}

/// When the failures began that have not ended since.
fn past_due_since(sorted: &[&Said]) -> Time {
    let failing = sorted.iter().rev().take_while(|said| said.snapshot.content.status == "past_due");
    failing.last().map_or(Time::NEVER, |said| said.snapshot.updated)
}
