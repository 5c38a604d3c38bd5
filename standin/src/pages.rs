//! What the buyer sees at a checkout: plain HTML, no script.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

use crate::provider::{Provider, time};
use crate::state::Checkout;
use crate::{Change, api, render};

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8886; --accent: #5b3df5; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 34rem; padding: 0 1rem 3rem; }
.stand-in { border: 2px dashed var(--line); border-radius: .5rem; margin: 1rem 0; padding: .5rem 1rem; }
.notice { border-left: .3rem solid var(--accent); padding: .5rem 1rem; }
dl { border: 1px solid var(--line); border-radius: .5rem; display: grid; gap: .25rem 1rem;
  grid-template-columns: auto 1fr; padding: 1rem; }
dt { opacity: .75; } dd { margin: 0; overflow-wrap: anywhere; }
form { display: flex; flex-wrap: wrap; gap: .75rem; }
button { border: 1px solid var(--line); border-radius: .5rem; cursor: pointer; font: inherit; padding: .6rem 1rem; }
button.main { background: var(--accent); border-color: var(--accent); color: #fff; }
:focus-visible { outline: 3px solid #f59e0b; outline-offset: 2px; }
";

/// The checkout as its link gives it.
pub(crate) async fn checkout(State(provider): State<Arc<Provider>>, uri: Uri) -> Response {
    match provider.checkout_at(&uri.to_string()) {
        Ok(checkout) => show(&provider, &checkout, ""),
        Err(why) => refused(&why),
    }
}

/// One of the three buttons.
pub(crate) async fn decide(
    State(provider): State<Arc<Provider>>,
    uri: Uri,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let link = uri.to_string();
    let checkout = match provider.checkout_at(&link) {
        Ok(checkout) => checkout,
        Err(why) => return refused(&why),
    };
    let does = form.get("do").map(String::as_str).unwrap_or_default();
    if !matches!(does, "pay" | "pay-then-fail") {
        let back = back_to_shop(&provider, &checkout);
        let notice = format!(
            "<p class=notice role=status><strong>The card was declined.</strong> Nothing was bought.{back}</p>"
        );
        return show(&provider, &checkout, &notice);
    }
    // A second press of the button lands where the first one did.
    if let Ok((subscription, events)) = provider.pay(&link, None) {
        provider.send(events).await;
        if does == "pay-then-fail"
            && let Ok(events) = provider.change(subscription, Change::FailPayment)
        {
            provider.send(events).await;
        }
    }
    let redirect = match provider.checkout_at(&link) {
        Ok(checkout) => provider.books().redirect_url(&checkout),
        Err(why) => return refused(&why),
    };
    Redirect::to(if redirect.is_empty() { &link } else { &redirect }).into_response()
}

fn show(provider: &Provider, checkout: &Checkout, notice: &str) -> Response {
    let (product, cycle) = render::names(provider, checkout.variant);
    let price = provider.variant(checkout.variant).map_or(0, |variant| variant.price_cents);
    let facts = facts(&[
        ("Product", &format!("{product}, {}", cycle.to_lowercase())),
        (
            "Price",
            &format!(
                "{} a {}",
                render::dollars(checkout.custom_price.unwrap_or(price)),
                if cycle == "Yearly" { "year" } else { "month" }
            ),
        ),
        ("Account", checkout.email()),
    ]);
    let end = if checkout.order.is_some() {
        let back = back_to_shop(provider, checkout);
        format!("<p class=notice role=status><strong>This checkout is already paid.</strong>{back}</p>")
    } else {
        "<form method=post>\
         <button class=main name=do value=pay>Pay</button>\
         <button name=do value=pay-then-fail>Pay, then let the first renewal fail</button>\
         <button name=do value=decline>Decline</button>\
         </form>"
            .into()
    };
    page(StatusCode::OK, "Checkout", &format!("{notice}{facts}{end}"))
}

/// A link to where the buyer came from, empty if the checkout does not say.
fn back_to_shop(provider: &Provider, checkout: &Checkout) -> String {
    let url = provider.books().redirect_url(checkout);
    match url.split(['?', '#']).next() {
        Some(place) if !place.is_empty() => format!(" <a href=\"{}\">Back to the shop</a>", escape(place)),
        _ => String::new(),
    }
}

pub(crate) fn refused(why: &str) -> Response {
    let text = format!(
        "<p class=notice role=alert><strong>This page cannot be used: {}.</strong> \
         Go back to the shop and ask for a new link.</p>",
        escape(why)
    );
    page(StatusCode::FORBIDDEN, "Not possible", &text)
}

pub(crate) fn nothing_here() -> Response {
    page(StatusCode::NOT_FOUND, "Nothing here", "<p>There is no such page.</p>")
}

pub(crate) fn server_error(status: u16) -> Response {
    let body = "<!doctype html><html lang=en><title>Server Error</title><h1>Server Error</h1></html>";
    (api::status(status), [(header::CONTENT_TYPE, "text/html; charset=UTF-8")], body).into_response()
}

pub(crate) fn facts(facts: &[(&str, &str)]) -> String {
    let rows = facts.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escape(value)));
    format!("<dl>{}</dl>", rows.collect::<String>())
}

/// `3 May 2026`.
pub(crate) fn day(seconds: i64) -> String {
    time(seconds).format("%-d %B %Y").to_string()
}

pub(crate) fn page(status: StatusCode, title: &str, content: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n\
         <meta name=viewport content=\"width=device-width\">\n<title>{title} – stand-in for LemonSqueezy</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n\
         <p class=stand-in role=note><strong>Stand-in for LemonSqueezy: no money moves.</strong></p>\n\
         <main>\n<h1>{title}</h1>\n{content}\n</main>\n</body>\n</html>\n"
    );
    (status, [(header::CACHE_CONTROL, "no-store")], Html(html)).into_response()
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
