//! The machines that do what jobs ask for.

pub mod signature;
