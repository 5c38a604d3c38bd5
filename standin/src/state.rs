//! What the provider remembers, and what becomes of it.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::provider::{Provider, next_period, uuid};
use crate::{ApiCall, Change, Fault, render};

const DAY: i64 = 86_400;
/// When a refused charge is tried again, and how long a trial is.
const NEXT_CHARGE: i64 = 3 * DAY;
const TRIAL: i64 = 14 * DAY;

pub(crate) struct Books {
    pub checkouts: HashMap<String, Checkout>,
    pub orders: BTreeMap<u64, Order>,
    pub subscriptions: BTreeMap<u64, Subscription>,
    pub invoices: BTreeMap<u64, Invoice>,
    customers: HashMap<String, u64>,
    last_id: u64,
    pub calls: Vec<ApiCall>,
    pub fault: Option<Fault>,
    /// The minute of the latest call, and the calls in it.
    pub minute: (i64, usize),
}

#[derive(Clone)]
pub(crate) struct Checkout {
    pub id: String,
    pub variant: u64,
    pub custom_price: Option<i64>,
    /// What the request said.
    pub product_options: Value,
    pub checkout_options: Value,
    pub checkout_data: Value,
    pub expires_at: Option<i64>,
    pub created_at: i64,
    /// The order, once paid.
    pub order: Option<u64>,
}

impl Checkout {
    pub fn email(&self) -> &str {
        self.checkout_data["email"].as_str().unwrap_or("buyer@example.com")
    }

    fn name(&self) -> &str {
        self.checkout_data["name"].as_str().filter(|name| !name.is_empty()).unwrap_or("Stand-in Buyer")
    }
}

pub(crate) struct Order {
    pub id: u64,
    pub item: u64,
    pub identifier: String,
    pub customer: u64,
    pub variant: u64,
    pub name: String,
    pub email: String,
    pub total: i64,
    pub custom: Value,
    pub refunded_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

pub(crate) struct Subscription {
    pub id: u64,
    pub item: u64,
    pub order: u64,
    pub order_item: u64,
    pub customer: u64,
    pub variant: u64,
    pub name: String,
    pub email: String,
    pub price: i64,
    pub custom: Value,
    pub status: &'static str,
    /// As the API gives it, null when not paused.
    pub pause: Value,
    pub trial_ends_at: Option<i64>,
    pub renews_at: i64,
    /// When the refused charge was due, which the next period counts from.
    due_at: Option<i64>,
    pub ends_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
    pub item_updated_at: i64,
}

pub(crate) struct Invoice {
    pub id: u64,
    pub subscription: u64,
    pub reason: &'static str,
    pub status: &'static str,
    pub total: i64,
    pub refunded_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// Something webhooks tell of.
pub(crate) struct Event {
    pub name: &'static str,
    pub data: Value,
    pub custom: Value,
}

impl Books {
    /// Two stand-ins must not give the same ids, so each starts elsewhere.
    pub fn new(somewhere: u32) -> Books {
        Books {
            checkouts: HashMap::new(),
            orders: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            invoices: BTreeMap::new(),
            customers: HashMap::new(),
            last_id: 1_000_000 + u64::from(somewhere % 2_000_000_000),
            calls: Vec::new(),
            fault: None,
            minute: (0, 0),
        }
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn customer(&mut self, email: &str) -> u64 {
        let id = self.next_id();
        *self.customers.entry(email.into()).or_insert(id)
    }

    /// Empty where the checkout names none.
    pub fn redirect_url(&self, checkout: &Checkout) -> String {
        let url = checkout.product_options["redirect_url"].as_str().unwrap_or_default();
        match checkout.order.and_then(|order| self.orders.get(&order)) {
            Some(order) => {
                url.replace("[order_id]", &order.id.to_string()).replace("[order_identifier]", &order.identifier)
            }
            None => url.into(),
        }
    }

    fn bill(&mut self, subscription: u64, reason: &'static str, status: &'static str, total: i64, now: i64) -> u64 {
        let id = self.next_id();
        let invoice =
            Invoice { id, subscription, reason, status, total, refunded_at: None, created_at: now, updated_at: now };
        self.invoices.insert(id, invoice);
        id
    }

    /// The latest invoice of a subscription that is as wanted.
    fn latest_invoice(&mut self, subscription: u64, wanted: &str) -> Option<&mut Invoice> {
        let invoices = self.invoices.values_mut().rev();
        invoices.filter(|invoice| invoice.subscription == subscription).find(|invoice| invoice.status == wanted)
    }
}

impl Provider {
    /// The checkout a link of this provider leads to.
    pub fn checkout_at(&self, url: &str) -> Result<Checkout, String> {
        let path = self.opened(url)?;
        let id = path.strip_prefix("/checkout/custom/").and_then(|rest| rest.split('?').next()).unwrap_or_default();
        self.books().checkouts.get(id).cloned().ok_or_else(|| format!("{url} leads to no checkout"))
    }

