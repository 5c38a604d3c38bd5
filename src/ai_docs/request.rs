//! From a request to a job that waits.

use super::input::NewDoc;
use super::store::{self, Input};
use super::{Doc, Wish};
use crate::access::{Can, Contribute};
use crate::ai;
use crate::app::App;
use crate::db::{MINUTE, SECOND};
use crate::error::{Code, Result};
use crate::http::Created;
use crate::jobs::rules::Rule;
use crate::jobs::{self, JobKind, New, Status};
use crate::limits::Quota;
use crate::projects::Project;
use crate::user::Person;

pub async fn request(app: &App, project: &Can<Contribute, Project>, new: NewDoc) -> Result<Created<Doc>> {
    let actor = &project.actor;
    new.check()?;
    let size = app.quota(actor, "bytes of an AI document's file", |allowed| allowed.ai_doc_bytes);
    let bytes = new.bytes();
    if size.limit().is_some_and(|most| i64::try_from(bytes).is_ok_and(|bytes| bytes > most)) {
        return Err(size.exceeded(bytes));
    }
    if !ai::is_on(app) {
        return Err(Code::AiOff.into());
    }
    let wish = Wish {
        path: new.path.as_str().to_owned(),
        style: new.style,
        format: new.format,
        language: new.language.as_ref().map(|tag| tag.as_ref().to_owned()),
        bytes,
    };
    let id = app.id()?;
    store::keep_input(app, &id, &Input::from(new)).await?;
    let doc = Doc {
        id: id.clone(),
        project_id: project.id.clone(),
        requested_by: Some(Person::from(&actor.user)),
        tier: actor.user.tier,
        status: Status::Queued,
        attempt: 1,
        wish,
        error: None,
        created_at: app.now(),
        started_at: None,
        finished_at: None,
        expires_at: None,
    };
    let new = New {
        id: &id,
        kind: JobKind::AiDoc,
        project: &project.id,
        user: actor.user.id,
        tier: actor.user.tier,
        request: serde_json::json!(doc.wish),
    };
    let queued = app.commit(jobs::request(new, rules(app, project), doc, &app.by(actor))).await;
    // After a failure of ours it may be queued all the same: the cron will know.
    if queued.as_ref().is_err_and(|error| error.code.is_refusal())
        && let Err(error) = store::drop_input(app, id.as_str()).await
    {
        crate::host::log("ai_docs", error.cause().unwrap_or_default());
    }
    queued
}

fn rules(app: &App, project: &Can<Contribute, Project>) -> Vec<Rule> {
    let actor = &project.actor;
    let at_once = app.quota(actor, "AI documents at a time", |allowed| allowed.concurrent_ai_docs);
    let minute = app.quota(actor, "AI documents a minute", |allowed| allowed.ai_docs_per_minute);
    let pause = app.config().limits.of(actor.user.tier).ai_doc_pause_seconds;
    let apart = pause.and_then(|seconds| i64::try_from(seconds).ok()).map(|seconds| {
        let quota = Quota::new("AI documents without a pause", actor.user.tier, [Some(1), None, None]);
        Rule::Apart(quota, seconds * SECOND)
    });
    [Rule::AtOnce(at_once), Rule::Within(minute, MINUTE)].into_iter().chain(apart).collect()
}
