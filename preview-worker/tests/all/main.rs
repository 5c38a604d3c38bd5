//! The worker with a real Chromium: what it draws, and what no page can do to it.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod hostile;
mod jailed;
mod life;
mod pictures;
mod stand_in;
mod studio;
