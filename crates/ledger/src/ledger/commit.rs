//! The one way in which anything is committed, and when it is flushed.

use rusqlite::{Connection, TransactionBehavior};

use super::Ledger;
use crate::error::{LedgerError, store_failed};
use crate::flushing::{self, Durability, Flush};

impl Ledger {
    /// Writes and flushes a value that counts nothing: whether the disk can be written again after
    /// a failure.
    ///
    /// # Errors
    /// The store's, when it still cannot.
    pub fn probe(&mut self) -> Result<(), LedgerError> {
        self.commit("write a probe", flushing::write_probe)
    }

    /// Makes everything that was recorded so far durable against a power cut. Call it every 2 s
    /// under [`Durability::Relaxed`], so that no more than 5 s can be lost. Costs one flush of the
    /// disk when something is not flushed, and nothing otherwise, as under
    /// [`Durability::Strict`].
    ///
    /// # Errors
    /// The store's: call it again.
    pub fn flush(&mut self) -> Result<(), LedgerError> {
        if self.durability == Durability::Strict || !self.flushing.is_needed() {
            return Ok(());
        }
        // A commit that is flushed takes the whole log before it along.
        self.commit("flush what was recorded", flushing::touch)
    }

    /// Makes everything durable and folds the log into the store, so that the one file has it all: for
    /// the last moment of a process that does not drop the ledger. Writes and flushes what is in the log,
    /// 1 MB or so at most.
    ///
    /// # Errors
    /// The store's, and `Busy` while somebody reads the log; what was recorded is durable all the same.
    pub fn fold(&mut self) -> Result<(), LedgerError> {
        self.flush()?;
        flushing::fold_log(&self.connection)
            .map_err(store_failed(&self.path, "fold the log into the store"))
    }

    /// Flushes the log that an earlier process left: its last commit may be written and not flushed,
    /// under either level.
    pub(super) fn flush_what_was_left(&mut self) -> Result<(), LedgerError> {
        self.commit("flush what was left", flushing::touch)
    }

    /// Runs a change in one durable commit; an error leaves nothing of it, nor of the memo.
    pub(super) fn commit<T>(
        &mut self,
        doing: &'static str,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        self.commit_with(Flush::Now, doing, change)
    }

    pub(super) fn commit_with<T>(
        &mut self,
        flush: Flush,
        doing: &'static str,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let mut memo = std::mem::take(&mut self.memo);
        let (connection, flushing) = (&mut self.connection, &mut self.flushing);
        let run = || {
            flushing.settle(connection, flush)?;
            flushing.set(connection, flush)?;
            let before = connection.total_changes();
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = change(&transaction)?;
            transaction.commit()?;
            flushing.committed(connection.total_changes() != before);
            Ok(result)
        };
        let result = run()
            .inspect_err(|_| self.flushing.failed())
            .map_err(store_failed(&self.path, doing))?;
        memo.forget_windows();
        self.memo = memo;
        Ok(result)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // Closing does it too, but not while somebody else reads the file.
        if let Err(error) = self.flush() {
            tracing::warn!(%error, "the last frames are not flushed: a power cut may take them");
        }
    }
}
