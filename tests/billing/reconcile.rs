use super::*;

/// A round of the comparison, and what follows from it.
async fn round(shop: &Shop) {
    shop.later(16 * 60);
    shop.world.cron().await;
    shop.world.drain().await;
}

#[tokio::test]
async fn what_an_outage_swallowed_is_found_at_the_provider() {
    let shop = Shop::open().await;
    let (ada, of_ada) = shop.subscriber("ada", "pro", "monthly").await;
    let (bob, of_bob) = shop.subscriber("bob", "premium", "monthly").await;
    shop.provider.forget_deliveries(true);
    shop.change(of_ada, Change::ChangeVariant(1003)).await;
    shop.change(of_bob, Change::Expire).await;
    assert_eq!((&ada.me().await["tier"], &bob.me().await["tier"]), (&json!("pro"), &json!("premium")));
    round(&shop).await;
    assert_eq!((&ada.me().await["tier"], &bob.me().await["tier"]), (&json!("premium"), &json!("free")));
    let log = shop.log().await;
    assert_eq!(log.iter().filter(|(name, outcome, _)| name == "reconciliation" && outcome == "applied").count(), 2);
}

#[tokio::test]
async fn a_round_that_finds_nothing_new_writes_nothing() {
    let shop = Shop::open().await;
    shop.subscriber("ada", "pro", "monthly").await;
    let lines = shop.log().await.len();
    for _ in 0..3 {
        round(&shop).await;
    }
    assert_eq!(shop.log().await.len(), lines);
    // And asks only when it is due.
    let calls = shop.provider.calls().len();
    shop.world.cron().await;
    assert_eq!(shop.provider.calls().len(), calls);
}

#[tokio::test]
async fn many_pages_are_gone_through_a_few_a_minute() {
    let shop = Shop::open().await;
    let eve = shop.world.sign_up("eve").await;
    shop.provider.hold(true);
    for _ in 0..120 {
        let url = eve.checkout("pro", "monthly").await;
        shop.provider.pay_as(&url, Some(Value::Null)).await;
    }
    shop.provider.hold(false);
    shop.provider.take_held();
    let before = shop.provider.calls().len();
    round(&shop).await;
    let pages: Vec<String> = shop.provider.calls()[before..].iter().map(|call| call.path.clone()).collect();
    assert_eq!(pages.len(), 2, "{pages:?}");
    assert!(pages[1].contains("page[number]=2") && pages[1].contains("page[size]=100"), "{pages:?}");
    assert_eq!(shop.log().await.len(), 120);
    // Whose they are is told by no list, and no address is believed.
    assert_eq!(shop.outcomes("refused").await, 120);
    assert_eq!(shop.last_reason().await, "unattributed");
    round(&shop).await;
    assert_eq!(shop.log().await.len(), 120);
}

#[tokio::test]
async fn a_provider_out_of_order_is_asked_again_next_minute() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    shop.provider.forget_deliveries(true);
    shop.change(subscription, Change::Expire).await;
    for fault in [Fault::Status(429), Fault::Status(500), Fault::Garbage] {
        shop.provider.fail_api(Some(fault));
        round(&shop).await;
        assert_eq!(ada.me().await["tier"], "pro");
    }
    shop.provider.fail_api(None);
    shop.later(60);
    shop.world.cron().await;
    shop.world.drain().await;
    assert_eq!(ada.me().await["tier"], "free");
}

/// The provider's lists do not say whose a subscription is; the receipt does, in the hands of who paid.
#[tokio::test]
async fn a_receipt_stands_for_the_event_that_was_lost() {
    let shop = Shop::open().await;
    let eve = shop.world.sign_up("eve").await;
    let (ada, receipt) = shop.unheard_buyer("ada").await;
    round(&shop).await;
    assert_eq!((ada.me().await["tier"].as_str(), shop.last_reason().await.as_str()), (Some("free"), "unattributed"));

    let (order, identifier) = (receipt["order_id"].as_u64().unwrap(), receipt["order_identifier"].as_str().unwrap());
    let (ada, eve) = (ada.awake().await, eve.awake().await);
    let confirm = |who: &Person, order: u64, identifier: &str| {
        who.post("/billing/confirm").json(json!({ "order_id": order, "order_identifier": identifier }))
    };
    // A number can be guessed; what stands beside it cannot.
    eve.checkout("pro", "monthly").await;
    let guess = "dd18772b-334c-4308-9989-3995c889911f";
    confirm(&eve, order, guess).refused_with(404, "ORDER_NOT_FOUND").await;
    confirm(&ada, order + 1, identifier).refused_with(404, "ORDER_NOT_FOUND").await;
    confirm(&ada, order, "no uuid").refused_with(422, "VALIDATION_ERROR").await;
    confirm(&ada, order, identifier).status(204).await;
    confirm(&ada, order, identifier).status(204).await;
    shop.world.drain().await;
    assert_eq!(ada.me().await["tier"], "pro");
    // Even with the receipt nobody else has it now.
    confirm(&eve, order, identifier).status(204).await;
    shop.world.drain().await;
    assert_eq!(eve.me().await["tier"], "free");
}
