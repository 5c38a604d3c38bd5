//! The request's hands: what a handler may read, and the one way to write.

mod change;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use http::{Extensions, Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::access::{self, Actor, Identity};
use crate::admin::switches;
use crate::config::Config;
use crate::db::{Answers, Id, Stmt, Time};
use crate::error::{Code, Error, Result};
use crate::event;
use crate::host::{Host, log};
use crate::http::{Answer, NoContent};
use crate::idempotency::Idempotency;
use crate::limits::{Allowance, Quota};

use change::{Outcome, Writes};

pub use change::{By, Change};

#[derive(Clone)]
pub struct App(Arc<Hands>);

struct Hands {
    host: Host,
    config: Arc<Config>,
    caller: Caller,
    identity: OnceLock<Result<Identity>>,
    session_over: AtomicBool,
    /// Known not to be kept out by maintenance.
    admitted: AtomicBool,
    /// Held to no switch: an operator's, or what must go on whatever is switched.
    exempt: AtomicBool,
    trips: AtomicU32,
    ids: AtomicU16,
    outbox: Mutex<Vec<Id>>,
    afterwards: Mutex<Vec<Stmt>>,
    idempotency: Mutex<Option<Idempotency>>,
}

/// Where a request comes from, as far as the platform tells.
#[derive(Clone, Debug)]
pub struct Caller {
    pub now: Time,
    pub request_id: String,
    pub ip: String,
    pub user_agent: String,
    /// The origin that was called, as `https://api.example.com`.
    pub site: String,
}

/// Boxed, so that what it does is compiled once and not into all that wait for it.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl App {
    pub fn new(host: Host, config: Arc<Config>, caller: Caller) -> Self {
        App(Arc::new(Hands {
            host,
            config,
            caller,
            identity: OnceLock::new(),
            session_over: AtomicBool::new(false),
            admitted: AtomicBool::new(false),
            exempt: AtomicBool::new(false),
            trips: AtomicU32::new(0),
            ids: AtomicU16::new(0),
            outbox: Mutex::default(),
            afterwards: Mutex::default(),
            idempotency: Mutex::default(),
        }))
    }

    /// For what no request asked for; `what` stands where a request's id would.
    pub fn background(host: Host, config: Arc<Config>, what: &str, now: Time) -> Self {
        let caller =
            Caller { now, request_id: what.into(), ip: String::new(), user_agent: String::new(), site: String::new() };
        let app = App::new(host, config, caller);
        app.exempt();
        app
    }

    /// For what goes on behind the answer.
    pub fn behind(&self, what: &str) -> Self {
        App::background(self.0.host.clone(), self.0.config.clone(), what, self.now())
    }

    pub fn of(extensions: &Extensions) -> Result<App> {
        extensions.get::<App>().cloned().ok_or_else(|| Error::internal("a request came without its App"))
    }

    pub fn config(&self) -> &Config {
        &self.0.config
    }

    pub fn host(&self) -> &Host {
        &self.0.host
    }

    pub fn caller(&self) -> &Caller {
        &self.0.caller
    }

    pub fn now(&self) -> Time {
        self.0.caller.now
    }

    /// Later than those given before.
    pub fn id(&self) -> Result<Id> {
        let [high, low] = self.0.ids.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let [_, _, random @ ..] = self.random::<10>()?;
        let [a, b, c, d, e, f, g, h] = random;
        // The twelve bits after the time count.
        Ok(Id::new(self.now(), [high, low, a, b, c, d, e, f, g, h]))
    }

    /// How many of these the actor's tier allows.
    pub fn quota(&self, actor: &Actor, limit_type: &'static str, of: fn(&Allowance) -> Option<u64>) -> Quota {
        self.config().limits.quota(limit_type, actor.user.tier, of)
    }

