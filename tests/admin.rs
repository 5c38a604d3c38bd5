//! What operators see and switch.

mod figures;
mod maintenance;
mod operators;
mod switches;

use crate::support::*;

/// The time so many seconds before now, as rows have it.
fn ago(world: &World, seconds: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(world.clock().now() - seconds * 1000).expect("a time");
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
