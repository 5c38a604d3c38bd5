//! The audit log's hash chain, as pure functions: what the service writes, and what anybody can check without it.
//!
//! An event's chained part holds no personal data. A person stands in it as a commitment, which an opening shows
//! to be theirs; openings follow from a person's salt, and once that is erased, nobody can tell any more.

mod export;

use std::collections::BTreeMap;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use export::{Checkpoint, Export, Verdict};

/// What stands before the first link.
pub const START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// An event as the log has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub id: String,
    pub kind: String,
    pub actor_id: Option<i64>,
    pub project_id: Option<String>,
    pub entity_id: String,
    /// JSON, to the byte.
    pub data: String,
    pub created_at: String,
}

/// What of an event is chained, and no personal data. `actor`: the commitment to who did it. `entity`: its id, or the
/// commitment to whom it happened to. `data`: its digest, made with the openings of those it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub event_id: String,
    pub kind: String,
    pub project_id: Option<String>,
    pub created_at: String,
    pub actor: Option<String>,
    pub entity: String,
    pub data: String,
}

/// What is wrong with a link and its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The number has no link.
    LinkMissing,
    /// The link's event is gone.
    EventMissing,
    /// Who did it, to what, or its data is not what was chained.
    EventChanged,
    /// What was chained does not give the link's hash: the event's kind, project or time, or the link itself was changed.
    HashDiffers,
    /// The link is not the one that was witnessed when it was made.
    WitnessDiffers,
    /// The link is not the one that a checkpoint tells of.
    CheckpointDiffers,
    /// There were more links once.
    CutOff,
}

/// How an event compares to what of it was chained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    Whole,
    /// As far as can be told: somebody it names is erased.
    Erased,
    Changed,
}

/// What shows a commitment to be to this person; for one event only.
pub type Opening = [u8; 32];
/// By the ids of the persons.
pub type Openings = BTreeMap<i64, Opening>;

