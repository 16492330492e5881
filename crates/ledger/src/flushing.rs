//! When the disk is flushed: in each commit, or for frames a little later.
//!
//! A flush costs milliseconds and is most of what a commit costs. The log is written from front to
//! back and one flush takes all of it that was written before, so flushing later can lose the last
//! commits, but never one from between.
//!
//! Unless a flush fails: the system may then take pages for written that are not, and the next flush
//! succeeds without them. So after a commit that failed while others waited for a flush, the log is
//! not believed any more: the store takes all of it before anything counts as flushed.

use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use crate::store::BUSY;

/// What a recorded frame survives when [`record`](crate::Ledger::record) returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// A power cut. Each commit is flushed.
    #[default]
    Strict,
    /// A process that ends in whatever way; a power cut takes at most the last 5 s of frames, if
    /// [`flush`](crate::Ledger::flush) is called every 2 s. Reports are flushed all the same
    /// before they can be sent. For media that wear out, such as SD cards.
    Relaxed,
}

impl Durability {
    /// When frames are flushed.
    pub(crate) fn of_frames(self) -> Flush {
        match self {
            Durability::Strict => Flush::Now,
            Durability::Relaxed => Flush::Later,
        }
    }
}

/// When a commit is flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// Before it returns, and all commits before it.
    Now,
    /// With the next one that is flushed.
    Later,
}

/// What the store is set to, and whether something waits for a flush.
#[derive(Debug)]
pub(crate) struct Flushing {
    set: Flush,
    needed: bool,
    /// A commit failed while something waited: a flush of the log proves nothing.
    is_log_doubtful: bool,
}

impl Flushing {
    /// A store that was just opened flushes each commit. What a process before left in the log may
    /// not be flushed.
    pub(crate) fn at_opening() -> Self {
        Self {
            set: Flush::Now,
            needed: true,
            is_log_doubtful: false,
        }
    }

    /// Whether a commit waits for a flush.
    pub(crate) fn is_needed(&self) -> bool {
        self.needed
    }

    /// Sets the store for the next commit; not within one.
    pub(crate) fn set(&mut self, connection: &Connection, flush: Flush) -> rusqlite::Result<()> {
        if self.set != flush {
            let synchronous = match flush {
                Flush::Now => "FULL",
                Flush::Later => "NORMAL",
            };
            connection.pragma_update(None, "synchronous", synchronous)?;
            self.set = flush;
        }
        Ok(())
    }

    /// Makes a commit of this kind able to keep its word: where the log is in doubt and the commit is
    /// to be flushed, the log is first folded into the store. Not within a transaction.
    pub(crate) fn settle(&mut self, connection: &Connection, flush: Flush) -> rusqlite::Result<()> {
        if self.is_log_doubtful && flush == Flush::Now {
            fold_log(connection)?;
            // The commit that follows flushes the cut of the log; until then a flush is needed.
            self.is_log_doubtful = false;
        }
        Ok(())
    }

    /// Notes a commit that failed, by whatever cause: the disk's is not always told apart.
    pub(crate) fn failed(&mut self) {
        self.is_log_doubtful |= self.needed;
    }

    /// Notes a good commit. One that changed nothing writes nothing, and so flushes nothing.
    pub(crate) fn committed(&mut self, changed: bool) {
        if changed {
            self.needed = self.set == Flush::Later;
        }
    }
}

/// Writes the whole log to the store, flushes that, and empties the log. An error where a reader
/// still needs the log: waiting for it would hold up the counting.
pub(crate) fn fold_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    let held = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        row.get::<_, bool>(0)
    });
    connection.busy_timeout(BUSY)?;
    if held? {
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error {
                code: ErrorCode::DatabaseBusy,
                extended_code: rusqlite::ffi::SQLITE_BUSY,
            },
            Some("somebody reads the log".into()),
        ));
    }
    Ok(())
}

/// Writes at least as much as the commit of a frame, in the caller's transaction: a disk with room for
/// less would refuse the frame next.
pub(crate) fn write_probe(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO probe (one, filler) VALUES (1, randomblob(32768))")?
        .execute([])?;
    touch(connection)
}

/// Changes a value that counts nothing, in the caller's transaction.
pub(crate) fn touch(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE ledger SET probes = probes + 1")?
        .execute([])
        .map(drop)
}
