//! What will happen, in order of time, and at one time in order of planning.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

use bytes::Bytes;
use edge_protocol::session::{CallId, DeliveryId, LinkId};

use crate::books::Change;
use crate::client::Who;
use crate::counter::Part;
use crate::faults::Fault;
use crate::network::{SocketId, Way};

/// Virtual time since the world began.
pub(crate) type Instant = Duration;

/// One thing that will happen.
#[derive(Debug, Clone)]
pub(crate) enum Happening {
    /// A client's dialling has come to an end.
    Dialled {
        who: Who,
        life: u32,
        link: LinkId,
        works: bool,
    },
    /// Bytes are there, whole packets or parts.
    Arrived {
        socket: SocketId,
        way: Way,
        bytes: Bytes,
    },
    /// The side to which `way` leads learns that the connection has ended. An abrupt end is
    /// one that the network tells, not the other side.
    Ended {
        socket: SocketId,
        way: Way,
        abrupt: bool,
    },
    /// The cloud has taken a message, or has not.
    UpstreamFinished {
        generation: u32,
        sequence: u64,
        success: bool,
    },
    /// An application has come to the end of its work on a delivery.
    Processed {
        who: Who,
        life: u32,
        delivery: DeliveryId,
    },
    /// An application has come to the end of its work on a method call.
    Answers { who: Who, life: u32, call: CallId },
    /// An alarm of a part of the module rings.
    Rings { part: Part, life: u32, alarm: u64 },
    /// An application looks again for what it has to send.
    Looks { who: Who },
    /// The operator changes desired properties.
    Patch,
    /// The operator calls a method, with so much time for the answer and for the module to
    /// be there.
    Call {
        response: Duration,
        connect: Duration,
    },
    /// The operator sets something that the module counts by.
    Changes(Change),
    /// A camera takes a picture.
    Picture { camera: usize },
    /// The module seals a report.
    Report,
    /// A client's process starts.
    Starts { who: Who },
    /// A client's process gets time again.
    Thaws { who: Who },
    /// The hub's process starts.
    HubStarts,
    /// Something goes wrong, or right again.
    Strike(Fault),
}

/// The queue of what will happen.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    planned: BinaryHeap<Planned>,
    next: u64,
}

impl Agenda {
    pub(crate) fn add(&mut self, at: Instant, happening: Happening) {
        let number = self.next;
        self.next += 1;
        self.planned.push(Planned {
            at,
            number,
            happening,
        });
    }

    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.planned.peek().map(|planned| planned.at)
    }

    pub(crate) fn pop(&mut self) -> Option<Happening> {
        self.planned.pop().map(|planned| planned.happening)
    }
}

#[derive(Debug)]
struct Planned {
    at: Instant,
    number: u64,
    happening: Happening,
}

/// The heap gives its greatest first, which has to be the earliest.
impl Ord for Planned {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Planned {}
