//! What comes in and what goes out: typed bodies, queries, pages and answers.

use std::convert::Infallible;
use std::marker::PhantomData;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::{Code, Error, Result};

/// Bytes of a JSON body.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// Why a body could not be read: it is longer than the limit.
#[derive(Debug)]
pub struct TooLong;

impl std::fmt::Display for TooLong {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("the body is too long")
    }
}

impl std::error::Error for TooLong {}

/// A JSON body that fits its type.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<()> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &()) -> Result<Self> {
        if !is_json(request.headers()) {
            return Err(Code::UnsupportedMediaType.into());
        }
        let app = App::of(request.extensions())?;
        let bytes = whole(request).await?;
        app.fingerprint(&bytes)?;
        parse(&bytes).map(Body)
    }
}

async fn whole(request: Request) -> Result<Bytes> {
    let body = request.into_body().collect().await.map_err(|error| match is_too_long(&error) {
        true => Error::new(Code::PayloadTooLarge),
        false => Error::new(Code::BadRequest).saying("The body ended early."),
    })?;
    Ok(body.to_bytes())
}

/// axum wraps a body's error in errors of its own.
fn is_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<TooLong>() || error.source().is_some_and(is_too_long)
}

pub fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// A body the payment provider signed, byte for byte, and the event's name beside it, which it did not.
pub struct Signed {
    pub bytes: Bytes,
    pub event: String,
}

impl FromRequest<()> for Signed {
    type Rejection = Error;

    async fn from_request(request: Request, _: &()) -> Result<Self> {
        let app = App::of(request.extensions())?;
        let [signature, event] = ["x-signature", "x-event-name"].map(|name| {
            request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        });
        let bytes = whole(request).await?;
        let genuine = app.config().billing.as_ref().is_some_and(|billing| billing.signed(&bytes, &signature));
        if genuine { Ok(Signed { bytes, event }) } else { Err(Code::SignatureInvalid.into()) }
    }
}

/// A JSON body for which the contract says 400 where others say 422.
pub struct Body400<T>(pub T);

impl<T: DeserializeOwned> FromRequest<()> for Body400<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &()) -> Result<Self> {
        match Body::from_request(request, state).await {
            Ok(Body(body)) => Ok(Body400(body)),
            Err(error) if error.code == Code::Validation => Err(error.with_code(Code::BadRequest)),
            Err(error) => Err(error),
        }
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    // serde would read a struct from an array, too, by the order of its fields.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
            Ok(_) => Err(Error::invalid("body", "must be an object")),
            Err(_) => Err(Error::new(Code::BadRequest).saying("The body is not valid JSON.")),
        };
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        if !error.inner().is_data() {
            // serde calls it a syntax error, too, where a word of a list is wanted and something else stands.
            return match serde_json::from_slice::<serde_json::Value>(bytes) {
                Ok(_) => Error::invalid(path, "must be one of the values of its list"),
                Err(_) => Error::new(Code::BadRequest).saying("The body is not valid JSON."),
            };
        }
        let (field, message) = complaint(&path, &error.inner().to_string());
        Error::invalid(field, message)
    })?;
    json.end().map_err(|_| Error::new(Code::BadRequest).saying("The body is not valid JSON."))?;
    Ok(value)
}

/// Turns serde's "missing field `x` at line 1 column 2" into a field and its complaint.
fn complaint(path: &str, message: &str) -> (String, String) {
    let message = message.split(" at line ").next().unwrap_or(message);
    let parent = if path == "." { "" } else { path };
    for (prefix, says) in [("missing field `", "is required"), ("unknown field `", "is not a known field")] {
        if let Some(name) = message.strip_prefix(prefix).and_then(|rest| rest.split('`').next()) {
            // For an unknown field the path ends in that field already.
            let parent = parent.strip_suffix(name).unwrap_or(parent).trim_end_matches('.');
            let dot = if parent.is_empty() { "" } else { "." };
            return (format!("{parent}{dot}{name}"), says.into());
        }
    }
    let field = if parent.is_empty() { "body" } else { parent };
    (field.to_owned(), message.to_owned())
}

/// A query string that fits its type. Unknown parameters are ignored.
pub fn query<T: DeserializeOwned>(query: Option<&str>) -> Result<T> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let pairs = serde_urlencoded::Deserializer::new(pairs);
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let (field, message) = complaint(&error.path().to_string(), &error.inner().to_string());
        Error::invalid(field, message)
    })
}

/// `page` and `page_size` of a list. A page size above the tier's maximum is lowered to it.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct Page {
    #[serde(default = "first_page")]
    #[schemars(range(min = 1, max = 1_000_000), example = 1)]
    pub page: u32,
    #[serde(default = "usual_size")]
    #[schemars(range(min = 1, max = 4_294_967_295_u32), example = 20)]
    pub page_size: u32,
}

fn first_page() -> u32 {
    1
}

fn usual_size() -> u32 {
    20
}

impl Page {
    pub fn parse(text: Option<&str>, max_size: u32) -> Result<Self> {
        let page: Page = query(text)?;
        if !(1..=1_000_000).contains(&page.page) {
            return Err(Error::invalid("page", "must be 1 to 1000000"));
        }
        if page.page_size == 0 {
            return Err(Error::invalid("page_size", "must be at least 1"));
        }
        Ok(Page { page_size: page.page_size.min(max_size), ..page })
    }

