//! The development hub from outside: real sockets, real processes, port 0, no internet.
//! One binary, so that it links once.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is test code, helpers included"
)]

mod agent;
mod client;
mod command;
mod control;
mod manifest;
mod network;
mod workload;
