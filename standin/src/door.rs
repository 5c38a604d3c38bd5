//! The way in: connections, routes, and what is true of every API request.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::sync::oneshot;
use tower_service::Service;

use crate::provider::Provider;
use crate::{ApiCall, Fault, api, pages, portal};

pub(crate) const JSON_API: &str = "application/vnd.api+json";
const CALLS_A_MINUTE: usize = 300;

pub(crate) fn router(provider: Arc<Provider>) -> Router {
    let api = Router::new()
        .route("/checkouts", post(api::create_checkout))
        .route("/checkouts/{id}", get(api::checkout))
        .route("/subscriptions", get(api::subscriptions))
        .route(
            "/subscriptions/{id}",
            get(api::subscription).patch(api::update_subscription).delete(api::cancel_subscription),
        )
        .route("/subscription-invoices", get(api::invoices))
        .route("/orders/{id}", get(api::order))
        .fallback(async || api::Refusal::not_found())
        .layer(from_fn_with_state(provider.clone(), api_door));
    Router::new()
        .nest("/v1", api)
        .route("/checkout/custom/{id}", get(pages::checkout).post(pages::decide))
        .route("/billing", get(portal::customer).post(portal::act))
        .route("/billing/{id}/update", get(portal::customer_of))
        .route("/subscription/{id}/payment-details", get(portal::customer_of))
        .fallback(async || pages::nothing_here())
        .with_state(provider)
}

/// Marks an answer that is to be a closed connection instead.
#[derive(Clone)]
struct HangUp;

async fn api_door(State(provider): State<Arc<Provider>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let header =
        |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let Ok(body) = to_bytes(body, 1 << 20).await else {
        return api::Refusal::new(413, "Payload Too Large", "The request is too long.").into_response();
    };
    let call = ApiCall {
        method: parts.method.to_string(),
        // Routing below has taken the prefix off the path.
        path: format!("/v1{}", parts.uri),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        authorization: header(header::AUTHORIZATION),
        accept: header(header::ACCEPT),
        content_type: header(header::CONTENT_TYPE),
    };
    let authorized = call.authorization == format!("Bearer {}", provider.options.api_key);
    let speaks_json_api = parts.method == Method::GET || body.is_empty() || call.content_type.starts_with(JSON_API);
    let (fault, remaining) = {
        let mut books = provider.books();
        books.calls.push(call);
        let minute = provider.now() / 60;
        let in_minute = match books.minute {
            (last, calls) if last == minute => calls + 1,
            _ => 1,
        };
        books.minute = (minute, in_minute);
        (books.fault, CALLS_A_MINUTE.saturating_sub(in_minute))
    };
    match fault {
        Some(Fault::Status(status)) => return failed(status),
        Some(Fault::Garbage) => return "<!doctype html><title>Just a moment…</title>".into_response(),
        Some(Fault::Drop) => {
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(HangUp);
            return response;
        }
        Some(Fault::Stall(time)) => tokio::time::sleep(time).await,
        None => {}
    }
    let mut response = if !authorized {
        api::Refusal::new(401, "Unauthorized", "Unauthenticated.").into_response()
    } else if !speaks_json_api {
        let detail = "The request entity has a media type which the server does not support.";
        api::Refusal::new(415, "Unsupported Media Type", detail).into_response()
    } else {
        next.run(Request::from_parts(parts, Body::from(body))).await
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON_API));
    rate_limit(&mut response, remaining);
    response
}

fn failed(status: u16) -> Response {
    match status {
        429 => {
            let mut response = api::Refusal::new(429, "Too Many Requests", "Too Many Attempts.").into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON_API));
            rate_limit(&mut response, 0);
            response
        }
        500.. => pages::server_error(status),
        _ => (
            api::status(status),
            [(header::CONTENT_TYPE, JSON_API)],
            Json(json!({ "errors": [{ "status": status.to_string(), "title": "Error", "detail": "Error" }] })),
        )
            .into_response(),
    }
}

fn rate_limit(response: &mut Response, remaining: usize) {
    response.headers_mut().insert("x-ratelimit-limit", HeaderValue::from(CALLS_A_MINUTE));
    response.headers_mut().insert("x-ratelimit-remaining", HeaderValue::from(remaining));
}

/// Answers until `stopped`. Ending it ends what it still does.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stopped: oneshot::Receiver<()>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = &mut stopped => return Ok(()),
        };
        let router = router.clone();
        // Not `axum::serve`: there a request cannot end without an answer.
        let service = service_fn(move |request| {
            let mut router = router.clone();
            async move {
                let Ok(response) = router.call(request).await;
                match response.extensions().get::<HangUp>() {
                    Some(_) => Err(io::Error::other("hung up")),
                    None => Ok(response),
                }
            }
        });
        tokio::spawn(async move {
            // The other side may leave at any time.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
