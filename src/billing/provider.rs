//! LemonSqueezy's API, as far as we need it.

use serde_json::{Value, json};

use super::checkout::Order;
use super::plans::{Catalog, Offer};
use super::snapshot::{Snapshot, number};
use super::{Billing, notice};
use crate::app::App;
use crate::db::{HOUR, Time};
use crate::error::{Code, Error, Result};
use crate::host::{Outbound, Outgoing, Patience};

pub struct Provider<'a> {
    app: &'a App,
    billing: &'a Billing,
}

/// One page of all subscriptions of the store.
pub struct Listed {
    pub items: Vec<(String, Snapshot)>,
    pub is_last: bool,
}

/// How long a checkout's link holds.
const CHECKOUT_LIFE: i64 = HOUR;

const PAGE_SIZE: usize = 100;

impl<'a> Provider<'a> {
    /// Fails where nothing is for sale.
    pub fn of(app: &'a App) -> Result<Self> {
        let billing = app.config().billing.as_ref();
        let billing = billing.ok_or_else(|| Error::new(Code::ProviderFailed).because("no LZ_… variable is set"))?;
        Ok(Provider { app, billing })
    }

    pub fn catalog(&self) -> &'a Catalog {
        &self.billing.catalog
    }

    /// The address of a new checkout, whose buyer brings the reference back.
    pub async fn checkout(&self, offer: &Offer, email: &str, user: i64, reference: &str, now: Time) -> Result<String> {
        let back = format!(
            "{}/upgrade?checkout=done&tier={}&order_id=[order_id]&order=[order_identifier]",
            self.app.site(),
            offer.tier.name()
        );
        let body = |email: Option<&str>| {
            let mut data = json!({ "custom": { "user_id": user.to_string(), "checkout_ref": reference } });
            if let (Some(email), Some(data)) = (email, data.as_object_mut()) {
                data.insert("email".into(), email.into());
            }
            json!({ "data": {
                "type": "checkouts",
                "attributes": {
                    "product_options": { "enabled_variants": [offer.variant], "redirect_url": back },
                    "checkout_data": data,
                    "expires_at": now.plus(CHECKOUT_LIFE).text(),
                    "test_mode": self.billing.test_mode,
                },
                "relationships": {
                    "store": { "data": { "type": "stores", "id": self.billing.store_id.to_string() } },
                    "variant": { "data": { "type": "variants", "id": offer.variant.to_string() } },
                },
            }})
        };
        let mut answer = self.call("POST", "/v1/checkouts", Some(body(Some(email)))).await?;
        // It is stricter about addresses than we are; the buyer can type theirs.
        if answer.status == 422 {
            answer = self.call("POST", "/v1/checkouts", Some(body(None))).await?;
        }
        let json = answer.read()?;
        let url = json.pointer("/data/attributes/url").and_then(Value::as_str).filter(|url| self.leads_out(url));
        url.map(str::to_owned).ok_or_else(|| failed("a checkout without an address"))
    }

    /// The subscription as it is now.
    pub async fn subscription(&self, id: &str) -> Result<Snapshot> {
        let json = self.call("GET", &format!("/v1/subscriptions/{id}"), None).await?.read()?;
        self.snapshot(&json)
    }

    /// A signed address where the customer changes cards and plans.
    pub async fn portal(&self, id: &str) -> Result<String> {
        let resource = self.call("GET", &format!("/v1/subscriptions/{id}"), None).await?.read()?;
        let url = resource.pointer("/data/attributes/urls/customer_portal").and_then(Value::as_str);
        url.filter(|url| self.leads_out(url))
            .map(str::to_owned)
            .ok_or_else(|| failed("a subscription without a portal"))
    }

    /// Charges no more: it ends with what is paid.
    pub async fn cancel(&self, id: &str) -> Result<Snapshot> {
        let json = self.call("DELETE", &format!("/v1/subscriptions/{id}"), None).await?.read()?;
        self.snapshot(&json)
    }

    /// `cancel` unless that was done; safe to say again.
    pub async fn stop_charging(&self, id: &str) -> Result<()> {
        match self.subscription(id).await?.content.status.as_str() {
            "cancelled" | "expired" => Ok(()),
            _ => self.cancel(id).await.map(drop),
        }
    }

    /// Takes a cancellation or a pause back.
    pub async fn resume(&self, id: &str, paused: bool) -> Result<Snapshot> {
        let attributes = if paused { json!({ "pause": null }) } else { json!({ "cancelled": false }) };
        let body = json!({ "data": { "type": "subscriptions", "id": id, "attributes": attributes } });
        let answer = self.call("PATCH", &format!("/v1/subscriptions/{id}"), Some(body)).await?;
        self.snapshot(&answer.read()?)
    }

    pub async fn list(&self, page: i64) -> Result<Listed> {
        let path = format!(
            "/v1/subscriptions?filter[store_id]={}&page[number]={page}&page[size]={PAGE_SIZE}",
            self.billing.store_id
        );
        let json = self.call("GET", &path, None).await?.read()?;
        let resources = json.get("data").and_then(Value::as_array).ok_or_else(|| failed("a list without data"))?;
        Ok(Listed {
            items: resources.iter().filter_map(|item| self.ours(item)).collect(),
            is_last: resources.len() < PAGE_SIZE,
        })
    }

    /// The subscriptions of an order, if the receipt's identifier is the order's.
    pub async fn of_order(&self, order: &Order) -> Result<Vec<(String, Snapshot)>> {
        let answer = self.call("GET", &format!("/v1/orders/{}", order.order_id), None).await?;
        if answer.status == 404 {
            return Ok(Vec::new());
        }
        let identifier = answer.read()?;
        if identifier.pointer("/data/attributes/identifier").and_then(Value::as_str)
            != Some(order.order_identifier.as_str())
        {
            return Ok(Vec::new());
        }
        let path = format!("/v1/subscriptions?filter[order_id]={}", order.order_id);
        let json = self.call("GET", &path, None).await?.read()?;
        let resources = json.get("data").and_then(Value::as_array).ok_or_else(|| failed("a list without data"))?;
        Ok(resources.iter().filter_map(|item| self.ours(item)).collect())
    }

    /// Of our store and our mode.
    fn ours(&self, resource: &Value) -> Option<(String, Snapshot)> {
        let attributes = resource.get("attributes")?;
        let store = number(attributes.get("store_id"))? == self.billing.store_id;
        if !store || notice::is_true(attributes.get("test_mode")) != self.billing.test_mode {
            return None;
        }
        Some((number(resource.get("id"))?.to_string(), Snapshot::read(resource)?))
    }

    fn snapshot(&self, json: &Value) -> Result<Snapshot> {
        let (_, snapshot) =
            json.get("data").and_then(|data| self.ours(data)).ok_or_else(|| failed("no subscription of ours"))?;
        Ok(snapshot)
    }

    /// Where a browser may be sent.
    fn leads_out(&self, url: &str) -> bool {
        url.starts_with("https://") || url.starts_with(&self.billing.api_base_url)
    }

    async fn call(&self, method: &'static str, path: &str, body: Option<Value>) -> Result<Answered> {
        let outgoing = Outgoing {
            method,
            url: format!("{}{path}", self.billing.api_base_url),
            headers: vec![
                ("accept", "application/vnd.api+json".into()),
                ("content-type", "application/vnd.api+json".into()),
                ("authorization", format!("Bearer {}", self.billing.api_key)),
            ],
            body: body.map(|body| body.to_string()),
            patience: Patience::SHORT,
        };
        let Outbound { status, body, cut, .. } =
            self.app.host().send(&outgoing).await.map_err(|error| failed(error.cause().unwrap_or_default()))?;
        if let Some(cut) = cut {
            return Err(failed(&format!("{method} {path} was answered {status} and not to the end: {cut:?}")));
        }
        Ok(Answered { what: format!("{method} {path}"), status, body })
    }
}

struct Answered {
    what: String,
    status: u16,
    body: String,
}

impl Answered {
    fn read(self) -> Result<Value> {
        let Answered { what, status, body } = self;
        if !(200..300).contains(&status) {
            return Err(failed(&format!("{what} was answered {status}")));
        }
        serde_json::from_str(&body).map_err(|_| failed(&format!("{what} was answered with no JSON")))
    }
}

fn failed(why: &str) -> Error {
    Error::new(Code::ProviderFailed).because(format!("the payment provider: {why}"))
}
