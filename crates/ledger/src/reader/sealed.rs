//! Sealed reports as they are sent, and what waits to be sent.
//!
//! For a caller who misses a message: the body that is given is the one that was sealed, to the byte.
//! Bounded by number and by bytes; a body that no answer can hold is named and passed over.

use rusqlite::params;

use super::LedgerReader;
use super::rows;
use crate::error::{LedgerError, store_failed};
use crate::outbox::{self, OldestUnsent};
use crate::report::SealedReport;
use crate::sums::{number, stored};

/// Which sealed reports are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedFrom {
    /// From this sequence on, or from the first that is kept.
    Sequence(u64),
    /// The last so many, oldest first.
    Last(u64),
}

/// How much one answer may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedBounds {
    /// So many reports at most.
    pub reports: u64,
    /// So many bytes of bodies at most, a comma each included.
    pub bytes: usize,
}

/// Some sealed reports, read at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPage {
    /// The last report that is sealed; 0 when there is none.
    pub sealed: u64,
    /// Reports up to this one are not kept any more.
    pub carried_forward: u64,
    /// By sequence.
    pub reports: Vec<SealedReport>,
    /// Those of the page that alone are larger than an answer.
    pub too_large: Vec<TooLargeReport>,
    /// Where the next page begins; `None` when this one has the last report.
    pub next: Option<u64>,
}

/// A report that no answer can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLargeReport {
    /// Its sequence.
    pub sequence: u64,
    /// The size of its body.
    pub bytes: usize,
}

pub(super) fn page(
    reader: &LedgerReader,
    from: SealedFrom,
    bounds: SealedBounds,
) -> Result<SealedPage, LedgerError> {
    let failed = || store_failed(&reader.path, "read sealed reports");
    let moment = reader
        .connection
        .unchecked_transaction()
        .map_err(failed())?;
    let kept = rows::bounds(&moment).map_err(failed())?;
    let first = match from {
        SealedFrom::Sequence(sequence) => sequence,
        SealedFrom::Last(reports) => (kept.sealed + 1).saturating_sub(reports),
    };
    let mut page = SealedPage {
        sealed: kept.sealed,
        carried_forward: kept.carried,
        reports: Vec::new(),
        too_large: Vec::new(),
        next: None,
    };
    let first = first.max(kept.carried + 1);
    if first > kept.sealed {
        return Ok(page);
    }
    let mut statement = moment
        .prepare_cached(
            "SELECT sequence, report_id, length(body), body FROM report
             WHERE sequence >= ?1 ORDER BY sequence",
        )
        .map_err(failed())?;
    let first = stored(first).map_err(failed())?;
    let mut found = statement.query(params![first]).map_err(failed())?;
    let (mut seen, mut left) = (0, bounds.bytes);
    while let Some(row) = found.next().map_err(failed())? {
        let sequence = number(row, 0).map_err(failed())?;
        let bytes = number(row, 2).map_err(failed())?;
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if seen == bounds.reports {
            page.next = Some(sequence);
            break;
        }
        seen += 1;
        if bytes >= bounds.bytes {
            page.too_large.push(TooLargeReport { sequence, bytes });
            continue;
        }
        let Some(rest) = left.checked_sub(bytes + 1) else {
            page.next = Some(sequence);
            break;
        };
        left = rest;
        page.reports.push(SealedReport {
            sequence,
            report_id: row.get(1).map_err(failed())?,
            body: row.get(3).map_err(failed())?,
        });
    }
    Ok(page)
}

pub(super) fn oldest_unsent(reader: &LedgerReader) -> Result<Option<OldestUnsent>, LedgerError> {
    outbox::oldest(&reader.connection).map_err(store_failed(&reader.path, "read what waits"))
}
