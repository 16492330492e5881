//! Whether commits may be in the log that were written and not flushed.
//!
//! Under [`Durability::Relaxed`] a power cut may tear several commits, and in any order: a later one
//! may be whole on the disk and an earlier one not. Such a log looks like one of a disk that lost
//! what it had flushed (see `log_damage`), and nothing in the log tells the two apart. So a file beside
//! the store says that frames may have been written so. Order:
//!
//! - it is made, and the folder flushed, before the first commit that is not flushed;
//! - it goes when a ledger is opened that flushes each commit: first the log is folded in and cut to
//!   nothing, then the cut is flushed, then the mark is removed. A crash between any two leaves the mark.
//!   So does a reader that holds the log; then the next opening tries again.
//!
//! A mark too many costs the finding of such damage, a mark too few would set a good ledger aside.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::error::{LedgerError, file_failed, store_failed};
use crate::flushing::Durability;
use crate::store::with_suffix;

/// For whoever looks into the folder.
const TEXT: &str = "counts.db-wal may hold commits that were not flushed (durability relaxed)\n";

fn mark_of(store: &Path) -> PathBuf {
    store.with_extension("unflushed")
}

/// Whether the log of a store may hold commits that were not flushed.
pub(crate) fn is_set(store: &Path) -> Result<bool, LedgerError> {
    let mark = mark_of(store);
    mark.try_exists()
        .map_err(file_failed(&mark, "look for the file"))
}

/// Sets or removes the mark of a store that was just opened, as what will be written to it wants.
/// The caller flushes the folder.
pub(crate) fn update(
    store: &Path,
    connection: &Connection,
    durability: Durability,
) -> Result<(), LedgerError> {
    let mark = mark_of(store);
    match durability {
        Durability::Relaxed if !is_set(store)? => {
            fs::write(&mark, TEXT).map_err(file_failed(&mark, "write"))
        }
        Durability::Strict if is_set(store)? && log_is_emptied(store, connection)? => {
            fs::remove_file(&mark).map_err(file_failed(&mark, "remove"))
        }
        Durability::Relaxed | Durability::Strict => Ok(()),
    }
}

/// Empties the log for good; false where a reader holds it.
fn log_is_emptied(store: &Path, connection: &Connection) -> Result<bool, LedgerError> {
    let held: bool = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .map_err(store_failed(store, "fold the log in"))?;
    if held {
        return Ok(false);
    }
    let log = with_suffix(store, "-wal");
    match File::open(&log).and_then(|log| log.sync_all()) {
        // Without a log there is nothing that a power cut could bring back.
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(file_failed(&log, "flush")(cause))
        }
        Ok(()) | Err(_) => Ok(true),
    }
}
