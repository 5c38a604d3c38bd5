use lemonsqueezy_stand_in::{Change, Delivery, sign};
use serde_json::{Value, json};

use crate::receiver::Webhook;
use crate::shop::{MONTHLY, Shop, YEARLY};

fn names(webhooks: &[Webhook]) -> Vec<&str> {
    webhooks.iter().map(|webhook| webhook.event.as_str()).collect()
}

/// Where two values differ in what they have or of which type it is.
fn differences(path: &str, recorded: &Value, made: &Value) -> Vec<String> {
    match (recorded, made) {
        (Value::Object(recorded), Value::Object(made)) => {
            let extra =
                made.keys().filter(|key| !recorded.contains_key(*key)).map(|key| format!("{path}.{key} is new"));
            let inner = recorded.iter().flat_map(|(key, value)| {
                differences(&format!("{path}.{key}"), value, made.get(key).unwrap_or(&json!("missing")))
            });
            extra.chain(inner).collect()
        }
        (Value::String(_), Value::String(_)) | (Value::Bool(_), Value::Bool(_)) | (Value::Null, Value::Null) => vec![],
        (Value::Number(recorded), Value::Number(made)) if recorded.is_i64() == made.is_i64() => vec![],
        _ => vec![format!("{path}: {recorded} became {made}")],
    }
}

fn same_shape(recorded: &str, made: &Value) {
    let recorded: Value = serde_json::from_str(recorded).unwrap();
    assert_eq!(differences("data", &recorded["data"], &made["data"]), Vec::<String>::new());
}

#[tokio::test]
async fn paying_sends_four_signed_events() {
    let shop = Shop::open().await;
    let checkout = shop.checkout(MONTHLY, "ada@example.com").await;
    let id = shop.provider.pay(&checkout).await;
    let got = shop.receiver.got();
    assert_eq!(
        names(&got),
        ["order_created", "subscription_created", "subscription_payment_success", "subscription_updated"]
    );
    for webhook in &got {
        assert_eq!(webhook.content_type, "application/json");
        assert_eq!(webhook.signature, sign("stand-in-webhook-secret", &webhook.bytes));
        let meta = &webhook.body["meta"];
        assert_eq!(meta["event_name"], webhook.event);
        assert_eq!(meta["test_mode"], true);
        assert_eq!(meta["custom_data"], json!({ "user_id": "7", "checkout_ref": "abc" }));
        assert_eq!(meta["webhook_id"].as_str().unwrap().len(), 36);
    }
    same_shape(include_str!("../../recorded/order_created.json"), &got[0].body);
    same_shape(include_str!("../../recorded/subscription_created.json"), &got[1].body);
    same_shape(include_str!("../../recorded/subscription_invoice.json"), &got[2].body);
    same_shape(include_str!("../../recorded/subscription_created.json"), &got[3].body);

    let [order, created, invoice, updated] = [0, 1, 2, 3].map(|at| &got[at].body["data"]["attributes"]);
    assert_eq!(got[1].body["data"]["id"], id.to_string());
    assert_eq!(created["order_id"].to_string(), got[0].body["data"]["id"].as_str().unwrap());
    assert_eq!(invoice["subscription_id"], id);
    assert_eq!([&order["total"], &order["total_formatted"]], [&json!(1499), &json!("$14.99")]);
    assert_eq!(created["updated_at"], "2025-11-19T11:09:31.000000Z");
    assert_eq!(created["renews_at"], "2025-12-19T11:09:31.000000Z");
    assert_eq!(created["updated_at"], updated["updated_at"]);
    let item = |of: &Value| of["first_subscription_item"]["updated_at"].as_str().unwrap().to_owned();
    assert!(item(created) < item(updated));
    let expires = format!("expires={}", 1_763_550_571 + 21_600);
    assert!(updated["urls"]["customer_portal"].as_str().unwrap().contains(&expires));
}

#[tokio::test]
async fn what_is_not_answered_with_200_comes_again_with_the_same_id() {
    let shop = Shop::open().await;
    let id = shop.subscription(MONTHLY).await;
    shop.receiver.answer(&[500, 204, 500]);
    shop.provider.change(id, Change::Unpaid).await;
    shop.provider.settled().await;
    let got = shop.receiver.got();
    assert_eq!(names(&got), ["subscription_updated"; 4]);
    assert!(got.iter().all(|webhook| webhook.bytes == got[0].bytes && webhook.signature == got[0].signature));
    let tries = shop.provider.delivered().split_off(4);
    let tries: Vec<_> = tries.iter().map(|it| (it.attempt, it.status)).collect();
    assert_eq!(tries, [(1, 500), (2, 204), (3, 500), (4, 200)]);
}

#[tokio::test]
async fn after_four_tries_an_event_is_given_up() {
    let shop = Shop::open().await;
    let id = shop.subscription(MONTHLY).await;
    shop.receiver.answer(&[500; 4]);
    shop.provider.change(id, Change::Unpaid).await;
    shop.provider.settled().await;
    assert_eq!(shop.receiver.got().len(), 4);
    shop.provider.set_webhook_url("http://127.0.0.1:9/");
    shop.provider.change(id, Change::Unpaid).await;
    shop.provider.settled().await;
    assert_eq!(shop.provider.delivered().last().unwrap().status, 0);
}