    /// The buyer pays: an order, a subscription and an invoice come to be.
    pub fn pay(&self, url: &str, custom: Option<Value>) -> Result<(u64, Vec<Event>), String> {
        let checkout = self.checkout_at(url)?;
        let now = self.now();
        let variant = self.variant(checkout.variant).ok_or("this variant is not sold any more")?;
        let given = checkout.checkout_data["custom"].clone();
        let custom = custom.unwrap_or(if given == json!({}) { Value::Null } else { given });
        let price = checkout.custom_price.unwrap_or(variant.price_cents);
        let (name, email) = (checkout.name().to_owned(), checkout.email().to_owned());

        let mut books = self.books();
        let (order_id, order_item, id, item) = (books.next_id(), books.next_id(), books.next_id(), books.next_id());
        // Asked again under the lock: the buyer may press the button twice.
        match books.checkouts.get_mut(&checkout.id) {
            Some(checkout) if checkout.order.is_none() => checkout.order = Some(order_id),
            _ => return Err("this checkout is already paid".into()),
        }
        let customer = books.customer(&email);
        let order = Order {
            id: order_id,
            item: order_item,
            identifier: uuid(),
            customer,
            variant: variant.id,
            name: name.clone(),
            email: email.clone(),
            total: price,
            custom: custom.clone(),
            refunded_at: None,
            created_at: now,
            updated_at: now,
        };
        let subscription = Subscription {
            id,
            item,
            order: order_id,
            order_item,
            customer,
            variant: variant.id,
            name,
            email,
            price,
            custom,
            status: "active",
            pause: Value::Null,
            trial_ends_at: None,
            renews_at: next_period(now, variant.yearly),
            due_at: None,
            ends_at: None,
            created_at: now,
            updated_at: now,
            item_updated_at: now,
        };
        let invoice = books.bill(id, "initial", "paid", price, now);
        books.orders.insert(order_id, order);
        books.subscriptions.insert(id, subscription);
        let mut events = vec![
            self.order_event(&books, order_id, "order_created"),
            self.subscription_event(&books, id, "subscription_created"),
            self.invoice_event(&books, invoice, "subscription_payment_success"),
        ];
        // As recorded: only the item tells that this one is newer.
        if let Some(subscription) = books.subscriptions.get_mut(&id) {
            subscription.item_updated_at += 1;
        }
        events.push(self.subscription_event(&books, id, "subscription_updated"));
        Ok((id, events.into_iter().flatten().collect()))
    }

    /// What happens to a subscription, and the events it makes.
    pub fn change(&self, id: u64, change: Change) -> Result<Vec<Event>, String> {
        self.change_until(id, change, Value::Null)
    }