/// The hash of a link, over the one before.
pub fn link(previous: &str, seq: u64, entry: &Entry) -> String {
    let Entry { event_id, kind, project_id, created_at, actor, entity, data } = entry;
    let mut hash = Sha256::new_with_prefix(b"audit link 1\0");
    hash.update(seq.to_be_bytes());
    let texts = [Some(previous), Some(event_id), Some(kind), project_id.as_deref(), Some(created_at)];
    for text in texts.into_iter().chain([actor.as_deref(), Some(entity.as_str()), Some(data.as_str())]) {
        // No length is this long: nothing is not the empty text.
        hash.update(text.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
        hash.update(text.unwrap_or_default());
    }
    hex(&hash.finalize())
}

pub fn opening(salt: &str, event_id: &str) -> Opening {
    match Hmac::<Sha256>::new_from_slice(salt.as_bytes()) {
        Ok(mac) => mac.chain_update(event_id).finalize().into_bytes().into(),
        // No key has a length that HMAC does not take.
        Err(_) => [0; 32],
    }
}

fn commitment(opening: &Opening, person: i64) -> String {
    let hash = Sha256::new_with_prefix(b"audit person 1\0").chain_update(opening);
    hex(&hash.chain_update(person.to_string()).finalize())
}

impl Event {
    /// Everybody it names, whose openings it is chained and checked with.
    pub fn persons(&self) -> Vec<i64> {
        let mut persons = named(&self.data);
        persons.extend(self.actor_id);
        persons.extend(self.entity_id.parse::<i64>());
        persons.sort_unstable();
        persons.dedup();
        persons
    }

    /// Its chained part. `of_person`: it happened to a user. Whoever has no opening here is opened by nobody:
    /// `lost` makes a commitment to them that hides for good.
    pub fn entry(&self, of_person: bool, openings: &Openings, lost: &Opening) -> Entry {
        let commit = |person| commitment(openings.get(&person).unwrap_or(lost), person);
        let entity = self.entity_id.parse().ok().filter(|_| of_person).map(commit);
        Entry {
            event_id: self.id.clone(),
            kind: self.kind.clone(),
            project_id: self.project_id.clone(),
            created_at: self.created_at.clone(),
            actor: self.actor_id.map(commit),
            entity: entity.unwrap_or_else(|| self.entity_id.clone()),
            data: digest(&self.data, |person| Some(*openings.get(&person).unwrap_or(lost))).unwrap_or_default(),
        }
    }

    /// Whether the event is what was chained.
    pub fn fits(&self, entry: &Entry, openings: &Openings) -> Fit {
        let is =
            |person: i64, chained: &str| openings.get(&person).map(|opening| commitment(opening, person) == chained);
        let actor = match (self.actor_id, &entry.actor) {
            (Some(person), Some(chained)) => is(person, chained),
            (None, None) => Some(true),
            _ => Some(false),
        };
        let entity = match self.entity_id.parse() {
            _ if self.entity_id == entry.entity => Some(true),
            Ok(person) => is(person, &entry.entity),
            Err(_) => Some(false),
        };
        let data = digest(&self.data, |person| openings.get(&person).copied()).map(|digest| digest == entry.data);
        match [Some(self.id == entry.event_id), actor, entity, data] {
            parts if parts.contains(&Some(false)) => Fit::Changed,
            parts if parts.contains(&None) => Fit::Erased,
            _ => Fit::Whole,
        }
    }
}

/// The digest of an event's data; `None` where it names somebody without an opening. What names nobody needs none.
fn digest(data: &str, opening: impl Fn(i64) -> Option<Opening>) -> Option<String> {
    let persons = named(data);
    let mut hash = Sha256::new_with_prefix(b"audit data 1\0");
    hash.update((persons.len() as u64).to_be_bytes());
    for person in &persons {
        hash.update(opening(*person)?);
    }
    Some(hex(&hash.chain_update(data).finalize()))
}

/// Whether a field of an event's data holds users. Part of the format: what is chained stays as it was.
fn names_persons(field: &str) -> bool {
    let known = ["mentions", "assignee_id", "author_id", "owner_id", "member_id"];
    known.contains(&field) || ["user_id", "user_ids", "_by"].iter().any(|end| field.ends_with(end))
}

/// The users that data names, each once, in order.
fn named(data: &str) -> Vec<i64> {
    fn collect(value: &Value, is_person: bool, found: &mut Vec<i64>) {
        match value {
            Value::Number(number) if is_person => found.extend(number.as_i64()),
            Value::Array(list) => list.iter().for_each(|value| collect(value, is_person, found)),
            Value::Object(map) => map.iter().for_each(|(name, value)| {
                collect(value, is_person || names_persons(name), found);
            }),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(&serde_json::from_str(data).unwrap_or_default(), false, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = text.len() == 64 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    for (at, byte) in bytes.iter_mut().enumerate().filter(|_| digits) {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    digits.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            id: "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77".into(),
            kind: "task.updated".into(),
            actor_id: Some(7),
            project_id: None,
            entity_id: "9".into(),
            data: r#"{"assignee_id":{"from":null,"to":8},"mentions":[7],"size":5}"#.into(),
            created_at: "2026-03-01T09:30:00.000Z".into(),
        }
    }

    fn openings(persons: &[i64]) -> Openings {
        persons.iter().map(|person| (*person, opening(&format!("salt of {person}"), &event().id))).collect()
    }

    #[test]
    fn nothing_chained_tells_whom_it_is_about() {
        assert_eq!(event().persons(), [7, 8, 9]);
        let entry = event().entry(true, &openings(&[7, 8, 9]), &[0; 32]);
        assert_eq!((entry.actor.as_ref().map(String::len), entry.entity.len(), entry.data.len()), (Some(64), 64, 64));
        assert_eq!(event().entry(false, &openings(&[7, 8, 9]), &[0; 32]).entity, "9");
        let other = Event { id: "another".into(), ..event() };
        let others = [7, 8, 9].map(|person| (person, opening(&format!("salt of {person}"), "another"))).into();
        assert_ne!(other.entry(true, &others, &[0; 32]).actor, entry.actor);
    }

    #[test]
    fn what_was_changed_does_not_fit_and_what_is_erased_fits_as_far_as_can_be_told() {
        let all = openings(&[7, 8, 9]);
        let entry = event().entry(true, &all, &[0; 32]);
        assert_eq!(event().fits(&entry, &all), Fit::Whole);
        for missing in [7, 8, 9] {
            let mut some = all.clone();
            some.remove(&missing);
            assert_eq!(event().fits(&entry, &some), Fit::Erased);
        }
        for changed in [
            Event { actor_id: Some(8), ..event() },
            Event { actor_id: None, ..event() },
            Event { entity_id: "8".into(), ..event() },
            Event { data: event().data.replace('5', "6"), ..event() },
            Event { data: event().data.replace('8', "9"), ..event() },
            Event { data: "{}".into(), ..event() },
        ] {
            assert_eq!(changed.fits(&entry, &all), Fit::Changed, "{changed:?}");
        }
    }

    #[test]
    fn every_part_is_in_the_hash() {
        let entry = event().entry(true, &openings(&[7, 8, 9]), &[0; 32]);
        let hash = link(START, 1, &entry);
        assert_eq!((hash.as_str(), hash.len()), (link(START, 1, &entry.clone()).as_str(), 64));
        let x = || "x".to_owned();
        for other in [
            Entry { event_id: x(), ..entry.clone() },
            Entry { kind: x(), ..entry.clone() },
            Entry { project_id: Some(String::new()), ..entry.clone() },
            Entry { created_at: x(), ..entry.clone() },
            Entry { actor: None, ..entry.clone() },
            Entry { entity: x(), ..entry.clone() },
            Entry { data: x(), ..entry.clone() },
        ] {
            assert_ne!(link(START, 1, &other), hash, "{other:?}");
        }
        assert_ne!(link(START, 2, &entry), hash);
        assert_ne!(link(&hash, 1, &entry), hash);
    }
}
