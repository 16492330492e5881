//! Reading the counts back: a ledger opened for reading only, whether a module counts into it or not.
//!
//! A reader takes no lock that a writer waits for, writes nothing and migrates nothing. Each call
//! reads one moment of the ledger's life in a short transaction; what is long is read in chunks with
//! a transaction each ([`Export`]), because a transaction that stays open keeps the store's log
//! from being folded in and so lets it grow. Only [`LedgerReader::verify`] reads everything at once.
//!
//! Where to go next: how a folder that cannot be written is read in `opening`, the rows in `rows`,
//! the stream in `export`, the answer of the direct method `getReports` in `answer` and,
//! for reports as they are sent, in `sealed`.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::error::{LedgerError, file_failed, store_failed};
use crate::outbox::OldestUnsent;
use crate::store::{self, Beginning, STORE_FILE};
use crate::totals::ledger_id;
use crate::verify::{self, Verification};

pub use answer::{CarriedForward, LetGo, MAX_ANSWER_BYTES, OpenWindows, ReportsError, ReportsPage};
pub use export::Export;
pub use opening::Access;
pub use question::{QueryError, ReportsQuery};
pub use rows::{Piece, RowKind, WindowRow};
pub use sealed::{SealedBounds, SealedFrom, SealedPage, TooLargeReport};
pub use span::{Span, SpanError, parse_instant};
pub use summary::{SetAsideFile, Summary};

/// A ledger, opened for reading. Any number may be open beside the one that writes.
///
/// Formats 1 and 2 are read as they are. Memory does not grow with what was counted, except for the
/// sums by camera.
#[derive(Debug)]
pub struct LedgerReader {
    connection: Connection,
    path: PathBuf,
    id: String,
    format: i64,
    access: Access,
    beginning: Beginning,
}

impl LedgerReader {
    /// Opens the ledger of a folder. Costs the reading of a few pages; a damaged page shows only
    /// when it is read, or by [`LedgerReader::verify`].
    ///
    /// # Errors
    /// `Missing` when there is no ledger, `NewerFormat`, `Damaged` for a file that is none of ours,
    /// and `ReadOnly`, `Io` or `Busy` when the file cannot be read.
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        let path = dir.join(STORE_FILE);
        let opening::Opened {
            connection,
            format,
            access,
        } = opening::open(&path)?;
        let read = || {
            Ok((
                ledger_id(&connection)?,
                store::beginning(&connection, &path)?,
            ))
        };
        let (id, beginning) = read().map_err(store_failed(&path, "read the ledger's id"))?;
        Ok(Self {
            connection,
            path,
            id,
            format,
            access,
            beginning,
        })
    }

    /// The ledger's id: 16 hexadecimal digits, drawn when it began.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The format of the file, 1 to the newest that this program knows.
    #[must_use]
    pub fn format(&self) -> i64 {
        self.format
    }

    /// Whether the file is read beside a writer, or as one that nobody can change.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// When this ledger began, and in place of which damaged file, as
    /// [`Ledger::beginning`](crate::Ledger::beginning) has it. Files before format 3 do not tell of
    /// a damaged one.
    #[must_use]
    pub fn beginning(&self) -> &Beginning {
        &self.beginning
    }

    /// Everything at one moment: sums, open windows, and the last reports, at most `last` of them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn summary(&self, last: usize) -> Result<Summary, LedgerError> {
        self.unchanged(summary::read(self, last))
    }

    /// All rows of a span of time, to be taken chunk by chunk. What was sealed up to this call
    /// belongs to it, what is sealed later does not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn export(&self, span: Span) -> Result<Export<'_>, LedgerError> {
        Export::begin(self, span)
    }

    /// One page of the answer to the direct method `getReports`, at most [`MAX_ANSWER_BYTES`] of
    /// JSON.
    ///
    /// # Errors
    /// [`ReportsError`]: a question that makes no sense here, or a store that cannot be read.
    pub fn reports(&self, query: &ReportsQuery) -> Result<ReportsPage, ReportsError> {
        let page = answer::page(self, query)?;
        Ok(self.unchanged(Ok(page))?)
    }

    /// Sealed reports as they are sent, to the byte, within bounds.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn sealed(
        &self,
        from: SealedFrom,
        bounds: SealedBounds,
    ) -> Result<SealedPage, LedgerError> {
        self.unchanged(sealed::page(self, from, bounds))
    }

    /// The report that has waited longest for the hub to take it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn oldest_unsent(&self) -> Result<Option<OldestUnsent>, LedgerError> {
        self.unchanged(sealed::oldest_unsent(self))
    }

    /// Bytes of the file, and of the log beside it that is not folded in yet.
    ///
    /// # Errors
    /// When the file is gone or its folder cannot be searched.
    pub fn file_bytes(&self) -> Result<(u64, u64), LedgerError> {
        let file = fs::metadata(&self.path).map_err(file_failed(&self.path, "look at"))?;
        let log = fs::metadata(store::with_suffix(&self.path, "-wal")).map_or(0, |log| log.len());
        Ok((file.len(), log))
    }

    /// Proves the sums as [`Ledger::verify`](crate::Ledger::verify) does, and checks every page of
    /// the file before. Reads everything at one moment: while it does, a writer goes on, but its log
    /// grows by what it writes.
    ///
    /// # Errors
    /// When the store cannot be read, `Damaged` when a page is. Sums that do not agree are no error
    /// but a [finding](Verification::findings).
    pub fn verify(&self) -> Result<Verification, LedgerError> {
        let verify = || {
            opening::check_pages(&self.connection, &self.path)?;
            verify::verify(&self.connection, &self.path)
        };
        self.unchanged(verify())
    }

    /// What was read of a frozen file stands only if no module has opened it meanwhile.
    fn unchanged<T>(&self, read: Result<T, LedgerError>) -> Result<T, LedgerError> {
        match self.access {
            Access::Frozen if opening::may_have_writer(&self.path) => {
                Err(LedgerError::OpenedMeanwhile {
                    path: self.path.clone(),
                })
            }
            Access::Frozen | Access::Shared => read,
        }
    }
}

mod answer;
#[cfg(test)]
mod described;
mod export;
mod opening;
mod pieces;
mod question;
mod rows;
mod sealed;
mod span;
mod summary;
mod token;
