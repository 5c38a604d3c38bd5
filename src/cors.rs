//! Which pages of other origins may call, and what of the answer they may read.

use http::{HeaderMap, HeaderValue, header};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, if-none-match, if-range, range, x-request-id",
);
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "accept-ranges, content-disposition, content-length, content-range, etag, location, retry-after, ratelimit, \
     ratelimit-policy, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, idempotency-replayed, \
     server-timing, x-request-id",
);
/// Chromium's longest.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// Exact origins from the configuration only; a browser is told nothing about others.
pub fn write(headers: &mut HeaderMap, origin: Option<HeaderValue>, allowed: &[HeaderValue]) {
    if allowed.is_empty() {
        return;
    }
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = origin.filter(|origin| allowed.contains(origin)) else {
        return;
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
}
