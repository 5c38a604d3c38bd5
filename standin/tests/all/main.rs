//! The stand-in as a shop and a buyer see it.

mod api;
mod pages;
mod receiver;
mod shop;
mod webhooks;
