//! The bell that idle workers wait at: whatever it says, the database decides who gets a job.

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToBell {
    /// A job waits.
    Ring,
    /// Wake me when it rings, or after so long. `heard`: how many times it had rung when I last looked for a job.
    Wait { milliseconds: i64, heard: Option<u64> },
}

#[derive(Serialize, Deserialize)]
pub struct Rung {
    pub rings: u64,
    /// Milliseconds.
    pub waited: i64,
}
