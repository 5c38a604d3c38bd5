//! Resources as they go over the wire: the recordings, with what differs put in.

use serde_json::{Map, Value, json};

use crate::provider::{Provider, time};
use crate::state::{Checkout, Invoice, Order, Subscription};

const CHECKOUT: &str = include_str!("../recorded/checkout_create_response_201.json");
const ORDER: &str = include_str!("../recorded/order_created.json");
const SUBSCRIPTION: &str = include_str!("../recorded/subscription_created.json");
/// After the public documentation: there is no recording.
const INVOICE: &str = include_str!("../recorded/subscription_invoice.json");

pub(crate) fn subscription(provider: &Provider, it: &Subscription) -> Value {
    let (product, variant) = names(provider, it.variant);
    let test = if provider.options.test_mode { "&test_mode=1" } else { "" };
    let (id, customer) = (it.id, it.customer);
    recorded(
        provider,
        SUBSCRIPTION,
        "1652029",
        &id.to_string(),
        json!({
            "store_id": provider.options.store_id,
            "customer_id": customer,
            "order_id": it.order,
            "order_item_id": it.order_item,
            "product_id": product_id(it.variant),
            "variant_id": it.variant,
            "product_name": product,
            "variant_name": variant,
            "user_name": it.name,
            "user_email": it.email,
            "status": it.status,
            "status_formatted": formatted(it.status),
            "pause": it.pause,
            "cancelled": it.status == "cancelled",
            "trial_ends_at": it.trial_ends_at.filter(|_| it.status == "on_trial").map(stamp),
            "billing_anchor": time(it.created_at).format("%-d").to_string().parse::<u8>().ok(),
            "first_subscription_item": {
                "id": it.item,
                "subscription_id": id,
                "price_id": price_id(it.variant),
                "quantity": 1,
                "is_usage_based": false,
                "created_at": stamp(it.created_at),
                "updated_at": stamp(it.item_updated_at),
            },
            "urls": {
                "update_payment_method": provider.sealed_for_hours(&format!("/subscription/{id}/payment-details"), ""),
                "customer_portal": provider.sealed_for_hours("/billing", &format!("{test}&user={customer}")),
                "customer_portal_update_subscription":
                    provider.sealed_for_hours(&format!("/billing/{id}/update"), &format!("&user={customer}")),
            },
            "renews_at": stamp(it.renews_at),
            "ends_at": it.ends_at.map(stamp),
            "created_at": stamp(it.created_at),
            "updated_at": stamp(it.updated_at),
            "test_mode": provider.options.test_mode,
        }),
    )
}

pub(crate) fn order(provider: &Provider, it: &Order) -> Value {
    let (product, variant) = names(provider, it.variant);
    let status = if it.refunded_at.is_some() { "refunded" } else { "paid" };
    let mut fields = json!({
        "store_id": provider.options.store_id,
        "customer_id": it.customer,
        "identifier": it.identifier,
        "order_number": it.id,
        "user_name": it.name,
        "user_email": it.email,
        "status": status,
        "status_formatted": formatted(status),
        "refunded": it.refunded_at.is_some(),
        "refunded_at": it.refunded_at.map(stamp),
        "first_order_item": {
            "id": it.item,
            "order_id": it.id,
            "product_id": product_id(it.variant),
            "variant_id": it.variant,
            "price_id": price_id(it.variant),
            "product_name": product,
            "variant_name": variant,
            "price": it.total,
            "quantity": 1,
            "created_at": stamp(it.created_at),
            "updated_at": stamp(it.created_at),
            "test_mode": provider.options.test_mode,
        },
        "urls": { "receipt": provider.sealed(&format!("/my-orders/{}", it.identifier)) },
        "created_at": stamp(it.created_at),
        "updated_at": stamp(it.updated_at),
        "test_mode": provider.options.test_mode,
    });
    amounts(&mut fields, it.total, it.refunded_at.is_some());
    recorded(provider, ORDER, "9569465", &it.id.to_string(), fields)
}

pub(crate) fn invoice(provider: &Provider, it: &Invoice, of: &Subscription) -> Value {
    let url = provider.sealed(&format!("/my-orders/subscription-invoice/{}", it.id));
    let mut fields = json!({
        "store_id": provider.options.store_id,
        "subscription_id": it.subscription,
        "customer_id": of.customer,
        "user_name": of.name,
        "user_email": of.email,
        "billing_reason": it.reason,
        "status": it.status,
        "status_formatted": formatted(it.status),
        "refunded": it.refunded_at.is_some(),
        "refunded_at": it.refunded_at.map(stamp),
        "urls": { "invoice_url": (it.status != "pending").then_some(url) },
        "created_at": stamp(it.created_at),
        "updated_at": stamp(it.updated_at),
        "test_mode": provider.options.test_mode,
    });
    amounts(&mut fields, it.total, it.refunded_at.is_some());
    recorded(provider, INVOICE, "3141592", &it.id.to_string(), fields)
}

