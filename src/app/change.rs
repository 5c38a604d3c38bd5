//! What a domain function gives: statements and events, to be done together.

use crate::db::{Id, Stmt, Time};
use crate::event::Event;
use crate::limits::Quota;

/// Who did it, when and from where: what a domain function needs to say so.
#[derive(Clone, Debug)]
pub struct By {
    pub user: Option<i64>,
    pub at: Time,
    pub ip: String,
    pub request_id: String,
}

/// What shall happen: statements and the events that announce them, as one batch.
pub struct Change<T> {
    pub(super) writes: Writes,
    pub(super) outcome: Outcome<T>,
}

#[derive(Default)]
pub(super) struct Writes {
    pub stmts: Vec<Stmt>,
    pub events: Vec<Event>,
    pub recorded: Vec<Id>,
    pub quotas: Vec<Quota>,
}

pub(super) enum Outcome<T> {
    /// Known beforehand.
    Is(T),
    /// The first row of this statement, run last.
    Row(Stmt),
}

impl<T> Change<T> {
    pub fn to(outcome: T) -> Self {
        Change { writes: Writes::default(), outcome: Outcome::Is(outcome) }
    }

    pub fn returning(stmt: Stmt) -> Self {
        Change { writes: Writes::default(), outcome: Outcome::Row(stmt) }
    }

    /// A statement that writes, or one that inserts into `refusals` when it must not happen.
    pub fn run(mut self, stmt: Stmt) -> Self {
        self.writes.stmts.push(stmt);
        self
    }

    /// Only while the caller's tier allows one more: `full` refuses with the quota's code and how many there are; after
    /// it, which of the change's quotas this is, if not the first, and in how many seconds there is room.
    pub fn within(mut self, quota: Quota, full: Stmt) -> Self {
        self.writes.quotas.push(quota);
        self.run(full)
    }

    /// The same, behind another change in the same batch.
    pub fn after(mut self, before: Change<()>) -> Self {
        self.writes.stmts.splice(0..0, before.writes.stmts);
        self.writes.events.splice(0..0, before.writes.events);
        self.writes.recorded.splice(0..0, before.writes.recorded);
        self.writes.quotas.splice(0..0, before.writes.quotas);
        self
    }

    /// The same, answered with the first row of this statement, run last.
    pub fn then<U>(self, stmt: Stmt) -> Change<U> {
        Change { writes: self.writes, outcome: Outcome::Row(stmt) }
    }

    pub fn announce(mut self, event: Event) -> Self {
        self.writes.events.push(event);
        self
    }

    /// A statement that writes the event of this id itself, or does not, as it finds things.
    pub fn record(mut self, event: Id, stmt: Stmt) -> Self {
        self.writes.recorded.push(event);
        self.run(stmt)
    }
}
