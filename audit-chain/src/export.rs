//! Checking an exported log, line by line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Entry, Event, Fault, Fit, START, link, unhex};

/// Milliseconds after which an event without a link is not just young.
const LINKED_WITHIN: u64 = 60_000;

/// How far the chain had come at some time, as it was put aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub seq: u64,
    pub hash: String,
    pub created_at: String,
    /// HMAC-SHA256 of the service, over the three above.
    pub signature: String,
}

/// A line of an export: an event, its link, and the openings of those it names.
#[derive(Deserialize)]
struct Line {
    #[serde(flatten)]
    event: Event,
    link: Option<Link>,
    #[serde(default)]
    openings: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize)]
struct Link {
    seq: u64,
    previous: String,
    actor: Option<String>,
    entity: String,
    data: String,
    hash: String,
}

/// An export as far as it has been read.
#[derive(Default)]
pub struct Export {
    links: Vec<(u64, [u8; 32], [u8; 32])>,
    /// When the latest event was made, and those without a link: milliseconds, as their ids tell.
    latest: u64,
    bare: Vec<u64>,
    verdict: Verdict,
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    pub events: u64,
    pub first: Option<u64>,
    pub last: Option<u64>,
    /// Events without a link, and those of the last minute, whose links were still to come.
    pub unlinked: u64,
    pub young: u64,
    /// Events that name somebody who is erased: all but who that was is as it was chained.
    pub erased: u64,
    /// By the number of the link.
    pub faults: BTreeMap<u64, Fault>,
}

impl Export {
    /// Takes the next line of NDJSON, or says why it is none.
    pub fn line(&mut self, text: &str) -> Result<(), String> {
        let Line { event, link: made, openings } = serde_json::from_str(text).map_err(|error| error.to_string())?;
        self.verdict.events += 1;
        let made_at = made_at(&event.id);
        self.latest = self.latest.max(made_at);
        let Some(made) = made else {
            self.bare.push(made_at);
            return Ok(());
        };
        let opening = |hex: &Option<String>| hex.as_ref().map_or(Some(None), |hex| unhex(hex).map(Some));
        let openings =
            openings.iter().filter_map(|(person, hex)| Some((person.parse().ok()?, opening(hex)?))).collect();
        let entry = Entry {
            event_id: event.id.clone(),
            kind: event.kind.clone(),
            project_id: event.project_id.clone(),
            created_at: event.created_at.clone(),
            actor: made.actor,
            entity: made.entity,
            data: made.data,
        };
        match event.fits(&entry, &openings) {
            Fit::Whole => {}
            Fit::Erased => self.verdict.erased += 1,
            Fit::Changed => self.fault(made.seq, Fault::EventChanged),
        }
        if link(&made.previous, made.seq, &entry) != made.hash {
            self.fault(made.seq, Fault::HashDiffers);
        }
        let bytes = |hex: &str| unhex(hex).ok_or_else(|| format!("'{hex}' is no hash"));
        self.links.push((made.seq, bytes(&made.previous)?, bytes(&made.hash)?));
        Ok(())
    }

    fn fault(&mut self, seq: u64, fault: Fault) {
        self.verdict.faults.entry(seq).or_insert(fault);
    }

    /// `whole`: the export is of all there was, from the first event on.
    pub fn end(mut self, whole: bool, checkpoints: &[Checkpoint]) -> Verdict {
        let mut links = std::mem::take(&mut self.links);
        links.sort_unstable();
        let (mut last, mut hash) = (0, unhex(START).unwrap_or_default());
        for (seq, previous, own) in &links {
            // Of a part, what stands before a gap is elsewhere.
            if *seq == last + 1 && (whole || last > 0) && *previous != hash {
                self.fault(*seq, Fault::HashDiffers);
            } else if *seq == last {
                self.fault(*seq, Fault::LinkMissing);
            } else if whole && *seq > last + 1 {
                self.fault(last + 1, Fault::LinkMissing);
            }
            (last, hash) = (*seq, *own);
        }
        for checkpoint in checkpoints {
            match links.binary_search_by_key(&checkpoint.seq, |(seq, ..)| *seq) {
                Ok(at) if links.get(at).map(|(.., hash)| *hash) == unhex(&checkpoint.hash) => {}
                Ok(_) => self.fault(checkpoint.seq, Fault::CheckpointDiffers),
                Err(_) if whole && checkpoint.seq > last => self.fault(checkpoint.seq, Fault::CutOff),
                Err(_) => {}
            }
        }
        let young = |at: &u64| *at + LINKED_WITHIN > self.latest;
        self.verdict.young = self.bare.iter().filter(|at| young(at)).count() as u64;
        self.verdict.unlinked = self.bare.len() as u64 - self.verdict.young;
        let first = links.first().map(|(seq, ..)| *seq);
        Verdict { first, last: (last > 0).then_some(last), ..self.verdict }
    }
}

/// What a UUIDv7 says; of another id, that it is old.
fn made_at(id: &str) -> u64 {
    let digits: String = id.chars().filter(|digit| *digit != '-').take(12).collect();
    u64::from_str_radix(&digits, 16).unwrap_or_default()
}
