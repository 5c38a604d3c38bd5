//! One job: its files, its pictures, and what is told of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::api::{Api, Trouble, sha256};
use crate::browser::Jail;
use crate::fault::Fault;
use crate::project::Project;
use crate::protocol::{Callback, Claim, Failure};
use crate::render::{Order, Picture, render};

/// Of a project, whatever the API hands out.
const FILES: usize = 64 << 20;
/// Downloads at a time.
const DOWNLOADS: usize = 8;
const UPLOAD_AGAIN: Duration = Duration::from_secs(1);
/// How long a callback waits before it is tried again.
const CALLBACK_AGAIN: [u64; 4] = [1, 2, 5, 10];

pub struct Done {
    layout_key: String,
    asset_keys: Vec<String>,
    warnings: Vec<String>,
}

impl Done {
    pub fn pictures(&self) -> usize {
        self.asset_keys.len()
    }
}

pub async fn run(api: &Arc<Api>, jail: &Jail, memory: u64, claim: &Claim) -> Result<Done, Fault> {
    let files = download(api, claim).await?;
    let project = Project::new(files, claim.entry.as_deref())?;
    let order = Order {
        platform: claim.platform,
        devices: claim.devices.clone(),
        safe_mode: claim.safe_mode,
        limits: claim.limits,
        memory,
    };
    let (pictures, mut taken) = mpsc::channel::<Picture>(2);
    let uploads = async move {
        let mut keys = Vec::new();
        while let Some(picture) = taken.recv().await {
            keys.push(upload(api, claim, &picture.name, picture.png).await?);
        }
        Ok(keys)
    };
    let (rendered, uploaded) = tokio::join!(render(jail, project, &order, pictures), uploads);
    let asset_keys = uploaded?;
    let rendering = rendered?;
    let layout_key = upload(api, claim, "layout.json", rendering.layout).await?;
    Ok(Done { layout_key, asset_keys, warnings: rendering.warnings })
}

async fn download(api: &Arc<Api>, claim: &Claim) -> Result<Vec<(String, Vec<u8>)>, Fault> {
    if claim.files.iter().map(|file| file.bytes).fold(0, usize::saturating_add) > FILES {
        return Err(Fault::Files("they are too large".into()));
    }
    let mut waiting = claim.files.iter().cloned();
    let mut under_way = JoinSet::new();
    let mut files = Vec::with_capacity(claim.files.len());
    loop {
        while under_way.len() < DOWNLOADS
            && let Some(file) = waiting.next()
        {
            let api = api.clone();
            under_way.spawn(async move {
                let bytes = match api.download(&file.url, file.bytes).await {
                    Err(trouble) if trouble.may_pass() => api.download(&file.url, file.bytes).await,
                    answered => answered,
                };
                let bytes = bytes.map_err(|trouble| Fault::Files(format!("a file: {trouble}")))?;
                match sha256(&bytes) == file.sha256 {
                    true => Ok((file.path, bytes)),
                    false => Err(Fault::Files("a file is not the one that was promised".into())),
                }
            });
        }
        match under_way.join_next().await {
            Some(Ok(file)) => files.push(file?),
            Some(Err(_)) => return Err(Fault::Files("a download broke off".into())),
            None => return Ok(files),
        }
    }
}

async fn upload(api: &Api, claim: &Claim, name: &str, bytes: Vec<u8>) -> Result<String, Fault> {
    let stored = match api.upload(claim, name, bytes.clone()).await {
        Err(trouble) if trouble.may_pass() => {
            tokio::time::sleep(UPLOAD_AGAIN).await;
            api.upload(claim, name, bytes).await
        }
        stored => stored,
    };
    stored.map_err(|trouble| Fault::Upload(format!("{name}: {trouble}")))
}

/// Tells how it went, a few times if need be.
pub async fn report(api: &Api, claim: &Claim, outcome: &Result<Done, Fault>) -> Result<(), Trouble> {
    let done = outcome.as_ref().ok();
    let failure = outcome.as_ref().err().map(|fault| Failure { code: fault.code(), message: fault.message() });
    let callback = Callback {
        job_type: "preview",
        job_id: &claim.job_id,
        attempt_token: &claim.attempt_token,
        status: if done.is_some() { "SUCCESS" } else { "FAIL" },
        layout_json_key: done.map(|done| done.layout_key.as_str()),
        asset_keys: done.map_or(&[], |done| &done.asset_keys),
        error: failure,
        warnings: done.map_or(&[], |done| &done.warnings),
    };
    for seconds in CALLBACK_AGAIN {
        match api.callback(&callback).await {
            Err(trouble) if trouble.may_pass() => tokio::time::sleep(Duration::from_secs(seconds)).await,
            answered => return answered,
        }
    }
    api.callback(&callback).await
}
