use super::*;

#[tokio::test]
async fn only_the_providers_own_bytes_are_taken() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    let (_, held) = shop.held_purchase(&ada).await;
    let good = &held[1];
    let base64 = "q1b2c3d4e5f6g7h8i9j0kA==".to_owned();
    let other = lemonsqueezy_stand_in::sign("another secret entirely", &good.body);
    let mut flipped = good.body.clone();
    flipped[10] ^= 1;
    let reserialized = serde_json::from_slice::<Value>(&good.body).unwrap().to_string().into_bytes();
    assert_ne!(reserialized, good.body);
    let forged = [
        Delivery { signature: other, ..good.clone() },
        Delivery { signature: good.signature.to_uppercase(), ..good.clone() },
        Delivery { signature: good.signature[..63].into(), ..good.clone() },
        Delivery { signature: format!("{}0", good.signature), ..good.clone() },
        Delivery { signature: format!("sha256={}", good.signature), ..good.clone() },
        Delivery { signature: String::new(), ..good.clone() },
        Delivery { signature: base64, ..good.clone() },
        Delivery { body: flipped, ..good.clone() },
        Delivery { body: reserialized, ..good.clone() },
        Delivery { body: Vec::new(), ..good.clone() },
    ];
    for delivery in &forged {
        let reply = shop.post(delivery).refused_with(401, "SIGNATURE_INVALID").await;
        assert_eq!(reply.trips(), 0);
    }
    let unsigned = shop.world.anonymous().post("/billing/webhook").body(good.body.clone());
    unsigned.refused_with(401, "SIGNATURE_INVALID").await;
    let refused = "SELECT count(*) FROM events WHERE kind = 'billing.signature_refused'";
    shop.world.eventually("it is written down", async || shop.world.one(refused, &[]).await != 0).await;
    assert!(shop.log().await.is_empty());

    let taken = shop.post(good).status(200).await;
    assert_eq!((&taken.json, taken.trips()), (&json!({ "received": true }), 1));
    shop.settled().await;
    assert_eq!(ada.me().await["tier"], "pro");
}

#[tokio::test]
async fn the_same_event_any_number_of_times_happens_once() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    shop.provider.set_copies(15);
    shop.provider.pay(&ada.checkout("pro", "monthly").await).await;
    shop.settled().await;
    assert!(shop.provider.delivered().iter().all(|attempt| attempt.status == 200));
    assert_eq!(shop.provider.delivered().len(), 60);
    assert_eq!(shop.log().await.len(), 4);
    let told = "SELECT count(*) FROM events WHERE kind = 'billing.processed'";
    assert_eq!(shop.world.one(told, &[]).await, 4);
    assert_eq!(shop.world.one("SELECT count(*) FROM subscriptions", &[]).await, 1);
    assert_eq!(ada.me().await["tier"], "pro");
}

#[tokio::test]
async fn without_an_id_the_body_tells_the_same_from_another() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    let (_, held) = shop.held_purchase(&ada).await;
    let mut body: Value = serde_json::from_slice(&held[1].body).unwrap();
    body["meta"].as_object_mut().unwrap().remove("webhook_id");
    let bare = |body: &Value| Delivery::signed(&held[1].event, body.to_string().into_bytes(), WEBHOOK_SECRET);
    for _ in 0..3 {
        shop.post(&bare(&body)).status(200).await;
    }
    assert_eq!(shop.log().await.len(), 1);
    body["data"]["attributes"]["user_name"] = json!("Somebody");
    shop.post(&bare(&body)).status(200).await;
    assert_eq!(shop.log().await.len(), 2);
}

#[tokio::test]
async fn a_retry_with_fresh_links_is_the_same_event() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    let (_, held) = shop.held_purchase(&ada).await;
    shop.post(&held[1]).status(200).await;
    let mut body: Value = serde_json::from_slice(&held[1].body).unwrap();
    body["data"]["attributes"]["urls"]["customer_portal"] = json!("https://store.example/billing?expires=1");
    shop.post(&Delivery::signed(&held[1].event, body.to_string().into_bytes(), WEBHOOK_SECRET)).status(200).await;
    assert_eq!(shop.log().await.len(), 1);
}

#[tokio::test]
async fn what_is_signed_but_makes_no_sense_is_kept_and_ignored() {
    let shop = Shop::open().await;
    let ada = shop.world.sign_up("ada").await;
    let (_, held) = shop.held_purchase(&ada).await;
    let created: Value = serde_json::from_slice(&held[1].body).unwrap();
    let changed = |event: &str, change: &dyn Fn(&mut Value)| {
        let mut body = created.clone();
        body["meta"]["event_name"] = json!(event);
        body["meta"]["webhook_id"] = json!(format!("webhook of {event} {}", body.to_string().len()));
        change(&mut body);
        Delivery::signed(event, body.to_string().into_bytes(), WEBHOOK_SECRET)
    };
    let raw = |bytes: &[u8]| Delivery::signed("subscription_created", bytes.to_vec(), WEBHOOK_SECRET);
    for (delivery, outcome, reason) in [
        (raw(b"no json"), "ignored", "unreadable"),
        (raw(b"\xff\xfe"), "ignored", "unreadable"),
        (raw(b"[]"), "ignored", "event_mismatch"),
        (raw(b"{}"), "ignored", "event_mismatch"),
        (Delivery { event: "order_created".into(), ..held[1].clone() }, "ignored", "event_mismatch"),
        (changed("subscription_danced", &|body| body["data"] = json!(7)), "refused", "other_store"),
        (changed("license_key_created", &|_| {}), "ignored", "unknown_event"),
        (changed("subscription_resumed", &|body| body["data"]["id"] = json!("abc")), "ignored", "no_subscription"),
        (
            changed("subscription_unpaused", &|body| body["data"]["attributes"]["updated_at"] = json!(7)),
            "ignored",
            "no_subscription",
        ),
        (
            changed("subscription_paused", &|body| body["data"]["attributes"]["store_id"] = json!(1)),
            "refused",
            "other_store",
        ),
    ] {
        let before = shop.log().await.len();
        shop.post(&delivery).status(200).await;
        shop.world.drain().await;
        let log = shop.log().await;
        assert_eq!(log.len(), before + 1, "{reason}");
        assert_eq!((log[before].1.as_str(), log[before].2.as_str()), (outcome, reason), "{log:?}");
    }
    assert_eq!(ada.me().await["tier"], "free");
    // A header nobody signed has not spoiled the true event.
    shop.post(&held[1]).status(200).await;
    shop.settled().await;
    assert_eq!(ada.me().await["tier"], "pro");
}

