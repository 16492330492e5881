//! What can go wrong with the ledger, and how a caller tells the cases apart.
//!
//! Callers branch on [`LedgerError::kind`], never on text. An error from `record` means "not known
//! to be durable", not "not recorded": the caller leaves the frame unacknowledged, and when it
//! comes again the ledger finds out whether it was counted.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Any failure of the ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another process has the ledger open.
    #[error("the ledger {} is held by {}, expected to be its only writer", path.display(), holder(*pid))]
    HeldByAnother {
        /// The lock file.
        path: PathBuf,
        /// The process that wrote itself into the lock file, if it can be read.
        pid: Option<u32>,
    },
    /// The file was written by a newer program.
    #[error(
        "the ledger {} has format {found}, expected at most {newest}: start the newer \
         fruit-counter again, or give this one another folder",
        path.display()
    )]
    NewerFormat {
        /// The ledger file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that this program knows.
        newest: i64,
    },
    /// There is no ledger to read.
    #[error(
        "there is no ledger {}: {found}; expected the folder into which a module counts",
        path.display()
    )]
    Missing {
        /// The ledger file.
        path: PathBuf,
        /// What there is instead.
        found: &'static str,
    },
    /// Reports were let go before they were read.
    #[error(
        "reports {first} to {last} of the ledger {} were let go while it was read: read it again",
        path.display()
    )]
    LetGo {
        /// The ledger file.
        path: PathBuf,
        /// The first one's sequence number.
        first: u64,
        /// The last one's.
        last: u64,
    },
    /// A file that was read as one that nobody changes was opened by a module.
    #[error(
        "a module opened the ledger {} while it was read as a file that nobody changes: read it \
         again",
        path.display()
    )]
    OpenedMeanwhile {
        /// The ledger file.
        path: PathBuf,
    },
    /// The content contradicts itself, although the store could read it.
    #[error("the ledger {} is damaged: {finding}", path.display())]
    Damaged {
        /// The ledger file.
        path: PathBuf,
        /// What was found, and what was expected.
        finding: String,
    },
    /// The store refused or failed.
    #[error("failed to {doing} in the ledger {}", path.display())]
    Store {
        /// What was being done.
        doing: &'static str,
        /// The ledger file.
        path: PathBuf,
        /// What the store said.
        #[source]
        source: Box<rusqlite::Error>,
    },
    /// A file or folder beside the store failed.
    #[error("failed to {doing} {}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A stored report is not what was sealed.
    #[error("report {sequence} in the ledger {} cannot be read", path.display())]
    Report {
        /// The ledger file.
        path: PathBuf,
        /// The report's sequence number.
        sequence: u64,
        /// Where its JSON ends to make sense.
        #[source]
        source: serde_json::Error,
    },
    /// The labels of a model leave no room in a report, however its window is split.
    #[error(
        "{} may need reports of {bytes} bytes, expected at most {limit}: \
         use a model with fewer or shorter labels{}",
        whose(*labels, *earlier), if *earlier > 0 { ", or a new ledger folder" } else { "" }
    )]
    Labels {
        /// How many labels the totals would have.
        labels: usize,
        /// How many of them the model does not have: they were counted under earlier ones.
        earlier: usize,
        /// The largest report that may be needed.
        bytes: usize,
        /// [`LedgerOptions::report_limit`](crate::LedgerOptions::report_limit).
        limit: usize,
    },
    /// An argument outside what the ledger takes.
    #[error("{name} is {seen}, expected {expected}")]
    Argument {
        /// Which one.
        name: &'static str,
        /// The value seen.
        seen: String,
        /// What is taken.
        expected: &'static str,
    },
}

fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

fn whose(labels: usize, earlier: usize) -> String {
    match earlier {
        0 => format!("{labels} labels"),
        _ => format!("{labels} labels, {earlier} of them counted under earlier models,"),
    }
}

/// The cases that a caller treats differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LedgerErrorKind {
    /// No space left. Works again when there is space; nothing half done is left.
    Full,
    /// The file or its file system cannot be written.
    ReadOnly,
    /// The disk or the operating system failed.
    Io,
    /// Another connection keeps the store locked longer than the ledger waits (5 s).
    Busy,
    /// The file is damaged. Opening the ledger again sets it aside and begins a new one.
    Damaged,
    /// Another process has the ledger open.
    HeldByAnother,
    /// The file was written by a newer program.
    NewerFormat,
    /// There is no ledger in the folder. Only a reader says so; a writer begins one.
    Missing,
    /// The ledger changed in a way that reading it again will heal.
    Changed,
    /// The caller's mistake; trying again gives the same.
    Argument,
}

impl LedgerError {
    /// Which case it is.
    #[must_use]
    pub fn kind(&self) -> LedgerErrorKind {
        match self {
            LedgerError::HeldByAnother { .. } => LedgerErrorKind::HeldByAnother,
            LedgerError::NewerFormat { .. } => LedgerErrorKind::NewerFormat,
            LedgerError::Missing { .. } => LedgerErrorKind::Missing,
            LedgerError::LetGo { .. } | LedgerError::OpenedMeanwhile { .. } => {
                LedgerErrorKind::Changed
            }
            LedgerError::Damaged { .. } | LedgerError::Report { .. } => LedgerErrorKind::Damaged,
            LedgerError::Store { source, .. } => store_kind(source),
            LedgerError::File { source, .. } => file_kind(source),
            LedgerError::Labels { .. } | LedgerError::Argument { .. } => LedgerErrorKind::Argument,
        }
    }
}

fn store_kind(error: &rusqlite::Error) -> LedgerErrorKind {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => LedgerErrorKind::Full,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => LedgerErrorKind::ReadOnly,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerErrorKind::Busy,
        // A constraint of our tables that does not hold means that the sums in them are wrong.
        Some(
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation,
        ) => LedgerErrorKind::Damaged,
        Some(_) => LedgerErrorKind::Io,
        // Not from the store but from reading its rows: a value of another type than we wrote.
        None => LedgerErrorKind::Damaged,
    }
}

fn file_kind(error: &io::Error) -> LedgerErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => LedgerErrorKind::Full,
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            LedgerErrorKind::ReadOnly
        }
        _ => LedgerErrorKind::Io,
    }
}

/// Says what was being done when the store failed.
pub(crate) fn store_failed(
    path: &Path,
    doing: &'static str,
) -> impl FnOnce(rusqlite::Error) -> LedgerError {
    move |source| LedgerError::Store {
        doing,
        path: path.to_owned(),
        source: Box::new(source),
    }
}

/// Says what was being done when a file failed.
pub(crate) fn file_failed(
    path: &Path,
    doing: &'static str,
) -> impl FnOnce(io::Error) -> LedgerError {
    move |source| LedgerError::File {
        doing,
        path: path.to_owned(),
        source,
    }
}