    pub fn random<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).map_err(|error| Error::internal(format!("no randomness: {error}")))?;
        Ok(bytes)
    }

    /// Where our pages are.
    pub fn site(&self) -> &str {
        self.config().base_url.as_deref().unwrap_or(&self.caller().site)
    }

    /// Whose the request says it is; what it says so with is not yet known to be alive.
    pub fn identity(&self) -> Result<&Identity> {
        if self.0.session_over.load(Ordering::Relaxed) {
            return Err(access::session_over());
        }
        match self.0.identity.get() {
            Some(known) => known.as_ref().map_err(Clone::clone),
            None => Err(Code::Unauthorized.into()),
        }
    }

    /// Notes what the request shows of who sends it, once.
    pub fn identify(&self, identity: Result<Identity>) {
        self.0.identity.get_or_init(|| identity);
    }

    /// Notes that the edge knows the token's session to be over; who needs none may go on.
    pub fn end_session(&self) {
        self.0.session_over.store(true, Ordering::Relaxed);
    }

    pub fn by(&self, actor: &Actor) -> By {
        self.by_user(Some(actor.user.id))
    }

    pub fn by_user(&self, user: Option<i64>) -> By {
        let Caller { now, request_id, ip, .. } = self.caller().clone();
        By { user, at: now, ip, request_id }
    }

    /// Lets it go on whatever is switched.
    pub fn exempt(&self) {
        self.0.exempt.store(true, Ordering::Relaxed);
    }

    fn is_exempt(&self) -> bool {
        self.0.exempt.load(Ordering::Relaxed)
    }

    /// Whether the caller, who is found, is let in.
    pub fn admit(&self, operator: bool, maintenance: bool) -> Result<()> {
        if operator {
            self.exempt();
        }
        if maintenance && !self.is_exempt() {
            return Err(switches::closed());
        }
        self.0.admitted.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// One trip to the database, unless maintenance keeps the request out.
    pub fn read(&self, mut stmts: Vec<Stmt>) -> Boxed<'_, Result<Answers>> {
        let admitted = self.is_exempt() || self.0.admitted.load(Ordering::Relaxed);
        Box::pin(async move {
            if admitted {
                return self.batch(stmts).await;
            }
            stmts.insert(0, switches::look());
            let mut answers = self.batch(stmts).await?;
            switches::admit(&mut answers, self.now())?;
            Ok(answers)
        })
    }

    /// One trip to the database, whatever is switched.
    pub fn read_regardless(&self, stmts: Vec<Stmt>) -> Boxed<'_, Result<Answers>> {
        Box::pin(self.batch(stmts))
    }

    /// Does all of the change or none of it, in one trip, and answers with what came of it.
    pub async fn commit<A: Answer>(&self, change: Change<A::Of>) -> Result<A> {
        let Change { writes, outcome } = change;
        match outcome {
            Outcome::Is(outcome) => {
                let answer = A::of(&outcome)?;
                let kept = if A::STATUS == StatusCode::CREATED { self.keep(A::STATUS, answer.body())? } else { None };
                self.write(kept, writes, Vec::new()).await?;
                Ok(answer)
            }
            Outcome::Row(stmt) => A::of(&self.write(None, writes, vec![stmt]).await?.last()?.ok_or(Code::Conflict)?),
        }
    }

    fn keep(&self, status: StatusCode, answer: &str) -> Result<Option<Stmt>> {
        let (keys, nonce) = (&self.config().keys, self.random()?);
        Ok(lock(&self.0.idempotency).as_ref().and_then(|key| key.keep(status, answer, self.now(), keys, nonce)))
    }

    /// `commit` for a row that is needed further, not answered.
    pub async fn commit_row<T: DeserializeOwned>(&self, change: Change<T>) -> Result<Option<T>> {
        match change.outcome {
            Outcome::Is(row) => self.write(None, change.writes, Vec::new()).await.map(|_| Some(row)),
            Outcome::Row(stmt) => self.write(None, change.writes, vec![stmt]).await?.last(),
        }
    }

    /// Does the change, and reads what is so after it, in one trip.
    pub async fn commit_and_read(&self, change: Change<()>, reads: Vec<Stmt>) -> Result<Answers> {
        let written = change.writes.stmts.len() + change.writes.events.len();
        let mut answers = self.write(None, change.writes, reads).await?;
        answers.skip(written)?;
        Ok(answers)
    }

    /// `kept` goes first, so that a racing twin fails on its key and not on what the key guards.
    fn write(&self, kept: Option<Stmt>, writes: Writes, reads: Vec<Stmt>) -> Boxed<'_, Result<Answers>> {
        Box::pin(async move {
            let guard = (!self.is_exempt()).then(switches::refuse_writes);
            let guarded = usize::from(guard.is_some());
            let mut stmts: Vec<Stmt> = guard.into_iter().chain(kept).chain(writes.stmts).collect();
            let mut announced = Vec::new();
            for event in writes.events {
                let id = self.id()?;
                stmts.push(event.insert(&id));
                announced.push(id);
            }
            stmts.extend(reads);
            // Of those that a statement may have written, which are there: nobody need hear of the others.
            let asked = !writes.recorded.is_empty();
            if asked {
                stmts.push(event::among(&writes.recorded));
            }
            let mut answers = self.batch(stmts).await.map_err(|error| refused(error, &writes.quotas))?;
            if asked {
                announced.extend(answers.pop::<Written>()?.into_iter().map(|event| event.id));
            }
            answers.skip(guarded)?;
            lock(&self.0.outbox).extend(announced);
            Ok(answers)
        })
    }

    async fn batch(&self, mut stmts: Vec<Stmt>) -> Result<Answers> {
        let lookup = lock(&self.0.idempotency).as_ref().and_then(Idempotency::look_up);
        let looked = lookup.is_some();
        if let Some(stmt) = lookup {
            stmts.insert(0, stmt);
        }
        if stmts.is_empty() {
            return Ok(Answers::new(Vec::new()));
        }
        self.0.trips.fetch_add(1, Ordering::Relaxed);
        let mut answers = self.0.host.batch(&stmts).await?;
        if looked {
            let found = answers.first()?;
            if let Some(key) = lock(&self.0.idempotency).as_mut() {
                key.found(found, &self.config().keys);
                key.settle()?;
            }
        }
        Ok(answers)
    }

    /// Notes what the body is, for its `Idempotency-Key`; ends the request when it was answered before.
    pub fn fingerprint(&self, body: &[u8]) -> Result<()> {
        match lock(&self.0.idempotency).as_mut() {
            Some(key) => {
                key.body(body);
                key.settle()
            }
            None => Ok(()),
        }
    }

    /// Whether what the body is must be noted.
    pub fn has_key(&self) -> bool {
        lock(&self.0.idempotency).is_some()
    }

    pub fn expect_key(&self, method: &Method, path: &str, key: Option<&str>) -> Result<()> {
        let who = self.identity().map_or("anyone".into(), Identity::account);
        *lock(&self.0.idempotency) = Idempotency::read(method, path, &who, key)?;
        Ok(())
    }

    pub fn trips(&self) -> u32 {
        self.0.trips.load(Ordering::Relaxed)
    }

    /// Writes it once the answer is out. Nothing follows from it, and nobody waits for it.
    pub fn write_afterwards(&self, stmt: Stmt) {
        lock(&self.0.afterwards).push(stmt);
    }

    /// The answer is out.
    pub fn conclude(&self) {
        for id in self.take_outbox() {
            event::send_later(self.host(), id);
        }
        let stmts = std::mem::take(&mut *lock(&self.0.afterwards));
        if stmts.is_empty() {
            return;
        }
        let change = stmts.into_iter().fold(Change::to(()), Change::run);
        let Hands { host, config, caller, .. } = &*self.0;
        let app = App::background(host.clone(), config.clone(), &caller.request_id, caller.now);
        host.later(async move {
            if let Err(error) = app.commit::<NoContent>(change).await {
                log(&app.caller().request_id, error.cause().unwrap_or(error.message()));
            }
        });
    }

    /// The events committed since last asked.
    pub fn take_outbox(&self) -> Vec<Id> {
        std::mem::take(&mut lock(&self.0.outbox))
    }
}

/// An event that is there.
#[derive(Deserialize)]
struct Written {
    id: Id,
}

/// What a full quota's refusal means.
fn refused(error: Error, quotas: &[Quota]) -> Error {
    let number = |name| error.detail(name).and_then(Value::as_u64);
    let which = number("which").and_then(|which| usize::try_from(which).ok()).unwrap_or_default();
    let Some(quota) = quotas.get(which).filter(|quota| quota.code() == error.code) else { return error };
    let exceeded = quota.exceeded(number("used").unwrap_or_default());
    match number("retry_after_seconds") {
        Some(seconds) => exceeded.with("retry_after_seconds", seconds),
        None => exceeded,
    }
}

/// An isolate is one thread, and a panic ends it: a poisoned lock cannot be met.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Caller {
    /// Whom to count together: an IPv4 address, or the /64 an IPv6 caller owns.
    pub fn network(&self) -> String {
        match self.ip.parse() {
            Ok(std::net::IpAddr::V6(v6)) => {
                let [a, b, c, d, ..] = v6.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            _ => self.ip.clone(),
        }
    }
}
