//! Messages for our inputs, in the application's hands.

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use edge_protocol::Properties;
use edge_protocol::session;
use tokio::sync::mpsc;

use crate::board::{Board, Said, Word};

/// Deliveries that wait for the application or are in its hands, at most. When it is
/// reached the client stops reading from the hub until one is settled; nothing is lost.
/// No confirmation and no answer is read then either, so an application must not wait for a
/// publish or a report with all of them in its hands.
pub const DELIVERY_CAPACITY: usize = session::DELIVERY_CAPACITY;

/// The stream of deliveries. Deliveries that waited here while their connection ended are
/// left out: the hub sends them again.
#[derive(Debug)]
pub struct Deliveries {
    queue: mpsc::Receiver<Delivery>,
}

impl Deliveries {
    pub(crate) fn new(queue: mpsc::Receiver<Delivery>) -> Self {
        Deliveries { queue }
    }

    /// The next delivery; `None` once the client is closed. Dropping the future loses
    /// nothing.
    pub async fn next(&mut self) -> Option<Delivery> {
        loop {
            if let Some(delivery) = self.queue.recv().await?.taken() {
                return Some(delivery);
            }
        }
    }

    /// As [`Deliveries::next`], for a plain thread. Panics inside an async task.
    pub fn blocking_next(&mut self) -> Option<Delivery> {
        loop {
            if let Some(delivery) = self.queue.blocking_recv()?.taken() {
                return Some(delivery);
            }
        }
    }
}

/// One message for one of our inputs, with the duty to acknowledge it.
///
/// [`Delivery::acknowledge`] it once its effect is durable, within the hub's 30 s.
/// Dropping it without that means "not done": its connection is closed, and the hub
/// delivers it again on the next.
pub struct Delivery {
    message: session::Delivery,
    received: Received,
    board: Arc<Board>,
    open: bool,
}

/// When the bytes were read, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received {
    pub(crate) at: Instant,
    pub(crate) wall: SystemTime,
}

impl Received {
    pub(crate) fn now() -> Self {
        Received {
            at: Instant::now(),
            wall: SystemTime::now(),
        }
    }
}

impl Delivery {
    pub(crate) fn new(message: session::Delivery, received: Received, board: Arc<Board>) -> Self {
        Delivery {
            message,
            received,
            board,
            open: true,
        }
    }

    /// Name of the input it came to.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.message.input
    }

    /// Its properties: application ones, and system ones under their wire names such as
    /// `$.mid` and `$.cdid`. Empty when the hub sent a bag that cannot be read (logged).
    #[must_use]
    pub fn properties(&self) -> &Properties {
        &self.message.properties
    }

    /// The body. Cloning it is cheap; the clone may outlive the delivery.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.message.payload
    }

    /// When it was read from the socket, by the monotonic clock.
    #[must_use]
    pub fn received_at(&self) -> Instant {
        self.received.at
    }

    /// When it was read from the socket, by the wall clock (which may be wrong).
    #[must_use]
    pub fn received_wall(&self) -> SystemTime {
        self.received.wall
    }

    /// Its number among the deliveries to its input on this connection, from 1. A
    /// redelivery can be among the first ten.
    #[must_use]
    pub fn ordinal(&self) -> u64 {
        self.message.ordinal
    }

    /// Whether the hub's patience with an earlier delivery of this connection may have ended, so
    /// that this may be the same message again: it came while an earlier one had no PUBACK, of
    /// which edgeHub has one at a time; or first after this process got no time for long
    /// ([`Timings::attention`](edge_protocol::session::Timings::attention)); or while the hub does
    /// not show that it has our PUBACKs
    /// ([`Timings::receipt_doubt`](edge_protocol::session::Timings::receipt_doubt)). Other brokers have
    /// several out at a time and say this often.
    #[must_use]
    pub fn is_after_timeout(&self) -> bool {
        self.message.after_timeout
    }

    /// Number of the connection it came on; it rises with each attempt.
    #[must_use]
    pub fn connection(&self) -> u64 {
        self.message.link.number()
    }

    /// Lets the PUBACK go out, as soon as all deliveries received before it have theirs.
    /// Never waits; callable from any thread.
    pub fn acknowledge(mut self) -> Acknowledged {
        self.open = false;
        if self
            .board
            .post(Said::Delivery(self.message.id, Word::Acknowledged))
        {
            Acknowledged::Queued
        } else {
            Acknowledged::ConnectionGone
        }
    }

    /// Whether it came on the connection of `board` and will come again on the next.
    pub(crate) fn repeats_on(&self, board: &Arc<Board>) -> bool {
        self.message.repeats_until_acknowledged && Arc::ptr_eq(&self.board, board)
    }

    /// Hands it to the application, unless that is of no use any more.
    fn taken(mut self) -> Option<Self> {
        let gone = !self.board.take(self.message.id);
        // What came at QoS 0 does not come again, so it is handed over all the same.
        if gone && self.message.repeats_until_acknowledged {
            self.open = false;
            return None;
        }
        Some(self)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if self.open {
            self.board
                .post(Said::Delivery(self.message.id, Word::Dropped));
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("input", &self.message.input)
            .field("connection", &self.connection())
            .field("ordinal", &self.message.ordinal)
            .field("payload_bytes", &self.message.payload.len())
            .finish_non_exhaustive()
    }
}

/// What became of an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Acknowledged {
    /// It is with its connection, which sends it in its turn. Should the connection end
    /// first, the hub delivers the message again.
    Queued,
    /// Its connection has ended: nothing was sent, and the hub delivers the message again.
    ConnectionGone,
}
