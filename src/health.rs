//! Whether the service is up: the Worker runs and its configuration is whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::http::{Answer, Bare};

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Health {
    #[schemars(example = &"ok")]
    status: String,
    #[schemars(example = &"0.1.0")]
    version: String,
}

pub async fn get() -> Result<Bare<Health>> {
    Bare::of(&Health { status: "ok".into(), version: env!("CARGO_PKG_VERSION").into() })
}
