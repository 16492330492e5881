//! Method calls, in the application's hands.

use std::fmt;
use std::sync::Arc;

use edge_protocol::methods::{AnswerTooLarge, MethodAnswer};
use edge_protocol::session::{self, CallId};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::board::{Board, Said};

/// The stream of method calls. Calls that waited here while their connection ended are
/// left out: nobody can answer them any more.
///
/// At most [`METHOD_CAPACITY`](session::METHOD_CAPACITY) calls are out at once; more are
/// answered by the client itself with status 503. A call whose payload is not JSON is
/// answered by it with 400. Once this is dropped, every call is answered with 501.
///
/// ```no_run
/// use edge_client::{AnswerTooLarge, Methods, json};
///
/// /// Answers `total`, and says so of every other name.
/// async fn serve(mut methods: Methods, total: u64) -> Result<(), AnswerTooLarge> {
///     while let Some(call) = methods.next().await {
///         let (status, answer) = match call.name() {
///             "total" => (200, json!({ "total": total })),
///             name => (404, json!({ "message": format!("no method {name}") })),
///         };
///         // Queued or too late: the caller tries again if it still wants to know.
///         let _ = call.answer(status, &answer)?;
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Methods {
    queue: mpsc::Receiver<MethodCall>,
}

impl Methods {
    pub(crate) fn new(queue: mpsc::Receiver<MethodCall>) -> Self {
        Methods { queue }
    }

    /// The next call; `None` once the client is closed. Dropping the future loses
    /// nothing.
    pub async fn next(&mut self) -> Option<MethodCall> {
        loop {
            if let Some(call) = self.queue.recv().await?.taken() {
                return Some(call);
            }
        }
    }

    /// As [`Methods::next`], for a plain thread. Panics inside an async task.
    pub fn blocking_next(&mut self) -> Option<MethodCall> {
        loop {
            if let Some(call) = self.queue.blocking_recv()?.taken() {
                return Some(call);
            }
        }
    }
}

/// One method call, with the duty to answer it.
///
/// The caller waits for 5 to 300 s, 30 s by default; a later answer does no harm and
/// reaches nobody. Dropping a call without an answer answers it with status 500.
pub struct MethodCall {
    call: session::MethodCall,
    board: Arc<Board>,
    open: bool,
}

impl MethodCall {
    pub(crate) fn new(call: session::MethodCall, board: Arc<Board>) -> Self {
        MethodCall {
            call,
            board,
            open: true,
        }
    }

    /// Name of the method, as the caller wrote it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.call.name
    }

    /// The payload; null when there was none.
    #[must_use]
    pub fn payload(&self) -> &Value {
        &self.call.payload
    }

    /// Answers the call. `status` means what the two sides agree on; most use HTTP's
    /// numbers. Never waits; callable from any thread.
    ///
    /// # Errors
    ///
    /// [`AnswerTooLarge`] when the payload is over
    /// [`ANSWER_LIMIT`](edge_protocol::methods::ANSWER_LIMIT); then the call is answered
    /// as if it had been dropped.
    pub fn answer(mut self, status: i32, payload: &Value) -> Result<Answered, AnswerTooLarge> {
        let answer = MethodAnswer::new(status, payload)?;
        self.open = false;
        Ok(if self.board.post(Said::Call(self.call.id, answer)) {
            Answered::Queued
        } else {
            Answered::ConnectionGone
        })
    }

    /// Gives up the duty to answer.
    pub(crate) fn into_id(mut self) -> CallId {
        self.open = false;
        self.call.id
    }

    /// Hands it to the application, unless nobody can answer it any more.
    fn taken(mut self) -> Option<Self> {
        if self.board.take_call(self.call.id) {
            return Some(self);
        }
        self.open = false;
        None
    }
}

impl Drop for MethodCall {
    fn drop(&mut self) {
        if self.open {
            let answer = MethodAnswer::dropped(self.name());
            self.board.post(Said::Call(self.call.id, answer));
        }
    }
}

impl fmt::Debug for MethodCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MethodCall")
            .field("name", &self.call.name)
            .field("connection", &self.call.id.link().number())
            .finish_non_exhaustive()
    }
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It is with its connection, which sends it. Should the connection end first, the
    /// caller learns of no answer.
    Queued,
    /// Its connection has ended: nothing was sent, and the caller has no answer.
    ConnectionGone,
}
