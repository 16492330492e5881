//! Where the application leaves its word.
//!
//! Each connection has a board on which the application leaves its word about the
//! deliveries and method calls of that connection, from any thread and without waiting. When the
//! connection ends its board closes under the same lock, so a word either reaches the
//! connection it belongs to or is refused; it can never reach a later one. A board holds
//! no more words than its connection has deliveries and calls out.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use edge_protocol::methods::MethodAnswer;
use edge_protocol::session::{CallId, DeliveryId};
use tokio::sync::Notify;

/// The application's word about a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Acknowledged,
    Dropped,
}

/// What can stand on a board.
#[derive(Debug)]
pub(crate) enum Said {
    /// About a delivery.
    Delivery(DeliveryId, Word),
    /// The answer to a method call.
    Call(CallId, MethodAnswer),
}

/// Where the application leaves its words for one connection.
#[derive(Debug)]
pub(crate) struct Board {
    state: Mutex<BoardState>,
    news: Arc<Notify>,
}

#[derive(Debug)]
struct BoardState {
    stage: Stage,
    last_taken: LastTaken,
    words: VecDeque<Said>,
}

/// What the application has seen of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LastTaken {
    pub(crate) delivery: Option<DeliveryId>,
    pub(crate) call: Option<CallId>,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// Words are still taken; nothing more is handed over.
    Closing,
    Closed,
}

impl Board {
    /// An open board; `news` is woken by every word.
    pub(crate) fn new(news: Arc<Notify>) -> Self {
        let state = BoardState {
            stage: Stage::Open,
            last_taken: LastTaken::default(),
            words: VecDeque::new(),
        };
        Board {
            state: Mutex::new(state),
            news,
        }
    }

    /// Leaves a word; false when the connection is gone.
    pub(crate) fn post(&self, said: Said) -> bool {
        let mut state = self.lock();
        if state.stage == Stage::Closed {
            return false;
        }
        state.words.push_back(said);
        drop(state);
        self.news.notify_one();
        true
    }

    /// Notes that the application gets this delivery; false when it must not any more.
    pub(crate) fn take(&self, id: DeliveryId) -> bool {
        let mut state = self.lock();
        let open = state.stage == Stage::Open;
        if open {
            state.last_taken.delivery = Some(id);
        }
        open
    }

    /// Notes that the application gets this call; false when it must not any more.
    pub(crate) fn take_call(&self, id: CallId) -> bool {
        let mut state = self.lock();
        let open = state.stage == Stage::Open;
        if open {
            state.last_taken.call = Some(id);
        }
        open
    }

    /// The words since the last call.
    pub(crate) fn words(&self) -> VecDeque<Said> {
        std::mem::take(&mut self.lock().words)
    }

    /// Hands over nothing more; gives what was handed over last.
    pub(crate) fn begin_closing(&self) -> LastTaken {
        let mut state = self.lock();
        if state.stage == Stage::Open {
            state.stage = Stage::Closing;
        }
        state.last_taken
    }

    /// The connection is gone.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.stage = Stage::Closed;
        state.words.clear();
    }

    fn lock(&self) -> MutexGuard<'_, BoardState> {
        // Nothing inside can be left half done, so a panic elsewhere does not matter.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
