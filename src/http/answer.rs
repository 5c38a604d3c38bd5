//! How what has happened is answered.

use std::convert::Infallible;
use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::host::Foreign;

/// An answer `commit` can give: how a `T` is written once it has happened.
pub trait Answer: Sized {
    type Of: Serialize + DeserializeOwned;
    const STATUS: StatusCode;
    fn of(of: &Self::Of) -> Result<Self>;
    fn body(&self) -> &str;
}

macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident $status:ident $body:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name<T>(String, PhantomData<fn() -> T>);

        impl<T: Serialize + DeserializeOwned> Answer for $name<T> {
            type Of = T;
            const STATUS: StatusCode = StatusCode::$status;
            fn of(of: &T) -> Result<Self> {
                Ok($name($body(of)?, PhantomData))
            }
            fn body(&self) -> &str {
                &self.0
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
    /// `{"data": …}` with 201, of a PUT: which may come again without a key.
    Put CREATED enveloped;
    /// The thing itself with 200, where the contract shows no envelope.
    Bare OK json;
}

pub fn json<T: Serialize>(of: &T) -> Result<String> {
    serde_json::to_string(of).map_err(|error| Error::internal(format!("an answer is no JSON: {error}")))
}

fn enveloped<T: Serialize>(of: &T) -> Result<String> {
    #[derive(Serialize)]
    struct Data<'a, T> {
        data: &'a T,
    }
    json(&Data { data: of })
}

pub fn written(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Bytes::from(body).into());
    *response.status_mut() = status;
    response
}

/// 204.
pub struct NoContent;

impl Answer for NoContent {
    type Of = ();
    const STATUS: StatusCode = StatusCode::NO_CONTENT;
    fn of(_: &()) -> Result<Self> {
        Ok(NoContent)
    }
    fn body(&self) -> &str {
        ""
    }
}

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// 200 with what there is, or 204 where there is nothing.
pub struct Maybe<T>(Option<One<T>>);

impl<T: Serialize + DeserializeOwned> Maybe<T> {
    pub fn of(of: Option<&T>) -> Result<Self> {
        of.map(One::of).transpose().map(Maybe)
    }
}

impl<T: Serialize + DeserializeOwned> IntoResponse for Maybe<T> {
    fn into_response(self) -> Response {
        match self.0 {
            Some(one) => one.into_response(),
            None => NoContent.into_response(),
        }
    }
}

/// Text for machines, as Prometheus reads it.
pub struct Plain(pub String);

impl IntoResponse for Plain {
    fn into_response(self) -> Response {
        let mut response = written(StatusCode::OK, self.0);
        let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, text);
        response
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

/// 101: the other end of a socket.
pub struct Socket(pub Foreign);

impl IntoResponse for Socket {
    fn into_response(self) -> Response {
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        response.extensions_mut().insert(self.0);
        response
    }
}

/// What has a version, which goes up with every change.
pub trait Versioned {
    fn version(&self) -> i64;
}

/// An answer with the version as its `ETag`.
pub struct Tagged<A> {
    answer: A,
    version: i64,
}

impl<A: Answer<Of: Versioned>> Answer for Tagged<A> {
    type Of = A::Of;
    const STATUS: StatusCode = A::STATUS;
    fn of(of: &A::Of) -> Result<Self> {
        Ok(Tagged { answer: A::of(of)?, version: of.version() })
    }
    fn body(&self) -> &str {
        self.answer.body()
    }
}

impl<A: IntoResponse> IntoResponse for Tagged<A> {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.version)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// The versions a change may start from, of `If-Match`; `None`: any.
pub struct IfMatch(Option<Vec<i64>>);

impl IfMatch {
    /// For a statement that refuses: `NULL`, or the versions as a JSON list.
    pub fn versions(&self) -> Option<Value> {
        self.0.as_ref().map(|versions| Value::from(versions.clone()))
    }
}

impl FromRequestParts<()> for IfMatch {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &()) -> Result<Self> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            return Ok(IfMatch(None));
        };
        let tags = value.to_str().unwrap_or_default();
        if tags.trim() == "*" {
            return Ok(IfMatch(None));
        }
        // A tag that is none of ours matches nothing. Cloudflare weakens the tags of what it compresses, and a version
        // is the same version in any encoding: so `W/` does not count.
        let version =
            |tag: &str| tag.trim().trim_start_matches("W/").strip_prefix('"')?.strip_suffix('"')?.parse().ok();
        Ok(IfMatch(Some(tags.split(',').filter_map(version).collect())))
    }
}
