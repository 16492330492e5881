//! Method calls of one connection that have no answer yet.

use super::event::CallId;

/// Calls in the application's hands, in order of receipt.
#[derive(Debug, Default)]
pub(super) struct OpenCalls {
    open: Vec<OpenCall>,
}

/// A call to be answered.
#[derive(Debug)]
pub(super) struct OpenCall {
    pub(super) id: CallId,
    /// The hub's own id for it, to be repeated in the answer.
    pub(super) rid: String,
    pub(super) name: String,
}

impl OpenCalls {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// True while the hub waits for an answer to its request `rid`.
    pub(super) fn contains(&self, rid: &str) -> bool {
        self.open.iter().any(|call| call.rid == rid)
    }

    pub(super) fn receive(&mut self, call: OpenCall) {
        self.open.push(call);
    }

    /// Takes out the call `id`: its one answer is about to go out.
    pub(super) fn take(&mut self, id: CallId) -> Option<OpenCall> {
        let place = self.open.iter().position(|call| call.id == id)?;
        Some(self.open.remove(place))
    }

    /// Takes out the first call received after `last`; of all when it is `None`.
    pub(super) fn take_after(&mut self, last: Option<CallId>) -> Option<OpenCall> {
        let place = self.open.iter().position(|call| Some(call.id) > last)?;
        Some(self.open.remove(place))
    }
}
