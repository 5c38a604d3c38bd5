//! The files of a job: what was handed in, sealed, and what came of it.

use serde::{Deserialize, Serialize};

use super::Document;
use super::input::{Neighbour, NewDoc};
use crate::app::App;
use crate::db::{HOUR, Id, MINUTE};
use crate::error::{Error, Result};
use crate::{jobs, sql};

const PREFIX: &str = "ai-docs/";

/// Longer than a job waits and runs, and does so again: by then whatever it lay there for is over.
const INPUT_KEPT: i64 = jobs::ATTEMPTS * (jobs::WAITS_AT_MOST + jobs::RUNS_AT_MOST) + 10 * MINUTE;
const DOCUMENT_KEPT: i64 = 25 * HOUR;

/// What the provider is shown.
#[derive(Serialize, Deserialize)]
pub struct Input {
    pub contents: String,
    pub context: Vec<Neighbour>,
}

impl From<NewDoc> for Input {
    fn from(new: NewDoc) -> Self {
        Input { contents: new.contents, context: new.context }
    }
}

fn input_key(job: &str) -> String {
    format!("{PREFIX}{job}.input")
}

fn document_key(job: &str) -> String {
    format!("{PREFIX}{job}.json")
}

/// Another for each job, and nowhere but in the secrets of the deployment.
fn seal(app: &App, job: &Id) -> [u8; 32] {
    app.config().keys.digest("ai document's input", &[&job.bytes()])
}

fn broken(error: serde_json::Error) -> Error {
    Error::internal(format!("a stored file is not what it was: {error}"))
}

pub async fn keep_input(app: &App, job: &Id, input: &Input) -> Result<()> {
    let text = serde_json::to_string(input).map_err(broken)?;
    app.host().store_text(&input_key(job.as_str()), &text, Some(&seal(app, job))).await
}

/// `None`: it is gone.
pub async fn input(app: &App, job: &Id) -> Result<Option<Input>> {
    let text = app.host().load_text(&input_key(job.as_str()), Some(&seal(app, job))).await?;
    text.map(|text| serde_json::from_str(&text).map_err(broken)).transpose()
}

pub async fn keep_document(app: &App, job: &Id, document: &Document) -> Result<()> {
    let text = serde_json::to_string(document).map_err(broken)?;
    app.host().store_text(&document_key(job.as_str()), &text, None).await
}

/// `None`: it is gone.
pub async fn document(app: &App, job: &Id) -> Result<Option<Document>> {
    let text = app.host().load_text(&document_key(job.as_str()), None).await?;
    text.map(|text| serde_json::from_str(&text).map_err(broken)).transpose()
}

pub async fn drop_input(app: &App, job: &str) -> Result<()> {
    app.host().delete_files(&[&input_key(job)]).await
}

pub async fn drop_all(app: &App, job: &str) -> Result<()> {
    app.host().delete_files(&[&input_key(job), &document_key(job)]).await
}

/// Files of a project that is deleted, as many as one delivery takes; the cron finds the rest.
pub async fn forget_project(app: &App, project: &str) -> Result<()> {
    #[derive(Deserialize)]
    struct Job {
        id: String,
    }
    let find = sql!(
        "SELECT id FROM jobs WHERE project_id = ?1 AND kind = 'ai_doc' AND created_at > ?2 ORDER BY id DESC LIMIT 500",
        project,
        app.now().plus(-DOCUMENT_KEPT),
    );
    let jobs: Vec<Job> = app.read(vec![find]).await?.rows()?;
    let keys: Vec<String> = jobs.iter().flat_map(|job| [input_key(&job.id), document_key(&job.id)]).collect();
    match keys.is_empty() {
        true => Ok(()),
        false => app.host().delete_files(&keys.iter().map(String::as_str).collect::<Vec<_>>()).await,
    }
}

/// What a crash left. The oldest come first: their ids begin with the time.
pub async fn sweep(app: &App) -> Result<()> {
    let page = app.host().list_files(PREFIX, "").await?;
    let old: Vec<&str> = page.before(app.now().plus(-INPUT_KEPT)).filter(|key| key.ends_with(".input")).collect();
    let older = page.before(app.now().plus(-DOCUMENT_KEPT)).filter(|key| !key.ends_with(".input"));
    let keys: Vec<&str> = old.into_iter().chain(older).collect();
    if keys.is_empty() { Ok(()) } else { app.host().delete_files(&keys).await }
}
