//! HiveSync's API, as a worker speaks to it: every request signed.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac};
use reqwest::{Method, Response, StatusCode, Url, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::protocol::{Callback, Claim, Data, Heartbeat, Orders, Stored};

const CONNECT: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(30);
/// A claim names every file of a project, by a long link each.
const ANSWER: usize = 16 << 20;

pub struct Api {
    client: reqwest::Client,
    base: String,
    name: String,
    secret: String,
    said: Mutex<HashSet<String>>,
}

/// Why a request got no good answer.
#[derive(Debug)]
pub enum Trouble {
    Unreachable,
    Status(StatusCode),
    Nonsense,
}

impl Trouble {
    /// Whether the same may go better a little later.
    pub fn may_pass(&self) -> bool {
        match self {
            Trouble::Unreachable => true,
            // 401: the same picture of another worker came in the same second.
            Trouble::Status(status) => status.is_server_error() || matches!(status.as_u16(), 401 | 429),
            Trouble::Nonsense => false,
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Unreachable => f.write_str("no answer"),
            Trouble::Status(status) => write!(f, "{}", status.as_u16()),
            Trouble::Nonsense => f.write_str("an answer that makes no sense"),
        }
    }
}

impl Api {
    /// `base` ends with the version: `https://…/api/v1`.
    pub fn new(base: &str, name: &str, secret: &str) -> Result<Api, String> {
        let base = base.trim_end_matches('/').to_owned();
        let url = Url::parse(&base).map_err(|error| format!("'{base}' is no address: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("'{base}' is not of http"));
        }
        let client = reqwest::Client::builder().redirect(redirect::Policy::none()).connect_timeout(CONNECT);
        let client = client.no_proxy().build().map_err(|error| error.to_string())?;
        Ok(Api { client, base, name: name.into(), secret: secret.into(), said: Mutex::default() })
    }

    pub async fn heartbeat(&self, heartbeat: &Heartbeat<'_>) -> Result<Orders, Trouble> {
        let answer = self.post("/workers/heartbeat", heartbeat, PATIENCE).await?;
        Ok(read::<Data<Orders>>(answer).await?.data)
    }

    /// A job, or none within `wait`.
    pub async fn claim(&self, wait: Duration) -> Result<Option<Claim>, Trouble> {
        let asked = json!({ "kinds": ["preview"], "wait_seconds": wait.as_secs() });
        let answer = self.post("/workers/claim", &asked, wait + PATIENCE).await?;
        match answer.status() {
            StatusCode::NO_CONTENT => Ok(None),
            _ => Ok(Some(read::<Data<Claim>>(answer).await?.data)),
        }
    }

    /// Stores a picture or the layout, and tells under which key.
    pub async fn upload(&self, claim: &Claim, name: &str, bytes: Vec<u8>) -> Result<String, Trouble> {
        let kind = if name.ends_with(".json") { "application/json" } else { "image/png" };
        let path = format!("/workers/jobs/{}/artifacts/{name}", claim.job_id);
        let headers = [("content-type", kind), ("x-hs-attempt", &claim.attempt_token)];
        let answer = self.send(Method::PUT, &path, &headers, bytes, PATIENCE).await?;
        Ok(read::<Data<Stored>>(answer).await?.data.key)
    }

    pub async fn callback(&self, callback: &Callback<'_>) -> Result<(), Trouble> {
        self.post("/workers/callback", callback, PATIENCE).await.map(drop)
    }

    /// A file of exactly so many bytes. The link is its own permission.
    pub async fn download(&self, url: &str, size: usize) -> Result<Vec<u8>, Trouble> {
        let answer = self.client.get(url).timeout(PATIENCE).send().await.map_err(|_| Trouble::Unreachable)?;
        if answer.status() != StatusCode::OK {
            return Err(Trouble::Status(answer.status()));
        }
        let bytes = bounded(answer, size).await?;
        if bytes.len() == size { Ok(bytes) } else { Err(Trouble::Nonsense) }
    }

    async fn post(&self, path: &str, body: &impl Serialize, patience: Duration) -> Result<Response, Trouble> {
        let said = Said { body, nonce: nonce() };
        let body = serde_json::to_vec(&said).map_err(|_| Trouble::Nonsense)?;
        self.send(Method::POST, path, &[("content-type", "application/json")], body, patience).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Response, Trouble> {
        let (timestamp, signature) = self.sign(&body).await;
        let mut request = self.client.request(method, format!("{}{path}", self.base)).timeout(patience);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .header("x-hs-timestamp", timestamp.to_string())
            .header("x-hs-worker", &self.name)
            .header("x-hs-signature", signature)
            .body(body);
        let answer = request.send().await.map_err(|_| Trouble::Unreachable)?;
        if answer.status().is_success() { Ok(answer) } else { Err(Trouble::Status(answer.status())) }
    }

    /// No signature is taken twice, so the same picture waits for the next second.
    async fn sign(&self, body: &[u8]) -> (u64, String) {
        loop {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            let signature = signature(&self.secret, now, body);
            let is_new = {
                let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
                // Only those of this second can come again.
                if said.len() > 1000 {
                    said.clear();
                }
                said.insert(signature.clone())
            };
            if is_new {
                return (now, signature);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Two workers may say the same in one second; what they say is signed, and nothing signed counts twice.
#[derive(Serialize)]
struct Said<'a, T> {
    #[serde(flatten)]
    body: &'a T,
    nonce: String,
}

fn nonce() -> String {
    let uuid = std::fs::read_to_string("/proc/sys/kernel/random/uuid");
    uuid.unwrap_or_default().trim().to_owned()
}

pub fn signature(secret: &str, timestamp: u64, body: &[u8]) -> String {
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    hex(&mac.finalize().into_bytes())
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, Trouble> {
    let bytes = bounded(answer, ANSWER).await?;
    serde_json::from_slice(&bytes).map_err(|_| Trouble::Nonsense)
}

async fn bounded(mut answer: Response, most: usize) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| Trouble::Unreachable)? {
        if bytes.len() + chunk.len() > most {
            return Err(Trouble::Nonsense);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{sha256, signature};

    #[test]
    fn a_signature_is_of_the_time_and_the_body() {
        let known = "1122767b193110cfec322b6f199b599edbf608ed087f2d27afb0b97d99523908";
        assert_eq!(signature("secret", 1, b"{}"), known);
        assert_ne!(signature("secret", 2, b"{}"), known);
        assert_ne!(signature("secret", 1, b"{ }"), known);
    }

    #[test]
    fn a_hash_is_lower_case_hex() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
