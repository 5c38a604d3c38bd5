use crate::access::{Actor, Can, Edit, View};
use crate::app::App;
use crate::error::Result;
use crate::http::{Answer, Bare, Body, One};
use crate::notifications::settings::{self, EditSettings, Settings};
use crate::notifications::{self, Inbox, MarkRead, Unread};

pub async fn list(inbox: Can<View, Inbox>) -> Result<Bare<Inbox>> {
    Bare::of(&inbox)
}

pub async fn mark_read(app: App, actor: Actor, body: Body<MarkRead>) -> Result<One<Unread>> {
    app.commit(notifications::mark_read(&body.0, actor.user.id, app.now())).await
}

pub async fn mark_all_read(app: App, actor: Actor) -> Result<One<Unread>> {
    app.commit(notifications::mark_all_read(actor.user.id, app.now())).await
}

pub async fn settings(settings: Can<View, Settings>) -> Result<One<Settings>> {
    One::of(&settings)
}

pub async fn edit_settings(app: App, settings: Can<Edit, Settings>, body: Body<EditSettings>) -> Result<One<Settings>> {
    app.commit(settings::edit(&body.0, settings.actor.user.id)).await
}
