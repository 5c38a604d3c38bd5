use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use http::request::Parts;

use super::access::{Signed, Signing};
use super::callback::{After, Callback};
use super::claim::{Claim, Claimed, Fetched, SignedPlace};
use super::upload::{Brought, Upload};
use super::{Heartbeat, Standing};
use crate::app::App;
use crate::db::Id;
use crate::error::{Code, Error, Result};
use crate::http::{Answer, File, Maybe, One, Put, query};

pub async fn heartbeat(app: App, heartbeat: Signed<Heartbeat>) -> Result<One<Standing>> {
    let (change, standing) = heartbeat.body.take(&heartbeat.worker, &app.id()?, &app.by_user(None))?;
    let mut answers = app.commit_and_read(change, vec![standing]).await?;
    One::of(&Standing::load(&mut answers)?)
}

pub async fn claim(app: App, claim: Signed<Claim>) -> Result<Maybe<Claimed>> {
    Maybe::of(claim.body.take(&app, &claim.worker).await?.as_ref())
}

pub async fn upload(app: App, upload: Upload) -> Result<Put<Brought>> {
    Put::of(&upload.take(&app).await?)
}

pub async fn callback(app: App, callback: Signed<Callback>) -> Result<One<After>> {
    One::of(&callback.body.take(&app, &callback.worker).await?)
}

/// By the name it has elsewhere.
pub async fn callback_alias(app: App, callback: Signed<Callback>) -> Result<One<After>> {
    self::callback(app, callback).await
}

pub async fn file(app: App, file: Fetched) -> Result<File> {
    file.open(&app).await
}

impl FromRequest<()> for Upload {
    type Rejection = Error;

    async fn from_request(request: Request, state: &()) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let path = RawPathParams::from_request_parts(&mut parts, state).await;
        let find = |wanted: &str| {
            let mut all = path.iter().flat_map(|path| path.iter());
            all.find(|(name, _)| *name == wanted).map_or(String::new(), |(_, value)| value.to_owned())
        };
        let (job, name) = (find("job_id"), find("name"));
        Ok(Upload { job, name, signing: Signing::from_request(Request::from_parts(parts, body), state).await? })
    }
}

/// The link is its own proof.
impl FromRequestParts<()> for Fetched {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &()) -> Result<Self> {
        let app = App::of(&parts.extensions)?;
        let path = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Code::ArtifactNotFound)?;
        let file = path.iter().find(|(name, _)| *name == "file_id").and_then(|(_, value)| Id::parse(value));
        let file = file.ok_or(Code::ArtifactNotFound)?;
        let said: SignedPlace = query(parts.uri.query()).map_err(|_| Code::LinkInvalid)?;
        Fetched::read(&app, file, &said)
    }
}
