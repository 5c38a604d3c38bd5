//! Everything known of one subscription, and the decision it amounts to.

use serde::Deserialize;

use super::history::{Said, State, Status, Verdict, fold};
use super::notice::{Claim, Outcome};
use super::plans::Catalog;
use super::snapshot::Snapshot;
use super::subscription::{Row, is_charged};
use crate::db::{self, Answers, Stmt, Time};
use crate::error::Result;
use crate::limits::Tier;
use crate::sql;

/// One line of the inbox that names the subscription.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    pub subscription_id: String,
    pub source: String,
    #[serde(deserialize_with = "db::maybe_json")]
    pub snapshot: Option<Snapshot>,
    pub claimed_user: Option<i64>,
    pub reference: Option<String>,
    pub received_at: Time,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Checkout {
    pub reference: String,
    pub user_id: i64,
    pub subscription_id: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub subscription_id: String,
    pub row: Option<Row>,
    pub records: Vec<Record>,
    /// Those the records refer to.
    pub checkouts: Vec<Checkout>,
    /// What else the users have whom the records name.
    pub others: Vec<Row>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    Ask,
    Done(Outcome, &'static str),
    Write { user: i64, state: State, reference: Option<String> },
}

impl Ledger {
    pub fn decide(&self, catalog: &Catalog, now: Time) -> Decision {
        let said: Vec<Said> = self.records.iter().filter_map(Record::said).collect();
        let (user, reference) = match self.owner() {
            Ok(owner) => owner,
            Err(reason) => return Decision::Done(Outcome::Refused, reason),
        };
        let plan = self.row.as_ref().map(|row| (row.tier, row.billing_cycle));
        match fold(&said, plan, catalog, now) {
            Verdict::Ask => Decision::Ask,
            Verdict::Unknown(reason) => Decision::Done(Outcome::Ignored, reason),
            Verdict::Is(state) if self.row.as_ref().is_some_and(|row| row.is(&state)) => {
                Decision::Done(Outcome::Unchanged, "known")
            }
            Verdict::Is(state) => Decision::Write { user, state, reference },
        }
    }

    /// Whose it is: as decided before, or whoever opened the checkout it refers to.
    /// What a buyer can type, their email too, decides nothing.
    fn owner(&self) -> Result<(i64, Option<String>), &'static str> {
        if let Some(row) = &self.row {
            return Ok((row.user_id, None));
        }
        let mut why = "unattributed";
        for record in &self.records {
            let claim = Claim { user: record.claimed_user, reference: record.reference.clone() };
            match self.grants(&claim) {
                Ok(user) => return Ok((user, claim.reference)),
                Err("unattributed") => {}
                Err(reason) => why = reason,
            }
        }
        Err(why)
    }

    fn grants(&self, claim: &Claim) -> Result<i64, &'static str> {
        let (user, reference) = match (claim.user, &claim.reference) {
            (Some(user), Some(reference)) => (user, reference),
            (Some(_), None) => return Err("no_reference"),
            (None, Some(_)) => return Err("no_user"),
            (None, None) => return Err("unattributed"),
        };
        let checkout =
            self.checkouts.iter().find(|checkout| checkout.reference == *reference).ok_or("unknown_reference")?;
        if checkout.user_id != user {
            return Err("other_user");
        }
        match &checkout.subscription_id {
            Some(used) if *used != self.subscription_id => Err("reference_used"),
            _ => Ok(user),
        }
    }

    /// What else this user has.
    pub fn others_of(&self, user: i64) -> impl Iterator<Item = &Row> {
        self.others.iter().filter(move |row| row.user_id == user)
    }

    /// Whether an invoice's event tells something the subscription's own events have not told yet.
    pub fn invoice_is_news(&self, event: &str) -> bool {
        let Some(row) = &self.row else {
            return self.owner().is_ok() && self.records.iter().all(|record| record.snapshot.is_none());
        };
        match event {
            "subscription_payment_failed" => matches!(row.status, Status::Active),
            _ => row.status == Status::PastDue,
        }
    }

    /// Which of the user's subscriptions should be charged no more, now that they have this state:
    /// all but the highest, of equals the one that is paid, and of those the oldest.
    pub fn superseded(&self, user: i64, state: &State) -> Vec<&str> {
        if !is_charged(state.status) {
            return Vec::new();
        }
        let mut live: Vec<(Tier, bool, Time, &str)> = self
            .others_of(user)
            .filter(|row| row.is_charged())
            .map(|row| (row.tier, row.status == Status::Active, row.created_at, row.subscription_id.as_str()))
            .collect();
        live.push((state.tier, state.status == Status::Active, state.created_at, &self.subscription_id));
        live.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)).then(a.3.cmp(b.3)));
        live.into_iter().skip(1).map(|(.., id)| id).collect()
    }
}

