//! The payment provider LemonSqueezy as a small server on loopback: its API, its webhooks and its pages,
//! in the wire format recorded from the real one. No money moves.

mod api;
mod door;
mod pages;
mod portal;
mod provider;
mod render;
mod state;
mod webhooks;

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::sync::oneshot;

use provider::Provider;
pub use webhooks::{Attempt, Delivery, sign};

/// What a stand-in is started with.
#[derive(Clone)]
pub struct Options {
    /// 0 is any free one.
    pub port: u16,
    pub api_key: String,
    pub store_id: u64,
    pub webhook_secret: String,
    /// Where events are sent. Without it, none are.
    pub webhook_url: Option<String>,
    pub variants: Vec<Variant>,
    pub test_mode: bool,
    /// How long after a failed delivery the next one begins.
    pub retry_after: [Duration; 3],
    /// In milliseconds since 1970.
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Hears of every delivery tried.
    pub log: Arc<dyn Fn(&Attempt) + Send + Sync>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            port: 0,
            api_key: "stand-in-api-key".into(),
            store_id: 217_313,
            webhook_secret: "stand-in-webhook-secret".into(),
            webhook_url: None,
            variants: Variant::usual([1001, 1002, 1003, 1004]),
            test_mode: true,
            retry_after: [5, 25, 125].map(Duration::from_secs),
            clock: Arc::new(|| {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                since.as_millis() as i64
            }),
            log: Arc::new(|_| {}),
        }
    }
}

/// Something the store sells.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    pub id: u64,
    pub name: String,
    pub yearly: bool,
    pub price_cents: i64,
}

impl Variant {
    /// Pro monthly, Pro yearly, Premium monthly, Premium yearly, by their ids.
    pub fn usual(ids: [u64; 4]) -> Vec<Variant> {
        let [pro_monthly, pro_yearly, premium_monthly, premium_yearly] = ids;
        let variant = |id, name: &str, yearly, price_cents| Variant { id, name: name.into(), yearly, price_cents };
        vec![
            variant(pro_monthly, "Pro", false, 1499),
            variant(pro_yearly, "Pro", true, 14990),
            variant(premium_monthly, "Premium", false, 2999),
            variant(premium_yearly, "Premium", true, 29990),
        ]
    }
}

/// How the API misbehaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Every request gets this status; with 500 and above the body is HTML.
    Status(u16),
    /// Every request waits this long, then goes its usual way.
    Stall(Duration),
    /// 200, and no JSON.
    Garbage,
    /// The connection closes without an answer.
    Drop,
}

/// A request the API got.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiCall {
    pub method: String,
    /// With its query.
    pub path: String,
    /// Null where there was no JSON.
    pub body: Value,
    pub authorization: String,
    pub accept: String,
    pub content_type: String,
}

/// What can happen to a subscription.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// It stays usable until the period paid for ends.
    Cancel,
    /// Undoes a cancellation.
    Resume,
    Expire,
    /// `free`: the customer keeps the service without paying.
    Pause {
        free: bool,
    },
    Unpause,
    /// The renewal is due and the card refuses.
    FailPayment,
    /// The refused charge succeeds after all.
    RecoverPayment,
    /// The provider gives up charging.
    Unpaid,
    Renew,
    /// The latest invoice is paid back.
    RefundPayment,
    /// The first order is paid back.
    RefundOrder,
    ChangeVariant(u64),
    /// Fourteen days from now.
    StartTrial,
}

/// A running stand-in. It ends when the last clone is dropped.
#[derive(Clone)]
pub struct StandIn(Arc<Running>);

struct Running {
    provider: Arc<Provider>,
    /// Dropping it ends the server.
    _stop: oneshot::Sender<()>,
}

impl fmt::Debug for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StandIn({})", self.0.provider.url)
    }
}

impl StandIn {
    /// Listens when it returns. Panics where the port is taken.
    pub async fn start(options: Options) -> StandIn {
        StandIn::try_start(options).unwrap_or_else(|error| panic!("the stand-in does not start: {error}"))
    }

