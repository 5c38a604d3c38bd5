//! What is heard as it happens.

mod entry;
mod missed;
mod told;
