//! All rows of a span, chunk by chunk: what is carried forward, the reports, the open windows.
//!
//! The first moment fixes what belongs to it: the last report, what is carried forward, the open
//! windows and the names. The reports themselves never change, so they are read later, in chunks
//! with a short transaction each. Where the module lets reports go faster than they are read, that
//! is an error, not a gap. Holds one chunk, the open windows and what is carried forward in memory.

use std::collections::BTreeSet;

use super::LedgerReader;
use super::rows::{self, Bounds, Range, WindowRow};
use super::span::Span;
use crate::error::{LedgerError, store_failed};
use crate::sums::Scope;

/// How many sequence numbers one transaction looks at, and after how many bytes of reports it ends.
const CHUNK_REPORTS: u64 = 1000;
const CHUNK_BYTES: usize = 1 << 20;

/// A stream of rows; see [`LedgerReader::export`].
#[derive(Debug)]
pub struct Export<'a> {
    reader: &'a LedgerReader,
    span: Span,
    labels: Vec<String>,
    reasons: Vec<String>,
    carried_forward: u64,
    /// Given first and last.
    carried: Option<WindowRow>,
    open: Vec<WindowRow>,
    after: u64,
    through: u64,
}

impl<'a> Export<'a> {
    pub(super) fn begin(reader: &'a LedgerReader, span: Span) -> Result<Self, LedgerError> {
        let begin = || {
            let moment = reader.connection.unchecked_transaction()?;
            let bounds: Bounds = rows::bounds(&moment)?;
            // What is carried forward has no window: in a span of time it has no place.
            let carried = if span.is_always() {
                rows::carried(&moment, bounds)?
            } else {
                None
            };
            Ok(Self {
                reader,
                span,
                labels: names(&moment, "fruit")?,
                reasons: names(&moment, "rejected")?,
                carried_forward: bounds.carried,
                carried,
                open: rows::open(&moment, span)?,
                after: bounds.carried,
                through: bounds.sealed,
            })
        };
        begin().map_err(store_failed(&reader.path, "begin to read the rows"))
    }

    /// Every label in any row, in order.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Every reason of a rejection in any row, in order.
    #[must_use]
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// How many reports are carried forward. With a span of time they are in no row, since nobody
    /// knows their windows any more.
    #[must_use]
    pub fn carried_forward(&self) -> u64 {
        self.carried_forward
    }

    /// The next rows, at most about 1 MB of reports; `None` after the last.
    ///
    /// # Errors
    /// `LetGo` when the module let reports go before they were read; otherwise when the store
    /// cannot be read.
    pub fn next_chunk(&mut self) -> Result<Option<Vec<WindowRow>>, LedgerError> {
        if let Some(carried) = self.carried.take() {
            return Ok(Some(vec![carried]));
        }
        while self.after < self.through {
            let chunk = self.chunk();
            let chunk = self.reader.unchanged(chunk)?;
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
        let open = std::mem::take(&mut self.open);
        Ok(Some(open).filter(|open| !open.is_empty()))
    }

    fn chunk(&mut self) -> Result<Vec<WindowRow>, LedgerError> {
        let path = &self.reader.path;
        let failed = || store_failed(path, "read the reports");
        let moment = self
            .reader
            .connection
            .unchecked_transaction()
            .map_err(failed())?;
        let bounds = rows::bounds(&moment).map_err(failed())?;
        if bounds.carried > self.after {
            return Err(LedgerError::LetGo {
                path: path.clone(),
                first: self.after + 1,
                last: bounds.carried,
            });
        }
        let range = Range {
            after: self.after,
            through: self.through.min(self.after + CHUNK_REPORTS),
            span: self.span,
        };
        let mut chunk = Vec::new();
        let mut left = CHUNK_BYTES;
        let mut last = self.after;
        let at_end = rows::reports(&moment, path, range, |row, bytes| {
            if left == 0 {
                return Ok(false);
            }
            left = left.saturating_sub(bytes);
            last = row.sequence.unwrap_or(last);
            chunk.push(row);
            Ok(true)
        })?;
        self.after = if at_end { range.through } else { last };
        Ok(chunk)
    }
}

fn names(connection: &rusqlite::Connection, kind: &str) -> rusqlite::Result<Vec<String>> {
    let names: BTreeSet<String> = connection
        .prepare_cached("SELECT DISTINCT name FROM named_sum WHERE scope = ?1 AND kind = ?2")?
        .query_map(rusqlite::params![Scope::Recorded.number(), kind], |row| {
            row.get(0)
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(names.into_iter().collect())
}
