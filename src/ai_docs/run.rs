//! A job's run: one attempt for each message out of the queue, and what follows from its steps.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Document, Wish, prompt, store};
use crate::ai::{self, Failure};
use crate::app::{App, By, Change};
use crate::db::{self, Id, MINUTE};
use crate::error::{Code, Error, Result};
use crate::event::{self, Kind, Recorded};
use crate::host::{self, Lane};
use crate::http::NoContent;
use crate::jobs;
use crate::jobs::step::{Started, Step};
use crate::limits::Tier;
use crate::sql;

/// Seconds until a provider that had too much to do is asked again. Whoever wants more is not.
const BUSY_FOR: u32 = 30;
/// Seconds until it is looked whether AI documents are switched on again.
const OFF_FOR: u32 = 60;

/// Puts the job into its tier's lane, so that nobody waits behind somebody else's plan.
async fn dispatch(app: &App, job: &str, tier: &Value, delay: u32) -> Result<()> {
    let lane = if *tier == Tier::Free.name() { Lane::Low } else { Lane::High };
    app.host().dispatch(lane, job, delay).await
}

/// What follows from a job's event: it is queued, or its files go.
pub async fn tidy(app: &App, event: &Recorded) -> Result<()> {
    let job = &event.entity_id;
    let was_busy = event.data.get("error_code").is_some_and(|code| *code == Failure::Overloaded(None).code());
    match Kind::from_name(&event.kind) {
        Some(Kind::AiDocsRequested | Kind::AiDocsRetried) => {
            let tier = event.data.get("tier").unwrap_or(&Value::Null);
            dispatch(app, job, tier, if was_busy { BUSY_FOR } else { 0 }).await
        }
        Some(Kind::AiDocsCompleted) => store::drop_input(app, job).await,
        Some(Kind::AiDocsFailed | Kind::AiDocsCanceled | Kind::AiDocsExpired) => store::drop_all(app, job).await,
        _ => Ok(()),
    }
}

/// Runs the job if it waits; of two messages about it one finds that it does.
pub async fn run(app: &App, job: &Id) -> Result<()> {
    let (start, by) = (app.id()?, app.by_user(None));
    let start = Step { job, attempt: None, event: &start, by: &by }.start().run(sql!(
        "INSERT INTO refusals (code) SELECT 'SWITCHED_OFF' FROM switches WHERE name = 'ai_docs' AND is_on = 0"
    ));
    let started: Started = match app.commit_row(start).await {
        Ok(Some(started)) => started,
        Ok(None) => return Ok(()),
        // Still waiting, it is given up in time.
        Err(error) if error.code == Code::SwitchedOff => return again_later(app, job).await,
        Err(error) => return Err(error),
    };
    // Those who watch hear of it now, not when it is over.
    event::send_now(app).await;
    let outcome = written(app, &started).await;
    let by = By { at: host::now(), ..by };
    // Two: the one may have happened, though it seemed to fail.
    let (end, retry) = (app.id()?, app.id()?);
    let step = |event| Step { job, attempt: Some(started.attempt), event, by: &by };
    let kept = match outcome {
        Ok(written) => kept(app, &step(&end), &written).await.map_err(unstored),
        Err(failure) => Err(failure),
    };
    match kept {
        Ok(()) => Ok(()),
        Err(failure) => app.commit::<NoContent>(failed(&step(&retry), failure)).await.map(drop),
    }
}

fn unstored(error: Error) -> Failure {
    host::log("ai_docs", error.cause().unwrap_or(error.message()));
    Failure::Storage
}

/// The cron's part: a job whose message was lost gets another one, every five minutes. Most just wait their turn, and of
/// two messages one finds that the job does not wait any more.
pub async fn round(app: &App) -> Result<()> {
    #[derive(Deserialize)]
    struct Waiting {
        id: String,
        tier: String,
    }
    let find = sql!(
        "SELECT id, tier FROM jobs WHERE kind = 'ai_doc' AND lane IN (0, 1, 2) AND queued_at <= ?1 AND status = 'queued'
           AND (unixepoch(?2) - unixepoch(queued_at)) / 60 % 5 = 0
           AND NOT EXISTS (SELECT 1 FROM switches WHERE name = 'ai_docs' AND is_on = 0)
         LIMIT 100",
        app.now().plus(-5 * MINUTE),
        app.now(),
    );
    let waiting: Vec<Waiting> = app.read(vec![find]).await?.rows()?;
    let mut outcome = Ok(());
    for Waiting { id, tier } in waiting {
        outcome = dispatch(app, &id, &tier.into(), 0).await.and(outcome);
    }
    outcome
}

async fn again_later(app: &App, job: &Id) -> Result<()> {
    #[derive(Deserialize)]
    struct Waiting {
        tier: String,
    }
    let find = sql!("SELECT tier FROM jobs WHERE id = ?1 AND status = 'queued'", job);
    match app.read(vec![find]).await?.first::<Waiting>()? {
        Some(Waiting { tier }) => dispatch(app, job.as_str(), &tier.into(), OFF_FOR).await,
        None => Ok(()),
    }
}

type Written = (Document, Value, Vec<String>);

/// What the provider makes of it.
async fn written(app: &App, started: &Started) -> Result<Written, Failure> {
    let wish: Wish = serde_json::from_value(started.request.clone()).map_err(|_| Failure::Lost)?;
    let input = store::input(app, &started.id).await.map_err(unstored)?.ok_or(Failure::Lost)?;
    let most = app.config().limits.of(started.tier).ai_doc_tokens.and_then(|most| u32::try_from(most).ok());
    let reply = ai::ask(app, &prompt::prompt(&wish, &input, most.unwrap_or(MOST_TOKENS))).await?;
    let (document, warnings) = prompt::read(&reply)?;
    let tokens = reply.tokens.map(|(asked, answered)| json!({ "asked": asked, "answered": answered }));
    let result = json!({ "model": document.model, "tokens": tokens, "bytes": wish.bytes });
    Ok((document, result, warnings))
}

/// Where a tier sets no limit.
const MOST_TOKENS: u32 = 16_000;

/// Done, with the file and the row that stays. What was canceled meanwhile leaves nothing.
async fn kept(app: &App, step: &Step<'_>, (document, result, warnings): &Written) -> Result<()> {
    #[derive(Deserialize)]
    struct Done {
        #[serde(deserialize_with = "db::flag")]
        here: bool,
    }
    store::keep_document(app, step.job, document).await?;
    let summary = sql!(
        "INSERT INTO ai_doc_history (job_id, summary, model)
         SELECT id, ?3, ?4 FROM jobs WHERE id = ?1 AND EXISTS (SELECT 1 FROM events WHERE id = ?2)",
        step.job,
        step.event,
        document.summary,
        document.model,
    );
    let done = sql!("SELECT status = 'completed' AS here FROM jobs WHERE id = ?1", step.job);
    let done: Option<Done> = app.commit_row(step.complete(result, warnings, None).run(summary).then(done)).await?;
    match done {
        Some(Done { here: true }) => Ok(()),
        _ => store::drop_all(app, step.job.as_str()).await,
    }
}

/// What took too long, or found the provider busy, is tried once more; all else is for good.
fn failed(step: &Step<'_>, failure: Failure) -> Change<()> {
    let why = jobs::Failure::new(failure.code(), failure.message());
    match failure {
        Failure::Timeout | Failure::Stalled | Failure::Storage => step.time_out(&why, None, None),
        Failure::Overloaded(wait) if wait.is_none_or(|seconds| seconds <= BUSY_FOR) => step.time_out(&why, None, None),
        _ => step.fail(&why, &[], None),
    }
}
