//! Events of the payment provider, as fast as they are taken in, and what became of them.

use std::fs;

use anyhow::{Context, Result, ensure};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::contender::{Running, WEBHOOK_SECRET};
use super::load::request_with;
use super::rounds::Finding;
use crate::run::root;

/// Users of bench/seed.sql who opened a checkout; each has one subscription.
const FIRST_BUYER: usize = 101;
const BUYERS: usize = 1000;
/// Every so many, an event is sent twice.
const TWICE: usize = 10;

/// Writes events, no two of them alike.
pub struct Events {
    recorded: String,
    written: usize,
    requests: usize,
}

impl Events {
    pub fn new() -> Result<Self> {
        let path = root().join("standin/recorded/subscription_created.json");
        let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        // The provider sends no white space.
        let recorded: String = text.lines().map(|line| line.trim().replacen("\": ", "\":", 1)).collect();
        Ok(Events { recorded, written: 0, requests: 0 })
    }

    /// So many requests, some of which bring the one before once more.
    pub fn requests(&mut self, count: usize) -> Result<Vec<Vec<u8>>> {
        let mut requests = Vec::with_capacity(count);
        while requests.len() < count {
            let event = self.next()?;
            if self.written.is_multiple_of(TWICE) && requests.len() + 1 < count {
                requests.push(event.clone());
            }
            requests.push(event);
        }
        self.requests += count;
        Ok(requests)
    }

    /// The next event of the next buyer's subscription.
    fn next(&mut self) -> Result<Vec<u8>> {
        let (buyer, turn) = (FIRST_BUYER + self.written % BUYERS, self.written / BUYERS);
        let (minute, second) = (turn / 60, turn % 60);
        let custom = format!(r#""custom_data":{{"user_id":"{buyer}","checkout_ref":"bench-{buyer}"}}"#);
        let (start, rest) = self.recorded.split_once(r#""custom_data":"#).context("no custom_data")?;
        let (_, end) = rest.split_once('}').context("no end of custom_data")?;
        let mut body = format!("{start}{custom}{end}");
        for (old, new) in [
            (r#""subscription_created""#, r#""subscription_updated""#.to_owned()),
            ("81f42342-070a-4224-971f-c020d189b563", format!("81f42342-070a-4224-971f-{:012x}", self.written)),
            (r#""id":"1652029""#, format!(r#""id":"{}""#, 2_000_000 + buyer)),
            // A later one tells a later renewal, so each has something to change.
            ("2026-11-19T11:09:23.", format!("2026-12-19T11:{minute:02}:{second:02}.")),
            ("2025-11-19T11:09:30.", format!("2025-12-19T11:{minute:02}:{second:02}.")),
        ] {
            ensure!(body.matches(old).count() == 1, "the recorded event does not name {old} once");
            body = body.replace(old, &new);
        }
        self.written += 1;
        let mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes())?.chain_update(&body);
        let signature = format!("{:x}", mac.finalize().into_bytes());
        let headers = format!("X-Event-Name: subscription_updated\r\nX-Signature: {signature}\r\n");
        Ok(request_with("POST", "/api/v1/billing/webhook", &headers, &body))
    }

    /// Waits for the last of them, and counts.
    pub fn account(&self, running: &mut Running) -> Result<Finding> {
        let seconds = running.wait_until_none("SELECT count(*) AS n FROM billing_events WHERE processed_at IS NULL")?;
        let stored = running.count("SELECT count(DISTINCT webhook_id) AS n FROM billing_events")?;
        ensure!(stored == running.count("SELECT count(*) AS n FROM billing_events")?, "an event was stored twice");
        let done = "SELECT count(*) AS n FROM billing_events WHERE processed_at IS NOT NULL AND outcome IN ('applied', 'unchanged')";
        let applied = running.count(done)?;
        let (requests, sent) = (self.requests, self.written);
        Ok(Finding {
            text: format!(
                "{sent} events in {requests} requests (every {TWICE}th twice), {stored} stored, {applied} processed, {} lost, the last {seconds:.1} s after the rounds",
                sent - applied.min(sent)
            ),
            reached: sent == stored && sent == applied,
        })
    }
}
