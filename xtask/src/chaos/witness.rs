//! The ledger as it lies on the disk, read from outside the module.
//!
//! Read only, while the module runs, is frozen or is dead: it does what a reader of SQLite does
//! and nothing more.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use rusqlite::{Connection, OpenFlags, Row};

/// A reader of the module's ledger.
#[derive(Debug)]
pub(super) struct Witness {
    connection: Connection,
}

/// What the ledger has of one camera.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Outcomes.
    pub(super) received: u64,
    /// Of those, of pictures seen before.
    pub(super) duplicate: u64,
    /// Pictures in the memory against duplicates.
    pub(super) remembered: u64,
}

impl Witness {
    /// Opens the ledger of a folder; the module must have made it.
    pub(super) fn open(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join("counts.db");
        // Without a mutex: this process has one thread.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&file, flags)
            .with_context(|| format!("cannot open {}", file.display()))?;
        connection.busy_timeout(Duration::from_secs(5))?;
        Ok(Self { connection })
    }

    /// All cameras.
    pub(super) fn cameras(&self) -> anyhow::Result<BTreeMap<String, Held>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT name, received, duplicate, coalesce(frames, 0)
             FROM camera JOIN frame_sum USING (camera)
             LEFT JOIN (SELECT camera, count(*) AS frames FROM remembered GROUP BY camera)
                USING (camera)
             WHERE scope = 0",
        )?;
        let rows = statement.query_map([], |row| {
            let held = Held {
                received: number(row, 1)?,
                duplicate: number(row, 2)?,
                remembered: number(row, 3)?,
            };
            Ok((row.get(0)?, held))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Outcomes of one camera; cheap enough to be asked in a tight loop.
    pub(super) fn received(&self, camera: &str) -> anyhow::Result<u64> {
        let mut statement = self.connection.prepare_cached(
            "SELECT coalesce(sum(received), 0) FROM camera JOIN frame_sum USING (camera)
             WHERE scope = 0 AND name = ?1",
        )?;
        Ok(statement.query_row([camera], |row| number(row, 0))?)
    }

    /// Ids of sealed reports that the module does not know to be sent.
    pub(super) fn unsent(&self) -> anyhow::Result<Vec<String>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT report_id FROM report WHERE sent_at IS NULL")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Windows that are not sealed yet.
    pub(super) fn open_windows(&self) -> anyhow::Result<u64> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT count(*) FROM open_window")?;
        Ok(statement.query_row([], |row| number(row, 0))?)
    }
}

/// A count; a run never comes near the end of these.
fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, u32>(column).map(u64::from)
}
