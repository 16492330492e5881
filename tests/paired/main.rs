//! The whole client library against the whole hub, on loopback: what neither side shows alone.
//!
//! The two share the packet codec and nothing else. Numbers in the names are lines of
//! `docs/checklist.md`.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is test code, helpers included"
)]

mod connecting;
mod habits;
mod messages;
mod site;
mod twins_and_methods;