    /// Like `change`; a pause ends by itself at `resumes_at`, as far as the API tells.
    pub fn change_until(&self, id: u64, change: Change, resumes_at: Value) -> Result<Vec<Event>, String> {
        let now = self.now();
        let mut books = self.books();
        let books = &mut *books;
        let subscription = books.subscriptions.get_mut(&id).ok_or_else(|| format!("no subscription {id}"))?;
        let variant = self.variant(subscription.variant);
        let yearly = variant.is_some_and(|variant| variant.yearly);
        let (price, order) = (subscription.price, subscription.order);
        let mut invoice = None;
        let names: &[&str] = match change {
            Change::Cancel => {
                subscription.status = "cancelled";
                subscription.ends_at = Some(subscription.renews_at);
                &["subscription_cancelled"]
            }
            Change::Resume => {
                let in_trial = subscription.trial_ends_at.is_some_and(|end| end > now);
                subscription.status = if in_trial { "on_trial" } else { "active" };
                subscription.ends_at = None;
                &["subscription_resumed"]
            }
            Change::Expire => {
                subscription.status = "expired";
                subscription.ends_at = Some(now);
                &["subscription_expired"]
            }
            Change::Pause { free } => {
                subscription.status = "paused";
                subscription.pause = json!({ "mode": if free { "free" } else { "void" }, "resumes_at": resumes_at });
                &["subscription_paused"]
            }
            Change::Unpause => {
                subscription.status = "active";
                subscription.pause = Value::Null;
                &["subscription_unpaused"]
            }
            Change::FailPayment => {
                subscription.status = "past_due";
                subscription.due_at.get_or_insert(subscription.renews_at);
                subscription.renews_at = now + NEXT_CHARGE;
                invoice = books.latest_invoice(id, "pending").map(|invoice| invoice.id);
                invoice = invoice.or_else(|| Some(books.bill(id, "renewal", "pending", price, now)));
                &["subscription_payment_failed"]
            }
            Change::RecoverPayment | Change::Renew => {
                if !matches!(subscription.status, "cancelled" | "expired") {
                    subscription.status = "active";
                }
                subscription.trial_ends_at = None;
                let due_at = subscription.due_at.take().unwrap_or(subscription.renews_at);
                subscription.renews_at = next_period(due_at, yearly);
                let open = books.latest_invoice(id, "pending").map(|invoice| {
                    invoice.status = "paid";
                    invoice.updated_at = now;
                    invoice.id
                });
                invoice = open.or_else(|| Some(books.bill(id, "renewal", "paid", price, now)));
                match change {
                    Change::Renew => &["subscription_payment_success"],
                    _ => &["subscription_payment_recovered", "subscription_payment_success"],
                }
            }
            Change::Unpaid => {
                subscription.status = "unpaid";
                &[]
            }
            Change::ChangeVariant(to) => {
                let to = self.variant(to).ok_or_else(|| format!("no variant {to}"))?;
                subscription.variant = to.id;
                subscription.price = to.price_cents;
                // Another billing cycle starts at once and is paid at once.
                if to.yearly == yearly {
                    &[]
                } else {
                    subscription.renews_at = next_period(now, to.yearly);
                    invoice = Some(books.bill(id, "updated", "paid", to.price_cents - price, now));
                    &["subscription_payment_success"]
                }
            }
            Change::StartTrial => {
                subscription.status = "on_trial";
                subscription.trial_ends_at = Some(now + TRIAL);
                subscription.renews_at = now + TRIAL;
                &[]
            }
            Change::RefundPayment => {
                let paid = books.latest_invoice(id, "paid").ok_or("nothing is paid that could be refunded")?;
                (paid.status, paid.refunded_at, paid.updated_at) = ("refunded", Some(now), now);
                let event = paid.id;
                let event = self.invoice_event(books, event, "subscription_payment_refunded");
                return Ok(event.into_iter().collect());
            }
            Change::RefundOrder => {
                if let Some(order) = books.orders.get_mut(&order) {
                    order.refunded_at.get_or_insert(now);
                    order.updated_at = now;
                }
                return Ok(self.order_event(books, order, "order_refunded").into_iter().collect());
            }
        };
        if let Some(subscription) = books.subscriptions.get_mut(&id) {
            subscription.updated_at = now;
            subscription.item_updated_at = subscription.item_updated_at.max(now);
        }
        let specific = names.iter().map(|name| match invoice {
            Some(invoice) => self.invoice_event(books, invoice, name),
            None => self.subscription_event(books, id, name),
        });
        let updated = self.subscription_event(books, id, "subscription_updated");
        Ok(specific.chain([updated]).flatten().collect())
    }

    fn order_event(&self, books: &Books, id: u64, name: &'static str) -> Option<Event> {
        let order = books.orders.get(&id)?;
        Some(Event { name, data: render::order(self, order), custom: order.custom.clone() })
    }

    fn subscription_event(&self, books: &Books, id: u64, name: &'static str) -> Option<Event> {
        let subscription = books.subscriptions.get(&id)?;
        Some(Event { name, data: render::subscription(self, subscription), custom: subscription.custom.clone() })
    }

    fn invoice_event(&self, books: &Books, id: u64, name: &'static str) -> Option<Event> {
        let invoice = books.invoices.get(&id)?;
        let subscription = books.subscriptions.get(&invoice.subscription)?;
        Some(Event { name, data: render::invoice(self, invoice, subscription), custom: subscription.custom.clone() })
    }
}
