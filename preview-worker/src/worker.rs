//! The worker's life: it says that it lives, claims, works, and ends when it is told to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::api::{Api, Trouble};
use crate::browser::Jail;
use crate::fault::Fault;
use crate::job;
use crate::log::log;
use crate::protocol::{Claim, Heartbeat, Metrics};

/// Of heartbeats. They keep the leases of what is running, too.
const BEAT: Duration = Duration::from_secs(10);
/// How long a claim waits for a job.
const WAIT: Duration = Duration::from_secs(25);
/// What running jobs have once the worker is told to end.
const GRACE: Duration = Duration::from_secs(20);
/// After a request that found nobody: a second, then twice as long each time.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub struct Worker {
    api: Arc<Api>,
    jail: Jail,
    memory: u64,
    concurrency: usize,
    running: Mutex<HashMap<String, oneshot::Sender<()>>>,
    draining: AtomicBool,
    completed: AtomicU64,
    failed: AtomicU64,
}

impl Worker {
    pub fn new(api: Api, jail: Jail, memory: u64, concurrency: usize) -> Arc<Worker> {
        Arc::new(Worker {
            api: Arc::new(api),
            jail,
            memory,
            concurrency,
            running: Mutex::default(),
            draining: AtomicBool::new(false),
            completed: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        })
    }

    /// Works until `stop` says true, and then for as long as what is running has left.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if !self.register(&mut stop).await {
            return;
        }
        let mut slots = JoinSet::new();
        for _ in 0..self.concurrency {
            slots.spawn(self.clone().slot(stop.clone()));
        }
        let beats = tokio::spawn({
            let worker = self.clone();
            async move {
                loop {
                    tokio::time::sleep(BEAT).await;
                    let _ = worker.beat().await;
                }
            }
        });
        while slots.join_next().await.is_some() {}
        beats.abort();
    }

    /// The first heartbeat. `false`: told to end before anybody heard it.
    async fn register(&self, stop: &mut watch::Receiver<bool>) -> bool {
        let registered = async {
            let mut pause = Duration::from_secs(1);
            while self.beat().await.is_err() {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        tokio::select! {
            () = registered => {
                log("worker.registered", json!({ "concurrency": self.concurrency }));
                true
            }
            _ = stop.wait_for(|stop| *stop) => false,
        }
    }

    async fn beat(&self) -> Result<(), Trouble> {
        let running: Vec<String> = self.lock().keys().cloned().collect();
        let metrics = Metrics {
            load: load(),
            memory_bytes: memory_available(),
            concurrency: self.concurrency,
            completed: self.completed.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        };
        let orders = self.api.heartbeat(&Heartbeat { kind: "cpu", metrics, running: &running }).await;
        let orders = orders.inspect_err(|trouble| log("heartbeat.failed", json!({ "why": trouble.to_string() })))?;
        if self.draining.swap(orders.draining, Ordering::Relaxed) != orders.draining {
            log(if orders.draining { "worker.draining" } else { "worker.resumed" }, json!({}));
        }
        for job in orders.canceled {
            if let Some(cancel) = self.lock().remove(&job) {
                let _ = cancel.send(());
            }
        }
        Ok(())
    }

    async fn slot(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut pause = Duration::from_secs(1);
        loop {
            let asked = Instant::now();
            let claimed = tokio::select! {
                claimed = self.next() => claimed,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            match claimed {
                Ok(Some(claim)) => {
                    pause = Duration::from_secs(1);
                    self.work(claim, &mut stop).await;
                }
                // Whoever answers "nothing" at once would be asked without end.
                Ok(None) if asked.elapsed() >= Duration::from_secs(1) => {}
                Ok(None) => rest(Duration::from_secs(1), &mut stop).await,
                Err(trouble) => {
                    log("claim.failed", json!({ "why": trouble.to_string() }));
                    rest(pause, &mut stop).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn next(&self) -> Result<Option<Claim>, Trouble> {
        match self.draining.load(Ordering::Relaxed) {
            true => Ok(None),
            false => self.api.claim(WAIT).await,
        }
    }

    async fn work(&self, claim: Claim, stop: &mut watch::Receiver<bool>) {
        let started = Instant::now();
        let (cancel, canceled) = oneshot::channel();
        self.lock().insert(claim.job_id.clone(), cancel);
        log("job.started", json!({ "job_id": claim.job_id, "attempt": claim.attempt }));
        let out_of_time = async {
            let _ = stop.wait_for(|stop| *stop).await;
            tokio::time::sleep(GRACE).await;
        };
        let outcome = tokio::select! {
            outcome = job::run(&self.api, &self.jail, self.memory, &claim) => Some(outcome),
            Ok(()) = canceled => None,
            () = out_of_time => Some(Err(Fault::Stopped)),
        };
        let said = match &outcome {
            Some(outcome) => job::report(&self.api, &claim, outcome).await,
            None => Ok(()),
        };
        self.lock().remove(&claim.job_id);
        let (id, ms) = (&claim.job_id, started.elapsed().as_millis() as u64);
        match outcome {
            None => log("job.canceled", json!({ "job_id": id, "ms": ms })),
            Some(Ok(done)) => {
                self.completed.fetch_add(1, Ordering::Relaxed);
                log("job.completed", json!({ "job_id": id, "ms": ms, "pictures": done.pictures() }));
            }
            Some(Err(fault)) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                let why = fault.to_string();
                log("job.failed", json!({ "job_id": id, "ms": ms, "code": fault.code(), "why": why }));
            }
        }
        if let Err(trouble) = said {
            log("callback.failed", json!({ "job_id": claim.job_id, "why": trouble.to_string() }));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<()>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sleeps, but not past the end.
async fn rest(pause: Duration, stop: &mut watch::Receiver<bool>) {
    let _ = tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await;
}

fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn memory_available() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
