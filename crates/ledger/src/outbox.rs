//! Sealed reports that wait until the hub has taken them.
//!
//! The outbox gives reports out as they were sealed and notes when one was taken. It must never
//! change a body and never let an unsent report go.

use rusqlite::{Connection, OptionalExtension as _};
use time::OffsetDateTime;

use crate::report::SealedReport;
use crate::sums::number;
use crate::window::instant;

/// The oldest reports that were not taken yet.
pub(crate) fn unsent(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<SealedReport>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT sequence, report_id, body FROM report
         WHERE sent_at IS NULL ORDER BY sequence LIMIT ?1",
    )?;
    let reports = statement.query_map([limit], |row| {
        Ok(SealedReport {
            sequence: number(row, 0)?,
            report_id: row.get(1)?,
            body: row.get(2)?,
        })
    })?;
    reports.collect()
}

/// Notes that a report was taken. The first note stays; false when there is no such report, or no
/// longer.
pub(crate) fn mark_sent(
    connection: &Connection,
    sequence: u64,
    sent_at: i64,
) -> rusqlite::Result<bool> {
    let Ok(sequence) = i64::try_from(sequence) else {
        return Ok(false);
    };
    let changed = connection
        .prepare_cached("UPDATE report SET sent_at = coalesce(sent_at, ?2) WHERE sequence = ?1")?
        .execute([sequence, sent_at])?;
    Ok(changed == 1)
}

/// Whether any report waits.
pub(crate) fn is_waiting(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM report WHERE sent_at IS NULL")?
        .exists([])
}

/// What waits in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Sealed reports that were not taken yet.
    pub reports: u64,
    /// When the oldest of them was sealed, by the wall clock of that moment.
    pub oldest_sealed_at: Option<OffsetDateTime>,
}

/// The report that has waited longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldestUnsent {
    /// Its sequence.
    pub sequence: u64,
    /// When it was sealed, by the wall clock of that moment.
    pub sealed_at: OffsetDateTime,
    /// The end of its window.
    pub window_end: OffsetDateTime,
}

/// The oldest report that was not taken yet. Costs a look at the index of those that wait.
pub(crate) fn oldest(connection: &Connection) -> rusqlite::Result<Option<OldestUnsent>> {
    connection
        .prepare_cached(
            "SELECT sequence, sealed_at, ends_at FROM report
             WHERE sent_at IS NULL ORDER BY sequence LIMIT 1",
        )?
        .query_row([], |row| {
            Ok(OldestUnsent {
                sequence: number(row, 0)?,
                sealed_at: instant(row.get(1)?),
                window_end: instant(row.get(2)?),
            })
        })
        .optional()
}

/// How much waits, and since when.
pub(crate) fn summary(connection: &Connection) -> rusqlite::Result<Waiting> {
    Ok(Waiting {
        reports: waiting(connection)?,
        oldest_sealed_at: oldest(connection)?.map(|oldest| oldest.sealed_at),
    })
}

/// How many reports wait.
pub(crate) fn waiting(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM report WHERE sent_at IS NULL")?
        .query_row([], |row| number(row, 0))
}
