//! Lists come in pages.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::{json, written};
use super::query;
use crate::error::{Error, Result};

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

/// A page of a list.
#[derive(Serialize, Deserialize, JsonSchema)]
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

    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Paged<U> {
        let Paged { items, total, page, page_size } = self;
        Paged { items: items.into_iter().map(f).collect(), total, page, page_size }
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

#[cfg(test)]
mod tests {
    use super::*;

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