impl Record {
    /// What the provider answered when asked.
    pub fn asked(subscription: &str, snapshot: Snapshot, now: Time) -> Self {
        Record {
            subscription_id: subscription.to_owned(),
            source: "api".into(),
            snapshot: Some(snapshot),
            claimed_user: None,
            reference: None,
            received_at: now,
        }
    }

    /// When a webhook arrived tells nothing; when we asked does.
    fn said(&self) -> Option<Said> {
        let asked = (self.source == "api").then_some(self.received_at);
        Some(Said { snapshot: self.snapshot.clone()?, asked })
    }
}

/// Everything known of these subscriptions; `read` reads it.
pub fn find(ids: &serde_json::Value) -> [Stmt; 4] {
    [
        sql!(
            "SELECT subscription_id, source, snapshot, claimed_user, reference, received_at FROM billing_events
             WHERE subscription_id IN (SELECT value FROM json_each(?1))",
            ids
        ),
        sql!("SELECT * FROM subscriptions WHERE subscription_id IN (SELECT value FROM json_each(?1))", ids),
        sql!(
            "SELECT reference, user_id, subscription_id FROM checkouts WHERE reference IN
               (SELECT reference FROM billing_events WHERE subscription_id IN (SELECT value FROM json_each(?1)))",
            ids
        ),
        sql!(
            "SELECT * FROM subscriptions WHERE user_id IN (
               SELECT user_id FROM subscriptions WHERE subscription_id IN (SELECT value FROM json_each(?1))
               UNION SELECT user_id FROM checkouts WHERE reference IN
                 (SELECT reference FROM billing_events WHERE subscription_id IN (SELECT value FROM json_each(?1))))",
            ids
        ),
    ]
}

/// A ledger for each of the subscriptions, from what `find` found.
pub fn read(ids: Vec<String>, answers: &mut Answers) -> Result<Vec<Ledger>> {
    let (records, rows): (Vec<Record>, Vec<Row>) = (answers.rows()?, answers.rows()?);
    let (checkouts, theirs): (Vec<Checkout>, Vec<Row>) = (answers.rows()?, answers.rows()?);
    let ledger = |id: String| {
        let records: Vec<Record> = records.iter().filter(|record| record.subscription_id == id).cloned().collect();
        let of_it =
            |checkout: &&Checkout| records.iter().any(|record| record.reference.as_ref() == Some(&checkout.reference));
        let checkouts: Vec<Checkout> = checkouts.iter().filter(of_it).cloned().collect();
        let row = rows.iter().find(|row| row.subscription_id == id).cloned();
        let users: Vec<i64> =
            row.iter().map(|row| row.user_id).chain(checkouts.iter().map(|checkout| checkout.user_id)).collect();
        let others = |other: &&Row| other.subscription_id != id && users.contains(&other.user_id);
        Ledger { others: theirs.iter().filter(others).cloned().collect(), subscription_id: id, row, records, checkouts }
    };
    Ok(ids.into_iter().map(ledger).collect())
}
