//! The commands, one room each.

pub(crate) mod render;
