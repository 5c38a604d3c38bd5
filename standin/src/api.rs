//! The API below `/v1`: JSON:API, as much of it as a shop needs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::provider::{Provider, uuid};
use crate::state::Checkout;
use crate::{Change, render};

type Answer = Result<Response, Refusal>;
type Parameters = Query<Vec<(String, String)>>;

const MOST_A_PAGE: usize = 100;

/// A failure in the provider's shape.
pub(crate) struct Refusal {
    status: u16,
    title: &'static str,
    detail: String,
    source: Option<Value>,
}

impl Refusal {
    pub fn new(status: u16, title: &'static str, detail: &str) -> Refusal {
        Refusal { status, title, detail: detail.into(), source: None }
    }

    pub fn not_found() -> Refusal {
        Refusal::new(404, "Not Found", "The requested resource does not exist.")
    }

    fn field(pointer: &str, detail: &str) -> Refusal {
        let source = Some(json!({ "pointer": pointer }));
        Refusal { source, ..Refusal::new(422, "Unprocessable Entity", detail) }
    }

    fn parameter(name: &str, detail: String) -> Refusal {
        let source = Some(json!({ "parameter": name }));
        Refusal { source, ..Refusal::new(400, "Invalid Query Parameter", &detail) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut error = json!({ "detail": self.detail, "status": self.status.to_string(), "title": self.title });
        if let Some(source) = self.source {
            error["source"] = source;
        }
        (status(self.status), Json(json!({ "errors": [error] }))).into_response()
    }
}

pub(crate) fn status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn one(data: Value) -> Response {
    let links = json!({ "self": data["links"]["self"] });
    Json(json!({ "jsonapi": { "version": "1.0" }, "links": links, "data": data })).into_response()
}

pub(crate) async fn create_checkout(State(provider): State<Arc<Provider>>, body: String) -> Answer {
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let data = document(&body, "checkouts")?;
    let attributes = &data["attributes"];
    let store = related(data, "store")?;
    if store != provider.options.store_id {
        return Err(Refusal::field("/data/relationships/store", "The related resource does not exist."));
    }
    let variant = related(data, "variant")?;
    if provider.variant(variant).is_none() {
        return Err(Refusal::field("/data/relationships/variant", "The related resource does not exist."));
    }
    for (name, words) in [
        ("product_options", "product options"),
        ("checkout_options", "checkout options"),
        ("checkout_data", "checkout data"),
        ("checkout_data/custom", "checkout data.custom"),
    ] {
        let pointer = format!("/data/attributes/{name}");
        // PHP calls an object an array, and takes the empty array for one.
        if !body.pointer(&pointer).is_none_or(|part| part.is_object() || *part == json!([])) {
            return Err(Refusal::field(&pointer, &format!("The {words} must be an array.")));
        }
    }
    let email = &attributes["checkout_data"]["email"];
    if !email.is_null() && !email.as_str().is_some_and(looks_like_email) {
        let pointer = "/data/attributes/checkout_data/email";
        return Err(Refusal::field(pointer, "The checkout data.email must be a valid email address."));
    }
    let redirect = &attributes["product_options"]["redirect_url"];
    let is_url = |url: &str| url.starts_with("https://") || url.starts_with("http://");
    if !redirect.is_null() && !redirect.as_str().is_some_and(is_url) {
        let pointer = "/data/attributes/product_options/redirect_url";
        return Err(Refusal::field(pointer, "The product options.redirect url must be a valid URL."));
    }
    let custom_price =
        match &attributes["custom_price"] {
            Value::Null => None,
            price => Some(price.as_i64().filter(|cents| *cents >= 0).ok_or_else(|| {
                Refusal::field("/data/attributes/custom_price", "The custom price must be an integer.")
            })?),
        };
    let expires_at = match &attributes["expires_at"] {
        Value::Null => None,
        at => Some(
            at.as_str()
                .and_then(seconds)
                .ok_or_else(|| Refusal::field("/data/attributes/expires_at", "The expires at is not a valid date."))?,
        ),
    };
    let part = |name: &str| match &attributes[name] {
        Value::Object(fields) => Value::Object(fields.clone()),
        _ => json!({}),
    };
    let checkout = Checkout {
        id: uuid(),
        variant,
        custom_price,
        product_options: part("product_options"),
        checkout_options: part("checkout_options"),
        checkout_data: part("checkout_data"),
        expires_at,
        created_at: provider.now(),
        order: None,
    };
    let answer = one(render::checkout(&provider, &checkout));
    provider.books().checkouts.insert(checkout.id.clone(), checkout);
    Ok((StatusCode::CREATED, answer).into_response())
}

pub(crate) async fn checkout(State(provider): State<Arc<Provider>>, Path(id): Path<String>) -> Answer {
    let books = provider.books();
    let checkout = books.checkouts.get(&id).ok_or_else(Refusal::not_found)?;
    Ok(one(render::checkout(&provider, checkout)))
}

pub(crate) async fn order(State(provider): State<Arc<Provider>>, Path(id): Path<String>) -> Answer {
    let books = provider.books();
    let order = id.parse().ok().and_then(|id: u64| books.orders.get(&id)).ok_or_else(Refusal::not_found)?;
    Ok(one(render::order(&provider, order)))
}

pub(crate) async fn subscription(State(provider): State<Arc<Provider>>, Path(id): Path<String>) -> Answer {
    let books = provider.books();
    let found = id.parse().ok().and_then(|id: u64| books.subscriptions.get(&id));
    Ok(one(render::subscription(&provider, found.ok_or_else(Refusal::not_found)?)))
}

pub(crate) async fn subscriptions(State(provider): State<Arc<Provider>>, Query(given): Parameters) -> Answer {
    let filters = ["store_id", "order_id", "order_item_id", "product_id", "variant_id", "user_email", "status"];
    let books = provider.books();
    let all = books.subscriptions.values().rev().map(|it| render::subscription(&provider, it));
    page(&format!("{}/v1/subscriptions", provider.url), all, &given, &filters)
}

pub(crate) async fn invoices(State(provider): State<Arc<Provider>>, Query(given): Parameters) -> Answer {
    let filters = ["store_id", "status", "refunded", "subscription_id"];
    let books = provider.books();
    let all = books.invoices.values().rev().filter_map(|it| {
        let subscription = books.subscriptions.get(&it.subscription)?;
        Some(render::invoice(&provider, it, subscription))
    });
    page(&format!("{}/v1/subscription-invoices", provider.url), all, &given, &filters)
}

pub(crate) async fn cancel_subscription(State(provider): State<Arc<Provider>>, Path(id): Path<String>) -> Answer {
    apply(&provider, &id, vec![(Change::Cancel, Value::Null)])
}

pub(crate) async fn update_subscription(
    State(provider): State<Arc<Provider>>,
    Path(id): Path<String>,
    body: String,
) -> Answer {
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let data = document(&body, "subscriptions")?;
    if data["id"] != *id {
        return Err(Refusal::new(409, "Conflict", "The resource id is not the one of the endpoint."));
    }
    let attributes = &data["attributes"];
    let mut changes = Vec::new();
    match &attributes["cancelled"] {
        Value::Null => {}
        Value::Bool(true) => changes.push((Change::Cancel, Value::Null)),
        Value::Bool(false) => changes.push((Change::Resume, Value::Null)),
        _ => {
            let detail = "The cancelled field must be true or false.";
            return Err(Refusal::field("/data/attributes/cancelled", detail));
        }
    }
    match attributes.get("pause") {
        None => {}
        Some(Value::Null) => changes.push((Change::Unpause, Value::Null)),
        Some(pause) => {
            let free = match pause["mode"].as_str() {
                Some("free") => true,
                Some("void") => false,
                _ => return Err(Refusal::field("/data/attributes/pause/mode", "The selected pause.mode is invalid.")),
            };
            changes.push((Change::Pause { free }, pause["resumes_at"].clone()));
        }
    }
    match &attributes["variant_id"] {
        Value::Null => {}
        variant => {
            let id = variant.as_u64().or_else(|| variant.as_str()?.parse().ok());
            let known = id
                .filter(|id| provider.variant(*id).is_some())
                .ok_or_else(|| Refusal::field("/data/attributes/variant_id", "The selected variant id is invalid."))?;
            changes.push((Change::ChangeVariant(known), Value::Null));
        }
    }
    apply(&provider, &id, changes)
}

/// Leaves out what is so already, and answers before the events are sent.
fn apply(provider: &Arc<Provider>, id: &str, changes: Vec<(Change, Value)>) -> Answer {
    let id: u64 = id.parse().map_err(|_| Refusal::not_found())?;
    let mut events = Vec::new();
    for (change, resumes_at) in changes {
        let now = provider.books().subscriptions.get(&id).map(|it| (it.status, it.variant));
        let (status, variant) = now.ok_or_else(Refusal::not_found)?;
        if status == "expired" {
            return Err(Refusal::field("/data/attributes", "The subscription has expired and cannot be changed."));
        }
        let is_so = match change {
            Change::Cancel => status == "cancelled",
            Change::Resume => status != "cancelled",
            Change::Unpause => status != "paused",
            Change::ChangeVariant(to) => variant == to,
            _ => false,
        };
        if !is_so {
            events.extend(provider.change_until(id, change, resumes_at).map_err(|_| Refusal::not_found())?);
        }
    }
    let books = provider.books();
    let data = render::subscription(provider, books.subscriptions.get(&id).ok_or_else(Refusal::not_found)?);
    drop(books);
    provider.start_sending(events);
    Ok(one(data))
}

fn document<'a>(body: &'a Value, kind: &str) -> Result<&'a Value, Refusal> {
    let data = &body["data"];
    if data["type"] == kind {
        return Ok(data);
    }
    let source = Some(json!({ "pointer": if data.is_object() { "/data" } else { "/" } }));
    let detail = format!("The request must be a JSON:API document of type {kind}.");
    Err(Refusal { source, ..Refusal::new(400, "Non-Compliant JSON API Document", &detail) })
}

