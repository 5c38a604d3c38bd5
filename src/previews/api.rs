use axum::extract::{FromRequestParts, RawPathParams};
use http::Uri;
use http::request::Parts;

use super::artifact::{Artifact, ByToken, Shown};
use super::files::{PreviewFile, Slot};
use super::request::{NewPreview, Requested};
use super::{Preview, Row};
use crate::access::{Can, Contribute, Edit, List, View};
use crate::app::App;
use crate::db::Id;
use crate::error::{Code, Error, Result};
use crate::http::{Answer, Body, Created, File, One, Paged, Raw, Wanted, query};
use crate::projects::Project;
use crate::routes::BASE;

/// Bytes of a request; what is larger is uploaded before, file by file.
pub const MOST: usize = 8 * 1024 * 1024;

pub async fn request(
    app: App,
    project: Can<Contribute, Project>,
    body: Body<NewPreview, MOST>,
) -> Result<Created<Requested>> {
    body.0.request(&app, &project).await
}

pub async fn upload(app: App, slot: Can<Contribute, Slot>, body: Raw) -> Result<One<PreviewFile>> {
    One::of(&slot.take(&app, &slot.actor, body.0).await?)
}

pub async fn list(previews: Can<View, List<Row>>) -> Result<Paged<Preview>> {
    Ok(previews.into_inner().into_inner().map(Row::shown))
}

pub async fn get(preview: Can<View, Row>) -> Result<One<Preview>> {
    One::of(&preview.into_inner().shown())
}

pub async fn cancel(app: App, preview: Can<Edit, Row>) -> Result<One<Preview>> {
    let change = preview.cancel(&preview.actor, &app.id()?, &app.by(&preview.actor))?;
    let canceled = app.commit_row(change).await?.ok_or(Code::JobNotFound)?;
    One::of(&canceled.shown())
}

pub async fn artifact(app: App, preview: Can<View, Row>) -> Result<One<Artifact>> {
    One::of(&preview.artifact(&app, preview.actor.user.id)?)
}

pub async fn show(app: App, shown: Shown, wanted: Wanted) -> Result<File> {
    shown.open(&app, &wanted).await
}

/// The preview of which the address names a file, with a token that opens it.
pub fn shown(app: &App, uri: &Uri) -> Option<Id> {
    let (job, name) = uri.path().strip_prefix(BASE)?.strip_prefix("/previews/")?.split_once('/')?;
    let ByToken { token } = query(uri.query()).ok()?;
    Shown::read(app, job, name, &token).ok().map(|shown| shown.claims.job_id)
}

/// The token is its own proof: it needs no session, and no look into the database.
impl FromRequestParts<()> for Shown {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &()) -> Result<Self> {
        let app = App::of(&parts.extensions)?;
        let path = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Code::ArtifactNotFound)?;
        let find = |wanted: &str| path.iter().find(|(name, _)| *name == wanted).map_or("", |(_, value)| value);
        // What says no token has one that is none of ours.
        let token = query(parts.uri.query()).map_or(String::new(), |ByToken { token }| token);
        Shown::read(&app, find("job_id"), find("name"), &token)
    }
}
