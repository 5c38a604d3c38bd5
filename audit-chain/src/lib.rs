//! The audit log's hash chain, as pure functions: what the service writes, and what anybody can check without it.
//!
//! An event's chained part holds no personal data. A person stands in it as a commitment, which an opening shows
//! to be theirs; openings follow from a person's salt, and once that is erased, nobody can tell any more who it was.
//! A number that was nobody's has an opening that everybody knows: what nobody is named with cannot pass as erased.

mod export;
#[cfg(test)]
mod tests;

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
/// commitment to whom it happened to. `data`: its digest, made with the openings of those it names; where it names
/// somebody, the digest of the rest and the commitments follow, in the order of the fields' names.
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
    /// As far as can be told: somebody it names is erased. All but who that was is as it was chained.
    Erased,
    Changed,
}

/// What shows a commitment to be to this person; for one event only.
pub type Opening = [u8; 32];
/// By the ids of the persons; `None`: who is erased. Who is not in it was never anybody.
pub type Openings = BTreeMap<i64, Option<Opening>>;

const NOBODYS: Opening = [0; 32];

/// Stands before the commitment to whom it happened to: no id begins like this, so that none can stand for one.
const PERSON: &str = "person ";

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
        let mut persons = Rest::of(&self.data).persons;
        persons.extend(self.actor_id);
        persons.extend(self.entity_id.parse::<i64>());
        persons.sort_unstable();
        persons.dedup();
        persons
    }

    /// Its chained part. `of_person`: it happened to a user. Whoever is erased already is opened by nobody:
    /// `lost` makes a commitment to them that hides for good.
    pub fn entry(&self, of_person: bool, openings: &Openings, lost: &Opening) -> Entry {
        let open = |person| openings.get(&person).map_or(NOBODYS, |opening| opening.unwrap_or(*lost));
        let commit = |person| commitment(&open(person), person);
        let entity = self.entity_id.parse().ok().filter(|_| of_person).map(commit);
        let rest = Rest::of(&self.data);
        let opened: Vec<Opening> = rest.persons.iter().map(|person| open(*person)).collect();
        let mut data = vec![digest(&self.data, &opened)];
        if !rest.persons.is_empty() {
            data.push(rest.digest());
            data.extend(rest.persons.iter().map(|person| commit(*person)));
        }
        Entry {
            event_id: self.id.clone(),
            kind: self.kind.clone(),
            project_id: self.project_id.clone(),
            created_at: self.created_at.clone(),
            actor: self.actor_id.map(commit),
            entity: entity.map_or_else(|| self.entity_id.clone(), |commitment| format!("{PERSON}{commitment}")),
            data: data.join(" "),
        }
    }

    /// Whether the event is what was chained.
    pub fn fits(&self, entry: &Entry, openings: &Openings) -> Fit {
        let who = |person: i64, chained: &str| shown(person, chained, openings);
        let actor = match (self.actor_id, &entry.actor) {
            (Some(person), Some(chained)) => who(person, chained).fit(),
            (None, None) => Fit::Whole,
            _ => Fit::Changed,
        };
        let entity = match entry.entity.strip_prefix(PERSON) {
            Some(chained) => self.entity_id.parse().map_or(Fit::Changed, |person| who(person, chained).fit()),
            None if self.entity_id == entry.entity => Fit::Whole,
            None => Fit::Changed,
        };
        let id = if self.id == entry.event_id { Fit::Whole } else { Fit::Changed };
        [id, actor, entity, self.data_fits(&entry.data, openings)].into_iter().fold(Fit::Whole, Fit::and)
    }

    fn data_fits(&self, chained: &str, openings: &Openings) -> Fit {
        let rest = Rest::of(&self.data);
        let mut parts = chained.split(' ');
        let whole = parts.next().unwrap_or_default();
        if parts.next().unwrap_or_default() != if rest.persons.is_empty() { String::new() } else { rest.digest() } {
            return Fit::Changed;
        }
        let commitments: Vec<&str> = parts.collect();
        if commitments.len() != rest.persons.len() {
            return Fit::Changed;
        }
        let who: Vec<Shown> =
            rest.persons.iter().zip(commitments).map(|(person, chained)| shown(*person, chained, openings)).collect();
        let fit = who.iter().map(Shown::fit).fold(Fit::Whole, Fit::and);
        let opened: Vec<Opening> = who.iter().filter_map(|shown| shown.opening()).collect();
        match fit {
            Fit::Whole if digest(&self.data, &opened) != whole => Fit::Changed,
            fit => fit,
        }
    }
}

