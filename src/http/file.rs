//! Stored files as HTTP gives them away: whole, in part, or only what there is to know of them (RFC 9110).

use std::convert::Infallible;
use std::ops::RangeInclusive;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use crate::error::{Code, Error};
use crate::host::Foreign;

/// What of a file a request wants.
#[derive(Debug, Default)]
pub struct Wanted {
    head: bool,
    range: Option<String>,
    if_range: Option<String>,
    if_none_match: Option<String>,
}

/// What of a file an answer gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Portion {
    /// This much from the first byte on: all of it.
    Whole(u64),
    /// Of a file of so many bytes.
    Part(RangeInclusive<u64>, u64),
    /// Nothing: whoever asks has it already.
    Known,
    /// Nothing: so many bytes have no such range.
    Beyond(u64),
}

/// A stored file to be saved, never to be shown: what people upload is not ours to run.
pub struct File {
    pub name: String,
    pub content_type: String,
    /// Without quotes.
    pub etag: String,
    pub portion: Portion,
    pub body: Foreign,
}

/// Something made while it is sent, to be saved.
pub struct Download {
    pub name: String,
    pub content_type: &'static str,
    pub body: Foreign,
}

impl IntoResponse for Download {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        if let Ok(disposition) = HeaderValue::from_str(&disposition(&self.name)) {
            response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
        }
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response.extensions_mut().insert(self.body);
        response
    }
}

impl FromRequestParts<()> for Wanted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &()) -> Result<Self, Infallible> {
        let text = |name: HeaderName| Some(parts.headers.get(name)?.to_str().ok()?.to_owned());
        Ok(Wanted {
            head: parts.method == Method::HEAD,
            range: text(header::RANGE),
            if_range: text(header::IF_RANGE),
            if_none_match: text(header::IF_NONE_MATCH),
        })
    }
}

impl Wanted {
    pub fn portion(&self, etag: &str, size: u64) -> Portion {
        let is_it = |tag: &str| tag.trim().strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) == Some(etag);
        let known = |tag: &str| tag.trim() == "*" || is_it(tag.trim().trim_start_matches("W/"));
        if self.if_none_match.as_deref().is_some_and(|tags| tags.split(',').any(known)) {
            return Portion::Known;
        }
        // A HEAD has no ranges, and a part of what has changed fits nothing.
        let range = self.range.as_deref().filter(|_| !self.head && self.if_range.as_deref().is_none_or(is_it));
        match range.and_then(parse) {
            None => Portion::Whole(size),
            Some(range) => match range.of(size) {
                Some(range) => Portion::Part(range, size),
                None => Portion::Beyond(size),
            },
        }
    }

    /// Where to begin to send, and how many bytes; `None`: only the headers are wanted.
    pub fn span(&self, portion: &Portion) -> Option<(u64, u64)> {
        match portion {
            Portion::Whole(size) => (!self.head).then_some((0, *size)),
            Portion::Part(range, _) => Some((*range.start(), range.end() - range.start() + 1)),
            Portion::Known | Portion::Beyond(_) => None,
        }
    }
}

enum ByteRange {
    From(u64, Option<u64>),
    Last(u64),
}

impl ByteRange {
    fn of(&self, size: u64) -> Option<RangeInclusive<u64>> {
        let last = size.checked_sub(1)?;
        match *self {
            ByteRange::From(first, end) => (first <= last).then(|| first..=end.unwrap_or(last).min(last)),
            ByteRange::Last(count) => (count > 0).then(|| size.saturating_sub(count)..=last),
        }
    }
}

/// One range of bytes. What else is asked for, several ranges among it, a server may overlook.
fn parse(text: &str) -> Option<ByteRange> {
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?;
    match (first, last) {
        _ if !unit.trim().eq_ignore_ascii_case("bytes") => None,
        ("", count) => Some(ByteRange::Last(number(count)?)),
        (first, "") => Some(ByteRange::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(ByteRange::From(first, Some(last)))
        }
    }
}

impl File {
    /// All of a file that is asked for by a link of ours, once.
    pub fn whole(name: &str, content_type: &str, etag: &str, size: u64, body: Foreign) -> Self {
        File {
            name: name.into(),
            content_type: content_type.into(),
            etag: etag.into(),
            portion: Portion::Whole(size),
            body,
        }
    }

