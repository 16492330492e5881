//! Reported properties on their way to the hub.

use std::time::Duration;

use edge_protocol::session::ReportFailure;
use edge_protocol::twin::{PatchError, ReportedPatch};
use thiserror::Error;
use tokio::sync::oneshot;

/// What comes of a report: the new version, if the hub says it.
pub(crate) type ReportResult = Result<Option<u64>, ReportError>;

/// A report on its way to the task, with the place its result goes to.
#[derive(Debug)]
pub(crate) struct ReportRequest {
    pub(crate) patch: ReportedPatch,
    pub(crate) result: oneshot::Sender<ReportResult>,
}

/// Why a report is not known to be applied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReportError {
    /// It breaks a limit of the hub; never sent, and the same one never passes.
    #[error(transparent)]
    Invalid(#[from] PatchError),
    /// The configuration does not follow the twin; never sent.
    #[error("this client does not follow its twin, so it cannot report")]
    NotFollowed,
    /// The hub refused it and applied nothing.
    #[error("the hub refused the report with status {status}")]
    Refused {
        /// As in HTTP: 400 for a patch over a limit, 500 for trouble of the hub's own.
        status: u16,
    },
    /// The hub did not answer; it may have applied it. Send it again.
    #[error("the hub did not answer the report within {after:?}")]
    TimedOut {
        /// The deadline.
        after: Duration,
    },
    /// The connection ended before the answer; it may be applied. Send it again.
    #[error("the connection was lost before the hub answered the report")]
    ConnectionLost,
    /// The client is closed; never sent.
    #[error("the client is closed")]
    Closed,
}

impl From<ReportFailure> for ReportError {
    fn from(failure: ReportFailure) -> Self {
        match failure {
            ReportFailure::Refused { status } => ReportError::Refused { status },
            ReportFailure::TimedOut { after } => ReportError::TimedOut { after },
            ReportFailure::ConnectionLost => ReportError::ConnectionLost,
        }
    }
}
