//! A leaf device: sends pictures from a folder, or rendered ones whose truth is known.

pub mod baseline;
pub mod encode;
pub mod render;
pub mod truth;
