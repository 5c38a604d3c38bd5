use serde_json::json;

use crate::access::{Can, List, Operate, Operator};
use crate::admin::maintenance::{Action, Done, Maintain};
use crate::admin::overview::{self, Overview};
use crate::admin::questions::EscalatedQuestion;
use crate::admin::queues::{self, Queue};
use crate::admin::viewed;
use crate::admin::workers::WorkerNode;
use crate::app::App;
use crate::error::Result;
use crate::http::{Answer, Body, NoContent, One, Paged};

pub async fn overview(app: App, Operator(actor): Operator) -> Result<One<Overview>> {
    let seen = viewed("overview", json!({}), &app.by(&actor));
    One::of(&Overview::load(&mut app.commit_and_read(seen, overview::reads(app.now())).await?)?)
}

pub async fn workers(app: App, workers: Can<Operate, List<WorkerNode>>) -> Result<Paged<WorkerNode>> {
    let _: NoContent = app.commit(viewed("workers", json!({}), &app.by(&workers.actor))).await?;
    Ok(workers.into_inner().into_inner())
}

pub async fn queues(app: App, Operator(actor): Operator) -> Result<Paged<Queue>> {
    let seen = viewed("queues", json!({}), &app.by(&actor));
    queues::load(&mut app.commit_and_read(seen, queues::reads(app.now())).await?).map(Paged::all)
}

pub async fn questions(app: App, questions: Can<Operate, List<EscalatedQuestion>>) -> Result<Paged<EscalatedQuestion>> {
    let _: NoContent = app.commit(viewed("questions", json!({}), &app.by(&questions.actor))).await?;
    Ok(questions.into_inner().into_inner())
}

pub async fn question(app: App, question: Can<Operate, EscalatedQuestion>) -> Result<One<EscalatedQuestion>> {
    let filter = json!({ "question_id": question.question_id });
    let _: NoContent = app.commit(viewed("questions", filter, &app.by(&question.actor))).await?;
    One::of(&question)
}

pub async fn maintain(app: App, action: Can<Operate, Action>, body: Body<Maintain>) -> Result<One<Done>> {
    One::of(&action.carry_out(&app, &body.0, &action.actor).await?)
}
