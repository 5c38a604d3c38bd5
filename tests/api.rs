//! The service from outside: over HTTP, on the runtime it is deployed to.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used
)]

mod accounts;
mod admin;
mod ai_docs;
mod api_keys;
mod attachments;
mod audit;
mod billing;
mod browser;
mod comments;
mod config;
mod crossing;
mod every;
mod exports;
mod http;
mod idempotency;
mod invites;
mod limits;
mod live;
mod lockout;
mod login_links;
mod monitoring;
mod notifications;
mod outbox;
mod previews;
mod profile;
mod project_lists;
mod projects;
mod questions;
mod search;
mod sessions;
mod support;
mod tags;
mod tasks;
mod team;
mod templates;
mod tiers;
mod tokens;
mod webhooks;
mod workers;
