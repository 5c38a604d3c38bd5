//! A request's way through: who calls, how often, to where, and what the answer looks like.

use std::cell::OnceCell;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use tower_service::Service;

use crate::access::Identity;
use crate::admin::switches;
use crate::api_keys::credential::Presented;
use crate::app::{App, Caller};
use crate::auth::cookie;
use crate::config::Config;
use crate::db::Time;
use crate::error::{Code, Error, Result};
use crate::event::noticed;
use crate::host::{self, Foreign, Host};
use crate::limits::{self, Counted, Spent};
use crate::monitoring::Answered;
use crate::{api_keys, cors, csrf, live, previews, routes};

thread_local! {
    static ROUTER: OnceCell<Router> = const { OnceCell::new() };
}

/// Built once per isolate: adding a route to a router costs more than a request.
fn router() -> Router {
    ROUTER.with(|router| {
        router
            .get_or_init(|| {
                routes::router()
                    .fallback(|| async { Error::new(Code::NotFound) })
                    .method_not_allowed_fallback(|| async { Error::new(Code::MethodNotAllowed) })
            })
            .clone()
    })
}

/// What the platform says of a request, before anything is believed.
pub struct Arrival {
    pub request: Request<Body>,
    pub request_id: String,
    pub now: Time,
}

pub async fn serve(arrival: Arrival, host: Host) -> Response<Bytes> {
    let Arrival { mut request, request_id, now } = arrival;
    let config = match host.config() {
        Ok(config) => config,
        Err(wrong) => {
            host::log("config", &wrong.join("; "));
            let response = axum::response::IntoResponse::into_response(Error::new(Code::Misconfigured));
            return finish(response, &request_id).await;
        }
    };
    plain_path(&mut request);
    let (method, route) = (request.method().clone(), routes::template(request.uri().path()));
    let head = method == Method::HEAD;
    let origin = request.headers().get(header::ORIGIN).cloned();
    let caller = caller(&request, &config, request_id, now);
    let app = App::new(host, config, caller);

    let (outcome, spent) = answer(&app, request).await;
    let response = outcome.unwrap_or_else(axum::response::IntoResponse::into_response);
    let mut response = finish(response, &app.caller().request_id).await;
    let headers = response.headers_mut();
    if let Some(spent) = &spent {
        spent.write(headers, app.now());
    }
    // The limit that refused it, or what was asked for.
    let limit = spent.as_ref().filter(|spent| !spent.standing.allowed).map(|spent| spent.policy.name);
    let what = limit.or(route).unwrap_or("nothing");
    server_timing(headers, app.trips(), spent.is_some_and(|spent| spent.asked));
    cors::write(headers, origin, &app.config().cors_origins);
    if head {
        *response.body_mut() = Bytes::new();
        response.extensions_mut().remove::<Foreign>();
    }
    app.conclude();
    let code = response.extensions_mut().remove::<Code>();
    if let Some(code) = code {
        noticed::refused(&app, code, what);
    }
    Answered::new(method, route, response.status().as_u16(), code, now).note(&app);
    response
}

async fn answer(app: &App, mut request: Request<Body>) -> (Result<Response<Body>>, Option<Spent>) {
    let method = request.method().clone();
    if method == Method::OPTIONS {
        return (options(request).await, None);
    }
    let (counted, open) = routes::treated(request.uri().path());
    if open {
        app.exempt();
    }
    let own = method == Method::POST || counted == Counted::Worker;
    let counted = match previews::api::shown(app, request.uri()) {
        Some(job) => Counted::Preview(job),
        None if own => counted,
        None => Counted::Caller,
    };
    let spent = admit(app, &request, &counted).await;
    let outcome = async {
        spent.check(app.now())?;
        if !open && app.identity().is_err() {
            switches::admit_unknown(app)?;
        }
        if app.identity().is_ok() && !request.headers().contains_key(header::AUTHORIZATION) {
            csrf::check(&method, request.headers(), app.site())?;
        }
        let key = request.headers().get("idempotency-key").map(|value| value.to_str().unwrap_or_default());
        app.expect_key(&method, request.uri().path(), key)?;
        request.extensions_mut().insert(app.clone());
        call(request).await
    };
    (outcome.await, Some(spent))
}

/// Learns whose a request is, and counts it.
async fn admit(app: &App, request: &Request<Body>, counted: &Counted) -> Spent {
    match shown(app, request) {
        Ok(Shown::Identity(identity)) => app.identify(Ok(identity)),
        Ok(Shown::Stranger(key)) => {
            // Whose key it is takes a trip to learn, which its address pays for.
            let spent = limits::spend(app, counted).await;
            if !spent.standing.allowed {
                return spent;
            }
            app.identify(key.owner(app).await);
            if app.identity().is_err() {
                return spent;
            }
        }
        Err(error) => app.identify(Err(error)),
    }
    limits::spend(app, counted).await
}