impl Fit {
    fn and(self, other: Fit) -> Fit {
        match (self, other) {
            (Fit::Changed, _) | (_, Fit::Changed) => Fit::Changed,
            (Fit::Erased, _) | (_, Fit::Erased) => Fit::Erased,
            _ => Fit::Whole,
        }
    }
}

/// What can be said of a commitment to somebody.
enum Shown {
    With(Opening),
    Erased,
    Another,
}

/// Whoever is somebody now may have been nobody when the event was chained.
fn shown(person: i64, chained: &str, openings: &Openings) -> Shown {
    let own = openings.get(&person);
    match own.copied().flatten().into_iter().chain([NOBODYS]).find(|opening| commitment(opening, person) == chained) {
        Some(opening) => Shown::With(opening),
        None if own == Some(&None) => Shown::Erased,
        None => Shown::Another,
    }
}

impl Shown {
    fn fit(&self) -> Fit {
        match self {
            Shown::With(_) => Fit::Whole,
            Shown::Erased => Fit::Erased,
            Shown::Another => Fit::Changed,
        }
    }

    fn opening(&self) -> Option<Opening> {
        match self {
            Shown::With(opening) => Some(*opening),
            _ => None,
        }
    }
}

/// The digest of an event's data, with the openings of those it names. What names nobody needs none.
fn digest(data: &str, openings: &[Opening]) -> String {
    let mut hash = Sha256::new_with_prefix(b"audit data 1\0");
    hash.update((openings.len() as u64).to_be_bytes());
    for opening in openings {
        hash.update(opening);
    }
    hex(&hash.chain_update(data).finalize())
}

/// An event's data without those it names, and them, as often as it does.
struct Rest {
    data: Value,
    persons: Vec<i64>,
    /// Of the data as it was written, without the persons: what is written twice shows.
    length: usize,
}

impl Rest {
    fn of(data: &str) -> Self {
        fn take(value: &mut Value, is_person: bool, persons: &mut Vec<i64>) {
            match value {
                Value::Number(number) if is_person => {
                    if let Some(person) = number.as_i64() {
                        persons.push(person);
                        *value = "person".into();
                    }
                }
                Value::Array(list) => list.iter_mut().for_each(|value| take(value, is_person, persons)),
                Value::Object(map) => map.iter_mut().for_each(|(name, value)| {
                    take(value, is_person || names_persons(name), persons);
                }),
                _ => {}
            }
        }
        let (mut rest, mut persons) = (serde_json::from_str(data).unwrap_or_default(), Vec::new());
        take(&mut rest, false, &mut persons);
        let digits: usize = persons.iter().map(|person| person.to_string().len()).sum();
        Rest { data: rest, length: data.len().saturating_sub(digits), persons }
    }

    fn digest(&self) -> String {
        let hash = Sha256::new_with_prefix(b"audit data without persons 1\0");
        let hash = hash.chain_update((self.length as u64).to_be_bytes()).chain_update(self.data.to_string());
        hex(&hash.finalize())
    }
}

/// Whether a field of an event's data holds users. Part of the format: what is chained stays as it was.
fn names_persons(field: &str) -> bool {
    let known = ["mentions", "assignee_id", "author_id", "owner_id", "member_id"];
    known.contains(&field) || ["user_id", "user_ids", "_by"].iter().any(|end| field.ends_with(end))
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
