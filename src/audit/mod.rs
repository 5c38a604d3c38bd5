//! The audit log: every event is a line of it, and soon after it happened a link of a chain, in which what is changed
//! or removed shows.
//!
//! The event's row is written with its effect. Its link is made behind it, by one sequencer: a Durable Object that
//! gives the numbers in the order in which it is told. `audit_links` decides: no number is given twice.

pub mod api;
pub mod checkpoint;
pub mod log;
mod verify;
mod wire;

use std::collections::BTreeMap;

use audit_chain::{Entry, Event, Openings, opening};
use serde::Deserialize;
use serde_json::json;

use crate::app::{App, Change};
use crate::db::{self, Answers, Id, MINUTE, Moment, Stmt};
use crate::error::Result;
use crate::event::Kind;
use crate::host::Object;
use crate::http::NoContent;
use crate::sql;

pub use wire::{Linked, ToSequencer, Witness};

/// What must be read to link these events.
pub fn reads(ids: &[Id]) -> [Stmt; 2] {
    [
        sql!(
            "SELECT id, kind, actor_id, project_id, entity_id, data, created_at FROM events e
             WHERE id IN (SELECT value FROM json_each(?1)) AND NOT EXISTS (SELECT 1 FROM audit_links WHERE event_id = e.id)
             ORDER BY id",
            json!(ids),
        ),
        // Of more than are named, perhaps: any whole number may be a user.
        sql!(
            "SELECT DISTINCT s.user_id, s.salt FROM json_each(?1) one JOIN events e ON e.id = one.value
             JOIN json_tree(json_array(e.actor_id, e.entity_id, json(e.data))) part
             JOIN audit_salts s ON s.user_id = CAST(part.atom AS INTEGER)
             WHERE part.atom IS NOT NULL",
            json!(ids),
        ),
    ]
}

#[derive(Deserialize)]
struct Salt {
    user_id: i64,
    salt: Option<String>,
}

/// By the ids of their users. The erased have none, and who never was somebody is not there.
pub struct Salts(BTreeMap<i64, Option<String>>);

impl Salts {
    pub fn read(answers: &mut Answers) -> Result<Self> {
        Ok(Salts(answers.rows()?.into_iter().map(|Salt { user_id, salt }| (user_id, salt)).collect()))
    }

    /// Of those the event names.
    pub fn openings(&self, event: &Event) -> Openings {
        let opened = |person| Some((person, self.0.get(&person)?.as_ref().map(|salt| opening(salt, &event.id))));
        event.persons().into_iter().filter_map(opened).collect()
    }
}

/// The events of `reads` that have no link yet, as they will be chained.
pub fn entries(app: &App, answers: &mut Answers) -> Result<Vec<Entry>> {
    let (events, salts): (Vec<Event>, Salts) = (answers.rows()?, Salts::read(answers)?);
    let lost = app.random()?;
    let entry = |event: &Event| {
        let of_user = Kind::from_name(&event.kind).is_some_and(Kind::is_of_user);
        event.entry(of_user, &salts.openings(event), &lost)
    };
    Ok(events.iter().map(entry).collect())
}

/// Gives each its link. Once more is once.
pub async fn link(app: &App, entries: Vec<Entry>) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    app.host().ask::<Linked, _>(Object::Sequencer, &ToSequencer::Link(entries)).await.map(drop)
}

/// What the sequencer saw of the chain, wherever the database has gone since.
pub async fn witnesses(app: &App) -> Result<Vec<Witness>> {
    app.host().ask(Object::Sequencer, &ToSequencer::Testify).await
}

/// The links of these entries after that one.
pub fn links<'a>(after: &Witness, entries: &[&'a Entry]) -> Vec<(Witness, &'a Entry)> {
    let mut last = after.clone();
    let link = |entry: &&'a Entry| {
        let seq = last.seq + 1;
        last = Witness { seq, hash: audit_chain::link(&last.hash, seq, entry) };
        (last.clone(), *entry)
    };
    entries.iter().map(link).collect()
}

/// The last link, which of these events have one already, and which of the witnessed links are there.
pub fn state(entries: &[&Entry], witnesses: &[Witness]) -> Vec<Stmt> {
    let ids: Vec<&str> = entries.iter().map(|entry| entry.event_id.as_str()).collect();
    vec![
        sql!("SELECT seq, hash FROM audit_links WHERE seq > 0 ORDER BY seq DESC LIMIT 1"),
        sql!("SELECT event_id FROM audit_links WHERE event_id IN (SELECT value FROM json_each(?1))", json!(ids)),
        sql!(
            "SELECT seq, hash FROM json_each(?1) JOIN audit_links ON seq = value ->> 'seq' AND hash = value ->> 'hash'",
            json!(witnesses)
        ),
    ]
}

/// Adds links after this one, or none of them.
pub fn append(after: &Witness, links: &[(Witness, &Entry)]) -> Vec<Stmt> {
    let rows: Vec<_> = links
        .iter()
        .map(|(made, entry)| json!([made.seq, entry.event_id, entry.actor, entry.entity, entry.data, made.hash]))
        .collect();
    vec![
        sql!(
            "INSERT INTO refusals SELECT 'CONFLICT'
             WHERE ?1 > 0 AND NOT EXISTS (SELECT 1 FROM audit_links WHERE seq = ?1 AND hash = ?2)",
            i64::try_from(after.seq).unwrap_or(i64::MAX),
            after.hash,
        ),
        sql!(
            "INSERT INTO audit_links (seq, event_id, actor, entity, data, hash)
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?1)",
            json!(rows),
        ),
    ]
}

#[derive(Deserialize)]
struct Position {
    value: String,
}

#[derive(Deserialize)]
struct Found {
    id: Id,
    #[serde(deserialize_with = "db::flag")]
    is_linked: bool,
}

/// The cron's: links what was delivered without, as everything was before there was a chain. What was not delivered
/// is linked when it is.
pub async fn catch_up(app: &App) -> Result<()> {
    let position = sql!("SELECT value FROM cursors WHERE name = 'audit'");
    let after = app.read(vec![position]).await?.first::<Position>()?.map_or(String::new(), |position| position.value);
    let [_, before] = log::span(None, Some(Moment(app.now().plus(-MINUTE))));
    let page = sql!(
        "SELECT id, EXISTS (SELECT 1 FROM audit_links WHERE event_id = e.id) AS is_linked FROM events e
         WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT 1000",
        after,
        before,
    );
    let found: Vec<Found> = app.read(vec![page]).await?.rows()?;
    let Some(last) = found.last() else { return Ok(()) };
    let unlinked: Vec<Id> = found.iter().filter(|event| !event.is_linked).map(|event| event.id.clone()).collect();
    if !unlinked.is_empty() {
        let mut answers = app.read(reads(&unlinked).into()).await?;
        link(app, entries(app, &mut answers)?).await?;
    }
    let change = Change::to(()).run(sql!(
        "INSERT INTO cursors (name, value) VALUES ('audit', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        last.id,
    ));
    app.commit::<NoContent>(change).await.map(drop)
}
