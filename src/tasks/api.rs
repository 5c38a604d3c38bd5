use crate::access::{Can, Contribute, List, View};
use crate::app::App;
use crate::error::Result;
use crate::http::{Answer, Body, Created, IfMatch, NoContent, One, Paged, Tagged};
use crate::tasks::Task;
use crate::tasks::activity::Activity;
use crate::tasks::board::{Board, Card, EditTask, NewTask};
use crate::tasks::dependencies::Pair;
use crate::tasks::labels::{Label, NewLabel, ProjectLabel};

pub async fn list(tasks: Can<View, List<Task>>) -> Result<Paged<Task>> {
    Ok(tasks.into_inner().into_inner())
}

pub async fn create(app: App, board: Can<Contribute, Board>, body: Body<NewTask>) -> Result<Tagged<Created<Task>>> {
    app.commit(board.create(body.0, app.id()?, board.actor.user.id, &app.by(&board.actor))?).await
}

pub async fn get(task: Can<View, Task>) -> Result<Tagged<One<Task>>> {
    Tagged::of(&*task)
}

pub async fn edit(
    app: App,
    card: Can<Contribute, Card>,
    from: IfMatch,
    body: Body<EditTask>,
) -> Result<Tagged<One<Task>>> {
    let events = [app.id()?, app.id()?];
    app.commit(card.edit(body.0, from.versions(), events, card.actor.user.id, &app.by(&card.actor))?).await
}

pub async fn delete(app: App, task: Can<Contribute, Task>, from: IfMatch) -> Result<NoContent> {
    app.commit(task.delete(from.versions(), task.actor.user.id, &app.by(&task.actor))).await
}

pub async fn labels(board: Can<View, Board>) -> Result<Paged<Label>> {
    Ok(Paged::all(board.into_inner().labels))
}

pub async fn add_label(app: App, board: Can<Contribute, Board>, body: Body<NewLabel>) -> Result<Created<Label>> {
    app.commit(board.add_label(body.0, app.id()?, board.actor.user.id, &app.by(&board.actor))).await
}

pub async fn delete_label(app: App, label: Can<Contribute, ProjectLabel>) -> Result<NoContent> {
    app.commit(label.delete(label.actor.user.id, &app.by(&label.actor))).await
}

pub async fn add_dependency(app: App, pair: Can<Contribute, Pair>) -> Result<Tagged<One<Task>>> {
    app.commit(pair.add(app.id()?, pair.actor.user.id, &app.by(&pair.actor))).await
}

pub async fn remove_dependency(app: App, pair: Can<Contribute, Pair>) -> Result<NoContent> {
    app.commit(pair.remove(pair.actor.user.id, &app.by(&pair.actor))).await
}

pub async fn activity(activity: Can<View, List<Activity>>) -> Result<Paged<Activity>> {
    Ok(activity.into_inner().into_inner())
}
