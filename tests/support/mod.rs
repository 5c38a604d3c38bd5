//! The harness: a world is a Worker of its own with its own data, people are who
//! call it, and a call that is not told otherwise must succeed.

mod ai;
mod call;
mod cast;
mod clock;
mod contract;
mod jwt;
mod objects;
mod receiver;
mod runtime;
mod shop;
mod socket;
mod worker;
mod world;

pub use ai::Thinking;
pub use ai_stand_in::Fault;
pub use call::{Call, Reply};
pub use cast::Person;
pub use contract::{CONTRACT, Route, broken_promises, routes};
pub use futures::future::join_all;
pub use jwt::Jwt;
pub use receiver::{Answer, Received, Receiver};
pub use runtime::node;
pub use serde_json::{Value, json};
pub use shop::{Shop, WEBHOOK_SECRET};
pub use socket::Socket;
pub use std::future::IntoFuture;
pub use std::time::Duration;
pub use worker::{Machine, PNG, sign, signature};
pub use world::{JWT_SECRET, Setup, WORKER_SECRET, World};

pub const PASSWORD: &str = "correct horse battery staple";

/// The root of the repository.
pub fn root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The keys of an object, sorted.
#[track_caller]
pub fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// One field of every item of a list.
#[track_caller]
pub fn pluck<'a>(items: &'a [Value], field: &str) -> Vec<&'a str> {
    items.iter().map(|item| item[field].as_str().unwrap_or_else(|| panic!("no text '{field}' in {item}"))).collect()
}
