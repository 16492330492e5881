//! Where the application leaves its word.
//!
//! Each connection has a board on which the application leaves its word about the
//! deliveries of that connection, from any thread and without waiting. When the
//! connection ends its board closes under the same lock, so a word either reaches the
//! connection it belongs to or is refused; it can never reach a later one. A board holds
//! no more words than its connection has deliveries out.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use edge_protocol::session::DeliveryId;
use tokio::sync::Notify;

/// The application's word about a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Acknowledged,
    Dropped,
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
    last_taken: Option<DeliveryId>,
    words: VecDeque<(DeliveryId, Word)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// Words are still taken; no more deliveries are handed over.
    Closing,
    Closed,
}

impl Board {
    /// An open board; `news` is woken by every word.
    pub(crate) fn new(news: Arc<Notify>) -> Self {
        let state = BoardState {
            stage: Stage::Open,
            last_taken: None,
            words: VecDeque::new(),
        };
        Board {
            state: Mutex::new(state),
            news,
        }
    }

    pub(crate) fn post(&self, id: DeliveryId, word: Word) -> bool {
        let mut state = self.lock();
        if state.stage == Stage::Closed {
            return false;
        }
        state.words.push_back((id, word));
        drop(state);
        self.news.notify_one();
        true
    }

    pub(crate) fn take(&self, id: DeliveryId) -> bool {
        let mut state = self.lock();
        let open = state.stage == Stage::Open;
        if open {
            state.last_taken = Some(id);
        }
        open
    }

    /// The words since the last call.
    pub(crate) fn words(&self) -> VecDeque<(DeliveryId, Word)> {
        std::mem::take(&mut self.lock().words)
    }

    /// Hands over no more deliveries; gives the last one handed over.
    pub(crate) fn begin_closing(&self) -> Option<DeliveryId> {
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
