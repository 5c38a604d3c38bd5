//! What is heard as it happens.

mod entry;
mod faults;
mod missed;
mod told;
