//! What operators see and switch.

mod switches;
