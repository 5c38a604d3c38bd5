//! Handing jobs out: now, or as soon as there is one.

use std::collections::HashMap;

use base64ct::{Base64UrlUnpadded, Encoding};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::Worker;
use crate::app::{App, By};
use crate::auth::token::Keys;
use crate::db::{Id, SECOND, Time};
use crate::error::{Code, Error, Result};
use crate::host::{Foreign, Object};
use crate::http::{File, NoContent};
use crate::jobs::bell::{Rung, ToBell};
use crate::jobs::step::{Started, Step};
use crate::jobs::{Failure, JobKind, LEASE_SECONDS, RUNS_AT_MOST, lanes};
use crate::limits::Tier;
use crate::previews::artifact::Most;
use crate::previews::device::{Device, Platform, Screen};
use crate::previews::files::{self, Place, Sha256Hex};
use crate::previews::request::{Listed, Wish};
use crate::projects::path::ProjectPath;
use crate::routes::BASE;

const FILE: &str = "worker file";
const ATTEMPT: &str = "job attempt";

/// What a worker can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ClaimableKind")]
pub enum Claimable {
    Preview,
}

#[derive(Deserialize, JsonSchema)]
pub struct Claim {
    #[schemars(length(min = 1))]
    kinds: Vec<Claimable>,
    /// How long to wait for one.
    #[serde(default)]
    #[schemars(range(max = 25))]
    wait_seconds: u32,
}

/// A job to do.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Claimed {
    pub job_id: Id,
    #[schemars(example = 1)]
    pub attempt: i64,
    /// Proves in uploads and the callback that this attempt is meant.
    #[schemars(example = &"1.Zx3vQ0mT8Kp1cW6uYbN4dR7hJ2fL5sA9gE0iXoMtqVk")]
    pub attempt_token: String,
    pub kind: JobKind,
    pub project_id: Id,
    pub tier: Tier,
    pub platform: Platform,
    #[serde(skip_deserializing, default)]
    pub devices: Vec<Screen>,
    /// Whether scripts stay out.
    pub safe_mode: bool,
    /// The page to show.
    pub entry: ProjectPath,
    /// Without a heartbeat that names the job it is taken for lost after so long.
    #[schemars(example = 60)]
    pub lease_seconds: i64,
    pub limits: Most,
    pub files: Vec<ToFetch>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "JobFile")]
pub struct ToFetch {
    pub path: ProjectPath,
    pub sha256: Sha256Hex,
    #[schemars(example = 48_213)]
    pub bytes: u64,
    /// Good while the attempt may run.
    #[schemars(example = &"https://api.example.com/api/v1/workers/files/0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77?start=0&bytes=48213&expires=1772357700&signature=Zx3vQ0mT")]
    pub url: String,
}

/// The proof that somebody was given this attempt of this job.
pub fn attempt_token(keys: &Keys, job: &Id, attempt: i64) -> String {
    let digest = keys.digest(ATTEMPT, &[&job.bytes(), &attempt.to_be_bytes()]);
    format!("{attempt}.{}", Base64UrlUnpadded::encode_string(&digest))
}

/// Which attempt of the job a token is of; `None`: it is none of ours.
pub fn attempt_of(keys: &Keys, job: &Id, token: &str) -> Option<i64> {
    let (attempt, digest) = token.split_once('.')?;
    let attempt: i64 = attempt.parse().ok()?;
    let digest = Base64UrlUnpadded::decode_vec(digest).ok()?;
    keys.digest_is(ATTEMPT, &[&job.bytes(), &attempt.to_be_bytes()], &digest).then_some(attempt)
}

impl Claim {
    pub async fn take(&self, app: &App, worker: &Worker) -> Result<Option<Claimed>> {
        if self.wait_seconds > 25 {
            return Err(Error::invalid("wait_seconds", "must be 0 to 25"));
        }
        let kind = self.kinds.first().map(|Claimable::Preview| JobKind::Preview);
        let kind = kind.ok_or_else(|| Error::invalid("kinds", "must be one or more"))?;
        let wait = i64::from(self.wait_seconds) * SECOND;
        let (mut waited, mut heard, mut first) = (0, None, Some(worker.once(app.now())));
        loop {
            let by = By { at: app.now().plus(waited), ..app.by_user(None) };
            let event = Id::new(by.at, app.random()?);
            let claim = lanes::claim(kind, &worker.name, &event, &by);
            let claim = match first.take() {
                Some(once) => claim.after(once),
                None => claim,
            };
            if let Some(started) = app.commit_row(claim).await? {
                return hand_out(app, started, &by).await;
            }
            if waited >= wait {
                return Ok(None);
            }
            let rung: Rung = app.host().ask(Object::Bell, &ToBell::Wait { milliseconds: wait - waited, heard }).await?;
            waited += rung.waited.max(1);
            heard = Some(rung.rings);
        }
    }
}

