use super::*;

/// Tier, status, and whether it has an end.
async fn standing(person: &Person) -> (String, String) {
    let me = person.me().await;
    (me["tier"].as_str().unwrap().into(), me["subscription_status"].as_str().unwrap_or("–").into())
}

async fn is(person: &Person, tier: &str, status: &str) {
    assert_eq!(standing(person).await, (tier.to_owned(), status.to_owned()));
}

#[tokio::test]
async fn a_canceled_plan_lasts_until_its_end() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    shop.change(subscription, Change::Cancel).await;
    is(&ada, "pro", "canceled").await;
    let me = ada.me().await;
    assert!(me["ends_at"].is_string() && me["renews_at"].is_null(), "{me}");
    shop.days_later(27).await;
    is(&ada, "pro", "canceled").await;
    shop.days_later(4).await;
    is(&ada, "free", "expired").await;
    let lapsed = "SELECT count(*) FROM events WHERE kind = 'subscription.lapsed'";
    assert_eq!(shop.world.one(lapsed, &[]).await, 1);
}

#[tokio::test]
async fn a_cancellation_taken_back_is_none() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    shop.change(subscription, Change::Cancel).await;
    shop.change(subscription, Change::Resume).await;
    is(&ada, "pro", "active").await;
    assert_eq!(ada.me().await["ends_at"], Value::Null);
}

#[tokio::test]
async fn an_expired_plan_is_over_at_once() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "premium", "monthly").await;
    shop.change(subscription, Change::Expire).await;
    is(&ada, "free", "expired").await;
}

#[tokio::test]
async fn a_pause_gives_the_plan_only_where_the_seller_gives_it() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    shop.change(subscription, Change::Pause { free: false }).await;
    is(&ada, "free", "paused").await;
    shop.change(subscription, Change::Unpause).await;
    is(&ada, "pro", "active").await;
    shop.change(subscription, Change::Pause { free: true }).await;
    is(&ada, "pro", "paused").await;
}

#[tokio::test]
async fn a_failed_payment_has_fourteen_days_of_grace() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    shop.change(subscription, Change::FailPayment).await;
    is(&ada, "pro", "past_due").await;
    let until = ada.billing().await["subscription"]["access_until"].clone();
    assert!(until.is_string());
    shop.days_later(13).await;
    is(&ada, "pro", "past_due").await;
    // The provider tries again meanwhile; that is no new grace.
    shop.provider.hold(true);
    shop.change(subscription, Change::FailPayment).await;
    shop.provider.hold(false);
    for delivery in shop.provider.take_held() {
        shop.post(&delivery).status(200).await;
    }
    shop.settled().await;
    assert_eq!(ada.billing().await["subscription"]["access_until"], until);
    shop.days_later(2).await;
    is(&ada, "free", "past_due").await;
    assert_eq!(ada.billing().await["subscription"]["has_access"], false);
}

#[tokio::test]
async fn a_payment_that_succeeds_after_all_restores_the_plan() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    shop.change(subscription, Change::FailPayment).await;
    shop.days_later(15).await;
    is(&ada, "free", "past_due").await;
    shop.change(subscription, Change::RecoverPayment).await;
    is(&ada, "pro", "active").await;
}

#[tokio::test]
async fn the_provider_giving_up_ends_the_plan() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    shop.change(subscription, Change::FailPayment).await;
    shop.change(subscription, Change::Unpaid).await;
    is(&ada, "free", "past_due").await;
    shop.change(subscription, Change::Expire).await;
    is(&ada, "free", "expired").await;
}

#[tokio::test]
async fn a_trial_is_the_plan() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "premium", "yearly").await;
    shop.change(subscription, Change::StartTrial).await;
    is(&ada, "premium", "active").await;
}

#[tokio::test]
async fn a_renewal_moves_the_date() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    let first = ada.me().await["renews_at"].clone();
    shop.change(subscription, Change::Renew).await;
    let second = ada.me().await["renews_at"].clone();
    assert!(second.as_str() > first.as_str(), "{first} {second}");
    is(&ada, "pro", "active").await;
}

#[tokio::test]
async fn another_plan_is_another_tier() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    shop.change(subscription, Change::ChangeVariant(1004)).await;
    is(&ada, "premium", "active").await;
    assert_eq!(ada.billing().await["subscription"]["billing_cycle"], "yearly");
    shop.change(subscription, Change::ChangeVariant(1001)).await;
    is(&ada, "pro", "active").await;
}

#[tokio::test]
async fn a_refund_is_noted_and_takes_nothing_by_itself() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    shop.change(subscription, Change::RefundPayment).await;
    shop.change(subscription, Change::RefundOrder).await;
    is(&ada, "pro", "active").await;
    let log = shop.log().await;
    for event in ["subscription_payment_refunded", "order_refunded"] {
        assert!(log.iter().any(|(name, outcome, _)| name == event && outcome == "recorded"), "{log:?}");
    }
}

