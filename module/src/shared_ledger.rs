//! One ledger, three users: the pipeline records, the HTTP door records, the reporter seals and
//! marks.
//!
//! Each call is one short transaction, so a lock around it is enough; the pipeline
//! is a plain thread and takes it directly, async code goes through
//! [`SharedLedger::blocking`] because a commit waits for the disk.
//!
//! The lock is fair: a plain mutex lets whoever gives it back take it again before the one that
//! waits has woken, so a busy HTTP door could keep edgeHub's pictures waiting for long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::Ledger;

/// A handle to the one open ledger; clones share it.
#[derive(Debug, Clone)]
pub struct SharedLedger(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Held while waiting for the ledger: whoever comes later waits here, not beside.
    turnstile: Mutex<()>,
    ledger: Mutex<Ledger>,
}

impl SharedLedger {
    /// Shares an open ledger.
    #[must_use]
    pub fn new(ledger: Ledger) -> Self {
        SharedLedger(Arc::new(Shared {
            turnstile: Mutex::new(()),
            ledger: Mutex::new(ledger),
        }))
    }

    /// Whether nobody else has a handle.
    #[cfg(test)]
    pub(crate) fn is_the_only_one(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// Waits for the other user's transaction to end; not for async code.
    ///
    /// A panic inside a transaction rolls it back, so the ledger behind a poisoned
    /// lock is as whole as the file.
    pub fn lock(&self) -> MutexGuard<'_, Ledger> {
        let Shared { turnstile, ledger } = &*self.0;
        let _first = turnstile.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.lock().unwrap_or_else(PoisonError::into_inner)
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
