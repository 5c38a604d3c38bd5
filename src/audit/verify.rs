//! Walking the chain: every hash is made anew from the rows, and what does not fit is told.

use std::collections::BTreeMap;

use audit_chain::{Checkpoint, Entry, Event, Fault, Fit, START};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Salts, Witness, checkpoint};
use crate::access::{Ask, Operate, Permits, Role, Thing};
use crate::auth::token::Keys;
use crate::db::{Answers, Id, MINUTE, Stmt, Time};
use crate::error::{Code, Error, Result};
use crate::http;
use crate::openapi::Operation;
use crate::sql;

/// Links looked at in one call.
const AT_ONCE: u64 = 1000;
/// Events without a link that are named.
const NAMED: usize = 20;

/// Which links to look at.
#[derive(Clone, Deserialize, JsonSchema)]
pub struct Range {
    /// The first; 1 if left out.
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_u64), example = 1)]
    from_seq: Option<u64>,
    /// The last; if left out, as many as one call looks at.
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_u64), example = 1000)]
    to_seq: Option<u64>,
}

/// A part of the chain that an operator may look at.
pub struct Part {
    pub from: u64,
    pub to: u64,
}

impl Thing for Part {
    const NOT_FOUND: Code = Code::NotFound;

    fn find(_: &Ask) -> Result<Vec<Stmt>> {
        Ok(Vec::new())
    }

    fn load(_: &mut Answers, ask: &Ask) -> Result<Option<Self>> {
        let Range { from_seq, to_seq } = http::query(ask.query)?;
        let from = from_seq.unwrap_or(1);
        let most = from.saturating_add(AT_ONCE - 1);
        let to = to_seq.unwrap_or(most);
        let whole = 1..=9_007_199_254_740_991;
        for (name, seq) in [("from_seq", from), ("to_seq", to)] {
            if !whole.contains(&seq) {
                return Err(Error::invalid(name, "must be the number of a link"));
            }
        }
        if to < from {
            return Err(Error::invalid("to_seq", "must not be before from_seq"));
        }
        Ok(Some(Part { from, to: to.min(most) }))
    }

    fn role(&self) -> Role {
        Role::Operator
    }

    fn reads(operation: &mut Operation) {
        operation.asked::<Range>();
    }
}

impl Permits<Operate> for Part {
    const NEEDS: Role = Role::Operator;
}

/// What a look at the chain found.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AuditVerdict")]
pub struct Verdict {
    /// Whether nothing is broken in this part, and every event of it has its link.
    pub valid: bool,
    /// How many links were looked at.
    #[schemars(range(min = 0), example = 1000)]
    pub checked: u64,
    #[schemars(example = 1)]
    pub from: u64,
    #[schemars(example = 1000)]
    pub to: u64,
    /// Where to go on; `null`: that was the end of the chain.
    #[schemars(example = 1001)]
    pub next_seq: Option<u64>,
    pub first_broken: Option<Broken>,
    /// Events that name somebody who is erased: all but who that was is as it was chained.
    #[schemars(range(min = 0), example = 0)]
    pub erased: u64,
    /// Events from the time of this part without a link, more than a minute after they happened: 20 of them at most.
    #[schemars(with = "Vec<Id>")]
    pub unlinked: Vec<String>,
    /// The last link there is.
    pub head: Option<Head>,
    /// What was put aside of this part, and how much of that the chain agrees with.
    pub checkpoints: Agreement,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AuditHead")]
pub struct Head {
    #[schemars(example = 1841)]
    pub seq: u64,
    #[schemars(example = &"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub hash: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AuditBroken")]
pub struct Broken {
    #[schemars(example = 17)]
    pub seq: u64,
    #[schemars(with = "String", example = &"event_changed")]
    pub reason: Fault,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AuditCheckpoints")]
pub struct Agreement {
    #[schemars(range(min = 0), example = 1)]
    pub compared: u64,
    #[schemars(range(min = 0), example = 1)]
    pub agree: u64,
    /// Those we did not sign, or not with the secret we have now.
    #[schemars(range(min = 0), example = 0)]
    pub foreign: u64,
}

/// A link with what is there of its event.
#[derive(Deserialize)]
struct Linked {
    seq: u64,
    event_id: String,
    actor: Option<String>,
    entity: String,
    data: String,
    hash: String,
    #[serde(deserialize_with = "crate::db::maybe_json")]
    event: Option<Event>,
}

#[derive(Deserialize)]
struct Unlinked {
    id: String,
}

impl Part {
    fn bounds(&self) -> [i64; 2] {
        [self.from, self.to].map(|seq| i64::try_from(seq).unwrap_or(i64::MAX))
    }