/// What the worker needs. A job whose files are gone has failed, and nothing is handed out.
async fn hand_out(app: &App, started: Started, by: &By) -> Result<Option<Claimed>> {
    let (job, attempt) = (started.id.clone(), started.attempt);
    if let Some(claimed) = gather(app, started, by.at).await? {
        return Ok(Some(claimed));
    }
    let event = app.id()?;
    let step = Step { job: &job, attempt: Some(attempt), event: &event, by };
    let gone = Failure::new("files_gone", "The files of the request are not here any more; request it again.");
    app.commit::<NoContent>(step.fail(&gone, &[], None)).await?;
    Ok(None)
}

async fn gather(app: &App, started: Started, at: Time) -> Result<Option<Claimed>> {
    let Started { id, project_id, tier, attempt, request, .. } = started;
    let wish: Wish = serde_json::from_value(request).map_err(|error| Error::internal(error.to_string()))?;
    let (file, start, bytes) = &wish.list;
    let (Some(list), Some(project_id)) = (app.host().read_text(&files::key(file), *start, *bytes).await?, project_id)
    else {
        return Ok(None);
    };
    let list: Vec<Listed> = serde_json::from_str(&list).map_err(|error| Error::internal(error.to_string()))?;
    let mut hashes: Vec<&Sha256Hex> = list.iter().map(|file| &file.sha256).collect();
    hashes.sort_unstable_by_key(|hash| hash.as_str());
    hashes.dedup();
    let places: Vec<Place> = app.read(vec![files::places(&project_id, &hashes)]).await?.rows()?;
    let places: HashMap<&str, &Place> = places.iter().map(|place| (place.sha256.as_str(), place)).collect();
    let expires = at.plus(RUNS_AT_MOST).millis() / SECOND;
    let link = |Listed { path, sha256 }: Listed| {
        let place = places.get(sha256.as_str())?;
        let url = link(app, place, expires);
        Some(ToFetch { path, sha256, bytes: place.bytes, url })
    };
    let Some(files) = list.into_iter().map(link).collect() else { return Ok(None) };
    Ok(Some(Claimed {
        attempt_token: attempt_token(&app.config().keys, &id, attempt),
        job_id: id,
        attempt,
        kind: JobKind::Preview,
        project_id,
        tier,
        platform: wish.platform,
        devices: wish.devices.into_iter().map(Device::screen).collect(),
        safe_mode: wish.safe_mode,
        entry: wish.entry,
        lease_seconds: LEASE_SECONDS,
        limits: Most::of(app, tier),
        files,
    }))
}

fn parts(file: &Id, start: u64, bytes: u64, expires: i64) -> ([u8; 16], [u8; 24]) {
    let mut numbers = [0; 24];
    let all = start.to_be_bytes().into_iter().chain(bytes.to_be_bytes()).chain(expires.to_be_bytes());
    numbers.iter_mut().zip(all).for_each(|(to, from)| *to = from);
    (file.bytes(), numbers)
}

fn link(app: &App, place: &Place, expires: i64) -> String {
    let Place { file_id, start, bytes, .. } = place;
    let (file, numbers) = parts(file_id, *start, *bytes, expires);
    let signature = Base64UrlUnpadded::encode_string(&app.config().keys.digest(FILE, &[&file, &numbers]));
    format!(
        "{}{BASE}/workers/files/{file_id}?start={start}&bytes={bytes}&expires={expires}&signature={signature}",
        app.site()
    )
}

/// What a link says beside the file. It is taken as a whole from the claim.
#[derive(Deserialize, JsonSchema)]
pub struct SignedPlace {
    #[schemars(example = 0)]
    start: u64,
    #[schemars(example = 48_213)]
    bytes: u64,
    /// Seconds since 1970.
    #[schemars(example = 1_772_357_700)]
    expires: i64,
    #[schemars(example = &"Zx3vQ0mT8Kp1cW6uYbN4dR7hJ2fL5sA9gE0iXoMtqVk")]
    signature: String,
}

/// A file of a job's, by a link we made that is still good.
pub struct Fetched {
    file: Id,
    start: u64,
    bytes: u64,
}

impl Fetched {
    pub fn read(app: &App, file: Id, said: &SignedPlace) -> Result<Self> {
        let (id, numbers) = parts(&file, said.start, said.bytes, said.expires);
        let signature = Base64UrlUnpadded::decode_vec(&said.signature).unwrap_or_default();
        if !app.config().keys.digest_is(FILE, &[&id, &numbers], &signature) {
            return Err(Code::LinkInvalid.into());
        }
        if said.expires <= app.now().millis() / SECOND {
            return Err(Code::LinkExpired.into());
        }
        Ok(Fetched { file, start: said.start, bytes: said.bytes })
    }

    pub async fn open(&self, app: &App) -> Result<File> {
        // R2 has no range of no bytes.
        let body = match self.bytes {
            0 => Some(Foreign::unsent()),
            bytes => app.host().open_file(&files::key(&self.file), self.start, bytes).await?,
        };
        let body = body.ok_or(Code::ArtifactNotFound)?;
        Ok(File::whole("file", "application/octet-stream", &format!("{}-{}", self.file, self.start), self.bytes, body))
    }
}
