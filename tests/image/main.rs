//! The container image as it is deployed: run by an engine under the limits that the template sets.
//!
//! Each test needs an image that was built before and says so where there is none:
//!
//! ```sh
//! IMAGE_UNDER_TEST=$(cargo xtask image) cargo test -p end-to-end --test image -- --test-threads 1
//! ```
//!
//! `IMAGE_ENGINE` names the program that runs it, `podman` if not set. What the image is made of is
//! looked at when it is built (`docker/assemble.sh`); these tests look at what it does.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod about;
mod container;
mod hostile;
mod running;
mod start;
