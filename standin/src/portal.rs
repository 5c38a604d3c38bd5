//! The customer portal: what a customer has, and what they can do about it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};

use crate::pages::{day, facts, page, refused};
use crate::provider::Provider;
use crate::state::Subscription;
use crate::{Change, render};

/// A button: what it is called in the form, what it says, what it does.
type Button = (&'static str, &'static str, Change);

const CANCEL: Button = ("cancel", "Cancel", Change::Cancel);
const RESUME: Button = ("resume", "Resume", Change::Resume);
const RECOVER: Button = ("recover", "Pay the open invoice", Change::RecoverPayment);
/// What otherwise only time brings.
const TIME: [Button; 3] = [
    ("renew", "Renew now", Change::Renew),
    ("fail", "Let the renewal fail", Change::FailPayment),
    ("expire", "End it now", Change::Expire),
];

type Parameters = Query<HashMap<String, String>>;

/// Every subscription of the customer the link was made for.
pub(crate) async fn customer(State(provider): State<Arc<Provider>>, uri: Uri, Query(given): Parameters) -> Response {
    match who(&provider, &uri, &given) {
        Ok(customer) => show(&provider, customer),
        Err(why) => refused(&why),
    }
}

/// The same page, from a link made for one subscription.
pub(crate) async fn customer_of(State(provider): State<Arc<Provider>>, uri: Uri, Path(id): Path<u64>) -> Response {
    if let Err(why) = provider.opened(&uri.to_string()) {
        return refused(&why);
    }
    let customer = provider.books().subscriptions.get(&id).map(|it| it.customer);
    match customer {
        Some(customer) => {
            Redirect::to(&provider.sealed_for_hours("/billing", &format!("&user={customer}"))).into_response()
        }
        None => refused("there is no such subscription"),
    }
}

/// A button of a subscription.
pub(crate) async fn act(
    State(provider): State<Arc<Provider>>,
    uri: Uri,
    Query(given): Parameters,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let customer = match who(&provider, &uri, &given) {
        Ok(customer) => customer,
        Err(why) => return refused(&why),
    };
    let id = form.get("subscription").and_then(|id| id.parse::<u64>().ok()).unwrap_or_default();
    let does = form.get("do").map(String::as_str).unwrap_or_default();
    let change = provider.books().subscriptions.get(&id).filter(|it| it.customer == customer).and_then(|it| {
        let (customers, times) = buttons(it);
        customers.into_iter().chain(times).find(|(name, _, _)| *name == does).map(|(_, _, change)| change)
    });
    // A button that is not there any more does nothing: the page shows what is there now.
    if let Some(change) = change
        && let Ok(events) = provider.change(id, change)
    {
        provider.send(events).await;
    }
    Redirect::to(&uri.to_string()).into_response()
}

fn who(provider: &Provider, uri: &Uri, given: &HashMap<String, String>) -> Result<u64, String> {
    provider.opened(&uri.to_string())?;
    given.get("user").and_then(|user| user.parse().ok()).ok_or_else(|| "it names no customer".into())
}

fn show(provider: &Provider, customer: u64) -> Response {
    let books = provider.books();
    let mut content = String::new();
    for it in books.subscriptions.values().rev().filter(|it| it.customer == customer) {
        content += &section(provider, it);
    }
    drop(books);
    if content.is_empty() {
        content = "<p>You have no subscription.</p>".into();
    }
    page(StatusCode::OK, "Your subscriptions", &content)
}

fn section(provider: &Provider, it: &Subscription) -> String {
    let (product, cycle) = render::names(provider, it.variant);
    let next = match (it.ends_at, it.status) {
        (Some(end), "expired") => ("Ended", day(end)),
        (Some(end), _) => ("Ends", day(end)),
        (None, "past_due") => ("Charged again", day(it.renews_at)),
        (None, _) => ("Renews", day(it.renews_at)),
    };
    let facts = facts(&[
        ("Status", &it.status.replace('_', " ")),
        (next.0, &next.1),
        ("Price", &format!("{}, {}", render::dollars(it.price), cycle.to_lowercase())),
        ("Account", &it.email),
    ]);
    let (customers, times) = buttons(it);
    let form = |buttons: Vec<Button>, main: &str| {
        let buttons: String = buttons
            .iter()
            .map(|(name, text, _)| format!("<button{main} name=do value={name}>{text}</button>"))
            .collect();
        format!("<form method=post><input type=hidden name=subscription value={}>{buttons}</form>", it.id)
    };
    let mut html = format!("<section><h2>{} {}</h2>{facts}", crate::pages::escape(product), it.id);
    if !customers.is_empty() {
        html += &form(customers, " class=main");
    }
    if !times.is_empty() {
        html += &format!("<h3>What only time brings</h3>{}", form(times, ""));
    }
    html + "</section>"
}

/// The customer's own, and those that stand for time passing.
fn buttons(it: &Subscription) -> (Vec<Button>, Vec<Button>) {
    match it.status {
        "expired" => (vec![], vec![]),
        "cancelled" => (vec![RESUME], TIME[2..].to_vec()),
        "past_due" | "unpaid" => (vec![RECOVER, CANCEL], TIME[2..].to_vec()),
        "paused" => (vec![CANCEL], TIME[2..].to_vec()),
        _ => (vec![CANCEL], TIME.to_vec()),
    }
}
