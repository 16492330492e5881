//! The commands, one room each.

mod progress;
pub(crate) mod render;
pub(crate) mod send;
