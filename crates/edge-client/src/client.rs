//! The application's handle: publish, look at the status, hold, close.

use std::sync::Arc;
use std::time::Duration;

use edge_protocol::message::{MessageError, PreparedMessage, TooLarge};
use edge_protocol::session::Leftovers;
use edge_protocol::{Identity, OutgoingMessage};
use thiserror::Error;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::config::ClientConfig;
use crate::delivery::{DELIVERY_CAPACITY, Deliveries};
use crate::driver::Driver;
use crate::status::Status;

/// Messages that wait for the connection or for room in the window, at most; further
/// calls of [`Client::publish`] wait before that.
const PUBLISH_QUEUE: usize = 16;

/// Commands that wait for the task, at most.
const COMMAND_QUEUE: usize = 4;

/// Starts a client: spawns its one task on the current tokio runtime and returns at once.
///
/// The task ends after [`Client::close`], or when every [`Client`] is dropped. Keep the
/// [`Deliveries`] if the configuration asks for inputs: dropping them drops the messages
/// in them, and each connection that brings one is closed again.
///
/// # Panics
///
/// Outside a tokio runtime.
pub fn start(config: ClientConfig) -> (Client, Deliveries) {
    let (publish_sender, publishes) = mpsc::channel(PUBLISH_QUEUE);
    let (command_sender, commands) = mpsc::channel(COMMAND_QUEUE);
    let (delivery_sender, deliveries) = mpsc::channel(DELIVERY_CAPACITY);
    let (status_sender, status) = watch::channel(Status::Connecting {
        attempt: 0,
        last_error: None,
    });
    let identity = config.identity.clone();
    let driver = Driver::new(config, publishes, commands, delivery_sender, status_sender);
    let task = tokio::spawn(driver.run());
    let shared = Shared {
        identity,
        publishes: publish_sender,
        commands: command_sender,
        status,
        task: Mutex::new(Task::Running(task)),
    };
    (
        Client {
            shared: Arc::new(shared),
        },
        Deliveries::new(deliveries),
    )
}

/// A handle on a running client. Clones share it; dropping the last one closes the client
/// (without waiting for anything but PUBACKs already due).
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    identity: Identity,
    publishes: mpsc::Sender<PublishRequest>,
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<Status>,
    task: Mutex<Task>,
}

#[derive(Debug)]
enum Task {
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

    /// Where the client stands, as a value to look at or to wait on. A change cannot be
    /// missed; intermediate states can.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.clone()
    }

    /// Closes the connection and keeps it closed until [`Client::resume`], for an
    /// application that cannot make results durable at the moment. Deliveries not
    /// acknowledged come again afterwards.
    pub async fn hold(&self) {
        // A client that has ended holds nothing open.
        self.shared.commands.send(Command::Hold).await.ok();
    }

    /// Ends a hold: connects again at once.
    pub async fn resume(&self) {
        self.shared.commands.send(Command::Resume).await.ok();
    }

    /// Leaves in good order: takes no more messages, hands over no more deliveries, waits
    /// at most `grace` for outstanding PUBACKs and for the application's word on the
    /// deliveries it holds, sends DISCONNECT and ends the task. Messages that were waiting
    /// to be sent end with [`PublishError::Closed`]. Later calls return the same outcome.
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
pub struct CloseOutcome {
    /// Messages sent whose PUBACK had not come; the hub may have them.
    pub unconfirmed_publishes: usize,
    /// Deliveries the application held without a word; the hub delivers them again.
    pub unacknowledged_deliveries: usize,
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
