//! How a worker says that an attempt is over. It may say so again, or too late, or what is not so.

use base64ct::{Base64UrlUnpadded, Encoding};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::access::Worker;
use super::claim::attempt_of;
use crate::app::App;
use crate::db::{self, Id, Stmt, Text};
use crate::error::{Code, Error, Result};
use crate::jobs::step::Step;
use crate::jobs::{Failure, JobKind, Status};
use crate::limits::Tier;
use crate::previews::artifact::{self, Drawn, LAYOUT, Most, Picture};
use crate::previews::device::{Device, Platform};
use crate::previews::request::Wish;
use crate::sql;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Ending {
    #[serde(rename = "SUCCESS")]
    Success,
    #[serde(rename = "FAIL")]
    Fail,
}

#[derive(Deserialize, JsonSchema)]
pub struct Callback {
    /// If it is said, the job's.
    job_type: Option<JobKind>,
    job_id: Id,
    /// Of the claim.
    attempt_token: Text<1, 100>,
    status: Ending,
    /// If it names one, the request's.
    platform: Option<Platform>,
    #[schemars(example = &"previews/0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77/1/layout.json")]
    layout_json_key: Option<Text<1, 200>>,
    #[serde(default)]
    asset_keys: Vec<Text<1, 200>>,
    /// Of a failure. After the code `timeout` the job is tried once more.
    error: Option<Said>,
    #[serde(default)]
    warnings: Vec<Text<1, 300>>,
}

/// Why it failed, as the worker says it.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "WorkerError")]
pub struct Said {
    #[schemars(regex(pattern = "^[a-z0-9_]{1,40}$"), example = &"timeout")]
    code: Text<1, 40>,
    message: Text<0, 500>,
}

/// How the job stands after it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CallbackAnswer")]
pub struct After {
    pub job_id: Id,
    pub status: Status,
    #[schemars(example = 1)]
    pub attempt: i64,
}

#[derive(Deserialize)]
struct Before {
    status: Status,
    attempt: i64,
    tier: Tier,
    #[serde(deserialize_with = "db::json")]
    request: Wish,
    outcome: Option<String>,
}

fn before(job: &Id) -> Stmt {
    sql!("SELECT status, attempt, tier, request, outcome FROM jobs WHERE id = ?1 AND kind = 'preview'", job)
}

fn after(job: &Id) -> Stmt {
    sql!("SELECT id AS job_id, status, attempt FROM jobs WHERE id = ?1", job)
}

impl Callback {
    pub async fn take(&self, app: &App, worker: &Worker) -> Result<After> {
        self.check()?;
        let mut answers = app.commit_and_read(worker.once(app.now()), vec![before(&self.job_id)]).await?;
        let before: Before = answers
            .first()?
            .filter(|_| self.job_type.is_none_or(|kind| kind == JobKind::Preview))
            .ok_or(Code::JobNotFound)?;
        let attempt = attempt_of(&app.config().keys, &self.job_id, self.attempt_token.as_ref());
        let outcome = self.outcome();
        if attempt.is_some() && before.outcome.as_ref() == Some(&outcome) {
            return Ok(After { job_id: self.job_id.clone(), status: before.status, attempt: before.attempt });
        }
        if before.status != Status::Running || attempt != Some(before.attempt) {
            return Err(over(before.status, before.attempt));
        }
        if self.platform.is_some_and(|platform| platform != before.request.platform) {
            return Err(Error::invalid("platform", "is not the request's"));
        }
        let (event, by) = (app.id()?, app.by_user(None));
        let step = Step { job: &self.job_id, attempt, event: &event, by: &by };
        let change = match &self.error {
            None => {
                let drawn = self.drawn(app, &before).await?;
                step.complete(&json!(drawn), &self.warnings(), Some(&outcome))
            }
            Some(said) if said.code.as_ref() == Failure::TIMEOUT => {
                step.time_out(&said.failure(), None, Some(&outcome))
            }
            Some(said) => step.fail(&said.failure(), &self.warnings(), Some(&outcome)),
        };
        let mut answers = app.commit_and_read(change, vec![happened(&event), after(&self.job_id)]).await?;
        let happened = answers.first::<serde::de::IgnoredAny>()?.is_some();
        let after: After = answers.first()?.ok_or(Code::JobNotFound)?;
        // Somebody else was faster.
        if happened { Ok(after) } else { Err(over(after.status, after.attempt)) }
    }