    pub fn limit(self) -> i64 {
        i64::from(self.page_size)
    }

    pub fn offset(self) -> i64 {
        i64::from(self.page.saturating_sub(1)) * self.limit()
    }
}

/// An answer `commit` can give: how a `T` is written once it has happened.
pub trait Answer: Sized {
    type Of: Serialize + DeserializeOwned;
    const STATUS: StatusCode;
    fn body(of: &Self::Of) -> Result<String>;
    fn new(body: String) -> Self;

    /// Answers with what is already there.
    fn of(of: &Self::Of) -> Result<Self> {
        Self::body(of).map(Self::new)
    }
}

macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident $status:ident $body:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name<T>(String, PhantomData<fn() -> T>);

        impl<T: Serialize + DeserializeOwned> Answer for $name<T> {
            type Of = T;
            const STATUS: StatusCode = StatusCode::$status;
            fn body(of: &T) -> Result<String> {
                $body(of)
            }
            fn new(body: String) -> Self {
                $name(body, PhantomData)
            }
        }

        impl<T> IntoResponse for $name<T> {
            fn into_response(self) -> Response {
                written(StatusCode::$status, self.0)
            }
        }
    )*};
}

answers! {
    /// `{"data": …}` with 200.
    One OK enveloped;
    /// `{"data": …}` with 201.
    Created CREATED enveloped;
    /// The thing itself with 200, where the contract shows no envelope.
    Bare OK json;
}

fn json<T: Serialize>(of: &T) -> Result<String> {
    serde_json::to_string(of).map_err(|error| Error::internal(format!("an answer is no JSON: {error}")))
}

fn enveloped<T: Serialize>(of: &T) -> Result<String> {
    #[derive(Serialize)]
    struct Data<'a, T> {
        data: &'a T,
    }
    json(&Data { data: of })
}

fn written(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Bytes::from(body).into());
    *response.status_mut() = status;
    response
}

/// 204.
pub struct NoContent;

impl Answer for NoContent {
    type Of = ();
    const STATUS: StatusCode = StatusCode::NO_CONTENT;
    fn body(_: &()) -> Result<String> {
        Ok(String::new())
    }
    fn new(_: String) -> Self {
        NoContent
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// A cookie to set beside an answer, attributes and all.
pub struct SetCookie(pub String);

impl IntoResponseParts for SetCookie {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            parts.headers_mut().insert(header::SET_COOKIE, value);
        }
        Ok(parts)
    }
}

/// A page of a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub struct Paged<T> {
    pub items: Vec<T>,
    /// How many there are on all pages.
    #[schemars(range(min = 0), example = 1)]
    pub total: i64,
    #[schemars(range(min = 1), example = 1)]
    pub page: u32,
    #[schemars(range(min = 1), example = 20)]
    pub page_size: u32,
}

impl<T> Paged<T> {
    /// A list that is never long: all of it is the first page.
    pub fn all(items: Vec<T>) -> Self {
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        Paged { items, total: i64::from(count), page: 1, page_size: count.max(usual_size()) }
    }
}

impl<T: Serialize> IntoResponse for Paged<T> {
    fn into_response(self) -> Response {
        match json(&self) {
            Ok(body) => written(StatusCode::OK, body),
            Err(error) => error.into_response(),
        }
    }
}

impl FromRequestParts<()> for App {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &()) -> Result<Self> {
        App::of(&parts.extensions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Input {
        #[allow(dead_code)]
        name: crate::db::Text<1, 5>,
        #[serde(default)]
        #[allow(dead_code)]
        list: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        #[allow(dead_code)]
        size: u8,
    }

    fn says(body: &str) -> String {
        parse::<Input>(body.as_bytes()).map_or_else(|error| error.body(""), |_| "fine".into())
    }

    #[test]
    fn a_failed_field_is_named_by_its_path() {
        assert_eq!(says(r#"{"name":"x"}"#), "fine");
        assert!(says(r#"{}"#).contains(r#"{"field":"name","message":"is required"}"#));
        assert!(says(r#"{"name":"toolong"}"#).contains(r#"{"field":"name","message":"must be 1 to 5 characters"}"#));
        assert!(says(r#"{"name":"x","list":[{"size":1},{}]}"#).contains(r#""field":"list[1].size""#));
        assert!(says(r#"{"name":"x","age":3}"#).contains(r#"{"field":"age","message":"is not a known field"}"#));
        assert!(says("[]").contains("VALIDATION_ERROR"));
    }

    #[test]
    fn what_is_no_json_is_a_bad_request() {
        for bad in ["", "{", "{\"name\":\"x\"} trailing", "\u{0}"] {
            assert!(says(bad).contains("BAD_REQUEST"), "{bad}");
        }
    }

    #[test]
    fn pages_are_checked_and_lowered() {
        let page = |text| Page::parse(Some(text), 50).map(|page| (page.limit(), page.offset())).ok();
        assert_eq!(page(""), Some((20, 0)));
        assert_eq!(page("page=3&page_size=500"), Some((50, 100)));
        assert_eq!(page("page=0"), None);
        assert_eq!(page("page_size=0"), None);
        assert_eq!(page("page=x"), None);
    }
}
