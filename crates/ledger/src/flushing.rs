//! When the disk is flushed: in each commit, or for frames a little later.
//!
//! A flush costs milliseconds and is most of what a commit costs. The log is written from front to
//! back and one flush takes all of it that was written before, so flushing later can lose the last
//! commits, but never one from between.

use rusqlite::Connection;

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
}

impl Flushing {
    /// A store that was just opened flushes each commit. What a process before left in the log may
    /// not be flushed.
    pub(crate) fn at_opening() -> Self {
        Self {
            set: Flush::Now,
            needed: true,
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

    /// Notes a good commit. One that changed nothing writes nothing, and so flushes nothing.
    pub(crate) fn committed(&mut self, changed: bool) {
        if changed {
            self.needed = self.set == Flush::Later;
        }
    }
}

/// Changes a value that counts nothing, in the caller's transaction.
pub(crate) fn write_probe(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE ledger SET probes = probes + 1")?
        .execute([])
        .map(drop)
}
