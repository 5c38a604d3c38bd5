use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};

use http_body_util::{BodyStream, Full, StreamBody};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::{World, keys};

/// A request about to be made. Awaiting it makes it, and it must succeed.
#[must_use]
pub struct Call {
    world: World,
    method: Method,
    url: String,
    path: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    in_chunks: bool,
    at: &'static Location<'static>,
}

enum Expected {
    Success,
    Status(u16),
    Anything,
    /// A static file, or the way to one.
    File,
}

impl Call {
    #[track_caller]
    pub fn new(world: World, method: Method, origin: &str, path: String) -> Call {
        let url = format!("{origin}{path}");
        Call {
            world,
            method,
            url,
            path,
            headers: HeaderMap::new(),
            body: None,
            in_chunks: false,
            at: Location::caller(),
        }
    }

    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Call {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        self.headers.insert(name, HeaderValue::from_bytes(value.as_ref()).expect("a header's value"));
        self
    }

    pub fn json(self, body: Value) -> Call {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Call {
        self.body = Some(bytes.into());
        self
    }

    /// A form with this file in its field.
    pub fn upload(self, name: &str, content: impl AsRef<[u8]>) -> Call {
        self.form(&[(&format!("form-data; name=\"file\"; filename=\"{name}\""), content.as_ref())])
    }

    /// A form of these fields, each with what its Content-Disposition says. No two have the same boundary.
    pub fn form(self, fields: &[(&str, &[u8])]) -> Call {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let boundary = format!("form-{}", MADE.fetch_add(1, Ordering::Relaxed));
        let mut body = Vec::new();
        for (disposition, content) in fields {
            body.extend(format!("--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n").bytes());
            body.extend(*content);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{boundary}--\r\n").bytes());
        self.header("content-type", format!("multipart/form-data; boundary={boundary}")).body(body)
    }

    /// Sends the body without saying how long it is.
    pub fn in_chunks(self) -> Call {
        Call { in_chunks: true, ..self }
    }

    pub async fn status(self, status: u16) -> Reply {
        self.send(Expected::Status(status)).await
    }

    /// Refused with this status, in the envelope every failure has.
    pub async fn refused(self, status: u16) -> Reply {
        assert!(status >= 400);
        self.status(status).await
    }

    pub async fn refused_with(self, status: u16, code: &str) -> Reply {
        let (at, line) = (self.at, format!("{} {}", self.method, self.path));
        let reply = self.refused(status).await;
        assert_eq!(reply.code(), code, "{line} at {at} answered {}", reply.text);
        reply
    }

    /// Whatever comes back.
    pub async fn any(self) -> Reply {
        self.send(Expected::Anything).await
    }

    pub async fn file(self) -> Reply {
        self.send(Expected::File).await
    }

    /// `None` where no answer came, or none that says it was done.
    pub async fn try_once(self) -> Option<()> {
        let Call { world, method, url, headers, body, .. } = self;
        let request = world.client.request(method, url).headers(headers).body(body.unwrap_or_default());
        request.send().await.ok().filter(|response| response.status().is_success()).map(drop)
    }

    async fn send(self, expected: Expected) -> Reply {
        let Call { world, method, url, path, headers, body, in_chunks, at } = self;
        let line = format!("{method} {path} at {at}");
        let head = method == Method::HEAD;
        let mut request = world.client.request(method, url).headers(headers);
        if let Some(now) = world.clock().header() {
            request = request.header("x-test-now", now);
        }
        if let Some(body) = body {
            request = match in_chunks {
                true => request
                    .body(reqwest::Body::wrap(StreamBody::new(BodyStream::new(Full::<bytes::Bytes>::from(body))))),
                false => request.body(body),
            };
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{line} got no answer: {error:?}"));
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.unwrap_or_else(|error| panic!("{line} broke off: {error:?}"));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        let reply = Reply { status, headers, bytes, text, json };
        let right = match expected {
            Expected::Success => status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS,
            Expected::Status(wanted) => status == wanted,
            Expected::File => status.is_success() || status.is_redirection(),
            Expected::Anything => true,
        };
        if !right {
            let request_id = reply.header("x-request-id").to_owned();
            let logs = world.logs().await;
            let logs: Vec<_> = logs.iter().filter(|log| !request_id.is_empty() && log.contains(&request_id)).collect();
            let wanted = match expected {
                Expected::Status(wanted) => wanted.to_string(),
                _ => "success".into(),
            };
            panic!("{line} wanted {wanted}, got {status}: {}\nlogged: {logs:?}", reply.text);
        }
        if !matches!(expected, Expected::File) {
            reply.check(&line, head);
        }
        reply
    }
}

impl IntoFuture for Call {
    type Output = Reply;
    type IntoFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send(Expected::Success))
    }
}

#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: bytes::Bytes,
    pub text: String,
    /// Null where the body is no JSON.
    pub json: Value,
}

impl Reply {
    /// What is true of every answer.
    fn check(&self, line: &str, head: bool) {
        let request_id = self.header("x-request-id");
        assert!(!request_id.is_empty(), "{line} has no x-request-id: {self:?}");
        if self.status.as_u16() >= 400 && !head {
            assert_eq!(keys(&self.json), ["error", "request_id"], "{line}: {}", self.text);
            assert_eq!(keys(&self.json["error"]), ["code", "details", "message"], "{line}: {}", self.text);
            assert_eq!(self.json["request_id"], request_id, "{line}");
            assert!(self.json["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{line}");
            assert!(self.json["error"]["details"].is_object(), "{line}");
            assert_eq!(self.header("content-type"), "application/json", "{line}");
        }
    }

    /// The value of a header, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a readable header"))
    }

    #[track_caller]
    pub fn data(&self) -> &Value {
        assert_eq!(keys(&self.json), ["data"], "{}", self.text);
        &self.json["data"]
    }

    #[track_caller]
    pub fn items(&self) -> &[Value] {
        assert_eq!(keys(&self.json), ["items", "page", "page_size", "total"], "{}", self.text);
        self.json["items"].as_array().expect("items")
    }

    #[track_caller]
    pub fn total(&self) -> i64 {
        self.json["total"].as_i64().expect("a total")
    }

    pub fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }

    /// The fields a failed validation names.
    #[track_caller]
    pub fn fields(&self) -> Vec<&str> {
        let fields = self.json["error"]["details"]["fields"].as_array().expect("details.fields");
        for field in fields {
            assert_eq!(keys(field), ["field", "message"], "{}", self.text);
        }
        super::pluck(fields, "field")
    }

    /// Trips to the database it took.
    #[track_caller]
    pub fn trips(&self) -> u32 {
        let timing = self.header("server-timing");
        let trips = timing.split("db;desc=\"").nth(1).and_then(|rest| rest.split('"').next());
        trips.and_then(|trips| trips.parse().ok()).unwrap_or_else(|| panic!("no trips in '{timing}'"))
    }

    /// Whether the rate limiter's Durable Object was asked.
    pub fn asked_limiter(&self) -> bool {
        self.header("server-timing").contains("limiter;")
    }

    #[track_caller]
    pub fn number(&self, header: &str) -> i64 {
        self.header(header).parse().unwrap_or_else(|_| panic!("'{header}' is no number in {:?}", self.headers))
    }
}