#[tokio::test]
async fn each_change_sends_its_events() {
    let shop = Shop::open().await;
    let id = shop.subscription(MONTHLY).await;
    let cases: [(Change, &[&str], &str); 14] = [
        (Change::Cancel, &["subscription_cancelled", "subscription_updated"], "cancelled"),
        (Change::Resume, &["subscription_resumed", "subscription_updated"], "active"),
        (Change::Pause { free: false }, &["subscription_paused", "subscription_updated"], "paused"),
        (Change::Unpause, &["subscription_unpaused", "subscription_updated"], "active"),
        (Change::FailPayment, &["subscription_payment_failed", "subscription_updated"], "past_due"),
        (
            Change::RecoverPayment,
            &["subscription_payment_recovered", "subscription_payment_success", "subscription_updated"],
            "active",
        ),
        (Change::Renew, &["subscription_payment_success", "subscription_updated"], "active"),
        (Change::RefundPayment, &["subscription_payment_refunded"], "active"),
        (Change::RefundOrder, &["order_refunded"], "active"),
        (Change::ChangeVariant(YEARLY), &["subscription_payment_success", "subscription_updated"], "active"),
        (Change::StartTrial, &["subscription_updated"], "on_trial"),
        (Change::FailPayment, &["subscription_payment_failed", "subscription_updated"], "past_due"),
        (Change::Unpaid, &["subscription_updated"], "unpaid"),
        (Change::Expire, &["subscription_expired", "subscription_updated"], "expired"),
    ];
    for (change, events, status) in cases {
        shop.wait(1);
        shop.provider.change(id, change).await;
        assert_eq!(names(&shop.receiver.take()), events, "{change:?}");
        let now = &shop.provider.subscription(id)["attributes"];
        assert_eq!(now["status"], status, "{change:?}");
        assert_eq!(now["cancelled"], status == "cancelled");
        assert_eq!(now["pause"].is_object(), status == "paused");
        assert_eq!(now["trial_ends_at"].is_string(), status == "on_trial");
        assert_eq!(now["ends_at"].is_string(), matches!(status, "cancelled" | "expired"), "{change:?}");
    }
}

#[tokio::test]
async fn a_recovered_payment_is_one_invoice_in_every_event() {
    let shop = Shop::open().await;
    let id = shop.subscription(MONTHLY).await;
    shop.provider.change(id, Change::FailPayment).await;
    assert_eq!(shop.provider.subscription(id)["attributes"]["renews_at"], "2025-11-22T11:09:31.000000Z");
    shop.provider.change(id, Change::RecoverPayment).await;
    assert_eq!(shop.provider.subscription(id)["attributes"]["renews_at"], "2026-01-19T11:09:31.000000Z");
    let got = shop.receiver.got();
    let invoices: Vec<_> =
        got.iter().filter(|webhook| webhook.event.contains("payment")).map(|it| &it.body["data"]).collect();
    assert_eq!(invoices.len(), 3);
    assert!(invoices.iter().all(|it| it["id"] == invoices[0]["id"]));
    assert_eq!([0, 1, 2].map(|at| &invoices[at]["attributes"]["status"]), ["pending", "paid", "paid"]);
    assert_eq!(invoices[0]["attributes"]["billing_reason"], "renewal");
    assert!(invoices[0]["attributes"].get("variant_id").is_none());
}

#[tokio::test]
async fn a_buyer_may_send_other_custom_data() {
    let shop = Shop::open().await;
    for (custom, seen) in
        [(Value::Null, None), (json!([]), Some(json!([]))), (json!({ "n": 1 }), Some(json!({ "n": "1" })))]
    {
        let checkout = shop.checkout(MONTHLY, "ada@example.com").await;
        shop.provider.pay_as(&checkout, Some(custom)).await;
        assert!(shop.receiver.take().iter().all(|it| it.body["meta"].get("custom_data") == seen.as_ref()));
    }
}

#[tokio::test]
async fn held_events_go_out_by_hand_and_in_any_order() {
    let shop = Shop::open().await;
    let checkout = shop.checkout(MONTHLY, "ada@example.com").await;
    shop.provider.hold(true);
    shop.provider.pay(&checkout).await;
    assert!(shop.receiver.got().is_empty());
    let held = shop.provider.take_held();
    assert!(shop.provider.take_held().is_empty());
    for delivery in held.iter().rev() {
        assert_eq!(shop.provider.deliver(delivery).await, 200);
    }
    assert_eq!(names(&shop.receiver.got())[0], "subscription_updated");
    let forged = Delivery::signed("order_created", held[0].body.clone(), "another secret");
    assert_eq!(forged.webhook_id, held[0].webhook_id);
    assert_ne!(forged.signature, held[0].signature);
}

#[tokio::test]
async fn events_come_in_copies_or_get_lost() {
    let shop = Shop::open().await;
    let id = shop.subscription(MONTHLY).await;
    shop.provider.set_copies(15);
    shop.provider.change(id, Change::Unpaid).await;
    let got = shop.receiver.take();
    assert_eq!(got.len(), 15);
    assert!(got.iter().all(|webhook| webhook.bytes == got[0].bytes));
    shop.provider.forget_deliveries(true);
    shop.provider.change(id, Change::Expire).await;
    shop.provider.settled().await;
    assert!(shop.receiver.got().is_empty());
    assert_eq!(shop.provider.subscription(id)["attributes"]["status"], "expired");
}
