use crate::access::{Actor, Can, Edit, View};
use crate::app::App;
use crate::billing::account::{self, Account, BillingStatus, Portal};
use crate::billing::checkout::{self, CheckoutLink, Order, StartCheckout};
use crate::billing::inbox::{self, Received};
use crate::billing::notice::Notice;
use crate::billing::plans::{self, Plan};
use crate::billing::provider::Provider;
use crate::billing::{SubscriptionStatus, snapshot::Snapshot};
use crate::db::Id;
use crate::error::{Code, Error, Result};
use crate::http::{Answer, Bare, Body, Body400, NoContent, One, Paged, Signed};

pub async fn plans(app: App) -> Result<Paged<Plan>> {
    let catalog = app.config().billing.as_ref().map(|billing| &billing.catalog);
    Ok(Paged::all(plans::all(&app.config().limits, catalog)))
}

pub async fn status(account: Can<View, Account>) -> Result<One<BillingStatus>> {
    One::of(&account.status)
}

pub async fn start_checkout(app: App, actor: Actor, body: Body400<StartCheckout>) -> Result<Bare<CheckoutLink>> {
    let provider = Provider::of(&app)?;
    let (tier, cycle, reference) = (body.0.tier.into(), body.0.billing_cycle, checkout::reference(app.random()?));
    let offer = provider.catalog().offer(tier, cycle).ok_or_else(|| Error::internal("a plan without a variant"))?;
    let _: NoContent = app.commit(checkout::open(&actor, tier, cycle, &reference, &app.by(&actor))).await?;
    let checkout_url = provider.checkout(offer, &actor.user.email, actor.user.id, &reference, app.now()).await?;
    Bare::of(&CheckoutLink { checkout_url })
}

pub async fn webhook(app: App, body: Signed) -> Result<Bare<Received>> {
    let billing = app.config().billing.as_ref().ok_or(Code::SignatureInvalid)?;
    let notice = Notice::read(&body.bytes, &body.event, billing);
    match app.commit(inbox::receive(&notice, &body.bytes, &app.id()?, &app.by_user(None))).await {
        // It is here already, whatever became of it.
        Err(error) if error.code == Code::Conflict => Bare::of(&Received::YES),
        received => received,
    }
}

pub async fn confirm(app: App, account: Can<View, Account>, body: Body<Order>) -> Result<NoContent> {
    let provider = Provider::of(&app)?;
    let bought = provider.of_order(&body.0).await?;
    if bought.is_empty() {
        return Err(Code::OrderNotFound.into());
    }
    let by = app.by(&account.actor);
    match app.commit(checkout::claim(&account.open, &bought, provider.catalog(), || app.id(), &by)?).await {
        // The same receipt again.
        Err(error) if error.code == Code::Conflict => Ok(NoContent),
        claimed => claimed,
    }
}

pub async fn portal(app: App, account: Can<View, Account>) -> Result<One<Portal>> {
    let url = Provider::of(&app)?.portal(&account.subscription()?.subscription_id).await?;
    One::of(&Portal { url })
}

pub async fn cancel(app: App, account: Can<Edit, Account>) -> Result<One<BillingStatus>> {
    let subscription = account.running()?;
    if subscription.status == SubscriptionStatus::Canceled {
        return One::of(&account.status);
    }
    let snapshot = Provider::of(&app)?.cancel(&subscription.subscription_id).await?;
    told(&app, &account, snapshot).await
}

pub async fn resume(app: App, account: Can<Edit, Account>) -> Result<One<BillingStatus>> {
    let subscription = account.running()?;
    if !matches!(subscription.status, SubscriptionStatus::Canceled | SubscriptionStatus::Paused) {
        return One::of(&account.status);
    }
    let paused = subscription.status == SubscriptionStatus::Paused;
    let snapshot = Provider::of(&app)?.resume(&subscription.subscription_id, paused).await?;
    told(&app, &account, snapshot).await
}

async fn told(app: &App, account: &Can<Edit, Account>, snapshot: Snapshot) -> Result<One<BillingStatus>> {
    let (id, by): (Id, _) = (app.id()?, app.by(&account.actor));
    let after = account::status(account.actor.user.id, &app.config().limits, app.now());
    let catalog = Provider::of(app)?.catalog();
    match app.commit(account.told(snapshot, catalog, id, after.clone(), &by)).await {
        // Its webhook was quicker than its answer, and said the same.
        Err(error) if error.code == Code::Conflict => {
            let mut answers = app.read(vec![after]).await?;
            One::of(&answers.first::<BillingStatus>()?.ok_or(Code::Conflict)?)
        }
        told => told,
    }
}
