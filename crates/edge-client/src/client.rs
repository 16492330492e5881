//! The application's handle: publish, report, look at the status, hold, close.

use std::sync::Arc;
use std::time::Duration;

use edge_protocol::message::{MessageError, PreparedMessage, TooLarge};
use edge_protocol::session::Leftovers;
use edge_protocol::twin::ReportedPatch;
use edge_protocol::{Identity, OutgoingMessage};
use serde_json::Value;
use thiserror::Error;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::report::{ReportError, ReportRequest};
use crate::status::{Status, TwinStatus};
use crate::vitals::Vitals;

/// A handle on a running client. Clones share it; dropping the last one closes the client
/// (without waiting for anything but PUBACKs already due).
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

/// What the clones of a handle share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) identity: Identity,
    pub(crate) publishes: mpsc::Sender<PublishRequest>,
    pub(crate) reports: mpsc::Sender<ReportRequest>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) twin_status: watch::Receiver<TwinStatus>,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) task: Mutex<Task>,
}

/// The client's one task, awaited by the first [`Client::close`].
#[derive(Debug)]
pub(crate) enum Task {
    Running(JoinHandle<CloseOutcome>),
    Ended(CloseOutcome),
}

/// A message on its way to the task, with the place its result goes to.
#[derive(Debug)]
pub(crate) struct PublishRequest {
    pub(crate) message: PreparedMessage,
    pub(crate) result: oneshot::Sender<Result<(), PublishError>>,
}

/// An order for the task.
#[derive(Debug)]
pub(crate) enum Command {
    Hold,
    Resume,
    Close { grace: Duration },
}

impl Client {
    pub(crate) fn new(shared: Shared) -> Self {
        Client {
            shared: Arc::new(shared),
        }
    }

    /// Publishes at QoS 1 and resolves when the hub's PUBACK has come, which means that
    /// the hub has the message in the queue of every matching route. That can take longer
    /// than a minute. Waits while there is no connection.
    ///
    /// Dropping the future before the message was sent cancels it; later it only means
    /// that the result goes unseen.
    ///
    /// # Errors
    ///
    /// [`PublishError::ConnectionLost`] when the connection ended before PUBACK: the hub
    /// may have the message, so send the same one (same id) again. The other errors mean
    /// that nothing was sent.
    pub async fn publish(&self, message: OutgoingMessage) -> Result<(), PublishError> {
        let message = message.prepare(&self.shared.identity)?;
        let (result, confirmed) = oneshot::channel();
        let request = PublishRequest { message, result };
        if self.shared.publishes.send(request).await.is_err() {
            return Err(PublishError::Closed);
        }
        // The task answers every request unless it was torn down in the middle.
        confirmed.await.unwrap_or(Err(PublishError::ConnectionLost))
    }

    /// Changes the reported properties: the members of the JSON object `patch` are set,
    /// null removes one. Resolves when the hub has answered, with the new version if the
    /// hub says it (IoT Hub does, edgeHub does not). edgeHub answers when it has stored
    /// the change; the cloud's copy follows. Waits while there is no connection.
    ///
    /// Dropping the future before the report was sent cancels it; later it only means
    /// that the result goes unseen.
    ///
    /// # Errors
    ///
    /// [`ReportError::ConnectionLost`] and [`ReportError::TimedOut`] (after 30 s, see
    /// [`Timings::twin_deadline`](edge_protocol::session::Timings)) leave open whether it
    /// is applied: send it again, a second time changes nothing. After the others it is
    /// not.
    pub async fn report(&self, patch: &Value) -> Result<Option<u64>, ReportError> {
        let patch = ReportedPatch::new(patch)?;
        if matches!(*self.shared.twin_status.borrow(), TwinStatus::NotFollowed) {
            return Err(ReportError::NotFollowed);
        }
        let (result, answered) = oneshot::channel();
        let request = ReportRequest { patch, result };
        if self.shared.reports.send(request).await.is_err() {
            return Err(ReportError::Closed);
        }
        // The task answers every request unless it was torn down in the middle.
        answered.await.unwrap_or(Err(ReportError::ConnectionLost))
    }

