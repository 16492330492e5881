//! Where a session stands: each state holds only what is true in it.

use std::time::Duration;

use super::config::Pass;
use super::event::{Leftovers, LinkId};
use super::live::{Live, Renewal};
use crate::moment::Moment;

/// The states of the picture in the parent room.
#[derive(Debug)]
pub(super) enum State {
    Waiting {
        until: Moment,
    },
    Dialling {
        link: LinkId,
        deadline: Moment,
    },
    Pausing {
        link: LinkId,
        until: Moment,
        pass: Pass,
        renewal: Renewal,
    },
    AwaitingConnack {
        link: LinkId,
        deadline: Moment,
        after: Duration,
        renewal: Renewal,
    },
    Live(Box<Live>),
    Parting {
        link: LinkId,
        until: Moment,
        next: AfterParting,
    },
    Held {
        /// The wait after a failure that the hold interrupted; over, or past, if none.
        not_before: Moment,
    },
    Closed,
}

/// What follows a connection that has said DISCONNECT.
#[derive(Debug, Clone, Copy)]
pub(super) enum AfterParting {
    Dial,
    Hold,
    Close(Leftovers),
}
