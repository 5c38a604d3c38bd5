use super::*;

#[tokio::test]
async fn someone_buys_a_plan_and_has_it_without_a_new_login() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    let before = ada.me().await;
    assert_eq!(
        keys(&before),
        ["email", "ends_at", "id", "renews_at", "subscription_id", "subscription_status", "tier"]
    );
    assert_eq!((&before["tier"], &before["subscription_status"]), (&json!("free"), &Value::Null));

    let reply = ada.try_checkout("pro", "monthly").await;
    assert_eq!(keys(&reply.json), ["checkout_url"]);
    let url = reply.json["checkout_url"].as_str().unwrap();
    let subscription = shop.provider.pay(url).await;
    shop.settled().await;

    let me = ada.me().await;
    assert_eq!((&me["tier"], &me["subscription_status"]), (&json!("pro"), &json!("active")));
    assert_eq!((&me["subscription_id"], &me["ends_at"]), (&json!(subscription.to_string()), &Value::Null));
    assert!(me["renews_at"].is_string());
    let status = ada.billing().await;
    assert_eq!((&status["tier"], &status["subscription"]["billing_cycle"]), (&json!("pro"), &json!("monthly")));
    assert_eq!(status["subscription"]["has_access"], true);
    assert_eq!(ada.get("/auth/me").await.data()["tier"], "pro");
}

#[tokio::test]
async fn each_plan_is_the_variant_it_says() {
    let shop = Shop::open().await;
    for (name, tier, cycle) in [
        ("ada", "pro", "monthly"),
        ("bob", "pro", "yearly"),
        ("cyd", "premium", "monthly"),
        ("dan", "premium", "yearly"),
    ] {
        let (person, _) = shop.subscriber(name, tier, cycle).await;
        let status = person.billing().await;
        assert_eq!((&status["tier"], &status["subscription"]["billing_cycle"]), (&json!(tier), &json!(cycle)));
    }
}

#[tokio::test]
async fn the_provider_is_asked_in_its_own_words() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    ada.checkout("premium", "yearly").await;
    let calls = shop.provider.calls();
    let [call] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/v1/checkouts"));
    assert_eq!([&call.accept, &call.content_type], ["application/vnd.api+json"; 2]);
    let attributes = &call.body["data"]["attributes"];
    let custom = &attributes["checkout_data"]["custom"];
    assert_eq!(custom["user_id"], ada.id().to_string());
    let reference = custom["checkout_ref"].as_str().unwrap();
    assert_eq!(shop.world.one("SELECT reference FROM checkouts", &[]).await, reference);
    assert_eq!(attributes["checkout_data"]["email"], "ada@example.com");
    assert_eq!(attributes["product_options"]["enabled_variants"], json!([1004]));
    assert!(attributes["product_options"]["redirect_url"].as_str().unwrap().starts_with(&shop.world.url(0)));
    assert_eq!(call.body["data"]["relationships"]["variant"]["data"], json!({ "type": "variants", "id": "1004" }));
}

#[tokio::test]
async fn what_is_not_for_sale_is_a_bad_request() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    for (tier, cycle) in [("free", "monthly"), ("gold", "monthly"), ("pro", "weekly"), ("", "")] {
        ada.try_checkout(tier, cycle).refused_with(400, "BAD_REQUEST").await;
    }
    for body in
        [json!({}), json!({ "tier": "pro" }), json!({ "tier": "pro", "billing_cycle": "monthly", "user_id": 1 })]
    {
        ada.post("/billing/start-checkout").json(body).refused_with(400, "BAD_REQUEST").await;
    }
    shop.world.anonymous().try_checkout("pro", "monthly").refused_with(401, "UNAUTHORIZED").await;
    assert_eq!(shop.provider.calls(), []);
}

#[tokio::test]
async fn nobody_buys_twice_what_they_have() {
    let shop = Shop::open().await;
    let (ada, _) = shop.subscriber("ada", "pro", "monthly").await;
    ada.try_checkout("pro", "yearly").refused_with(409, "SUBSCRIPTION_EXISTS").await;
    let (bob, subscription) = shop.subscriber("bob", "premium", "monthly").await;
    bob.try_checkout("pro", "monthly").refused_with(409, "SUBSCRIPTION_EXISTS").await;
    shop.change(subscription, Change::Cancel).await;
    bob.try_checkout("premium", "monthly").refused_with(409, "SUBSCRIPTION_EXISTS").await;
    shop.change(subscription, Change::Expire).await;
    bob.checkout("premium", "monthly").await;
}

#[tokio::test]
async fn an_upgrade_replaces_the_lower_plan() {
    let shop = Shop::open().await;
    let (ada, pro) = shop.subscriber("ada", "pro", "monthly").await;
    let premium = shop.buy(&ada, "premium", "monthly").await;
    shop.settled().await;
    let me = ada.me().await;
    assert_eq!((&me["tier"], &me["subscription_id"]), (&json!("premium"), &json!(premium.to_string())));
    // The lower one is charged no more.
    assert_eq!(shop.provider.subscription(pro)["attributes"]["status"], "cancelled");
    assert_eq!(shop.provider.subscription(premium)["attributes"]["status"], "active");
}

