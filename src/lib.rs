//! HiveSync API: a SaaS backend as one Worker at Cloudflare's edge.

mod access;
mod admin;
mod ai;
mod ai_docs;
mod api_keys;
mod app;
mod attachments;
mod audit;
mod auth;
mod billing;
mod comments;
mod config;
mod cors;
mod csrf;
mod db;
mod error;
mod event;
mod health;
mod host;
mod http;
mod idempotency;
mod jobs;
mod limits;
mod live;
mod monitoring;
mod notifications;
pub mod openapi;
mod previews;
mod profile;
mod projects;
mod routes;
mod search;
mod serve;
mod support;
mod tasks;
mod team;
mod user;
mod webhooks;
mod workers;

use worker::{Context, Env, MessageBatch, ScheduleContext, ScheduledEvent, event};

#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, context: Context) -> worker::Result<web_sys::Response> {
    host::fetch(request, env, context).await
}

#[event(queue)]
async fn queue(batch: MessageBatch<String>, env: Env, _: Context) -> worker::Result<()> {
    host::queue(batch, env).await;
    Ok(())
}

#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, _: ScheduleContext) {
    host::scheduled(event.schedule(), env).await;
}
