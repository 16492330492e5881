//! A leaf device that plays the camera of a fruit counter.
//!
//! - [`render`]: pictures of fruit, ripe or unripe, made from a seed; their truth is known.
//! - [`baseline`]: how far a single threshold on a mean colour gets, for comparison.
//! - [`encode`]: JPEG, and how a picture is made to fit into a message.
//! - [`files`]: which files there are, and their bytes, bounded.
//! - [`send`]: pictures from a folder or from the renderer to an edgeHub, each until it is
//!   acknowledged, with a report of what was sent.
//! - [`compare`]: the same pictures by HTTP to two endpoints, and how their answers differ.
//!
//! Rendering knows nothing of sending. Neither ever holds more pictures than a small, named number.

pub mod baseline;
pub mod compare;
pub mod encode;
pub mod files;
pub mod render;
pub mod send;
pub mod truth;