async fn call(request: Request<Body>) -> Result<Response<Body>> {
    match router().call(request).await {
        Ok(response) => Ok(response),
        Err(never) => match never {},
    }
}

/// Which methods an address takes; a browser's preflight gets its answer in the headers.
async fn options(request: Request<Body>) -> Result<Response<Body>> {
    let mut response = call(request).await?;
    let Some(allow) = response.headers_mut().remove(header::ALLOW) else {
        return Ok(response);
    };
    let mut allowed = allow.to_str().unwrap_or_default().to_owned();
    allowed.push_str(",OPTIONS");
    let mut empty = Response::new(Body::empty());
    *empty.status_mut() = StatusCode::NO_CONTENT;
    empty.headers_mut().insert(header::ALLOW, HeaderValue::from_str(&allowed).unwrap_or(allow));
    Ok(empty)
}

/// `/projects/` is `/projects`.
fn plain_path(request: &mut Request<Body>) {
    let uri = request.uri();
    let Some(path) = uri.path().strip_suffix('/').filter(|path| !path.is_empty()) else {
        return;
    };
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    if let Ok(plain) = target.parse::<Uri>() {
        *request.uri_mut() = plain;
    }
}

fn caller(request: &Request<Body>, config: &Config, made: String, now: Time) -> Caller {
    let (headers, uri) = (request.headers(), request.uri());
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let given = text("x-request-id").filter(|id| {
        (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    });
    let moved = text("x-test-now").filter(|_| config.test_clock).and_then(|millis| millis.parse().ok());
    Caller {
        now: moved.map_or(now, Time::from_millis),
        request_id: given.map_or(made, str::to_owned),
        ip: text("cf-connecting-ip").unwrap_or("0.0.0.0").to_owned(),
        user_agent: text("user-agent").unwrap_or_default().chars().take(256).collect(),
        site: format!("{}://{}", uri.scheme_str().unwrap_or("https"), uri.authority().map_or("", |host| host.as_str())),
    }
}

/// What a request shows of who sends it.
enum Shown {
    Identity(Identity),
    /// A key this isolate has not met.
    Stranger(Presented),
}

fn shown(app: &App, request: &Request<Body>) -> Result<Shown> {
    let (keys, now, headers, uri) = (&app.config().keys, app.now(), request.headers(), request.uri());
    if let Some(claims) = live::api::claims(uri, keys, now) {
        return Ok(Shown::Identity(claims?.into()));
    }
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        let cookies = headers.get(header::COOKIE).and_then(|value| value.to_str().ok());
        let claims = cookies.and_then(|text| cookie::read(text, keys, now)).ok_or(Code::Unauthorized)?;
        return Ok(Shown::Identity(claims.into()));
    };
    let token = match value.to_str().unwrap_or_default().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => return Err(Code::Unauthorized.into()),
    };
    if !api_keys::looks_like_one(token) {
        return Ok(Shown::Identity(keys.verify(token, now)?.into()));
    }
    let key = Presented::read(token, request.method())?;
    if !routes::takes_keys(uri.path()) {
        return Err(Code::KeyNotAllowed.into());
    }
    Ok(key.known().map_or(Shown::Stranger(key), Shown::Identity))
}

/// Writes the envelope where there is an error, and the request's id.
async fn finish(response: Response<Body>, request_id: &str) -> Response<Bytes> {
    let (mut parts, body) = response.into_parts();
    let mut bytes = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    if let Some(error) = parts.extensions.remove::<Error>() {
        if let Some(cause) = error.cause() {
            host::log(request_id, cause);
        }
        parts.extensions.insert(error.code);
        bytes = error.body(request_id).into();
    }
    if parts.extensions.get::<Foreign>().is_none() {
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    let id = HeaderValue::from_str(request_id).unwrap_or(HeaderValue::from_static("unknown"));
    parts.headers.insert("x-request-id", id);
    Response::from_parts(parts, bytes)
}

/// How many trips the answer took, for clients that wonder where the time went.
fn server_timing(headers: &mut HeaderMap, trips: u32, limiter: bool) {
    let mut timing = format!("db;desc=\"{trips}\"");
    if limiter {
        timing.push_str(", limiter;desc=\"1\"");
    }
    if let Ok(value) = HeaderValue::from_str(&timing) {
        headers.insert("server-timing", value);
    }
}

/// The configuration, read once per isolate; its failures too, so that each request can say so.
pub type Configured = Result<Arc<Config>, Arc<Vec<String>>>;