#[tokio::test]
async fn two_tabs_that_both_pay_leave_one_subscription() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    let (one, two) = (ada.checkout("pro", "monthly").await, ada.checkout("pro", "monthly").await);
    shop.provider.hold(true);
    let first = shop.provider.pay(&one).await;
    shop.later(5);
    let second = shop.provider.pay(&two).await;
    shop.provider.hold(false);
    // Told all at once, so that neither is known when the other is decided.
    join_all(shop.provider.take_held().iter().map(|delivery| shop.post(delivery).status(200))).await;
    shop.settled().await;
    shop.settled().await;
    assert_eq!(ada.me().await["tier"], "pro");
    assert_eq!(shop.provider.subscription(first)["attributes"]["status"], "active");
    assert_eq!(shop.provider.subscription(second)["attributes"]["status"], "cancelled");
}

#[tokio::test]
async fn a_provider_that_fails_is_a_500_and_leaves_nothing_behind() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    for fault in [Fault::Status(429), Fault::Status(500), Fault::Status(401), Fault::Garbage, Fault::Drop] {
        shop.provider.fail_api(Some(fault));
        let refused = ada.try_checkout("pro", "monthly").refused_with(500, "PAYMENT_PROVIDER_FAILED").await;
        assert!(!refused.text.contains("127.0.0.1") && !refused.text.contains("v1"), "{}", refused.text);
    }
    shop.provider.fail_api(None);
    ada.checkout("pro", "monthly").await;
}

#[tokio::test]
async fn a_provider_that_stalls_is_not_waited_for_long() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    shop.provider.fail_api(Some(Fault::Stall(Duration::from_secs(40))));
    let asked = std::time::Instant::now();
    ada.try_checkout("pro", "monthly").refused_with(500, "PAYMENT_PROVIDER_FAILED").await;
    assert!((9..20).contains(&asked.elapsed().as_secs()), "{:?}", asked.elapsed());
    shop.provider.fail_api(Some(Fault::Stall(Duration::from_millis(300))));
    ada.checkout("pro", "monthly").await;
}

#[tokio::test]
async fn where_no_shop_is_set_up_nothing_is_for_sale() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    ada.try_checkout("pro", "monthly").refused_with(500, "PAYMENT_PROVIDER_FAILED").await;
    let plans = ada.get("/billing/plans").await;
    assert_eq!(pluck(plans.items(), "tier"), ["free", "pro", "premium"]);
    assert_eq!(plans.items()[1]["prices"], json!({ "monthly": null, "yearly": null }));
    assert_eq!(plans.items()[1]["limits"]["projects"], 25);
    world.anonymous().post("/billing/webhook").body("{}").refused_with(401, "SIGNATURE_INVALID").await;
    assert_eq!(ada.billing().await["subscription"], Value::Null);
}

/// What a buyer types into the form is theirs to type; it moves no plan to anybody.
#[tokio::test]
async fn a_buyer_who_edits_the_form_pays_for_nobody_else() {
    let shop = Shop::open().await;
    let (ada, eve) = (shop.world.sign_up("ada").await, shop.world.sign_up("eve").await);
    let reference = async |person: &Person| {
        let url = person.checkout("pro", "monthly").await;
        let query = "SELECT reference FROM checkouts WHERE user_id = ?1 ORDER BY created_at DESC LIMIT 1";
        (url, shop.world.one(query, &[json!(person.id())]).await)
    };
    let (url, eves) = reference(&eve).await;
    let user = ada.id().to_string();
    for (custom, reason) in [
        (json!({ "user_id": user, "checkout_ref": eves }), "other_user"),
        (json!({ "user_id": user }), "no_reference"),
        (json!({ "user_id": user, "checkout_ref": "made up" }), "unknown_reference"),
        (json!({ "checkout_ref": eves }), "no_user"),
        (json!({ "user_id": "1 OR 1=1", "checkout_ref": eves }), "no_user"),
        (json!([]), "unattributed"),
        (Value::Null, "unattributed"),
    ] {
        let url =
            if custom["user_id"] == user { eve.checkout("pro", "monthly").await } else { reference(&eve).await.0 };
        shop.provider.pay_as(&url, Some(custom.clone())).await;
        shop.settled().await;
        assert_eq!(shop.last_reason().await, reason, "{custom}");
        shop.later(5);
    }
    for person in [&ada, &eve] {
        let me = person.me().await;
        assert_eq!((&me["tier"], &me["subscription_id"]), (&json!("free"), &Value::Null), "{}", person.name);
    }
    // Her own reference still serves her.
    shop.provider.pay(&url).await;
    shop.settled().await;
    assert_eq!(eve.me().await["tier"], "pro");
}

#[tokio::test]
async fn a_reference_serves_one_subscription() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    shop.buy(&ada, "pro", "monthly").await;
    let used = shop.world.one("SELECT reference FROM checkouts", &[]).await;
    let custom = json!({ "user_id": ada.id(), "checkout_ref": used });
    let eve = shop.world.sign_up("eve").await;
    let url = eve.checkout("premium", "monthly").await;
    shop.provider.pay_as(&url, Some(custom)).await;
    shop.settled().await;
    assert_eq!(shop.last_reason().await, "reference_used");
    assert_eq!((&ada.me().await["tier"], &eve.me().await["tier"]), (&json!("pro"), &json!("free")));
}
