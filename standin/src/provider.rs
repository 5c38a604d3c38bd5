//! The provider as a whole: what it was started with, what it remembers, what it sends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Months, Utc};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::state::Books;
use crate::webhooks::{Outbox, sign};
use crate::{Options, Variant};

/// How long a link to the customer portal is good for, in seconds.
const LINK_LIFE: i64 = 21_600;

pub(crate) struct Provider {
    pub options: Options,
    pub url: String,
    /// Whatever outlives a call runs here.
    pub runtime: Handle,
    pub client: reqwest::Client,
    /// Deliveries not yet ended.
    pub pending: Arc<watch::Sender<usize>>,
    books: Mutex<Books>,
    outbox: Mutex<Outbox>,
}

impl Provider {
    pub fn new(options: Options, url: String, runtime: Handle) -> Provider {
        Provider {
            books: Mutex::new(Books::new(random_u32())),
            outbox: Mutex::new(Outbox { url: options.webhook_url.clone(), copies: 1, ..Outbox::default() }),
            client: crate::webhooks::client(),
            pending: Arc::new(watch::Sender::new(0)),
            options,
            url,
            runtime,
        }
    }

    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In whole seconds since 1970, which is all the provider tells.
    pub fn now(&self) -> i64 {
        (self.options.clock)().div_euclid(1000)
    }

    pub fn variant(&self, id: u64) -> Option<&Variant> {
        self.options.variants.iter().find(|variant| variant.id == id)
    }

    /// The whole URL of a path with its query, sealed.
    pub fn sealed(&self, path: &str) -> String {
        let path = format!("{path}{}signature=", if path.contains('?') { '&' } else { '?' });
        format!("{}{path}{}", self.url, self.seal(&path))
    }

    /// A sealed URL that is good for some hours from now; `query` are further parameters.
    pub fn sealed_for_hours(&self, path: &str, query: &str) -> String {
        self.sealed(&format!("{path}?expires={}{query}", self.now() + LINK_LIFE))
    }

    /// The path with its query, without the origin, if this provider made it and it still holds.
    pub fn opened<'a>(&self, url: &'a str) -> Result<&'a str, String> {
        let path = url.strip_prefix(&self.url).unwrap_or(url);
        let (unsigned, seal) = path.rsplit_once("signature=").ok_or("this link has no signature")?;
        if self.seal(&format!("{unsigned}signature=")) != seal {
            return Err("this link was changed: its signature is wrong".into());
        }
        let expires = unsigned.split(['?', '&']).find_map(|part| part.strip_prefix("expires="));
        match expires.map(str::parse::<i64>) {
            Some(Ok(expires)) if expires <= self.now() => Err("this link has expired".into()),
            _ => Ok(path),
        }
    }

    fn seal(&self, path: &str) -> String {
        sign(&self.options.api_key, path.as_bytes())
    }
}

pub(crate) fn uuid() -> String {
    uuid::Builder::from_random_bytes(random()).into_uuid().to_string()
}

fn random_u32() -> u32 {
    u32::from_le_bytes(random())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the machine has randomness");
    bytes
}

pub(crate) fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

/// The same day of the next month or year, or the last one there is.
pub(crate) fn next_period(from: i64, yearly: bool) -> i64 {
    let months = Months::new(if yearly { 12 } else { 1 });
    time(from).checked_add_months(months).map_or(from, |time| time.timestamp())
}
