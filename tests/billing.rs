//! Buying, and what the payment provider says.

mod checkout;
mod faults;
mod inbox;
mod lifecycle;
mod manage;
mod reconcile;

pub use crate::support::*;
pub use lemonsqueezy_stand_in::{Change, Delivery, Fault};