    /// Like `start`, from anywhere.
    pub fn try_start(options: Options) -> io::Result<StandIn> {
        let listener = TcpListener::bind(("127.0.0.1", options.port))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        // A thread of its own, so that it answers while a test's only thread waits.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let provider = Arc::new(Provider::new(options, url, runtime.handle().clone()));
        let (stop, stopped) = oneshot::channel();
        let router = door::router(provider.clone());
        thread::Builder::new().name("stand-in".into()).spawn(move || {
            if let Err(error) = runtime.block_on(door::serve(listener, router, stopped)) {
                eprintln!("the stand-in has ended: {error}");
            }
        })?;
        Ok(StandIn(Arc::new(Running { provider, _stop: stop })))
    }

    /// `http://127.0.0.1:PORT`; the API is below `/v1`.
    pub fn url(&self) -> String {
        self.0.provider.url.clone()
    }

    pub fn set_webhook_url(&self, url: &str) {
        self.0.provider.outbox().url = Some(url.into());
    }

    /// What the API was asked, oldest first.
    pub fn calls(&self) -> Vec<ApiCall> {
        self.0.provider.books().calls.clone()
    }

    /// From here on, until `None`, the API misbehaves.
    pub fn fail_api(&self, fault: Option<Fault>) {
        self.0.provider.books().fault = fault;
    }

    /// The buyer pays at a checkout URL as the API gave it. Returns the subscription's id once every event was
    /// sent once. Panics where the provider would not let them pay.
    pub async fn pay(&self, checkout_url: &str) -> u64 {
        self.pay_as(checkout_url, None).await
    }

    /// Like `pay`, with other custom data than the checkout was made with; null is none at all.
    pub async fn pay_as(&self, checkout_url: &str, custom: Option<Value>) -> u64 {
        let (subscription, events) = self.0.provider.pay(checkout_url, custom).unwrap_or_else(|why| panic!("{why}"));
        self.0.provider.send(events).await;
        subscription
    }

    /// Where the buyer is sent after paying; once paid, with `[order_id]` and `[order_identifier]` filled in.
    pub fn redirect_url(&self, checkout_url: &str) -> String {
        let checkout = self.0.provider.checkout_at(checkout_url).unwrap_or_else(|why| panic!("{why}"));
        self.0.provider.books().redirect_url(&checkout)
    }

    /// Changes a subscription and returns once every event that follows was sent once. A refund changes nothing of
    /// the subscription itself, so no `subscription_updated` comes with it.
    pub async fn change(&self, subscription: u64, change: Change) {
        let events = self.0.provider.change(subscription, change).unwrap_or_else(|why| panic!("{why}"));
        self.0.provider.send(events).await;
    }

    /// The resource as the API gives it now.
    pub fn subscription(&self, id: u64) -> Value {
        let books = self.0.provider.books();
        let subscription = books.subscriptions.get(&id).unwrap_or_else(|| panic!("no subscription {id}"));
        render::subscription(&self.0.provider, subscription)
    }

    /// While held, events are made but not sent: not later either.
    pub fn hold(&self, hold: bool) {
        self.0.provider.outbox().holding = hold;
    }

    /// The events held, oldest first, and forgets them.
    pub fn take_held(&self) -> Vec<Delivery> {
        std::mem::take(&mut self.0.provider.outbox().held)
    }

    /// Sends it once and returns the status, 0 for no answer.
    pub async fn deliver(&self, delivery: &Delivery) -> u16 {
        self.0.provider.deliver(delivery.clone()).await
    }

    /// Returns once every delivery due has ended, with its retries.
    pub async fn settled(&self) {
        self.0.provider.settled().await;
    }

    /// Every delivery tried, in the order they ended.
    pub fn delivered(&self) -> Vec<Attempt> {
        self.0.provider.outbox().attempts.clone()
    }

    /// Sends each event this many times at once.
    pub fn set_copies(&self, copies: usize) {
        self.0.provider.outbox().copies = copies;
    }

    /// While losing, events vanish, and so do the retries that come due.
    pub fn forget_deliveries(&self, lose: bool) {
        self.0.provider.outbox().losing = lose;
    }
}
