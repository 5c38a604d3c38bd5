//! What the sequencer is told, and what it answers.

use audit_chain::Entry;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToSequencer {
    /// Gives a link to each that has none.
    Link(Vec<Entry>),
    /// Tells what it saw of the chain.
    Testify,
}

/// How many links were made in the write that made these: those of others who waited, too.
#[derive(Serialize, Deserialize)]
pub struct Linked {
    pub made: usize,
}

/// The number and the hash of a link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    pub seq: u64,
    pub hash: String,
}
