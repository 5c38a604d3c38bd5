use super::input::{NewKey, Regenerate};
use super::secret::Secret;
use super::{ApiKey, Held, ShownKey};
use crate::access::{Actor, Can, Delete, Edit, List, View};
use crate::app::App;
use crate::error::{Error, Result};
use crate::http::{Body, Created, NoContent, Paged};

pub async fn list(keys: Can<View, List<ApiKey>>) -> Result<Paged<ApiKey>> {
    Ok(keys.into_inner().into_inner())
}

pub async fn create(app: App, actor: Actor, body: Body<NewKey>) -> Result<Created<ShownKey>> {
    let quota = app.quota(&actor, "API keys", |allowed| allowed.api_keys);
    app.commit(super::create(body.0, app.id()?, &secret(&app)?, actor.user.id, quota, &app.by(&actor))?).await
}

pub async fn regenerate(app: App, key: Can<Edit, Held>, body: Body<Regenerate>) -> Result<Created<ShownKey>> {
    app.commit(key.regenerate(body.0, &secret(&app)?, &app.by(&key.actor))?).await
}

pub async fn revoke(app: App, key: Can<Delete, Held>) -> Result<NoContent> {
    app.commit(key.revoke(&app.by(&key.actor))).await
}

fn secret(app: &App) -> Result<Secret> {
    Secret::new(app.random()?).ok_or_else(|| Error::internal("not random enough for a key"))
}
