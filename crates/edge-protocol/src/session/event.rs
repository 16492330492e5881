//! What a session tells its shell.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use thiserror::Error;

use super::packet::Refusal;
use super::violation::Violation;
use crate::properties::{Properties, PropertiesError};
use crate::twin::{DesiredState, DocumentError};

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

/// Names one report within a session; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportId(pub(super) u64);

/// Names one method call, and with it the connection it came on: only there can it be
/// answered. Later calls have greater ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId {
    pub(super) link: LinkId,
    pub(super) number: u64,
}

impl CallId {
    /// The connection it came on.
    #[must_use]
    pub const fn link(self) -> LinkId {
        self.link
    }
}

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
    /// The hub granted all subscriptions.
    Subscribed {
        /// The connection.
        link: LinkId,
    },
    /// A message for one of our inputs.
    Delivery(Delivery),
    /// The desired properties, whole, at a version not seen before on this session. One
    /// that follows includes all before it.
    DesiredChanged(DesiredState),
    /// The desired properties last told are the hub's, as far as we know. Comes after
    /// each connection's first answer and after each change.
    TwinInStep {
        /// Their version, if the hub has one.
        version: Option<u64>,
    },
    /// The hub's word about the twin did not come or cannot be used. The connection
    /// stays, and the last desired properties stay as they are.
    TwinFailed {
        /// What is wrong.
        failure: TwinFailure,
        /// Time until the twin is asked for again; `None` while a question is out.
        retry_in: Option<Duration>,
    },
    /// A report has its result.
    Reported {
        /// Which.
        report: ReportId,
        /// The new version of the reported properties, if the hub says it (IoT Hub does,
        /// edgeHub does not), or why it is not known to be applied.
        result: Result<Option<u64>, ReportFailure>,
    },
    /// The hub calls a method. It is to be answered with [`super::Session::answer`].
    MethodCall(MethodCall),
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
    /// A hold has ended before the wait after a failure that it interrupted.
    Resumed {
        /// What is left of that wait; then comes the next attempt.
        retry_in: Duration,
    },
    /// The session is over; nothing follows.
    Closed(Leftovers),
}

/// A message from the hub for one of our inputs.
#[derive(Clone, PartialEq, Eq)]
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
    /// The hub's patience with an earlier delivery of this connection may have ended, so that this
    /// may be the same message again: it came while an earlier one had no PUBACK (edgeHub sends
    /// the next only then), or it is the first after our process got no time, see
    /// [`super::Timings::attention`], or the hub may not have our PUBACKs, see
    /// [`super::Timings::receipt_doubt`].
    pub after_timeout: bool,
    /// False when it came at QoS 0 and will not come again.
    pub repeats_until_acknowledged: bool,
}

/// Says how long the body is, and not what is in it: that may be a picture.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.id)
            .field("link", &self.link)
            .field("input", &self.input)
            .field("properties", &self.properties)
            .field("properties_error", &self.properties_error)
            .field("ordinal", &self.ordinal)
            .field("after_timeout", &self.after_timeout)
            .field(
                "repeats_until_acknowledged",
                &self.repeats_until_acknowledged,
            )
            .field("payload_bytes", &self.payload.len())
            .finish()
    }
}

/// A method call from the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodCall {
    /// To answer it by.
    pub id: CallId,
    /// Name of the method, as the caller wrote it.
    pub name: String,
    /// The payload; null when there was none.
    pub payload: Value,
}

/// Why the whole twin or a change of it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TwinFailure {
    /// The hub answered with an error; its body is empty.
    #[error("the hub answered the question for the twin with status {status}")]
    Refused {
        /// As in HTTP: 400 or 500.
        status: u16,
    },
    /// No answer.
    #[error("the hub did not answer the question for the twin within {after:?}")]
    TimedOut {
        /// The deadline.
        after: Duration,
    },
    /// What came cannot be read.
    #[error(transparent)]
    Malformed(#[from] DocumentError),
}

/// Why a report is not known to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReportFailure {
    /// The hub answered with an error; its body is empty. It has applied nothing.
    #[error("the hub refused the report with status {status}")]
    Refused {
        /// As in HTTP: 400 for a patch over a limit, 500 for trouble of the hub's own.
        status: u16,
    },
    /// No answer; it may be applied.
    #[error("the hub did not answer the report within {after:?}")]
    TimedOut {
        /// The deadline.
        after: Duration,
    },
    /// The connection ended before the answer; it may be applied.
    #[error("the connection was lost before the hub answered the report")]
    ConnectionLost,
}

/// What was outstanding when a session closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leftovers {
    /// Messages sent whose PUBACK had not come.
    pub unconfirmed_publishes: usize,
    /// Deliveries neither acknowledged nor abandoned; the hub will send them again.
    pub unacknowledged_deliveries: usize,
    /// Reports the hub had not answered; it may have applied them.
    pub unanswered_reports: usize,
    /// Method calls without an answer, or whose answer the hub had not confirmed.
    pub unanswered_calls: usize,
}

/// Why an attempt or a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
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
    /// SUBACK with less than QoS 1 for inputs, or with a refusal.
    #[error("the hub granted {granted:?} for a subscription at QoS {asked}")]
    SubscriptionRefused {
        /// The granted QoS; `None` for a refusal.
        granted: Option<u8>,
        /// What was asked for: 1 for inputs, 0 for twin and methods.
        asked: u8,
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
    /// Bytes after PINGREQ, but no answer: a connection that is dead on the way to the hub.
    #[error("the hub sends, but answered nothing within {after:?} of a ping")]
    PingIgnored {
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
