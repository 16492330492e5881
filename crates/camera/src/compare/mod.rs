//! The same pictures to two endpoints that classify, and what differs.
//!
//! Decisions, without a socket or a clock: [`endpoint`] reads an address, [`keys`] says which key
//! goes where, `answer` reads a reply, `patience` how long a busy endpoint is waited for, `tally`
//! adds up, [`summary`] is the result and [`page`] shows it to people. The shell: `wire` counts
//! bytes under TLS, [`dial`] opens a connection, [`client`] asks over one that is kept open, and
//! [`run`] alone knows the order.
//!
//! What must never happen here: a key to a host that it was not given for, a key on the screen or
//! in a file, a picture written anywhere, a redirect followed.

mod answer;
pub mod client;
pub mod dial;
pub mod endpoint;
pub mod keys;
pub mod page;
mod patience;
pub mod pictures;
pub mod run;
pub mod summary;
mod tally;
mod text;
pub mod timing;
mod wire;

pub use answer::{Answer, Refusal, Unusable};

use std::fmt;

/// One of the two endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one named by `--left`.
    Left,
    /// The one named by `--right`.
    Right,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Right => "right",
        })
    }
}

/// One thing for each side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Both<T> {
    /// The left side's.
    pub left: T,
    /// The right side's.
    pub right: T,
}

impl<T> Both<T> {
    /// That of one side.
    pub fn of(&self, side: Side) -> &T {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }

    /// That of one side, to change it.
    pub fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }
}
