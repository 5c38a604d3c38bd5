//! Bodies and queries that fit their types.

use std::convert::Infallible;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::form::{self, Form};
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::host::Incoming;

/// Bytes of a JSON body.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// A JSON body that fits its type, of so many bytes at most.
pub struct Body<T, const LIMIT: usize = BODY_LIMIT>(pub T);

impl<T: DeserializeOwned, const LIMIT: usize> FromRequest<()> for Body<T, LIMIT> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &()) -> Result<Self> {
        if !is_json(request.headers()) {
            return Err(Code::UnsupportedMediaType.into());
        }
        let app = App::of(request.extensions())?;
        let bytes = whole(request, LIMIT).await?;
        app.fingerprint(&bytes)?;
        parse(&bytes).map(Body)
    }
}

/// A body that goes on as it comes in; `None`: there is none.
pub struct Raw(pub Option<Incoming>);

impl FromRequest<()> for Raw {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &()) -> Result<Self, Infallible> {
        Ok(Raw(request.extensions().get::<Incoming>().cloned()))
    }
}

async fn whole(request: Request, limit: usize) -> Result<Bytes> {
    match request.extensions().get::<Incoming>() {
        Some(incoming) => incoming.whole(limit).await,
        None => Ok(Bytes::new()),
    }
}

pub fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// A form with a file, which comes in as it is read, or JSON that says where one is.
pub enum FormOr<T> {
    Form(Box<Form>),
    Json(T),
}

impl<T: DeserializeOwned> FromRequest<()> for FormOr<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &()) -> Result<Self> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        match form::boundary(content_type.unwrap_or_default()) {
            Some(boundary) => Ok(FormOr::Form(Box::new(Form::new(&boundary?, request.extensions().get())))),
            None if is_json(request.headers()) => {
                let Body::<T>(json) = Body::from_request(request, state).await?;
                Ok(FormOr::Json(json))
            }
            None => Err(Error::new(Code::UnsupportedMediaType)
                .saying("Send a file as multipart/form-data, or application/json.")),
        }
    }
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
        let bytes = whole(request, BODY_LIMIT).await?;
        let genuine = app.config().billing.as_ref().is_some_and(|billing| billing.signed(&bytes, &signature));
        if genuine { Ok(Signed { bytes, event }) } else { Err(Code::SignatureInvalid.into()) }
    }
}

/// A JSON body for which the contract says 400 where others say 422.
pub struct Body400<T>(pub T);

impl<T: DeserializeOwned> FromRequest<()> for Body400<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &()) -> Result<Self> {
        match Body::<T>::from_request(request, state).await {
            Ok(Body(body)) => Ok(Body400(body)),
            Err(error) if error.code == Code::Validation => Err(error.with_code(Code::BadRequest)),
            Err(error) => Err(error),
        }
    }
}

pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
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

#[cfg(test)]
mod tests {
    use serde::Deserialize;

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
}
