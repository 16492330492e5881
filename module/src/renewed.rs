//! A session of the model on its way to the thread that runs it.
//!
//! Opening one takes a tenth of a second or more and can fail, so it is opened beside the one in use
//! and handed over between two pictures. The latest wins.

use std::sync::{Arc, Mutex, PoisonError};

use vision::Classifier;

/// The place where a new session waits for its thread; clones are the same place.
#[derive(Debug, Clone, Default)]
pub struct Renewed(Arc<Mutex<Option<Classifier>>>);

impl Renewed {
    /// Leaves a session, in place of one that was not taken yet.
    pub fn leave(&self, session: Classifier) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
    }

    /// Takes the session that was left, if there is one. Costs a short lock.
    pub fn take(&self) -> Option<Classifier> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
