//! Exports: everything of a kind, as it streams.

mod formats;
mod offline;
mod streaming;

use crate::support::*;

/// The objects of an export as lines of JSON.
async fn rows(root: &Person, what: &str, query: &str) -> Vec<Value> {
    let reply = root.get(&format!("/admin/export/{what}?format=ndjson&{query}")).await;
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    reply.text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}
