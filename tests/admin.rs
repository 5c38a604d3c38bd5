//! What operators see and switch.

mod operators;
mod switches;