#[tokio::test]
async fn statuses_and_variants_from_the_future_change_no_tier() {
    let shop = Shop::open().await;
    let (ada, subscription) = shop.subscriber("ada", "pro", "monthly").await;
    let resource = shop.provider.subscription(subscription);
    let told = |id: &str, change: &dyn Fn(&mut Value)| {
        let mut data = resource.clone();
        data["attributes"]["updated_at"] = json!("2090-01-01T00:00:00.000000Z");
        change(&mut data);
        let body = json!({
            "meta": { "test_mode": true, "event_name": "subscription_updated", "webhook_id": id }, "data": data
        });
        Delivery::signed("subscription_updated", body.to_string().into_bytes(), WEBHOOK_SECRET)
    };
    shop.post(&told("one", &|data| data["attributes"]["status"] = json!("asleep"))).status(200).await;
    shop.settled().await;
    assert_eq!((ada.me().await["tier"].as_str(), shop.last_reason().await.as_str()), (Some("pro"), "unknown_status"));
    shop.post(&told("two", &|data| data["attributes"]["variant_id"] = json!(999))).status(200).await;
    shop.settled().await;
    assert_eq!(shop.last_reason().await, "unknown_variant");
    let me = ada.me().await;
    assert_eq!((&me["tier"], &me["subscription_status"]), (&json!("pro"), &json!("active")));

    // Of an unknown variant alone no plan can be read.
    let bob = shop.world.sign_up("bob").await;
    let (_, held) = shop.held_purchase(&bob).await;
    let mut body: Value = serde_json::from_slice(&held[1].body).unwrap();
    body["data"]["attributes"]["variant_id"] = json!("999");
    shop.post(&Delivery::signed(&held[1].event, body.to_string().into_bytes(), WEBHOOK_SECRET)).status(200).await;
    shop.settled().await;
    assert_eq!((bob.me().await["tier"].as_str(), shop.last_reason().await.as_str()), (Some("free"), "unknown_variant"));
}

#[tokio::test]
async fn test_events_on_a_live_deployment_are_refused_and_logged() {
    let live = Shop::with(World::set_up().var("LZ_TEST_MODE", "false")).await;
    let ada = live.world.sign_up("ada").await;
    let (_, held) = live.held_purchase(&ada).await;
    for delivery in &held {
        live.post(delivery).status(200).await;
    }
    live.world.drain().await;
    assert_eq!(live.outcomes("refused").await, held.len());
    assert_eq!(live.last_reason().await, "test_event_in_live_mode");
    assert_eq!(ada.me().await["tier"], "free");
}

#[tokio::test]
async fn every_event_is_in_the_audit_log_without_personal_data() {
    let shop = Shop::open().await;
    let (ada, _) = shop.subscriber("ada", "pro", "monthly").await;
    let events = shop.world.sql("SELECT * FROM events WHERE kind = 'billing.processed' ORDER BY rowid", &[]).await;
    let data: Vec<Value> =
        events.iter().map(|event| serde_json::from_str(event["data"].as_str().unwrap()).unwrap()).collect();
    let mut names = pluck(&data, "event");
    names.sort_unstable();
    assert_eq!(
        names,
        ["order_created", "subscription_created", "subscription_payment_success", "subscription_updated"]
    );
    for entry in &data {
        assert_eq!(keys(entry), ["event", "object_id", "outcome", "reason"]);
        assert!(!entry["outcome"].is_null() && !entry["reason"].is_null(), "{entry}");
    }
    let all = json!(shop.world.sql("SELECT data FROM events", &[]).await).to_string();
    for personal in [ada.email.as_str(), "visa", "4242", "signature"] {
        assert!(!all.contains(personal), "{personal}");
    }
    let kinds = shop.world.sql("SELECT kind, data FROM events WHERE kind LIKE 'subscription.%'", &[]).await;
    assert_eq!(pluck(&kinds, "kind")[0], "subscription.updated");
}

#[tokio::test]
async fn bodies_are_forgotten_after_thirty_days_and_what_they_said_is_not() {
    let shop = Shop::open().await;
    let (ada, _) = shop.subscriber("ada", "pro", "yearly").await;
    let bodies = async || shop.world.one("SELECT count(*) FROM billing_events WHERE body IS NOT NULL", &[]).await;
    shop.days_later(29).await;
    assert_eq!(bodies().await, 4);
    shop.days_later(2).await;
    assert_eq!(bodies().await, 0);
    assert!(!json!(shop.world.sql("SELECT * FROM billing_events", &[]).await).to_string().contains(&ada.email));
    assert_eq!(ada.billing().await["tier"], "pro");
}

#[tokio::test]
async fn a_body_too_large_is_no_event() {
    let shop = Shop::open().await;
    let large = Delivery::signed("order_created", vec![b' '; (1 << 20) + 1], WEBHOOK_SECRET);
    shop.post(&large).refused_with(413, "PAYLOAD_TOO_LARGE").await;
}
