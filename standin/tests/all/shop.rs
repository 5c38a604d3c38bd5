use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use lemonsqueezy_stand_in::{Options, StandIn};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use crate::receiver::Receiver;

pub const MONTHLY: u64 = 1001;
pub const YEARLY: u64 = 1002;
/// 2025-11-19T11:09:31.25Z
pub const START: i64 = 1_763_550_571_250;

/// A stand-in, the shop's webhook endpoint and a clock that stands still.
pub struct Shop {
    pub provider: StandIn,
    pub receiver: Receiver,
    pub client: Client,
    clock: Arc<AtomicI64>,
}

impl Shop {
    pub async fn open() -> Shop {
        let clock = Arc::new(AtomicI64::new(START));
        let receiver = Receiver::start();
        let hands = clock.clone();
        let provider = StandIn::start(Options {
            webhook_url: Some(receiver.url()),
            retry_after: [10, 20, 40].map(Duration::from_millis),
            clock: Arc::new(move || hands.load(Ordering::SeqCst)),
            ..Options::default()
        })
        .await;
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Shop { provider, receiver, client, clock }
    }

    pub fn wait(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.provider.url()))
            .header("authorization", "Bearer stand-in-api-key")
            .header("accept", "application/vnd.api+json");
        if let Some(body) = body {
            request = request.header("content-type", "application/vnd.api+json").body(body.to_string());
        }
        request.send().await.unwrap()
    }

    /// The status and the body of an API answer.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let answer = self.call(method, path, body).await;
        assert_eq!(answer.headers()["content-type"], "application/vnd.api+json");
        assert_eq!(answer.headers()["x-ratelimit-limit"], "300");
        (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub fn checkout_request(&self, variant: u64, email: &str) -> Value {
        json!({ "data": {
            "type": "checkouts",
            "attributes": {
                "product_options": { "redirect_url": "https://shop.test/billing?order=[order_id]" },
                "checkout_data": { "email": email, "custom": { "user_id": 7, "checkout_ref": "abc" } },
            },
            "relationships": {
                "store": { "data": { "type": "stores", "id": "217313" } },
                "variant": { "data": { "type": "variants", "id": variant.to_string() } },
            },
        }})
    }

    /// A checkout's URL.
    pub async fn checkout(&self, variant: u64, email: &str) -> String {
        let request = self.checkout_request(variant, email);
        let (status, body) = self.ask(Method::POST, "/v1/checkouts", Some(request)).await;
        assert_eq!(status, 201, "{body}");
        body["data"]["attributes"]["url"].as_str().unwrap().into()
    }

    /// A subscription just paid for, its events forgotten.
    pub async fn subscription(&self, variant: u64) -> u64 {
        let id = self.provider.pay(&self.checkout(variant, "ada@example.com").await).await;
        self.receiver.take();
        id
    }
}
