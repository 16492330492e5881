//! One ledger, two users: the pipeline records, the reporter seals and marks.
//!
//! Each call is one short transaction, so a lock around it is enough; the pipeline
//! is a plain thread and takes it directly, async code goes through
//! [`SharedLedger::blocking`] because a commit waits for the disk.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::Ledger;

/// A handle to the one open ledger; clones share it.
#[derive(Debug, Clone)]
pub struct SharedLedger(Arc<Mutex<Ledger>>);

impl SharedLedger {
    /// Shares an open ledger.
    #[must_use]
    pub fn new(ledger: Ledger) -> Self {
        SharedLedger(Arc::new(Mutex::new(ledger)))
    }

    /// Waits for the other user's transaction to end; not for async code.
    ///
    /// A panic inside a transaction rolls it back, so the ledger behind a poisoned
    /// lock is as whole as the file.
    pub fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on the ledger without holding up the async runtime.
    ///
    /// # Panics
    /// When `work` does.
    pub async fn blocking<T, F>(&self, work: F) -> T
    where
        T: Send + 'static,
        F: FnOnce(&mut Ledger) -> T + Send + 'static,
    {
        let shared = self.clone();
        match tokio::task::spawn_blocking(move || work(&mut shared.lock())).await {
            Ok(done) => done,
            Err(failure) => std::panic::resume_unwind(failure.into_panic()),
        }
    }
}
