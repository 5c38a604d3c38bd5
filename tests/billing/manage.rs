use super::*;

#[tokio::test]
async fn someone_cancels_and_takes_it_back() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    let canceled = ada.post("/billing/cancel").await;
    let of = &canceled.data()["subscription"];
    assert_eq!((&of["status"], &of["has_access"]), (&json!("canceled"), &json!(true)));
    assert_eq!(of["ends_at"], of["access_until"]);
    assert_eq!(shop.provider.subscription(subscription)["attributes"]["status"], "cancelled");
    assert_eq!(ada.me().await["subscription_status"], "canceled");
    // Once more is as good.
    let calls = shop.provider.calls().len();
    assert_eq!(ada.post("/billing/cancel").await.data()["subscription"]["status"], "canceled");
    assert_eq!(shop.provider.calls().len(), calls);

    shop.settled().await;
    shop.later(60);
    assert_eq!(ada.post("/billing/resume").await.data()["subscription"]["status"], "active");
    assert_eq!(ada.post("/billing/resume").await.data()["subscription"]["status"], "active");
    shop.settled().await;
    let me = ada.me().await;
    assert_eq!((&me["subscription_status"], &me["ends_at"]), (&json!("active"), &Value::Null));
}

#[tokio::test]
async fn a_pause_can_be_taken_back() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    shop.change(subscription, Change::Pause { free: false }).await;
    shop.later(60);
    assert_eq!(ada.post("/billing/resume").await.data()["tier"], "pro");
    assert_eq!(shop.provider.subscription(subscription)["attributes"]["status"], "active");
}

#[tokio::test]
async fn what_is_over_or_was_never_there_cannot_be_changed() {
    let shop = Shop::open().await;
    let bob = shop.world.sign_up("bob").await;
    for path in ["/billing/cancel", "/billing/resume"] {
        bob.post(path).refused_with(404, "SUBSCRIPTION_NOT_FOUND").await;
    }
    bob.get("/billing/portal").refused_with(404, "SUBSCRIPTION_NOT_FOUND").await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    shop.change(subscription, Change::Expire).await;
    for path in ["/billing/cancel", "/billing/resume"] {
        ada.post(path).refused_with(409, "SUBSCRIPTION_OVER").await;
    }
}

#[tokio::test]
async fn each_visit_of_the_portal_has_its_own_link() {
    let shop = Shop::open().await;
    let (ada, _) = shop.subscriber("ada", "pro", "monthly").await;
    let link = async || ada.get("/billing/portal").await.data()["url"].as_str().unwrap().to_owned();
    let first = link().await;
    assert!(first.starts_with(&shop.provider.url()), "{first}");
    shop.later(2);
    assert_ne!(link().await, first);
}

#[tokio::test]
async fn when_the_provider_is_down_nothing_is_pretended() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    for fault in [Fault::Status(500), Fault::Status(429), Fault::Garbage, Fault::Drop] {
        shop.provider.fail_api(Some(fault));
        ada.post("/billing/cancel").refused_with(500, "PAYMENT_PROVIDER_FAILED").await;
        ada.get("/billing/portal").refused_with(500, "PAYMENT_PROVIDER_FAILED").await;
    }
    shop.provider.fail_api(None);
    assert_eq!(ada.me().await["subscription_status"], "active");
    assert_eq!(shop.provider.subscription(subscription)["attributes"]["status"], "active");
}

#[tokio::test]
async fn nobody_sees_or_touches_anothers_subscription() {
    let shop = Shop::open().await;
    let (ada, _) = shop.subscriber("ada", "pro", "monthly").await;
    let eve = shop.world.sign_up("eve").await;
    assert_eq!(eve.billing().await["subscription"], Value::Null);
    eve.post("/billing/cancel").refused(404).await;
    assert_eq!(ada.me().await["subscription_status"], "active");
}

#[tokio::test]
async fn cancelling_in_two_tabs_cancels_once() {
    let shop = Shop::open().await;
    let (ada, _) = shop.subscriber("ada", "pro", "monthly").await;
    let replies = join_all((0..6).map(|_| ada.post("/billing/cancel").status(200))).await;
    assert!(replies.iter().all(|reply| reply.data()["subscription"]["status"] == "canceled"));
    shop.settled().await;
    assert_eq!(ada.me().await["subscription_status"], "canceled");
}
