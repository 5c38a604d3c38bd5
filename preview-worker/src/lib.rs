//! The preview worker: claims jobs of HiveSync's API, renders them with headless Chromium, hands in what it saw.

#![cfg_attr(test, allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used))]

pub mod api;
pub mod browser;
pub mod config;
pub mod fault;
mod job;
mod layout;
mod log;
mod markdown;
pub mod project;
pub mod protocol;
pub mod render;
pub mod worker;
