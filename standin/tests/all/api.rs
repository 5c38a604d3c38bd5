use std::time::{Duration, Instant};

use lemonsqueezy_stand_in::Fault;
use reqwest::Method;
use serde_json::{Value, json};

use crate::shop::{MONTHLY, Shop, YEARLY};

#[tokio::test]
async fn a_checkout_is_answered_as_recorded() {
    let shop = Shop::open().await;
    let mut request = shop.checkout_request(YEARLY, "ada@example.com");
    request["data"]["attributes"]["expires_at"] = json!("2025-11-19T12:09:31Z");
    let (status, body) = shop.ask(Method::POST, "/v1/checkouts", Some(request)).await;
    assert_eq!(status, 201);
    let attributes = &body["data"]["attributes"];
    let id = body["data"]["id"].as_str().unwrap();
    let url = attributes["url"].as_str().unwrap();
    let start = format!("{}/checkout/custom/{id}?expires=1763554171&signature=", shop.provider.url());
    assert!(url.starts_with(&start), "{url}");
    assert_eq!(attributes["expires_at"], "2025-11-19T12:09:31.000000Z");
    assert_eq!(attributes["variant_id"], YEARLY);
    assert_eq!(attributes["preview"]["total_formatted"], "$149.90");
    assert_eq!(attributes["checkout_data"]["custom"], json!([]));
    let recorded: Value =
        serde_json::from_str(include_str!("../../recorded/checkout_create_response_201.json")).unwrap();
    let keys = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&body), keys(&recorded));
    assert_eq!(keys(attributes), keys(&recorded["data"]["attributes"]));
    assert_eq!(shop.get(&format!("/v1/checkouts/{id}")).await, body);

    let calls = shop.provider.calls();
    assert_eq!((calls[0].method.as_str(), calls[0].path.as_str()), ("POST", "/v1/checkouts"));
    assert_eq!(calls[0].body["data"]["attributes"]["checkout_data"]["custom"]["user_id"], 7);
    assert_eq!(calls[0].content_type, "application/vnd.api+json");
}

#[tokio::test]
async fn a_wrong_checkout_is_refused_in_the_recorded_shape() {
    let shop = Shop::open().await;
    let good = shop.checkout_request(MONTHLY, "ada@example.com");
    let refused = async |pointer: &str, value: Value| {
        let mut request = good.clone();
        *request.pointer_mut(pointer).unwrap() = value;
        shop.ask(Method::POST, "/v1/checkouts", Some(request)).await
    };
    let recorded: Value = serde_json::from_str(include_str!("../../recorded/error_422.json")).unwrap();
    let (status, body) = refused("/data/attributes/checkout_data", json!("text")).await;
    assert_eq!((status, body), (422, recorded));
    for (pointer, value) in [
        ("/data/attributes/checkout_data/email", json!("")),
        ("/data/attributes/checkout_data/email", json!("nobody")),
        ("/data/attributes/checkout_data/custom", json!("text")),
        ("/data/attributes/product_options/redirect_url", json!("/billing")),
        ("/data/relationships/store/data/id", json!("2")),
        ("/data/relationships/variant/data/id", json!("2")),
        ("/data/relationships/variant/data/id", json!(MONTHLY)),
        ("/data/relationships/variant", json!({})),
    ] {
        let (status, body) = refused(pointer, value).await;
        assert_eq!(status, 422, "{pointer}");
        let seen = body["errors"][0]["source"]["pointer"].as_str().unwrap();
        assert!(pointer.starts_with(seen) || seen.starts_with(pointer), "{pointer}: {body}");
    }
}

#[tokio::test]
async fn only_the_key_opens_the_api() {
    let shop = Shop::open().await;
    let request = shop.client.get(format!("{}/v1/subscriptions", shop.provider.url()));
    let answer = request.header("authorization", "Bearer wrong").send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let error = json!({ "detail": "Unauthenticated.", "status": "401", "title": "Unauthorized" });
    assert_eq!(body, json!({ "errors": [error] }));
    for path in ["/v1/subscriptions/1", "/v1/subscriptions/x", "/v1/orders/1", "/v1/checkouts/x", "/v1/nothing"] {
        let (status, body) = shop.ask(Method::GET, path, None).await;
        assert_eq!((status, &body["errors"][0]["status"]), (404, &json!("404")), "{path}");
    }
}

