//! What waits to be done, and for how long it has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::db::{Stmt, Time};
use crate::sql;

/// A queue as it stands.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Depth {
    #[schemars(example = &"events")]
    pub queue: String,
    #[schemars(example = 3)]
    pub waiting: i64,
    #[schemars(example = 0)]
    pub oldest_seconds: i64,
}

pub fn depths(now: Time) -> Stmt {
    sql!(
        "SELECT 'events' AS queue, count(*) AS waiting,
                ifnull(max(0, unixepoch(?1) - unixepoch(min(created_at))), 0) AS oldest_seconds
         FROM events WHERE delivered_at IS NULL AND created_at > ''",
        now
    )
}
