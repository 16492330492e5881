//! What a client tells about itself: where it stands, and what went wrong last.

use std::sync::Arc;
use std::time::Instant;

use edge_protocol::session::{Cause, TwinFailure};
use thiserror::Error;
use tokio::sync::watch;

use crate::dial::DialError;
use crate::wire::WireError;

/// Where a client stands; see [`crate::Client::status`].
#[derive(Debug, Clone)]
pub enum Status {
    /// No connection yet, or between two.
    Connecting {
        /// Failures since the last healthy connection; 0 at the start and during a
        /// planned reconnect.
        attempt: u32,
        /// Why the last attempt or connection ended; `None` at the start.
        last_error: Option<ConnectionError>,
    },
    /// The hub has accepted us.
    Connected {
        /// Since when, by the monotonic clock.
        since: Instant,
        /// Whether the hub had kept our subscriptions from before.
        session_present: bool,
    },
    /// Kept closed by [`crate::Client::hold`].
    Held,
    /// For good: the client was closed, dropped, or its task ended.
    Closed,
}

impl Status {
    /// True for [`Status::Connected`].
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self, Status::Connected { .. })
    }
}

/// What is known of the twin; see [`crate::Client::twin_status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TwinStatus {
    /// The configuration does not follow the twin.
    NotFollowed,
    /// The hub has not told, on this connection, what is desired now, or the client is closed. Desired properties
    /// from before stay in use.
    Unknown {
        /// What went wrong last on this connection. The client asks again by itself.
        last_failure: Option<TwinFailure>,
    },
    /// The desired properties last told are the hub's.
    InStep {
        /// Their version; `None` when the hub has none, as after a first start without
        /// the cloud.
        version: Option<u64>,
    },
}

/// Why an attempt or a connection ended. Callers branch on [`ConnectionError::kind`].
#[derive(Debug, Clone, Error)]
pub enum ConnectionError {
    /// No connection could be made.
    #[error(transparent)]
    Dial(Arc<DialError>),
    /// The connection broke or carried what is not MQTT.
    #[error(transparent)]
    Wire(Arc<WireError>),
    /// The session ended it: refused, timed out, dropped, renewed.
    #[error(transparent)]
    Session(Cause),
}

impl ConnectionError {
    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            ConnectionError::Dial(error) => match **error {
                DialError::Token { .. } => FailureKind::Token,
                DialError::Resolve { .. } | DialError::Connect { .. } => FailureKind::Unreachable,
                DialError::Certificate { .. } => FailureKind::Certificate,
                DialError::TimedOut { .. } => FailureKind::TimedOut,
                DialError::Name { .. } | DialError::Tls { .. } | DialError::Setup { .. } => {
                    FailureKind::Tls
                }
            },
            ConnectionError::Wire(error) => match **error {
                WireError::Io { .. } | WireError::Ended => FailureKind::Lost,
                WireError::Malformed { .. } | WireError::Unsendable { .. } => FailureKind::Protocol,
            },
            ConnectionError::Session(cause) => match cause {
                Cause::Refused { .. } | Cause::SubscriptionRefused { .. } => FailureKind::Refused,
                Cause::DialTimedOut { .. }
                | Cause::ConnackMissing { .. }
                | Cause::SubackMissing { .. }
                | Cause::PingUnanswered { .. }
                | Cause::PingIgnored { .. } => FailureKind::TimedOut,
                Cause::DialFailed => FailureKind::Unreachable,
                Cause::PeerClosed => FailureKind::Lost,
                Cause::DeliveryDropped => FailureKind::DeliveryDropped,
                Cause::TokenRenewal | Cause::Held => FailureKind::Planned,
                Cause::Violation(_) => FailureKind::Protocol,
                // The enum is open to other crates; within the workspace every cause has its
                // line above.
                _ => FailureKind::Lost,
            },
        }
    }
}

/// Sorts of connection failure, for metrics, readiness and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The workload API gave no token.
    Token,
    /// Name resolution or TCP failed.
    Unreachable,
    /// The hub's certificate is not for this name or not under our roots.
    Certificate,
    /// Another TLS failure.
    Tls,
    /// The hub refused us or our subscription.
    Refused,
    /// Something did not come in time.
    TimedOut,
    /// The connection was closed by the hub or the network.
    Lost,
    /// The hub broke MQTT.
    Protocol,
    /// The application dropped a delivery unused.
    DeliveryDropped,
    /// Planned: a new token, or a hold.
    Planned,
}

impl FailureKind {
    /// Every kind, for metrics that show zeros too; in the order of the enum.
    pub const ALL: [FailureKind; 10] = [
        FailureKind::Token,
        FailureKind::Unreachable,
        FailureKind::Certificate,
        FailureKind::Tls,
        FailureKind::Refused,
        FailureKind::TimedOut,
        FailureKind::Lost,
        FailureKind::Protocol,
        FailureKind::DeliveryDropped,
        FailureKind::Planned,
    ];

    /// The stable name, as metrics have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            FailureKind::Token => "token",
            FailureKind::Unreachable => "unreachable",
            FailureKind::Certificate => "certificate",
            FailureKind::Tls => "tls",
            FailureKind::Refused => "refused",
            FailureKind::TimedOut => "timed_out",
            FailureKind::Lost => "lost",
            FailureKind::Protocol => "protocol",
            FailureKind::DeliveryDropped => "delivery_dropped",
            FailureKind::Planned => "planned",
        }
    }
}

/// Publishes both statuses, and says `Closed` and that the twin is not known however the
/// task ends.
pub(crate) struct StatusKeeper {
    status: watch::Sender<Status>,
    twin: watch::Sender<TwinStatus>,
}

impl StatusKeeper {
    pub(crate) fn new(status: watch::Sender<Status>, twin: watch::Sender<TwinStatus>) -> Self {
        StatusKeeper { status, twin }
    }

    pub(crate) fn set(&self, status: Status) {
        self.status.send_replace(status);
    }

    pub(crate) fn set_twin(&self, twin: TwinStatus) {
        self.twin.send_replace(twin);
    }
}

impl Drop for StatusKeeper {
    fn drop(&mut self) {
        self.status.send_replace(Status::Closed);
        self.twin.send_if_modified(|twin| {
            let is_known = matches!(twin, TwinStatus::InStep { .. });
            if is_known {
                *twin = TwinStatus::Unknown { last_failure: None };
            }
            is_known
        });
    }
}

/// An error with its sources, for one log line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However the task ends, a panic included, it drops its keeper.
    #[test]
    fn an_ended_task_claims_no_knowledge_of_the_twin() {
        let check = |before: TwinStatus, after: TwinStatus| {
            let (status, status_seen) = watch::channel(Status::Held);
            let (twin, twin_seen) = watch::channel(before);
            drop(StatusKeeper::new(status, twin));
            assert!(matches!(*status_seen.borrow(), Status::Closed));
            assert_eq!(*twin_seen.borrow(), after);
        };
        let unknown = TwinStatus::Unknown { last_failure: None };
        check(TwinStatus::InStep { version: Some(4) }, unknown);
        check(unknown, unknown);
        check(TwinStatus::NotFollowed, TwinStatus::NotFollowed);
    }
}
