use super::{Doc, Finished, NewDoc, Row, Theirs, WithDocument, request};
use crate::access::{Can, Contribute, Edit, List, View};
use crate::app::App;
use crate::error::Result;
use crate::http::{Body, Created, One, Paged};
use crate::projects::Project;

/// Bytes of a body: the largest file there may be, however it is escaped.
pub const BODY_LIMIT: usize = 3 << 20;

pub async fn request(
    app: App,
    project: Can<Contribute, Project>,
    body: Body<NewDoc, BODY_LIMIT>,
) -> Result<Created<Doc>> {
    request::request(&app, &project, body.0).await
}

pub async fn list(jobs: Can<View, List<Row>>) -> Result<Paged<Doc>> {
    Ok(jobs.into_inner().into_inner().map(Doc::from))
}

pub async fn get(app: App, job: Can<View, Theirs>) -> Result<One<WithDocument>> {
    job.into_inner().with_document(&app).await
}

pub async fn cancel(app: App, job: Can<Edit, Theirs>) -> Result<One<Doc>> {
    job.cancel(&app, job.actor.user.id, &app.by(&job.actor)).await
}

pub async fn history(jobs: Can<View, List<Finished>>) -> Result<Paged<Finished>> {
    Ok(jobs.into_inner().into_inner())
}