    /// The links, the salts of whom they name, the events beside them without one, and the last link.
    pub fn reads(&self, now: Time) -> Vec<Stmt> {
        let [from, to] = self.bounds();
        vec![
            sql!(
                "SELECT l.seq, l.event_id, l.actor, l.entity, l.data, l.hash,
                        iif(e.id IS NULL, NULL, json_object('id', e.id, 'kind', e.kind, 'actor_id', e.actor_id, 'project_id', e.project_id,
                          'entity_id', e.entity_id, 'data', e.data, 'created_at', e.created_at)) AS event
                 FROM audit_links l LEFT JOIN events e ON e.id = l.event_id
                 WHERE l.seq BETWEEN ?1 - 1 AND ?2 ORDER BY l.seq",
                from,
                to,
            ),
            sql!(
                "SELECT DISTINCT s.user_id, s.salt FROM audit_links l JOIN events e ON e.id = l.event_id
                 JOIN json_tree(json_array(e.actor_id, e.entity_id, json(e.data))) part
                 JOIN audit_salts s ON s.user_id = CAST(part.atom AS INTEGER)
                 WHERE l.seq BETWEEN ?1 AND ?2 AND part.atom IS NOT NULL",
                from,
                to,
            ),
            // Between the event of the link before and the last one's: whatever order they were linked in, all
            // parts together leave nothing out.
            sql!(
                "SELECT e.id FROM events e
                 WHERE e.id > ifnull((SELECT event_id FROM audit_links WHERE seq < ?1 ORDER BY seq DESC LIMIT 1), '')
                   AND e.id <= iif(EXISTS (SELECT 1 FROM audit_links WHERE seq > ?2),
                                   (SELECT event_id FROM audit_links WHERE seq <= ?2 ORDER BY seq DESC LIMIT 1), '~')
                   AND e.created_at < ?3 AND NOT EXISTS (SELECT 1 FROM audit_links WHERE event_id = e.id)
                 ORDER BY e.id LIMIT 20",
                from,
                to,
                now.plus(-MINUTE),
            ),
            sql!("SELECT seq, hash FROM audit_links WHERE seq > 0 ORDER BY seq DESC LIMIT 1"),
        ]
    }

    /// `aside`: what was put aside of the chain while it grew.
    pub fn verdict(
        &self,
        answers: &mut Answers,
        witnesses: &[Witness],
        aside: &[Checkpoint],
        keys: &Keys,
    ) -> Result<Verdict> {
        let links: Vec<Linked> = answers.rows()?;
        let salts = Salts::read(answers)?;
        let unlinked: Vec<Unlinked> = answers.rows()?;
        let head: Option<Head> = answers.first()?;
        let end = head.as_ref().map_or(0, |head| head.seq);
        let mut walk = Walk { next: self.from, previous: START.into(), faults: BTreeMap::new(), erased: 0 };
        for made in &links {
            match made.seq < self.from {
                true => walk.previous.clone_from(&made.hash),
                false => walk.step(made, &salts),
            }
        }
        if self.from > 1 && links.first().is_none_or(|made| made.seq >= self.from) && self.from <= end {
            walk.fault(self.from - 1, Fault::LinkMissing);
        }
        if walk.next <= self.to.min(end) {
            walk.fault(walk.next, Fault::LinkMissing);
        }
        let hashes: BTreeMap<u64, &str> = links.iter().map(|made| (made.seq, made.hash.as_str())).collect();
        let here = |seq: u64| (self.from..=self.to).contains(&seq);
        let foreign = aside.iter().filter(|point| here(point.seq) && !checkpoint::is_ours(point, keys)).count() as u64;
        let mut checkpoints = Agreement { foreign, ..Agreement::default() };
        let witnessed = witnesses.iter().map(|made| (made.seq, &made.hash, Fault::WitnessDiffers));
        let put_aside = aside.iter().map(|point| (point.seq, &point.hash, Fault::CheckpointDiffers));
        for (seq, hash, fault) in witnessed.chain(put_aside).filter(|(seq, ..)| *seq > 0) {
            let (here, agrees) = (here(seq), hashes.get(&seq) == Some(&hash.as_str()));
            if fault == Fault::CheckpointDiffers && here {
                checkpoints.compared += 1;
                checkpoints.agree += u64::from(agrees);
            }
            match (seq > end, here) {
                (true, _) => walk.fault(end + 1, Fault::CutOff),
                (false, true) if !agrees => walk.fault(seq, fault),
                _ => {}
            }
        }
        let unlinked: Vec<String> = unlinked.into_iter().map(|event| event.id).take(NAMED).collect();
        let first_broken = walk.faults.into_iter().next().map(|(seq, reason)| Broken { seq, reason });
        Ok(Verdict {
            valid: first_broken.is_none() && unlinked.is_empty(),
            checked: links.iter().filter(|made| made.seq >= self.from).count() as u64,
            from: self.from,
            to: self.to.min(end),
            next_seq: (self.to < end).then(|| self.to + 1),
            first_broken,
            erased: walk.erased,
            unlinked,
            head,
            checkpoints,
        })
    }
}

struct Walk {
    next: u64,
    previous: String,
    /// The first one found of each link.
    faults: BTreeMap<u64, Fault>,
    erased: u64,
}

impl Walk {
    fn step(&mut self, made: &Linked, salts: &Salts) {
        if made.seq > self.next {
            self.fault(self.next, Fault::LinkMissing);
        }
        match &made.event {
            None => self.fault(made.seq, Fault::EventMissing),
            Some(event) => {
                let entry = made.entry(event);
                match event.fits(&entry, &salts.openings(event)) {
                    Fit::Whole => {}
                    Fit::Erased => self.erased += 1,
                    Fit::Changed => self.fault(made.seq, Fault::EventChanged),
                }
                // Behind a gap there is nothing to make it from.
                if made.seq == self.next && audit_chain::link(&self.previous, made.seq, &entry) != made.hash {
                    self.fault(made.seq, Fault::HashDiffers);
                }
            }
        }
        self.next = made.seq + 1;
        self.previous.clone_from(&made.hash);
    }

    fn fault(&mut self, seq: u64, fault: Fault) {
        self.faults.entry(seq).or_insert(fault);
    }
}

impl Linked {
    fn entry(&self, event: &Event) -> Entry {
        Entry {
            event_id: self.event_id.clone(),
            kind: event.kind.clone(),
            project_id: event.project_id.clone(),
            created_at: event.created_at.clone(),
            actor: self.actor.clone(),
            entity: self.entity.clone(),
            data: self.data.clone(),
        }
    }
}