    fn check(&self) -> Result<()> {
        if self.warnings.len() > 20 {
            return Err(Error::invalid("warnings", "must be at most 20"));
        }
        match (self.status, &self.error) {
            (Ending::Fail, None) => Err(Error::invalid("error", "is required of a failure")),
            (Ending::Success, Some(_)) => Err(Error::invalid("error", "must not be there after a success")),
            (Ending::Success, None) if self.layout_json_key.is_none() => {
                Err(Error::invalid("layout_json_key", "is required of a success"))
            }
            (Ending::Success, None) if self.asset_keys.is_empty() => {
                Err(Error::invalid("asset_keys", "must be one or more"))
            }
            (Ending::Fail, Some(said)) if !said.is_code() => {
                Err(Error::invalid("error.code", "must be 1 to 40 of a-z, 0-9 and _"))
            }
            _ => Ok(()),
        }
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.iter().map(Text::to_string).collect()
    }

    /// What is said, whenever it is said: of the same attempt the same digest.
    fn outcome(&self) -> String {
        let mut keys: Vec<&str> = self.asset_keys.iter().map(Text::as_ref).collect();
        keys.sort_unstable();
        let code = self.error.as_ref().map(|said| said.code.as_ref());
        let said = json!([self.attempt_token.as_ref(), code, self.layout_json_key.as_ref().map(Text::as_ref), keys]);
        Base64UrlUnpadded::encode_string(&Sha256::digest(said.to_string()))
    }

    /// The pictures, if they are all here, as the tier allows, and at least one of each device.
    async fn drawn(&self, app: &App, before: &Before) -> Result<Drawn> {
        let wrong = |message: &str| Error::invalid("asset_keys", message);
        let folder = artifact::attempt_folder(&self.job_id, before.attempt);
        let stored = app.host().list_files(&folder, "").await?.objects;
        let find = |key: &str| stored.iter().find(|(there, ..)| there == key).map(|(.., bytes)| *bytes);
        let layout = self.layout_json_key.as_ref().map_or("", Text::as_ref);
        if layout != format!("{folder}{LAYOUT}") || find(layout).is_none() {
            return Err(Error::invalid("layout_json_key", "is not here"));
        }
        let (most, mut assets) = (Most::of(app, before.tier), Vec::<Picture>::new());
        for key in &self.asset_keys {
            let key = key.as_ref();
            let name = key.strip_prefix(&folder).unwrap_or_default();
            let device = Device::of_picture(name).filter(|device| before.request.devices.contains(device));
            let (Some(device), Some(bytes)) = (device, find(key)) else {
                return Err(wrong("must all be here, of the request's devices"));
            };
            if bytes > most.snapshot_bytes {
                return Err(wrong("must each be as small as the tier allows"));
            }
            if assets.iter().any(|asset| asset.name == name) {
                return Err(wrong("must not be there twice"));
            }
            assets.push(Picture { name: name.to_owned(), device, bytes });
        }
        if assets.len() as u64 > most.snapshots {
            return Err(wrong("must be no more than the tier allows"));
        }
        if !before.request.devices.iter().all(|device| assets.iter().any(|asset| asset.device == *device)) {
            return Err(wrong("must show each device"));
        }
        Ok(Drawn { assets })
    }
}

impl Said {
    fn is_code(&self) -> bool {
        self.code.as_ref().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    }

    fn failure(&self) -> Failure {
        Failure::new(self.code.as_ref(), self.message.as_ref())
    }
}

/// That the job is not where the callback takes it to be.
fn over(status: Status, attempt: i64) -> Error {
    let active = matches!(status, Status::Queued | Status::Running);
    let error = Error::new(if active { Code::AttemptOver } else { Code::JobOver });
    error.with("status", status.name()).with("attempt", attempt)
}

fn happened(event: &Id) -> Stmt {
    sql!("SELECT id FROM events WHERE id = ?1", event)
}
