//! Taking in what a worker drew, a chunk at a time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::Signing;
use super::claim::attempt_of;
use crate::app::App;
use crate::db::{Id, Stmt};
use crate::error::{Code, Error, Result};
use crate::host::Storing;
use crate::http::Raw;
use crate::jobs::Status;
use crate::limits::Tier;
use crate::previews::artifact::{self, LAYOUT, Most};
use crate::previews::request::Wish;
use crate::{db, sql};

/// Bytes of a layout.
const LAYOUT_MOST: u64 = 4 * 1024 * 1024;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Where it was put.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Brought {
    /// For the callback.
    #[schemars(example = &"previews/0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77/1/iphone-15.png")]
    pub key: String,
}

#[derive(Deserialize)]
struct Running {
    status: Status,
    attempt: i64,
    tier: Tier,
    #[serde(deserialize_with = "db::json")]
    request: Wish,
}

/// A file that a worker brings.
pub struct Upload {
    pub job: String,
    pub name: String,
    pub signing: Signing,
}

impl Upload {
    pub async fn take(self, app: &App) -> Result<Brought> {
        let Upload { job, name, signing } = self;
        let job = Id::parse(&job);
        let attempt = job.as_ref().and_then(|job| attempt_of(&app.config().keys, job, &signing.attempt));
        // Nothing is there to see before all of it is known to be right: then there are a job and an attempt.
        let folder = job.as_ref().zip(attempt).map(|(job, attempt)| artifact::attempt_folder(job, attempt));
        let key = format!("{}{name}", folder.unwrap_or_default());
        let most = largest(app, &name);
        let storing = app.host().store_file(&key);
        match receive(app, signing, &storing, most, job.as_ref(), attempt, &name).await {
            Ok(()) => {
                storing.finish().await?;
                Ok(Brought { key })
            }
            Err(error) => {
                storing.abort().await;
                Err(error)
            }
        }
    }
}

/// Whatever the tier.
fn largest(app: &App, name: &str) -> u64 {
    let pictures = Tier::ALL.into_iter().map(|tier| Most::of(app, tier).snapshot_bytes).max().unwrap_or_default();
    if name == LAYOUT { LAYOUT_MOST } else { pictures }
}

/// Reads all of it, then whose it is, then whether it may be.
async fn receive(
    app: &App,
    signing: Signing,
    storing: &Storing,
    most: u64,
    job: Option<&Id>,
    attempt: Option<i64>,
    name: &str,
) -> Result<()> {
    let Signing { worker, mut check, body: Raw(incoming), content_type, .. } = signing;
    let (mut bytes, mut start) = (0, Vec::new());
    let chunks = incoming.map(|incoming| incoming.chunks());
    while let Some(chunk) = match &chunks {
        Some(chunks) => chunks.next().await?,
        None => None,
    } {
        bytes += chunk.len() as u64;
        if bytes > most {
            return Err(Code::PayloadTooLarge.into());
        }
        check.add(&chunk);
        start.extend(chunk.iter().take(PNG.len().saturating_sub(start.len())));
        storing.write(chunk).await?;
    }
    if !worker.signed(check) {
        return Err(Code::WorkerCallbackInvalid.into());
    }
    let job = job.ok_or(Code::JobNotFound)?;
    let device = artifact::is_of(name).ok_or(Code::ArtifactNotFound)?;
    let (wanted, fits) = match device {
        None => ("application/json", start.starts_with(b"{") || start.starts_with(b"[")),
        Some(_) => ("image/png", start == PNG),
    };
    if content_type != wanted {
        return Err(Error::new(Code::UnsupportedMediaType).saying(format!("Send this as {wanted}.")));
    }
    if !fits {
        return Err(Error::invalid("body", format!("is no {wanted}")));
    }
    let once = worker.once_at(&format!("{job}/{name}"), app.now());
    let mut answers = app.commit_and_read(once, vec![running(job)]).await?;
    let running: Running = answers.first()?.ok_or(Code::JobNotFound)?;
    if running.status != Status::Running || attempt != Some(running.attempt) {
        let code =
            if matches!(running.status, Status::Queued | Status::Running) { Code::AttemptOver } else { Code::JobOver };
        return Err(Error::new(code).with("status", running.status.name()).with("attempt", running.attempt));
    }
    if device.is_some_and(|device| !running.request.devices.contains(&device)) {
        return Err(Code::ArtifactNotFound.into());
    }
    if device.is_some() && bytes > Most::of(app, running.tier).snapshot_bytes {
        return Err(Code::PayloadTooLarge.into());
    }
    Ok(())
}

fn running(job: &Id) -> Stmt {
    sql!("SELECT status, attempt, tier, request FROM jobs WHERE id = ?1 AND kind = 'preview'", job)
}
