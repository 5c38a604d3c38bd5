//! The Durable Object that gives the events of the audit log their links, one after another.

use std::cell::RefCell;
use std::collections::HashSet;

use audit_chain::{Entry, START};
use futures::channel::oneshot;
use futures::lock::Mutex;
use serde::Deserialize;
use worker::{DurableObject, Env, Request, Response, SqlStorage, State, durable_object};

use super::{Host, broken, log, whole};
use crate::audit::{self, Linked, ToSequencer, Witness};
use crate::error::{Code, Error, Result};

/// Links written at once, unless one caller brings more.
const AT_ONCE: usize = 1000;
/// How often another instance, or whoever else writes, may be quicker.
const ATTEMPTS: usize = 5;

#[durable_object(fetch)]
pub struct AuditSequencer {
    sql: SqlStorage,
    host: Host,
    /// The last link, unless that must be looked up. Held while links are written: one write at a time.
    head: Mutex<Option<Witness>>,
    waiting: RefCell<Vec<Waiting>>,
}

struct Waiting {
    entries: Vec<Entry>,
    told: oneshot::Sender<Result<usize>>,
}

impl DurableObject for AuditSequencer {
    fn new(state: State, env: Env) -> Self {
        let sql = state.storage().sql();
        let table = "CREATE TABLE IF NOT EXISTS witnesses (seq INTEGER NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (seq, hash)) STRICT, WITHOUT ROWID";
        if let Err(error) = sql.exec(table, None) {
            log("audit", &format!("{error:?}"));
        }
        let host = Host { env, context: None };
        AuditSequencer { sql, host, head: Mutex::default(), waiting: RefCell::default() }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        match request.json().await? {
            ToSequencer::Link(entries) => match self.link(entries).await {
                Ok(made) => Response::from_json(&Linked { made }),
                Err(error) => Response::error(error.cause().unwrap_or(error.message()), 503),
            },
            ToSequencer::Testify => match self.witnesses() {
                Ok(witnesses) => Response::from_json(&witnesses),
                Err(error) => Response::error(error.cause().unwrap_or(error.message()), 503),
            },
        }
    }
}

impl AuditSequencer {
    /// Whoever is next writes for all who wait: the more come, the fewer writes each of them takes.
    async fn link(&self, entries: Vec<Entry>) -> Result<usize> {
        let (told, outcome) = oneshot::channel();
        self.waiting.borrow_mut().push(Waiting { entries, told });
        let mut head = self.head.lock().await;
        let group = self.next_group();
        if !group.is_empty() {
            let entries = group.iter().flat_map(|waiting| &waiting.entries).collect();
            let outcome = self.write(&mut head, entries).await;
            for waiting in group {
                // Who has hung up is told by the cron.
                let _ = waiting.told.send(outcome.clone());
            }
        }
        drop(head);
        outcome.await.unwrap_or_else(|_| Err(Code::Unavailable.into()))
    }

    fn next_group(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.borrow_mut();
        let mut count = 0;
        let fitting = waiting.iter().take_while(|next| {
            count += next.entries.len();
            count <= AT_ONCE
        });
        let fitting = fitting.count().max(1).min(waiting.len());
        waiting.drain(..fitting).collect()
    }

    async fn write(&self, head: &mut Option<Witness>, mut entries: Vec<&Entry>) -> Result<usize> {
        let mut seen = HashSet::new();
        entries.retain(|entry| seen.insert(&entry.event_id));
        for _ in 0..ATTEMPTS {
            let after = match head.take() {
                Some(after) => after,
                None => self.look_up(&mut entries).await?,
            };
            let links = audit::links(&after, &entries);
            let Some((last, _)) = links.last() else {
                *head = Some(after);
                return Ok(0);
            };
            match self.host.batch(&audit::append(&after, &links)).await {
                Ok(_) => {
                    self.replace(&[after], last)?;
                    *head = Some(last.clone());
                    return Ok(links.len());
                }
                // Some of them are linked already, or the chain went on without us.
                Err(error) if error.code == Code::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(Code::Unavailable).because("the chain goes on without the sequencer"))
    }

    /// Where the chain really ends. What has a link already is dropped.
    async fn look_up(&self, entries: &mut Vec<&Entry>) -> Result<Witness> {
        #[derive(Deserialize)]
        struct Taken {
            event_id: String,
        }
        let known = self.witnesses()?;
        let mut answers = self.host.batch(&audit::state(entries, &known)).await?;
        let last = answers.first()?.unwrap_or(Witness { seq: 0, hash: START.into() });
        let linked: HashSet<String> = answers.rows::<Taken>()?.into_iter().map(|taken| taken.event_id).collect();
        entries.retain(|entry| !linked.contains(&entry.event_id));
        let agreed: Vec<Witness> = answers.rows()?;
        for Witness { seq, .. } in known.iter().filter(|witness| !agreed.contains(witness)) {
            log("audit", &format!("link {seq} is not the one that was made: the chain was cut or written anew"));
        }
        self.replace(&agreed, &last)?;
        Ok(last)
    }

    /// Links that were made, outside the database: the last one, and those that are not there any more.
    fn witnesses(&self) -> Result<Vec<Witness>> {
        let rows = self.sql.exec("SELECT seq, hash FROM witnesses ORDER BY seq", None).map_err(broken)?;
        rows.to_array().map_err(broken)
    }

    fn replace(&self, old: &[Witness], new: &Witness) -> Result<()> {
        for Witness { seq, hash } in old {
            let gone = "DELETE FROM witnesses WHERE seq = ?1 AND hash = ?2";
            self.sql.exec(gone, vec![whole(*seq), hash.as_str().into()]).map_err(broken)?;
        }
        let add = "INSERT INTO witnesses (seq, hash) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        self.sql.exec(add, vec![whole(new.seq), new.hash.as_str().into()]).map_err(broken).map(drop)
    }
}
