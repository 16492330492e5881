//! The fruit counter module for Azure IoT Edge, as a library so that its rooms can
//! be tested and assembled in-process; `main.rs` is the door.
//!
//! - [`settings`]: where it runs, read once from the environment, and how it behaves
//! - [`in_force`]: how it behaves now; [`twin`]: what is set from afar, and what is told of it
//! - [`app`]: start, wait, stop in order
//! - `opening`: the ledger opened, waiting for the disk
//! - [`pipeline`]: the way of one picture, from delivery to acknowledgement
//! - [`eyes`], [`judge`]: from bytes to an outcome, under a note of the attempt; [`renewed`] hands a
//!   new session of the model over
//! - [`watchdog`]: ends a process that a picture holds up
//! - [`ending`]: ends it in one moment, whatever its threads are doing
//! - `capacity`: how many pictures a second this box can take
//! - [`labels`]: what the model's labels count as
//! - [`frame`], [`redelivery`]: what identifies a picture, and when it may be a repeat
//! - [`reporter`]: sealed reports, sent until confirmed
//! - [`methods`]: questions that are answered while it works
//! - [`http`]: the door for cameras that speak HTTP, and for whoever asks how it is
//! - [`health`]: is it ready, and if not, why; [`healthcheck`] asks that from outside
//! - [`metrics`]: what is counted of all that, and the events that count it
//! - [`classify`]: the same eyes for files on a disk
//! - [`model_command`]: what a model package is, for whoever brings one
//! - [`ledger_command`]: the counts read back, for people and their programs
//! - [`shared_ledger`], [`clock`], [`logging`]: what the rooms share
//!
//! What is absent on purpose: any way for a picture, or part of one, to leave.

pub mod afresh;
pub mod app;
mod capacity;
pub mod classify;
pub mod clock;
pub mod decode_room;
#[cfg(test)]
mod described;
pub mod ending;
pub mod eyes;
pub mod frame;
pub mod health;
pub mod healthcheck;
pub mod http;
pub mod in_force;
pub mod judge;
pub mod labels;
pub mod ledger_command;
pub mod logging;
pub mod methods;
pub mod metrics;
pub mod model_command;
mod opening;
pub mod pipeline;
pub mod redelivery;
pub mod renewed;
pub mod reporter;
pub mod settings;
pub mod shared_ledger;
pub mod twin;
mod volume;
pub mod watchdog;

pub use shared_ledger::SharedLedger;

/// An error with its causes, on one line.
#[must_use]
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