fn related(data: &Value, name: &str) -> Result<u64, Refusal> {
    let id = &data["relationships"][name]["data"]["id"];
    let pointer = format!("/data/relationships/{name}");
    match id {
        Value::Null => Err(Refusal::field(&pointer, &format!("The {name} field is required."))),
        Value::String(id) => id.parse().map_err(|_| Refusal::field(&pointer, "The related resource does not exist.")),
        _ => Err(Refusal::field(&format!("{pointer}/data/id"), "The member id must be a string.")),
    }
}

fn looks_like_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'))
        && !text.contains(char::is_whitespace)
}

fn seconds(text: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp())
}

fn page(url: &str, all: impl Iterator<Item = Value>, given: &[(String, String)], filters: &[&str]) -> Answer {
    let (mut number, mut size, mut kept) = (1, 10, Vec::new());
    for (name, value) in given {
        let count = value.parse::<usize>().ok().filter(|count| *count > 0);
        match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some(("page", which @ ("number" | "size"))) => {
                let most = if which == "size" { MOST_A_PAGE } else { usize::MAX };
                let count = count.filter(|count| *count <= most);
                let count = count.ok_or_else(|| {
                    Refusal::parameter(
                        &format!("page.{which}"),
                        format!("The page.{which} must be between 1 and {most}."),
                    )
                })?;
                *if which == "size" { &mut size } else { &mut number } = count;
            }
            Some(("filter", field)) if filters.contains(&field) => kept.push((field, value.as_str())),
            Some(("filter", field)) => {
                return Err(Refusal::parameter("filter", format!("Filter parameter {field} is not allowed.")));
            }
            // The only order there is.
            _ if name == "sort" && value == "-createdAt" => {}
            _ => return Err(Refusal::parameter(name, format!("Parameter {name} is not allowed."))),
        }
    }
    let matches = |item: &Value| {
        kept.iter().all(|(field, wanted)| match &item["attributes"][*field] {
            Value::String(text) => text == wanted,
            other => wanted.parse().is_ok_and(|wanted: Value| *other == wanted),
        })
    };
    let all: Vec<Value> = all.filter(matches).collect();
    let total = all.len();
    let last = total.div_ceil(size).max(1);
    let skipped = (number - 1).saturating_mul(size);
    let data: Vec<Value> = all.into_iter().skip(skipped).take(size).collect();
    let link = |number: usize| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (field, value) in &kept {
            query.append_pair(&format!("filter[{field}]"), value);
        }
        query.append_pair("page[number]", &number.to_string()).append_pair("page[size]", &size.to_string());
        format!("{url}?{}", query.append_pair("sort", "-createdAt").finish())
    };
    let mut links = json!({ "first": link(1), "last": link(last) });
    if number < last {
        links["next"] = link(number + 1).into();
    }
    if number > 1 {
        links["prev"] = link(number - 1).into();
    }
    let (from, to) = match data.len() {
        0 => (None, None),
        here => (Some(skipped + 1), Some(skipped + here)),
    };
    let meta = json!({
        "currentPage": number, "from": from, "lastPage": last, "perPage": size, "to": to, "total": total
    });
    let body = json!({ "meta": { "page": meta }, "jsonapi": { "version": "1.0" }, "links": links, "data": data });
    Ok(Json(body).into_response())
}
