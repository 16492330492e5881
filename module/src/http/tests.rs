//! The door on loopback, with the bundled model and a real ledger.

mod bench;
mod binding;
mod counting;
mod failing;
mod formats;
mod limits;
mod unnamed;