    fn headers(&self) -> [(HeaderName, String); 7] {
        [
            (header::ETAG, format!("\"{}\"", self.etag)),
            (header::ACCEPT_RANGES, "bytes".into()),
            // Whoever has it asks again: the link ends, and so does a membership.
            (header::CACHE_CONTROL, "private, no-cache".into()),
            (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".into()),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-site".into()),
            (header::CONTENT_DISPOSITION, disposition(&self.name)),
            (header::CONTENT_TYPE, self.content_type.clone()),
        ]
    }
}

impl IntoResponse for File {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        let mut set = |name, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        };
        let (status, length) = match &self.portion {
            Portion::Whole(size) => (StatusCode::OK, Some(*size)),
            Portion::Known => (StatusCode::NOT_MODIFIED, None),
            Portion::Part(range, size) => {
                let (first, last) = (range.start(), range.end());
                set(header::CONTENT_RANGE, format!("bytes {first}-{last}/{size}"));
                (StatusCode::PARTIAL_CONTENT, Some(last - first + 1))
            }
            Portion::Beyond(size) => {
                let mut response = Error::new(Code::RangeNotSatisfiable).into_response();
                if let Ok(size) = HeaderValue::from_str(&format!("bytes */{size}")) {
                    response.headers_mut().insert(header::CONTENT_RANGE, size);
                }
                return response;
            }
        };
        for (name, value) in self.headers() {
            set(name, value);
        }
        if let Some(length) = length {
            set(header::CONTENT_LENGTH, length.to_string());
        }
        *response.status_mut() = status;
        response.extensions_mut().insert(self.body);
        response
    }
}

/// RFC 6266: the name for everybody in ASCII, and as it is.
fn disposition(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '_' }).collect();
    let plain = plain.replace(['"', '\\', '%'], "_");
    let mut exact = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'.' | b'-' | b'_' | b'~' => exact.push(char::from(byte)),
            byte => exact.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portion(range: &str) -> Portion {
        Wanted { range: Some(range.into()), ..Wanted::default() }.portion("e1", 100)
    }

    #[test]
    fn one_range_is_a_part() {
        assert_eq!(portion("bytes=0-0"), Portion::Part(0..=0, 100));
        assert_eq!(portion("bytes=90-"), Portion::Part(90..=99, 100));
        assert_eq!(portion("bytes=90-500"), Portion::Part(90..=99, 100));
        assert_eq!(portion("bytes=-10"), Portion::Part(90..=99, 100));
        assert_eq!(portion("Bytes=-1000"), Portion::Part(0..=99, 100));
        assert_eq!(portion("bytes=100-"), Portion::Beyond(100));
        assert_eq!(portion("bytes=-0"), Portion::Beyond(100));
    }

    #[test]
    fn what_is_no_single_range_is_the_whole() {
        for odd in ["bytes=5-4", "bytes=0-1,5-6", "bytes=a-b", "bytes=-", "lines=1-2", "bytes 1-2", "bytes=+1-2", ""] {
            assert_eq!(portion(odd), Portion::Whole(100), "{odd}");
        }
    }

    #[test]
    fn a_tag_tells_what_the_client_has() {
        let known = |tags: &str| {
            let wanted = Wanted { if_none_match: Some(tags.into()), ..Wanted::default() };
            wanted.portion("e1", 100) == Portion::Known
        };
        assert!(known("\"e1\"") && known("*") && known("\"x\", W/\"e1\""));
        assert!(!known("\"e2\"") && !known("e1") && !known(""));
        let resumed = |tag: &str| {
            let wanted = Wanted { range: Some("bytes=5-".into()), if_range: Some(tag.into()), ..Wanted::default() };
            wanted.portion("e1", 100) == Portion::Part(5..=99, 100)
        };
        assert!(resumed("\"e1\""));
        assert!(!resumed("\"e2\"") && !resumed("W/\"e1\"") && !resumed("Wed, 25 Nov 2026 16:35:42 GMT"));
    }

    #[test]
    fn a_name_cannot_leave_its_header() {
        assert_eq!(
            disposition("é \"x\";\\%.txt"),
            "attachment; filename=\"_ _x_;__.txt\"; filename*=UTF-8''%C3%A9%20%22x%22%3B%5C%25.txt"
        );
    }
}
