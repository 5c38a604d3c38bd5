//! The operators' desk: what they see, and what they switch.

pub mod api;
pub mod export;
pub mod maintenance;
pub mod overview;
pub mod questions;
pub mod queues;
pub mod switches;
pub mod workers;

use serde_json::Value;

use crate::app::{By, Change};
use crate::event::{Event, Kind};

/// That an operator looked at `what`, and through which filter: what operators see is written down, too.
pub fn viewed(what: &str, filter: Value, by: &By) -> Change<()> {
    Change::to(()).announce(Event::new(Kind::AdminViewed, by, what).with(filter))
}
