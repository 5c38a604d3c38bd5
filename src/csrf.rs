//! Whether a request comes from a page of ours. A browser sends its cookies with
//! any page's request, so a cookie alone is no consent to change something.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Method, header};

use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::http::{is_form, is_json};

/// A request that changes something in the name of a cookie: same origin, and JSON or a form with files, as what it
/// says must be one of the two anywhere.
pub fn check(method: &Method, headers: &HeaderMap, site: &str) -> Result<()> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    if !from_our_page(headers, site).unwrap_or(false) {
        return Err(Code::CrossSite.into());
    }
    if !is_json(headers) && !is_form(headers) {
        return Err(Code::UnsupportedMediaType.into());
    }
    Ok(())
}

/// `None` where no browser says.
pub fn from_our_page(headers: &HeaderMap, site: &str) -> Option<bool> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(relation) = text("sec-fetch-site") {
        return Some(relation == "same-origin");
    }
    text(header::ORIGIN.as_str()).map(|origin| origin == site)
}

/// What sets a cookie takes no request of another site's page: it would log people in as somebody else.
pub struct NotCrossSite;

impl FromRequestParts<()> for NotCrossSite {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &()) -> Result<Self> {
        let app = App::of(&parts.extensions)?;
        match from_our_page(&parts.headers, app.site()) {
            Some(false) => Err(Code::CrossSite.into()),
            _ => Ok(NotCrossSite),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn verdict(method: Method, headers: &[(&'static str, &'static str)]) -> Option<Code> {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        check(&method, &HeaderMap::from_iter(headers), "https://hivesync.dev").err().map(|error| error.code)
    }

    #[test]
    fn only_a_page_of_ours_changes_things_by_cookie() {
        let json = ("content-type", "application/json");
        let same = ("sec-fetch-site", "same-origin");
        assert_eq!(verdict(Method::GET, &[]), None);
        assert_eq!(verdict(Method::POST, &[json, same]), None);
        assert_eq!(verdict(Method::POST, &[json, ("origin", "https://hivesync.dev")]), None);
        assert_eq!(verdict(Method::POST, &[same]), Some(Code::UnsupportedMediaType));
        for from in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "none"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            assert_eq!(verdict(Method::POST, &[json, from]), Some(Code::CrossSite), "{from:?}");
            assert_eq!(verdict(Method::DELETE, &[json, from]), Some(Code::CrossSite), "{from:?}");
        }
        assert_eq!(verdict(Method::POST, &[json]), Some(Code::CrossSite));
        assert_eq!(
            verdict(Method::POST, &[json, ("sec-fetch-site", "cross-site"), ("origin", "https://hivesync.dev")]),
            Some(Code::CrossSite)
        );
    }
}
