use crate::access::{Actor, Can, Edit, View};
use crate::app::App;
use crate::error::Result;
use crate::http::{Answer, Body, Created, NoContent, One, Paged};
use crate::webhooks::deliveries::{Delivery, Range, Replayed, Sent};
use crate::webhooks::owners::Owners;
use crate::webhooks::secret::Made;
use crate::webhooks::testing::Tested;
use crate::webhooks::{EditWebhook, Endpoint, NewWebhook, Rotate, Unveiled, Webhook, allowed};

pub async fn list(webhooks: Can<View, Owners<Webhook>>) -> Result<Paged<Webhook>> {
    Ok(webhooks.into_inner().into_list())
}

pub async fn create(app: App, actor: Actor, body: Body<NewWebhook>) -> Result<Created<Unveiled>> {
    allowed(&app, &body.0.url)?;
    let (id, quota) = (app.id()?, app.quota(&actor, "webhooks", |allowed| allowed.webhooks));
    let secret = Made::new(&app, &id)?;
    app.commit(body.0.create(id, secret, &app.caller().site, actor.user.id, quota, &app.by(&actor))).await
}

pub async fn get(endpoint: Can<View, Endpoint>) -> Result<One<Webhook>> {
    One::of(&endpoint.webhook)
}

pub async fn edit(app: App, endpoint: Can<Edit, Endpoint>, body: Body<EditWebhook>) -> Result<One<Webhook>> {
    body.0.url.as_ref().map(|url| allowed(&app, url)).transpose()?;
    app.commit(endpoint.edit(body.0, &app.caller().site, endpoint.actor.user.id, &app.by(&endpoint.actor))).await
}

pub async fn delete(app: App, endpoint: Can<Edit, Endpoint>) -> Result<NoContent> {
    app.commit(endpoint.delete(endpoint.actor.user.id, &app.by(&endpoint.actor))).await
}

pub async fn rotate(app: App, endpoint: Can<Edit, Endpoint>, body: Body<Rotate>) -> Result<Created<Unveiled>> {
    let secret = Made::new(&app, &endpoint.webhook.id)?;
    app.commit(endpoint.rotate(&body.0, secret, endpoint.actor.user.id, &app.by(&endpoint.actor))).await
}

pub async fn test(app: App, endpoint: Can<Edit, Endpoint>) -> Result<One<Tested>> {
    let (tested, change) = endpoint.test(&app, &app.by(&endpoint.actor)).await?;
    let _: NoContent = app.commit(change).await?;
    One::of(&tested.arrived()?)
}

pub async fn deliveries(deliveries: Can<View, Owners<Delivery>>) -> Result<Paged<Delivery>> {
    Ok(deliveries.into_inner().into_list())
}

pub async fn replay(app: App, delivery: Can<Edit, Sent>) -> Result<One<Delivery>> {
    app.commit(delivery.replay(delivery.actor.user.id, &app.by(&delivery.actor))).await
}

pub async fn replay_range(app: App, endpoint: Can<Edit, Endpoint>, body: Body<Range>) -> Result<One<Replayed>> {
    app.commit(endpoint.replay(&body.0, endpoint.actor.user.id, &app.by(&endpoint.actor))).await
}
