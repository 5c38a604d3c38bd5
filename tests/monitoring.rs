//! What the service says of itself to who runs it.

mod counts;
mod health;
mod logs;
mod metrics;
