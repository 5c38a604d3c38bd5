//! A world with a shop: the payment provider's stand-in beside the Worker, its webhooks coming in.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lemonsqueezy_stand_in::{Delivery, Options, StandIn};
use serde_json::{Value, json};

use super::world::Setup;
use super::{Call, Person, Reply, World};

pub const WEBHOOK_SECRET: &str = "a-secret-of-the-webhook";

pub struct Shop {
    pub world: World,
    pub provider: StandIn,
}

/// The provider's retries, a hundred times as fast.
const RETRY_AFTER: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(250), Duration::from_millis(1250)];

impl Shop {
    pub async fn open() -> Shop {
        Shop::with(World::set_up()).await
    }

    pub async fn with(setup: Setup) -> Shop {
        let clock: Arc<OnceLock<World>> = Arc::default();
        let told = clock.clone();
        let provider = StandIn::start(Options {
            webhook_secret: WEBHOOK_SECRET.into(),
            retry_after: RETRY_AFTER,
            clock: Arc::new(move || told.get().map_or(0, |world| world.clock().now())),
            ..Options::default()
        })
        .await;
        let usual = Options::default();
        let mut setup = setup
            .usual_var("LZ_API_BASE_URL", &provider.url())
            .usual_var("LZ_API_KEY", &usual.api_key)
            .usual_var("LZ_STORE_ID", &usual.store_id.to_string())
            .usual_var("LZ_WEBHOOK_SECRET", WEBHOOK_SECRET)
            .usual_var("LZ_TEST_MODE", "true")
            // Nobody is there.
            .usual_var("AI_BASE_URL", "http://127.0.0.1:9")
            .usual_var("AI_MODEL", "none");
        let names = ["PRO_MONTHLY", "PRO_YEARLY", "PREMIUM_MONTHLY", "PREMIUM_YEARLY"];
        for (name, variant) in names.iter().zip(&usual.variants) {
            let price = format!("${}.{:02}", variant.price_cents / 100, variant.price_cents % 100);
            setup = setup.usual_var(&format!("LZ_{name}_PRICE"), &price);
            setup = setup.usual_var(&format!("LZ_{name}_VARIANT_ID"), &variant.id.to_string());
        }
        let world = setup.open().await;
        provider.set_webhook_url(&format!("{}/api/v1/billing/webhook", world.url(0)));
        let _ = clock.set(world.clone());
        Shop { world, provider }
    }

    /// Waits until everything sent has arrived and been worked through.
    pub async fn settled(&self) {
        self.provider.settled().await;
        self.world.drain().await;
    }

    /// Someone who has bought this, and the provider's id of the subscription.
    pub async fn subscriber(&self, name: &str, tier: &str, cycle: &str) -> (Person, u64) {
        let person = self.world.sign_up(name).await;
        let subscription = self.buy(&person, tier, cycle).await;
        assert_eq!(person.me().await["tier"], tier);
        (person, subscription)
    }

    /// Someone who has bought something we were never told of, and the receipt.
    pub async fn unheard_buyer(&self, name: &str) -> (Person, Value) {
        let person = self.world.sign_up(name).await;
        let url = person.checkout("pro", "monthly").await;
        self.provider.forget_deliveries(true);
        self.provider.pay(&url).await;
        self.provider.forget_deliveries(false);
        (person, receipt(&self.provider.redirect_url(&url)))
    }

    /// Opens a checkout and pays there.
    pub async fn buy(&self, person: &Person, tier: &str, cycle: &str) -> u64 {
        let url = person.checkout(tier, cycle).await;
        let subscription = self.provider.pay(&url).await;
        self.settled().await;
        self.later(60);
        subscription
    }

    /// What happens at the provider, some time after what happened before.
    pub async fn change(&self, subscription: u64, change: lemonsqueezy_stand_in::Change) {
        self.later(60);
        self.provider.change(subscription, change).await;
        self.settled().await;
    }

    /// Seconds pass, for everybody. A second is all that the provider's versions tell apart.
    pub fn later(&self, seconds: u64) {
        self.world.clock().advance(Duration::from_secs(seconds));
    }

    pub async fn days_later(&self, days: u64) {
        self.later(days * 24 * 60 * 60);
        self.world.cron().await;
        self.world.drain().await;
    }

    /// A webhook as anyone could send it.
    pub fn post(&self, delivery: &Delivery) -> Call {
        let call = self.world.anonymous().post("/billing/webhook").body(delivery.body.clone());
        call.header("content-type", "application/json")
            .header("x-event-name", &delivery.event)
            .header("x-signature", &delivery.signature)
    }

    /// The events of someone's purchase, kept back.
    pub async fn held_purchase(&self, person: &Person) -> (u64, Vec<Delivery>) {
        let url = person.checkout("pro", "monthly").await;
        self.provider.hold(true);
        let subscription = self.provider.pay(&url).await;
        self.provider.hold(false);
        (subscription, self.provider.take_held())
    }

    /// The inbox, as it came: name, outcome and reason of each line.
    pub async fn log(&self) -> Vec<(String, String, String)> {
        let rows = self.world.sql("SELECT name, outcome, reason FROM billing_events ORDER BY rowid", &[]).await;
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or("–").to_owned();
        rows.iter().map(|row| (text(row, "name"), text(row, "outcome"), text(row, "reason"))).collect()
    }

    /// Why the latest line that was not applied was not.
    pub async fn last_reason(&self) -> String {
        self.log().await.last().expect("a line").2.clone()
    }

    /// How often each outcome stands in the log.
    pub async fn outcomes(&self, outcome: &str) -> usize {
        self.log().await.iter().filter(|(_, found, _)| found == outcome).count()
    }
}

impl Person {
    pub fn try_checkout(&self, tier: &str, cycle: &str) -> Call {
        self.post("/billing/start-checkout").json(json!({ "tier": tier, "billing_cycle": cycle }))
    }

    pub async fn checkout(&self, tier: &str, cycle: &str) -> String {
        self.try_checkout(tier, cycle).await.json["checkout_url"].as_str().expect("a checkout_url").into()
    }

    /// `GET /user/me`.
    pub async fn me(&self) -> Value {
        self.awake().await.get("/user/me").await.json
    }

    pub async fn billing(&self) -> Value {
        let reply: Reply = self.awake().await.get("/billing/status").await;
        reply.data().clone()
    }

    /// The same person, logged in anew if too much time has passed.
    pub async fn awake(&self) -> Person {
        let expires = self.claims()["exp"].as_i64().unwrap() * 1000;
        let mut person = self.clone();
        if expires <= self.world.clock().now() {
            person.log_in().await;
        }
        person
    }
}

/// What the provider writes into the address a buyer comes back to.
pub fn receipt(back: &str) -> Value {
    let (_, query) = back.split_once('?').expect("a query");
    let of = |name: &str| {
        let found = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        found.unwrap_or_else(|| panic!("no {name} in {back}")).1.into_owned()
    };
    json!({ "order_id": of("order_id").parse::<u64>().expect("a number"), "order_identifier": of("order") })
}
