//! The commands, one room each.

pub(crate) mod compare;
mod progress;
pub(crate) mod render;
pub(crate) mod send;
mod who;
