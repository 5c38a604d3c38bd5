//! Previews: a project's pages, drawn as they look on a device.

pub mod device;
pub mod token;