    /// What is known of the twin, as a value to look at or to wait on: the version of the
    /// desired properties while they are the hub's, and what went wrong while not.
    #[must_use]
    pub fn twin_status(&self) -> watch::Receiver<TwinStatus> {
        self.shared.twin_status.clone()
    }

    /// Where the client stands, as a value to look at or to wait on. A change cannot be
    /// missed; intermediate states can.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.clone()
    }

    /// Numbers of the client's life, to look at whenever metrics are asked for.
    #[must_use]
    pub fn vitals(&self) -> Arc<Vitals> {
        Arc::clone(&self.shared.vitals)
    }

    /// Closes the connection and keeps it closed until [`Client::resume`], for an
    /// application that cannot make results durable at the moment. Deliveries not
    /// acknowledged come again afterwards.
    ///
    /// Resolves when the order is given, not when it is carried out: deliveries can still
    /// come for a moment, until [`Client::status`] shows [`Status::Held`].
    pub async fn hold(&self) {
        // A client that has ended holds nothing open.
        self.shared.commands.send(Command::Hold).await.ok();
    }

    /// Ends a hold: connects again at once, or when the wait after a failure is over that
    /// the hold interrupted. Resolves when the order is given.
    pub async fn resume(&self) {
        self.shared.commands.send(Command::Resume).await.ok();
    }

    /// Leaves in good order: takes no more messages and reports, hands over no more
    /// deliveries and calls, waits at most `grace` for outstanding PUBACKs and answers and
    /// for the application's word on the deliveries and calls it holds, sends DISCONNECT
    /// and ends the task. Calls it has not taken are answered with status 503. Messages
    /// and reports that were waiting to be sent end with [`PublishError::Closed`] and
    /// [`ReportError::Closed`]. Later calls return the same outcome.
    ///
    /// It may take a second longer than `grace`, for the hub to see the DISCONNECT.
    pub async fn close(&self, grace: Duration) -> CloseOutcome {
        self.shared
            .commands
            .send(Command::Close { grace })
            .await
            .ok();
        let mut task = self.shared.task.lock().await;
        let outcome = match &mut *task {
            Task::Ended(outcome) => return *outcome,
            Task::Running(handle) => match handle.await {
                Ok(outcome) => outcome,
                Err(error) => {
                    tracing::error!(%error, "the client's task broke off");
                    CloseOutcome {
                        broke_off: true,
                        ..CloseOutcome::default()
                    }
                }
            },
        };
        *task = Task::Ended(outcome);
        outcome
    }
}

/// How a client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CloseOutcome {
    /// Messages sent whose PUBACK had not come; the hub may have them.
    pub unconfirmed_publishes: usize,
    /// Deliveries the application held without a word; the hub delivers them again.
    pub unacknowledged_deliveries: usize,
    /// Reports the hub had not answered; it may have applied them.
    pub unanswered_reports: usize,
    /// Method calls without an answer, or whose answer the hub had not confirmed.
    pub unanswered_calls: usize,
    /// The task ended by a panic instead of in order.
    pub broke_off: bool,
}

impl CloseOutcome {
    /// True when nothing was left behind.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == CloseOutcome::default()
    }
}

impl From<Leftovers> for CloseOutcome {
    fn from(left: Leftovers) -> Self {
        CloseOutcome {
            unconfirmed_publishes: left.unconfirmed_publishes,
            unacknowledged_deliveries: left.unacknowledged_deliveries,
            unanswered_reports: left.unanswered_reports,
            unanswered_calls: left.unanswered_calls,
            broke_off: false,
        }
    }
}

/// Why a message was not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PublishError {
    /// The connection ended before PUBACK; the outcome is unknown. Send it again.
    #[error("the connection was lost before the hub confirmed the message")]
    ConnectionLost,
    /// Over a size gate; never sent, and sending it again never helps.
    #[error(transparent)]
    TooLarge(TooLarge),
    /// The hub would lose it without a word; never sent.
    #[error(transparent)]
    Invalid(MessageError),
    /// The client is closed; never sent.
    #[error("the client is closed")]
    Closed,
}

impl From<MessageError> for PublishError {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::TooLarge(too_large) => PublishError::TooLarge(too_large),
            other => PublishError::Invalid(other),
        }
    }
}
