//! The ledger through its public border, on a real disk.

// Helpers here are parts of tests too; clippy sees only functions marked as such.
#![allow(clippy::unwrap_used)]

mod answers;
mod bounds;
mod crash_windows;
mod crash_windows_opening;
mod damaged_log;
mod described;
mod duplicates;
mod full_disk;
mod heartbeat;
mod killed;
mod lengths;
mod lots;
mod names;
mod namespace;
mod opening;
mod outage;
mod properties;
mod read_only_root;
mod reading;
mod reading_at_rest;
mod replies;
mod reports;
mod retention;
mod sealed;
mod stopped;
mod support;
mod tampering;
mod torn_log;
mod windows;