#[tokio::test]
async fn subscriptions_come_in_pages() {
    let shop = Shop::open().await;
    let mut ids = Vec::new();
    for email in ["ada@example.com", "ada@example.com", "bob@example.com"] {
        ids.insert(0, shop.provider.pay(&shop.checkout(MONTHLY, email).await).await.to_string());
    }
    let seen = |list: &Value| -> Vec<String> {
        list["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    let list = shop.get("/v1/subscriptions?page[size]=2&filter[store_id]=217313").await;
    assert_eq!(seen(&list), ids[..2]);
    let page = json!({ "currentPage": 1, "from": 1, "lastPage": 2, "perPage": 2, "to": 2, "total": 3 });
    assert_eq!(list["meta"]["page"], page);
    let next = list["links"]["next"].as_str().unwrap().strip_prefix(&shop.provider.url()).unwrap();
    let list = shop.get(next).await;
    assert_eq!(seen(&list), ids[2..]);
    assert!(list["links"].get("next").is_none());
    assert_eq!(shop.provider.calls().last().unwrap().path, next);

    let list = shop.get("/v1/subscriptions?filter%5Buser_email%5D=ada%40example.com").await;
    assert_eq!(seen(&list), ids[1..]);
    assert!(!list.to_string().contains("checkout_ref"));
    let customers: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|it| &it["attributes"]["customer_id"]).collect();
    assert_eq!(customers[0], customers[1]);
    assert_eq!(shop.get("/v1/subscriptions?filter[status]=expired").await["meta"]["page"]["total"], 0);
    for query in ["page[size]=101", "page[number]=0", "filter[secret]=1", "limit=2"] {
        assert_eq!(shop.ask(Method::GET, &format!("/v1/subscriptions?{query}"), None).await.0, 400, "{query}");
    }

    let one = shop.get(&format!("/v1/subscriptions/{}", ids[0])).await;
    assert_eq!(one["data"], shop.provider.subscription(ids[0].parse().unwrap()));
    let order = &one["data"]["attributes"]["order_id"];
    assert_eq!(shop.get(&format!("/v1/orders/{order}")).await["data"]["attributes"]["user_email"], "bob@example.com");
    let invoices = shop.get(&format!("/v1/subscription-invoices?filter[subscription_id]={}", ids[0])).await;
    assert_eq!(invoices["meta"]["page"]["total"], 1);
    assert_eq!(invoices["data"][0]["attributes"]["billing_reason"], "initial");
}

#[tokio::test]
async fn the_api_changes_subscriptions_and_tells_of_it() {
    let shop = Shop::open().await;
    let id = shop.subscription(MONTHLY).await;
    let path = format!("/v1/subscriptions/{id}");
    let number = id.to_string();
    let patch =
        |attributes: Value| json!({ "data": { "type": "subscriptions", "id": number, "attributes": attributes } });
    let (status, body) = shop.ask(Method::DELETE, &path, None).await;
    assert_eq!((status, &body["data"]["attributes"]["status"]), (200, &json!("cancelled")));
    assert_eq!(body["data"]["attributes"]["ends_at"], body["data"]["attributes"]["renews_at"]);
    shop.provider.settled().await;
    assert_eq!(shop.receiver.take()[0].event, "subscription_cancelled");
    for (attributes, event, pointer, value) in [
        (json!({ "cancelled": false }), "subscription_resumed", "/status", json!("active")),
        (
            json!({ "pause": { "mode": "free", "resumes_at": "2026-01-01T00:00:00.000000Z" } }),
            "subscription_paused",
            "/pause/resumes_at",
            json!("2026-01-01T00:00:00.000000Z"),
        ),
        (json!({ "pause": null }), "subscription_unpaused", "/pause", Value::Null),
        (json!({ "variant_id": YEARLY }), "subscription_payment_success", "/variant_id", json!(YEARLY)),
    ] {
        let (status, body) = shop.ask(Method::PATCH, &path, Some(patch(attributes))).await;
        assert_eq!((status, body["data"]["attributes"].pointer(pointer)), (200, Some(&value)));
        shop.provider.settled().await;
        assert_eq!(shop.receiver.take()[0].event, event);
    }
    assert_eq!(shop.ask(Method::PATCH, &path, Some(patch(json!({ "variant_id": 5 })))).await.0, 422);
    assert_eq!(shop.ask(Method::DELETE, "/v1/subscriptions/5", None).await.0, 404);
}

#[tokio::test]
async fn the_api_fails_as_told() {
    let shop = Shop::open().await;
    let path = "/v1/subscriptions";
    shop.provider.fail_api(Some(Fault::Status(429)));
    let answer = shop.call(Method::GET, path, None).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(answer.headers()["x-ratelimit-remaining"], "0");
    shop.provider.fail_api(Some(Fault::Status(500)));
    let answer = shop.call(Method::GET, path, None).await;
    assert_eq!(answer.status(), 500);
    assert!(answer.text().await.unwrap().starts_with("<!doctype html>"));
    shop.provider.fail_api(Some(Fault::Garbage));
    let answer = shop.call(Method::GET, path, None).await;
    assert_eq!(answer.status(), 200);
    assert!(serde_json::from_str::<Value>(&answer.text().await.unwrap()).is_err());
    shop.provider.fail_api(Some(Fault::Drop));
    let request = shop.client.get(format!("{}{path}", shop.provider.url()));
    assert!(request.send().await.is_err());
    shop.provider.fail_api(Some(Fault::Stall(Duration::from_millis(50))));
    let started = Instant::now();
    shop.get(path).await;
    assert!(started.elapsed() >= Duration::from_millis(50));
    shop.provider.fail_api(None);
    shop.get(path).await;
    assert!(shop.provider.calls().len() >= 6);
}

#[tokio::test]
async fn the_server_ends_with_its_last_owner() {
    let shop = Shop::open().await;
    let url = shop.provider.url();
    let other = shop.provider.clone();
    drop(shop);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(client.get(&url).send().await.is_ok());
    drop(other);
    for _ in 0..100 {
        if client.get(&url).send().await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{url} still answers");
}
