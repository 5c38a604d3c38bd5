//! What came of a preview: its pictures and its layout, on a device that has a token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::device::Device;
use super::files::clear_older;
use super::token::Claims;
use super::{Preview, Row};
use crate::app::App;
use crate::db::{DAY, HOUR, Id, Time};
use crate::error::{Code, Error, Result};
use crate::host::Foreign;
use crate::http::{File, Wanted};
use crate::jobs::{self, Status};
use crate::limits::Tier;
use crate::routes::BASE;
use crate::sql;

const PREFIX: &str = "previews/";
pub const LAYOUT: &str = "layout.json";

/// Where all files of a job are.
pub fn folder(job: &str) -> String {
    format!("{PREFIX}{job}/")
}

/// Where those of one attempt are: what an earlier one is late to bring lands elsewhere.
pub fn attempt_folder(job: &Id, attempt: i64) -> String {
    format!("{PREFIX}{job}/{attempt}/")
}

/// Whose picture a file is, or nobody's where it is the layout; `None`: no file of a preview is called so.
pub fn is_of(name: &str) -> Option<Option<Device>> {
    if name == LAYOUT { Some(None) } else { Device::of_picture(name).map(Some) }
}

/// What a job keeps of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Drawn {
    pub assets: Vec<Picture>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Picture {
    pub name: String,
    pub device: Device,
    pub bytes: u64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PreviewArtifact")]
pub struct Artifact {
    /// For five minutes; ask again for another.
    #[schemars(example = &"eyJ2ZXIiOjF9.Zx3vQ0mT8Kp1cW6uYbN4dR7hJ2fL5sA9gE0iXoMtqVk")]
    pub preview_token: String,
    /// When the token and the addresses stop working.
    pub expires_at: Time,
    /// What stands where on each device, as JSON.
    #[schemars(example = &"https://api.example.com/api/v1/previews/0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77/layout.json?token=eyJ2ZXIiOjF9.Zx3v")]
    pub layout_url: String,
    pub assets: Vec<Asset>,
}

/// A picture.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PreviewAsset")]
pub struct Asset {
    pub device: Device,
    #[schemars(example = &"iphone-15.png")]
    pub name: String,
    #[schemars(example = &"https://api.example.com/api/v1/previews/0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c77/iphone-15.png?token=eyJ2ZXIiOjF9.Zx3v")]
    pub url: String,
    #[schemars(example = 48_213)]
    pub bytes: u64,
}

impl Claims {
    pub fn of(preview: &Preview, user: i64) -> Self {
        Claims {
            job_id: preview.id.clone(),
            project_id: preview.project_id.clone(),
            user_id: user,
            platform: preview.platform,
            tier: preview.tier,
            allowed_device_types: preview.devices.clone(),
            safe_mode: preview.safe_mode,
            attempt: preview.attempt,
        }
    }
}

impl Row {
    pub fn artifact(&self, app: &App, user: i64) -> Result<Artifact> {
        let over = self.expires_at.is_some_and(|at| at <= app.now());
        let drawn = match (self.status, &self.result) {
            (Status::Expired, _) => return Err(Code::ArtifactExpired.into()),
            (Status::Completed, Some(_)) if over => return Err(Code::ArtifactExpired.into()),
            (Status::Completed, Some(drawn)) => drawn,
            (status, _) => return Err(Error::new(Code::ArtifactNotReady).with("status", status.name())),
        };
        let claims = Claims::of(&self.clone().shown(), user);
        let (token, expires_at) = app.config().preview_keys.sign(&claims, app.now())?;
        let (site, job) = (app.site(), &self.id);
        let url = |name: &str| format!("{site}{BASE}/previews/{job}/{name}?token={token}");
        let asset = |picture: &Picture| Asset {
            device: picture.device,
            name: picture.name.clone(),
            url: url(&picture.name),
            bytes: picture.bytes,
        };
        let assets = drawn.assets.iter().map(asset).collect();
        Ok(Artifact { layout_url: url(LAYOUT), assets, expires_at, preview_token: token })
    }
}

/// What an address of ours says beside its path. It is taken as a whole from the artifact.
#[derive(Deserialize, JsonSchema)]
pub struct ByToken {
    #[schemars(example = &"eyJ2ZXIiOjF9.Zx3vQ0mT8Kp1cW6uYbN4dR7hJ2fL5sA9gE0iXoMtqVk")]
    pub token: String,
}

/// A file that a token opens.
pub struct Shown {
    pub claims: Claims,
    pub name: String,
}

impl Shown {
    /// The token must be of this very job, and of the device whose picture it is.
    pub fn read(app: &App, job: &str, name: &str, token: &str) -> Result<Self> {
        let (job, device) = Id::parse(job).zip(is_of(name)).ok_or(Code::ArtifactNotFound)?;
        let claims = app.config().preview_keys.verify(token, app.now())?;
        if job != claims.job_id {
            return Err(Code::LinkInvalid.into());
        }
        if device.is_some_and(|device| !claims.allowed_device_types.contains(&device)) {
            return Err(Code::ArtifactNotFound.into());
        }
        Ok(Shown { claims, name: name.to_owned() })
    }

    pub async fn open(&self, app: &App, wanted: &Wanted) -> Result<File> {
        let key = format!("{}{}", attempt_folder(&self.claims.job_id, self.claims.attempt), self.name);
        let found = app.host().head_file(&key).await?.ok_or(Code::ArtifactNotFound)?;
        let portion = wanted.portion(&found.etag, found.size);
        let body = match wanted.span(&portion) {
            Some((offset, length)) => app.host().open_file(&key, offset, length).await?,
            None => Some(Foreign::unsent()),
        };
        let content_type = if self.name == LAYOUT { "application/json" } else { "image/png" };
        Ok(File {
            name: self.name.clone(),
            content_type: content_type.into(),
            etag: found.etag,
            portion,
            body: body.ok_or(Code::ArtifactNotFound)?,
        })
    }
}

/// What a tier allows a worker to bring.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PreviewLimits")]
pub struct Most {
    #[schemars(example = 5)]
    pub snapshots: u64,
    #[schemars(example = 262_144)]
    pub snapshot_bytes: u64,
    /// For loading a page.
    #[schemars(example = 8_000)]
    pub timeout_ms: u32,
}

impl Most {
    pub fn of(app: &App, tier: Tier) -> Self {
        let allowed = app.config().limits.of(tier);
        Most {
            snapshots: allowed.snapshots_per_preview.unwrap_or(u64::MAX),
            snapshot_bytes: allowed.snapshot_bytes.unwrap_or(u64::MAX),
            timeout_ms: app.config().preview_timeout_ms,
        }
    }
}

/// Deletes what was drawn for a project that is no more, as much as one delivery takes; the rest goes by age.
pub async fn forget_project(app: &App, project: &str) -> Result<()> {
    #[derive(Deserialize)]
    struct Job {
        id: Id,
    }
    let since = Id::new(app.now().plus(-2 * DAY), [0; 10]);
    let jobs = sql!(
        "SELECT id FROM jobs WHERE project_id = ?1 AND kind = 'preview' AND id > ?2 ORDER BY id DESC LIMIT 200",
        project,
        since
    );
    for Job { id } in app.read(vec![jobs]).await?.rows()? {
        app.host().clear_files(&folder(id.as_str())).await?;
    }
    Ok(())
}

/// A job is over long before its files are this old.
pub async fn round(app: &App) -> Result<()> {
    clear_older(app, PREFIX, app.now().plus(-jobs::KEPT - 3 * HOUR)).await
}