#[tokio::test]
async fn a_downgrade_deletes_nothing() {
    let shop = Shop::with(World::set_up().without("LIMIT_PROJECTS_FREE")).await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    for i in 0..5 {
        ada.project(&format!("Project {i}")).await;
    }
    shop.change(subscription, Change::Expire).await;
    assert_eq!(ada.get("/projects").await.total(), 5);
    assert_eq!(ada.billing().await["usage"]["projects"], json!({ "used": 5, "limit": 3 }));
    ada.post("/projects").json(json!({ "name": "Sixth" })).refused_with(403, "TIER_LIMIT_EXCEEDED").await;
}

/// The whole life of a subscription, its events in the worst orders and doubled: the end is the same.
#[tokio::test]
async fn events_in_any_order_end_in_the_same_state() {
    let shop = Shop::open().await;
    let mut ends = Vec::new();
    for order in 0..6 {
        let person = shop.world.sign_up(&format!("person{order}")).await;
        let url = person.checkout("pro", "monthly").await;
        shop.provider.hold(true);
        let subscription = shop.provider.pay(&url).await;
        let changes =
            [Change::FailPayment, Change::RecoverPayment, Change::ChangeVariant(1003), Change::Cancel, Change::Resume];
        for change in changes {
            shop.later(60);
            shop.provider.change(subscription, change).await;
        }
        shop.provider.hold(false);
        let mut held = shop.provider.take_held();
        assert!(held.len() > 12, "{}", held.len());
        match order {
            0 => {}
            1 => held.reverse(),
            2 => held.rotate_left(5),
            3 => held.sort_by_key(|delivery| delivery.webhook_id.clone()),
            4 => held = held.iter().flat_map(|delivery| [delivery.clone(), delivery.clone()]).rev().collect(),
            _ => held.sort_by_key(|delivery| delivery.signature.clone()),
        }
        if order < 3 {
            for delivery in &held {
                shop.post(delivery).status(200).await;
                shop.world.drain().await;
            }
        } else {
            join_all(held.iter().map(|delivery| shop.post(delivery).status(200))).await;
        }
        shop.settled().await;
        let end = person.billing().await;
        assert_eq!((&end["tier"], &end["subscription"]["status"]), (&json!("premium"), &json!("active")), "{order}");
        ends.push(end["subscription"]["has_access"].clone());
        let waiting = "SELECT count(*) FROM billing_events WHERE processed_at IS NULL";
        assert_eq!(shop.world.one(waiting, &[]).await, 0);
    }
    assert_eq!(ends, vec![json!(true); 6]);
}

/// Only the named events of what happened arrive.
async fn only(shop: &Shop, subscription: u64, change: Change, names: &[&str]) {
    shop.later(60);
    shop.provider.hold(true);
    shop.provider.change(subscription, change).await;
    shop.provider.hold(false);
    for delivery in shop.provider.take_held() {
        if names.contains(&delivery.event.as_str()) {
            shop.post(&delivery).status(200).await;
        }
    }
    shop.settled().await;
}

#[tokio::test]
async fn an_invoice_alone_makes_us_ask_how_the_subscription_stands() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    only(&shop, subscription, Change::FailPayment, &["subscription_payment_failed"]).await;
    is(&ada, "pro", "past_due").await;
    only(&shop, subscription, Change::RecoverPayment, &["subscription_payment_recovered"]).await;
    is(&ada, "pro", "active").await;
    // What says nothing new asks nothing.
    let calls = shop.provider.calls().len();
    only(&shop, subscription, Change::Renew, &["subscription_payment_success"]).await;
    assert_eq!(shop.provider.calls().len(), calls);
}

#[tokio::test]
async fn a_failure_told_after_the_recovery_is_old_news() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    shop.provider.hold(true);
    shop.provider.change(subscription, Change::FailPayment).await;
    shop.provider.hold(false);
    let late = shop.provider.take_held();
    shop.change(subscription, Change::RecoverPayment).await;
    for delivery in &late {
        shop.post(delivery).status(200).await;
        shop.settled().await;
        is(&ada, "pro", "active").await;
    }
}

#[tokio::test]
async fn the_first_that_is_heard_of_a_subscription_may_be_its_invoice() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    let (_, held) = shop.held_purchase(&ada).await;
    let invoice = held.iter().find(|delivery| delivery.event == "subscription_payment_success").unwrap();
    shop.post(invoice).status(200).await;
    shop.settled().await;
    is(&ada, "pro", "active").await;
}
