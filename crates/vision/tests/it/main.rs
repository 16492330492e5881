//! The crate against real pictures and models, and against numbers that other
//! programs made. One binary, so that linking stays quick.
//!
//! Pictures and models from outside lie beside the repository and are not part
//! of it; a test that needs them says that it was skipped where they are not.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests; clippy knows only the tests themselves"
)]

mod capacity;
mod classify;
mod exports;
mod frames;
mod hostile;
mod model_toml;
mod packages;
mod prepared;
mod providers;
mod scores;
mod shared;
