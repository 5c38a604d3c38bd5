//! What operators switch for everybody else, decided by the database in the batches that run anyway.

use std::cell::Cell;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::app::{App, By, Change};
use crate::db::{self, Answers, SECOND, Stmt, Time};
use crate::error::{Code, Error, Result};
use crate::event::{Event, Kind};
use crate::sql;

/// What operators switch, as they see it.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Switch {
    #[schemars(example = &"previews")]
    pub name: String,
    /// `previews` and `ai_docs` are on where they are allowed, `maintenance` and `read_only` where they are in force.
    #[serde(deserialize_with = "db::flag")]
    pub is_on: bool,
    /// Null: never.
    pub changed_at: Option<Time>,
    /// The operator's id.
    #[schemars(example = 1)]
    pub changed_by: Option<i64>,
}

pub fn all() -> Stmt {
    sql!(
        "SELECT name, is_on, changed_at, changed_by FROM switches
         WHERE name IN ('previews', 'ai_docs', 'maintenance', 'read_only') ORDER BY name"
    )
}

/// How long an isolate believes what it last read, where nothing else is read.
const BELIEVED: i64 = 5 * SECOND;

thread_local! {
    static SEEN: Cell<Option<Seen>> = const { Cell::new(None) };
}

#[derive(Clone, Copy)]
struct Seen {
    maintenance: bool,
    at: Time,
}

#[derive(Default, Deserialize)]
pub struct Turned {
    pub changed: i64,
}

/// Turns it, whoever turned it before.
pub fn turn(name: &str, on: bool, by: &By) -> Change<Turned> {
    Change::returning(sql!("SELECT changed_at IS ?2 AS changed FROM switches WHERE name = ?1", name, by.at))
        .run(sql!(
            "UPDATE switches SET is_on = ?2, changed_at = ?3, changed_by = ?4 WHERE name = ?1 AND is_on <> ?2",
            name,
            on,
            by.at,
            by.user,
        ))
        .announce(Event::new(Kind::AdminSwitched, by, name).with(json!({ "on": on })))
}

/// Keeps a batch from writing while only operators may.
pub fn refuse_writes() -> Stmt {
    sql!(
        "INSERT INTO refusals (code) SELECT upper(name) FROM switches
         WHERE name IN ('maintenance', 'read_only') AND is_on = 1"
    )
}

/// Whether maintenance is in force, for a batch that does not look for the caller.
pub fn look() -> Stmt {
    sql!("SELECT is_on AS maintenance FROM switches WHERE name = 'maintenance'")
}

/// What `look` found; fails while maintenance is in force.
pub fn admit(answers: &mut Answers, now: Time) -> Result<()> {
    #[derive(Deserialize)]
    struct Found {
        #[serde(deserialize_with = "db::flag")]
        maintenance: bool,
    }
    let maintenance = answers.first()?.is_some_and(|found: Found| found.maintenance);
    saw(maintenance, now);
    if maintenance { Err(closed()) } else { Ok(()) }
}

/// Notes what was read with the caller.
pub fn saw(maintenance: bool, now: Time) {
    SEEN.set(Some(Seen { maintenance, at: now }));
}

/// For callers nobody knows, whose refusal costs no trip: by what this isolate read last, renewed behind the answer.
pub fn admit_unknown(app: &App) -> Result<()> {
    let (now, seen) = (app.now(), SEEN.get());
    let maintenance = seen.is_some_and(|seen| seen.maintenance);
    if seen.is_none_or(|seen| now < seen.at || seen.at.plus(BELIEVED) < now) {
        saw(maintenance, now);
        let behind = app.behind("switches");
        app.host().later(async move {
            let looked = behind.read(vec![look()]).await;
            let _ = looked.and_then(|mut answers| admit(&mut answers, now));
        });
    }
    if maintenance { Err(closed()) } else { Ok(()) }
}

pub fn closed() -> Error {
    Error::new(Code::Maintenance).retry_after(Code::SWITCHED_FOR)
}
