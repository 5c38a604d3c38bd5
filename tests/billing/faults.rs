use super::*;

/// From here on no effect can be written, as if the process ended each time before it; receipts are still kept.
async fn dies_before_the_effect(shop: &Shop) {
    let trigger = "CREATE TRIGGER dies BEFORE INSERT ON subscriptions BEGIN SELECT RAISE(ABORT, 'died'); END";
    shop.world.sql(trigger, &[]).await;
}

#[tokio::test]
async fn a_worker_that_dies_between_receipt_and_effect_loses_nothing() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    let (_, held) = shop.held_purchase(&ada).await;
    dies_before_the_effect(&shop).await;
    for delivery in &held {
        shop.post(delivery).status(200).await;
    }
    // The queue has given up: once, and three times more.
    let waiting = "SELECT count(*) FROM billing_events WHERE processed_at IS NULL AND failure = 'INTERNAL_ERROR' AND attempts = 4";
    let all = async || shop.world.one(waiting, &[]).await == 3;
    shop.world.eventually("the log says that it failed", all).await;
    shop.world.sql("DROP TRIGGER dies", &[]).await;
    assert_eq!(ada.me().await["tier"], "free");
    shop.later(120);
    shop.world.cron().await;
    shop.world.drain().await;
    assert_eq!(ada.me().await["tier"], "pro");
    assert_eq!(shop.world.one("SELECT count(*) FROM billing_events WHERE processed_at IS NULL", &[]).await, 0);
    assert_eq!(shop.world.one("SELECT count(*) FROM billing_events WHERE failure IS NOT NULL", &[]).await, 0);
}

#[tokio::test]
async fn the_queue_delivering_twice_changes_nothing_twice() {
    let shop = Shop::open().await;
    let (ada, _) = shop.subscriber("ada", "pro", "monthly").await;
    let ids: Vec<Value> = shop.world.sql("SELECT id FROM events WHERE kind = 'billing.received'", &[]).await;
    let ids: Vec<Value> = ids.iter().map(|row| row["id"].clone()).collect();
    let count = async || shop.world.one("SELECT count(*) FROM events", &[]).await;
    let before = count().await;
    shop.world.sql("UPDATE events SET delivered_at = NULL WHERE kind = 'billing.received'", &[]).await;
    let twice: Vec<Value> = ids.iter().chain(&ids).cloned().collect();
    let outcome = shop.world.consume(&twice).await;
    assert_eq!((&outcome["outcome"], &outcome["retried"]), (&json!("ok"), &json!(0)));
    assert_eq!((count().await, ada.me().await["tier"].as_str()), (before, Some("pro")));
}

#[tokio::test]
async fn consumers_at_once_settle_each_event_once() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    let (_, held) = shop.held_purchase(&ada).await;
    dies_before_the_effect(&shop).await;
    join_all(held.iter().map(|delivery| shop.post(delivery).status(200))).await;
    shop.world.sql("DROP TRIGGER dies", &[]).await;
    let ids = shop.world.sql("SELECT id FROM events WHERE kind = 'billing.received'", &[]).await;
    let ids: Vec<Value> = ids.iter().map(|row| row["id"].clone()).collect();
    join_all((0..5).map(|_| shop.world.consume(&ids))).await;
    shop.later(120);
    shop.world.cron().await;
    shop.world.drain().await;
    assert_eq!(ada.me().await["tier"], "pro");
    let doubled = "SELECT count(*) FROM (SELECT entity_id FROM events WHERE kind = 'billing.processed' GROUP BY entity_id HAVING count(*) > 1)";
    assert_eq!(shop.world.one(doubled, &[]).await, 0);
}

#[tokio::test]
async fn the_provider_tries_again_until_it_is_heard() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    let url = ada.checkout("pro", "monthly").await;
    shop.world.sql("ALTER TABLE billing_events RENAME TO elsewhere", &[]).await;
    let subscription = shop.provider.pay(&url).await;
    assert!(shop.provider.delivered().iter().any(|attempt| attempt.status == 500));
    shop.world.sql("ALTER TABLE elsewhere RENAME TO billing_events", &[]).await;
    shop.settled().await;
    assert_eq!(ada.me().await["subscription_id"], subscription.to_string());
    let taken = shop.provider.delivered().iter().filter(|attempt| attempt.status == 200 && attempt.attempt > 1).count();
    assert!(taken > 0);
}

/// Two events of one second that say different things: only the provider knows.
#[tokio::test]
async fn where_versions_tie_the_provider_is_asked() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    shop.world.clock().stop();
    shop.later(60);
    shop.provider.hold(true);
    shop.provider.change(subscription, Change::Cancel).await;
    shop.provider.change(subscription, Change::Resume).await;
    shop.provider.hold(false);
    let held = shop.provider.take_held();
    for delivery in held.iter().rev() {
        shop.post(delivery).status(200).await;
    }
    shop.settled().await;
    assert_eq!(ada.me().await["subscription_status"], "active");
    assert!(shop.provider.calls().iter().any(|call| call.path == format!("/v1/subscriptions/{subscription}")));
}

#[tokio::test]
async fn while_the_provider_cannot_be_asked_the_question_waits_in_the_log() {
    for fault in [Fault::Status(429), Fault::Status(500), Fault::Garbage] {
        let shop = Shop::open().await;
        let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
        shop.provider.fail_api(Some(fault));
        shop.world.clock().stop();
        shop.later(60);
        shop.provider.hold(true);
        shop.provider.change(subscription, Change::Cancel).await;
        shop.provider.change(subscription, Change::Resume).await;
        shop.provider.hold(false);
        for delivery in shop.provider.take_held() {
            shop.post(&delivery).status(200).await;
        }
        let waiting = "SELECT count(*) FROM billing_events
                       WHERE processed_at IS NULL AND failure = 'PAYMENT_PROVIDER_FAILED' AND attempts > 0";
        shop.world.eventually("the log says why it waits", async || shop.world.one(waiting, &[]).await != 0).await;
        assert_eq!(ada.me().await["tier"], "pro");
        shop.provider.fail_api(None);
        shop.later(120);
        shop.world.cron().await;
        shop.world.drain().await;
        assert_eq!(ada.me().await["subscription_status"], "active");
        assert_eq!(shop.world.one("SELECT count(*) FROM billing_events WHERE processed_at IS NULL", &[]).await, 0);
    }
}

#[tokio::test]
async fn an_end_that_was_not_the_end_is_asked_about() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    let active = shop.provider.subscription(subscription);
    shop.change(subscription, Change::Expire).await;
    let mut late = active.clone();
    late["attributes"]["updated_at"] = json!("2090-01-01T00:00:00.000000Z");
    let body = json!({ "meta": { "test_mode": true, "event_name": "subscription_updated", "webhook_id": "late" }, "data": late });
    shop.post(&Delivery::signed("subscription_updated", body.to_string().into_bytes(), WEBHOOK_SECRET))
        .status(200)
        .await;
    let asked = async || shop.provider.calls().iter().any(|call| call.method == "GET");
    shop.world.eventually("the provider is asked", asked).await;
    assert_eq!(ada.me().await["tier"], "free");
}
