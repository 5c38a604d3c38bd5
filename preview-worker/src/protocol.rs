//! What worker and API say to each other.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize)]
pub struct Claim {
    pub job_id: String,
    pub attempt: u32,
    pub attempt_token: String,
    pub platform: Platform,
    pub devices: Vec<Device>,
    #[serde(default)]
    pub safe_mode: bool,
    #[serde(default)]
    pub entry: Option<String>,
    pub limits: Limits,
    pub files: Vec<File>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    Ios,
    Android,
    Ipad,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Device {
    pub name: String,
    /// In CSS pixels.
    pub width: u32,
    pub height: u32,
    /// Of a picture's pixels for one of CSS.
    pub scale: f64,
    #[serde(default = "yes")]
    pub mobile: bool,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Limits {
    pub snapshots: usize,
    pub snapshot_bytes: usize,
    #[serde(default = "usual_timeout")]
    pub timeout_ms: u64,
}

fn usual_timeout() -> u64 {
    8000
}

#[derive(Clone, Debug, Deserialize)]
pub struct File {
    pub path: String,
    pub sha256: String,
    pub bytes: usize,
    pub url: String,
}

#[derive(Serialize)]
pub struct Heartbeat<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub metrics: Metrics,
    pub running: &'a [String],
}

#[derive(Serialize)]
pub struct Metrics {
    /// Of the machine, over a minute.
    pub load: f64,
    /// Of the machine, available.
    pub memory_bytes: u64,
    pub concurrency: usize,
    pub completed: u64,
    pub failed: u64,
}

#[derive(Default, Debug, Deserialize)]
pub struct Orders {
    #[serde(default)]
    pub draining: bool,
    #[serde(default)]
    pub canceled: Vec<String>,
}

#[derive(Serialize)]
pub struct Callback<'a> {
    pub job_type: &'static str,
    pub job_id: &'a str,
    pub attempt_token: &'a str,
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout_json_key: Option<&'a str>,
    pub asset_keys: &'a [String],
    pub error: Option<Failure>,
    pub warnings: &'a [String],
}

#[derive(Serialize)]
pub struct Failure {
    pub code: &'static str,
    pub message: &'static str,
}

#[derive(Deserialize)]
pub struct Data<T> {
    pub data: T,
}

#[derive(Deserialize)]
pub struct Stored {
    pub key: String,
}
