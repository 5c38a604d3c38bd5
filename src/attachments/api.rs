use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use super::download::{Link, Links, Signed};
use super::{Attachment, NewAttachment, Placed, Row, upload};
use crate::access::{Can, Contribute, List, View};
use crate::app::App;
use crate::db::Id;
use crate::error::{Code, Error, Result};
use crate::http::{Created, File, FormOr, NoContent, Paged, Wanted, query};
use crate::tasks::Task;

pub async fn list(app: App, attachments: Can<View, List<Row>>) -> Result<Paged<Attachment>> {
    let links = Links::of(&app, &attachments.actor);
    Ok(attachments.into_inner().into_inner().map(|row| row.shown(&links)))
}

pub async fn add(app: App, task: Can<Contribute, Task>, body: FormOr<NewAttachment>) -> Result<Created<Attachment>> {
    match body {
        FormOr::Form(form) => upload::file(&app, &task, *form).await,
        FormOr::Json(new) => upload::link(&app, &task, new).await,
    }
}

pub async fn delete(app: App, attachment: Can<Contribute, Placed>) -> Result<NoContent> {
    app.commit(attachment.delete(attachment.actor.user.id, &app.by(&attachment.actor))).await
}

pub async fn download(app: App, link: Link, wanted: Wanted) -> Result<File> {
    link.open(&app, &wanted).await
}

/// The link is its own proof: it needs no session.
impl FromRequestParts<()> for Link {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &()) -> Result<Self> {
        let app = App::of(&parts.extensions)?;
        let path = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Code::AttachmentNotFound)?;
        let id = path.iter().find(|(name, _)| *name == "attachment_id").and_then(|(_, id)| Id::parse(id));
        let id = id.ok_or(Code::AttachmentNotFound)?;
        let signed: Signed = query(parts.uri.query()).map_err(|_| Code::LinkInvalid)?;
        Link::read(id, &signed, &app.config().keys, app.now())
    }
}