/// Custom data stays out: the provider never gives it back here.
pub(crate) fn checkout(provider: &Provider, it: &Checkout) -> Value {
    let price = it.custom_price.or_else(|| provider.variant(it.variant).map(|variant| variant.price_cents));
    let mut preview = json!({ "currency": "USD", "currency_rate": 1 });
    for (name, cents) in
        [("subtotal", price.unwrap_or(0)), ("discount_total", 0), ("tax", 0), ("total", price.unwrap_or(0))]
    {
        amount(&mut preview, name, cents);
    }
    let mut data = recorded(
        provider,
        CHECKOUT,
        "5e8b546c-c561-4a2c-a586-40c18bb2a195",
        &it.id,
        json!({
            "store_id": provider.options.store_id,
            "variant_id": it.variant,
            "custom_price": it.custom_price,
            "preview": preview,
            "expires_at": it.expires_at.map(stamp),
            "created_at": stamp(it.created_at),
            "updated_at": stamp(it.created_at),
            "test_mode": provider.options.test_mode,
            "url": checkout_url(provider, it),
        }),
    );
    let attributes = &mut data["attributes"];
    attributes["product_options"]["enabled_variants"] = json!([]);
    attributes["checkout_data"]["discount_code"] = json!("");
    for (part, given) in [
        ("product_options", &it.product_options),
        ("checkout_options", &it.checkout_options),
        ("checkout_data", &it.checkout_data),
    ] {
        for (name, value) in given.as_object().into_iter().flatten().filter(|(name, _)| *name != "custom") {
            attributes[part][name] = value.clone();
        }
    }
    data
}

pub(crate) fn checkout_url(provider: &Provider, it: &Checkout) -> String {
    let path = format!("/checkout/custom/{}", it.id);
    match it.expires_at {
        Some(expires) => provider.sealed(&format!("{path}?expires={expires}")),
        None => provider.sealed(&path),
    }
}

/// The names of what a variant sells, and how.
pub(crate) fn names(provider: &Provider, variant: u64) -> (&str, &'static str) {
    match provider.variant(variant) {
        Some(variant) => (&variant.name, if variant.yearly { "Yearly" } else { "Monthly" }),
        None => ("", ""),
    }
}

pub(crate) fn dollars(cents: i64) -> String {
    let whole = (cents.abs() / 100).to_string();
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{}${text}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() % 100)
}

fn stamp(seconds: i64) -> String {
    time(seconds).format("%Y-%m-%dT%H:%M:%S.000000Z").to_string()
}

/// `past_due` reads "Past Due".
fn formatted(status: &str) -> String {
    let words = status.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
    words.collect::<Vec<_>>().join(" ")
}

fn product_id(variant: u64) -> u64 {
    variant + 1_000_000
}

fn price_id(variant: u64) -> u64 {
    variant + 2_000_000
}

fn amounts(fields: &mut Value, total: i64, refunded: bool) {
    for (name, cents) in [("subtotal", total), ("total", total), ("refunded_amount", if refunded { total } else { 0 })]
    {
        amount(fields, name, cents);
    }
}

/// A sum in its three spellings.
fn amount(fields: &mut Value, name: &str, cents: i64) {
    fields[name] = json!(cents);
    fields[format!("{name}_usd")] = json!(cents);
    fields[format!("{name}_formatted")] = json!(dollars(cents));
}

/// The `data` of a recording as another thing of its kind.
fn recorded(provider: &Provider, text: &str, recorded_id: &str, id: &str, fields: Value) -> Value {
    let text = text.replace(recorded_id, id).replace("https://api.lemonsqueezy.com", &provider.url);
    let mut body: Value = serde_json::from_str(&text).expect("a recording is JSON");
    let mut data = body["data"].take();
    let (Value::Object(fields), Some(attributes)) = (fields, data["attributes"].as_object_mut()) else { return data };
    put(attributes, fields);
    data
}

fn put(attributes: &mut Map<String, Value>, fields: Map<String, Value>) {
    for (name, value) in fields {
        let before = attributes.insert(name.clone(), value);
        assert!(before.is_some(), "no recording has '{name}'");
    }
}
