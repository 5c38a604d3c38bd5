//! The protocol of preview workers, and what happens where they do not keep it.

mod callbacks;
mod claims;
mod nodes;
mod proof;
mod uploads;

use crate::previews::Studio;
use crate::support::*;
