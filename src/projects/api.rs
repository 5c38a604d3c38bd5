use crate::access::{Actor, Can, Contribute, Delete, Edit, List, View};
use crate::app::App;
use crate::db::Id;
use crate::error::Result;
use crate::http::{Answer, Body, Created, NoContent, One, Paged};
use crate::projects::tags::{NewTag, ProjectTag, Tag};
use crate::projects::templates::{CATALOG, FromTemplate, Template};
use crate::projects::{self, EditProject, NewProject, Project};

pub async fn list(projects: Can<View, List<Project>>) -> Result<Paged<Project>> {
    Ok(projects.into_inner().into_inner())
}

pub async fn create(app: App, actor: Actor, body: Body<NewProject>) -> Result<Created<Project>> {
    let quota = app.quota(&actor, "projects", |allowed| allowed.projects);
    app.commit(projects::create(body.0, app.id()?, actor.user.id, quota, &app.by(&actor))).await
}

pub async fn templates(_: Actor) -> Result<Paged<&'static Template>> {
    Ok(Paged::all(CATALOG.iter().collect()))
}

pub async fn from_template(app: App, actor: Actor, body: Body<FromTemplate>) -> Result<Created<Project>> {
    let quota = app.quota(&actor, "projects", |allowed| allowed.projects);
    let id = |at| Ok(Id::new(at, app.random()?));
    app.commit(body.0.create(actor.user.id, quota, &app.by(&actor), id)?).await
}

pub async fn get(project: Can<View, Project>) -> Result<One<Project>> {
    One::of(&project)
}

pub async fn edit(app: App, project: Can<Edit, Project>, body: Body<EditProject>) -> Result<One<Project>> {
    app.commit(project.edit(body.0, project.actor.user.id, &app.by(&project.actor))).await
}

pub async fn delete(app: App, project: Can<Delete, Project>) -> Result<NoContent> {
    app.commit(project.delete(project.actor.user.id, &app.by(&project.actor))).await
}

pub async fn favorite(app: App, project: Can<View, Project>) -> Result<One<Project>> {
    app.commit(project.favorite(project.actor.user.id, app.now())).await
}

pub async fn unfavorite(app: App, project: Can<View, Project>) -> Result<NoContent> {
    app.commit(project.unfavorite(project.actor.user.id)).await
}

pub async fn tags(project: Can<View, Project>) -> Result<Paged<Tag>> {
    Ok(Paged::all(project.into_inner().tags))
}

pub async fn add_tag(app: App, project: Can<Contribute, Project>, body: Body<NewTag>) -> Result<Created<Tag>> {
    app.commit(project.add_tag(body.0, app.id()?, project.actor.user.id, &app.by(&project.actor))).await
}

pub async fn delete_tag(app: App, tag: Can<Contribute, ProjectTag>) -> Result<NoContent> {
    app.commit(tag.delete(tag.actor.user.id, &app.by(&tag.actor))).await
}
