//! A ledger without a disk.

use std::path::PathBuf;

use super::Ledger;
use crate::error::LedgerError;
use crate::frame::Now;
use crate::options::LedgerOptions;
use crate::store;

impl Ledger {
    /// A ledger that lives as long as this value and touches no disk; commits, and what an error
    /// leaves, are those of [`Ledger::open`]'s. For simulations of whoever drives a ledger: a value
    /// that is kept while everything around it is made anew is what a killed process finds on its
    /// disk (not what a power cut leaves). `id` takes the place of the random one, so that a run
    /// can be repeated.
    ///
    /// # Errors
    /// `Argument` for options out of range, and the store's.
    pub fn in_memory(id: u64, options: LedgerOptions, now: Now) -> Result<Self, LedgerError> {
        let checked = options.check()?;
        let path = PathBuf::from(":memory:");
        let connection = store::open_in_memory(id, &path, now.wall)?;
        Self::over(connection, path, &checked, None, None)
    }
}
