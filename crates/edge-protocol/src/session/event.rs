//! What a session tells its shell.

use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use super::packet::Refusal;
use super::violation::Violation;
use crate::properties::{Properties, PropertiesError};

/// Number of a connection attempt within a session, from 1. An input that carries the
/// number of an earlier attempt is ignored, so nothing late can act on a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(super) u64);

impl LinkId {
    /// The bare number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Names one delivery within a session; never reused, whatever packet ids the hub uses.
/// Later deliveries have greater ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub(super) u64);

/// Names one publish within a session; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublishId(pub(super) u64);

/// An order or a piece of news for the shell, in the order in which they must be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Get a fresh token and a TLS connection, flush the handshake, then call
    /// [`super::Session::handle_dialled`] or [`super::Session::handle_dial_failed`].
    Dial {
        /// The attempt this is for.
        link: LinkId,
        /// Failures since the last healthy connection.
        attempt: u32,
    },
    /// Drop the dialling or the connection of this link now, unsent bytes included.
    HangUp {
        /// Which.
        link: LinkId,
    },
    /// The hub accepted us; publishing is possible.
    Connected {
        /// The connection.
        link: LinkId,
        /// Whether the hub had kept our subscriptions.
        session_present: bool,
    },
    /// The hub granted the inputs subscription.
    Subscribed {
        /// The connection.
        link: LinkId,
    },
    /// A message for one of our inputs.
    Delivery(Delivery),
    /// A PUBLISH to a topic that is none of our inputs. It is acknowledged (edgeHub
    /// matches PUBACKs in order, so none may be skipped) and otherwise ignored.
    Stray {
        /// Its topic, property values included.
        topic: String,
    },
    /// The hub has this message in its queues.
    Confirmed {
        /// Which.
        publish: PublishId,
    },
    /// The connection ended before PUBACK: the hub may or may not have the message.
    Unconfirmed {
        /// Which.
        publish: PublishId,
    },
    /// The attempt or connection ended; everything bound to it is void.
    Lost {
        /// Which.
        link: LinkId,
        /// Why.
        cause: Cause,
        /// Time until the next attempt; `None` when there will be none by itself.
        retry_in: Option<Duration>,
    },
    /// The next attempt, announced by the last [`Event::Lost`], is taken back by
    /// [`super::Session::hold`]. A hold that ends an attempt or a connection says so with
    /// its own [`Event::Lost`] instead.
    Held,
    /// The session is over; nothing follows.
    Closed(Leftovers),
}

/// A message from the hub for one of our inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// To acknowledge or abandon it by.
    pub id: DeliveryId,
    /// The connection it came on; only there can it be acknowledged.
    pub link: LinkId,
    /// Name of the input.
    pub input: String,
    /// Its properties, system ones among them; empty when they could not be read.
    pub properties: Properties,
    /// Why the properties could not be read. The body is delivered all the same: a
    /// picture of an unknown sender is still a picture.
    pub properties_error: Option<PropertiesError>,
    /// The body.
    pub payload: Bytes,
    /// Number of this delivery among those of its input on this connection, from 1.
    pub ordinal: u64,
    /// False when it came at QoS 0 and will not come again.
    pub repeats_until_acknowledged: bool,
}

/// What was outstanding when a session closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leftovers {
    /// Messages sent whose PUBACK had not come.
    pub unconfirmed_publishes: usize,
    /// Deliveries neither acknowledged nor abandoned; the hub will send them again.
    pub unacknowledged_deliveries: usize,
}

/// Why an attempt or a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Cause {
    /// The shell could not make a token or a connection; it knows why.
    #[error("no connection could be made")]
    DialFailed,
    /// The shell took too long.
    #[error("no connection was made within {after:?}")]
    DialTimedOut {
        /// The deadline.
        after: Duration,
    },
    /// No CONNACK.
    #[error("the hub did not answer CONNECT within {after:?}")]
    ConnackMissing {
        /// The deadline.
        after: Duration,
    },
    /// CONNACK with a code other than 0.
    #[error("the hub refused CONNECT with code {} ({refusal:?})", refusal.code())]
    Refused {
        /// The code.
        refusal: Refusal,
    },
    /// No SUBACK.
    #[error("the hub did not answer SUBSCRIBE within {after:?}")]
    SubackMissing {
        /// The deadline.
        after: Duration,
    },
    /// SUBACK with something else than QoS 1.
    #[error("the hub granted the inputs subscription {granted:?}, expected QoS 1")]
    SubscriptionRefused {
        /// The granted QoS; `None` for a refusal.
        granted: Option<u8>,
    },
    /// The socket ended.
    #[error("the connection was closed by the hub or the network")]
    PeerClosed,
    /// No byte after PINGREQ: a half-open connection.
    #[error("nothing came within {after:?} of a ping")]
    PingUnanswered {
        /// The deadline.
        after: Duration,
    },
    /// A delivery was dropped without an acknowledgement.
    #[error("a delivery was dropped without an acknowledgement")]
    DeliveryDropped,
    /// Planned: the token gets old.
    #[error("the token is replaced")]
    TokenRenewal,
    /// Asked for with [`super::Session::hold`].
    #[error("the connection is held closed")]
    Held,
    /// The hub broke the protocol.
    #[error(transparent)]
    Violation(#[from] Violation),
}
