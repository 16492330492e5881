//! The times a session keeps, and the timers made of them.

use std::time::Duration;

use crate::backoff::Backoff;

/// Every duration of a session, with the reason for its default.
///
/// Any value is legal. A sum that no clock can hold means never, so [`Duration::MAX`]
/// switches a limit off; zero switches none off, it is over at once. Only
/// [`Timings::keep_alive`] is held to a range. Very short values are for tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timings {
    /// From the wish to connect to a finished TLS handshake, token included. 45 s.
    pub dial_deadline: Duration,
    /// The share of that for the TCP handshake with one address; then the next address of
    /// the hub's name is tried. Kept by the shell, not by the session. 10 s: enough for
    /// three lost SYNs, and four addresses fit into an attempt.
    pub address_deadline: Duration,
    /// From CONNECT to CONNACK at first. 20 s: edgeHub 1.6.0 and 1.6.1 may lose a CONNECT
    /// for good, and only this notices.
    pub connack_deadline: Duration,
    /// That deadline doubles with each CONNACK missed in a row, up to this. 120 s: for an
    /// identity it does not know, edgeHub may ask the cloud for about 100 s first.
    pub longest_connack_deadline: Duration,
    /// Pause between handshake and CONNECT after the first missing CONNACK. 100 ms: the
    /// lost CONNECT is one that arrives together with the end of the handshake.
    pub first_connect_pause: Duration,
    /// That pause doubles with each missing CONNACK, up to this, and stays. 5 s.
    pub longest_connect_pause: Duration,
    /// From SUBSCRIBE to SUBACK. 20 s.
    pub suback_deadline: Duration,
    /// Silence in either direction, or time without an answer, after which a PINGREQ goes out, and the keep-alive
    /// told to the hub (rounded up to whole seconds). 60 s. Less than 100 ms counts as
    /// that, so that no answer is the cause of the next ping; more than 65 535 s counts as
    /// that, the longest that CONNECT can carry.
    pub keep_alive: Duration,
    /// From PINGREQ to any byte from the hub. 30 s. Stands still while reading is paused.
    pub ping_deadline: Duration,
    /// From PINGREQ to an answer, to it or to any packet of ours, while the hub sends other
    /// things: then only the way to it is dead. 120 s: a busy hub answers late. Stands still
    /// while reading is paused.
    pub answer_deadline: Duration,
    /// How long a session that takes inputs lets pass without being called. A call that is late by
    /// as much again tells that our process got no time, and that the hub may have sent a message
    /// again meanwhile: see [`super::Delivery::after_timeout`]. 10 s, so that a lapse shorter than
    /// the hub's 30 s is seen. Less than 100 ms counts as that; [`Duration::MAX`] looks for none.
    pub attention: Duration,
    /// From a delivery to the PINGREQ whose answer shows that the hub has its PUBACK; one that is
    /// out already does as well. 10 s, so that a healthy hub has answered before
    /// [`Timings::receipt_doubt`]. Less than 100 ms counts as that; [`Duration::MAX`] asks for
    /// none.
    pub receipt: Duration,
    /// From a delivery, while no such answer has come, to where the hub may have sent a message
    /// again since it has no PUBACK: see [`super::Delivery::after_timeout`]. 25 s: the hub's 30 s
    /// begin when it sends and end when it reads, ours are within.
    pub receipt_doubt: Duration,
    /// How long a connection must live before its loss counts as the first failure
    /// again. 15 s.
    pub healthy_after: Duration,
    /// Waits between attempts. 0.25 s doubling to 15 s.
    pub retry: Backoff,
    /// Waits after CONNACK 4 or 5 that a new token did not mend, and after 1 or 2. 10 s
    /// doubling to 120 s: the identity may appear later, but not within a second.
    pub refused_retry: Backoff,
    /// Lifetime to ask for in a token. 3600 s, as the official SDKs. A planned reconnect
    /// replaces it between 80 and 90 % of that, when nothing is outstanding; at the latest
    /// a minute after it might have, and never after 95 %, whatever is.
    pub token_lifetime: Duration,
    /// How long to wait for the hub to close after our DISCONNECT. 1 s.
    pub parting_deadline: Duration,
    /// From a request about the twin to its answer. 30 s: the hub may ask the cloud first,
    /// and nothing else depends on it.
    pub twin_deadline: Duration,
    /// Waits before the twin is asked for again after a failure, on the same connection.
    /// 1 s doubling to 60 s.
    pub twin_retry: Backoff,
}

impl Default for Timings {
    fn default() -> Self {
        Timings {
            dial_deadline: Duration::from_secs(45),
            address_deadline: Duration::from_secs(10),
            connack_deadline: Duration::from_secs(20),
            longest_connack_deadline: Duration::from_secs(120),
            first_connect_pause: Duration::from_millis(100),
            longest_connect_pause: Duration::from_secs(5),
            suback_deadline: Duration::from_secs(20),
            keep_alive: Duration::from_secs(60),
            ping_deadline: Duration::from_secs(30),
            answer_deadline: Duration::from_secs(120),
            attention: Duration::from_secs(10),
            receipt: Duration::from_secs(10),
            receipt_doubt: Duration::from_secs(25),
            healthy_after: Duration::from_secs(15),
            retry: Backoff::of_millis(250, 15_000),
            refused_retry: Backoff::of_millis(10_000, 120_000),
            token_lifetime: Duration::from_secs(3600),
            parting_deadline: Duration::from_secs(1),
            twin_deadline: Duration::from_secs(30),
            twin_retry: Backoff::of_millis(1_000, 60_000),
        }
    }
}

/// Least and most that is meant by [`Timings::keep_alive`].
const KEEP_ALIVE: (Duration, Duration) = (
    Duration::from_millis(100),
    Duration::from_secs(u16::MAX as u64),
);

impl Timings {
    /// [`Timings::keep_alive`] within its range.
    pub(super) fn keep_alive_in_use(&self) -> Duration {
        self.keep_alive.clamp(KEEP_ALIVE.0, KEEP_ALIVE.1)
    }
}

/// Everything a session may be waiting for with an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// The wait before the next attempt is over: dial.
    Retry,
    /// The shell has not made a connection in time: give this attempt up.
    Dial,
    /// The pause after the handshake is over: send CONNECT.
    ConnectPause,
    /// CONNACK is missing: drop the connection, pause longer next time.
    Connack,
    /// SUBACK is missing: drop the connection.
    Suback,
    /// One direction was silent for the keep-alive, nothing was answered, or PUBACKs went out that
    /// the hub may not have: send PINGREQ.
    PingDue,
    /// Nothing came after PINGREQ: the connection is dead.
    PingAnswer,
    /// Things came after PINGREQ, but no answer: the hub does not hear us.
    PingIgnored,
    /// The token gets old: reconnect as soon as nothing is outstanding.
    Renewal,
    /// The token is about to end: reconnect with whatever is outstanding.
    RenewalLimit,
    /// The grace of a shutdown is over: leave with whatever is outstanding.
    Grace,
    /// The hub has not closed after our DISCONNECT: hang up.
    Parting,
    /// Nothing happened for a while: look whether we get our time.
    Attention,
    /// The twin is to be asked for (again).
    TwinQuestion,
    /// The whole twin did not come: ask again later.
    TwinAnswer,
    /// A report was not answered: say so to its sender.
    ReportAnswer,
}
