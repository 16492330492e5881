//! Durable counts: every frame once, windows, sealed reports, totals.
//!
//! A [`Ledger`] takes frames with their outcomes ([`Ledger::record`]), counts each in exactly one
//! outcome and one window, seals closed windows into reports ([`Ledger::seal_due`]) and keeps them
//! until they were sent ([`Ledger::unsent`], [`Ledger::mark_sent`]). Adding all reports of a ledger
//! gives the truth, whatever crashed in between. An [`AttemptLog`] beside it notes which frames are
//! being worked on, so that one that kills the process does so three times at most.
//!
//! What frames are counted by may change meanwhile: the length of windows, the [`Lot`], and the names
//! of cameras ([`CameraNames`]) that reports show.
//!
//! A [`LedgerReader`] reads the counts back, beside the process that counts or without one.
//!
//! This crate must never see a picture (a frame is known by the digest of its bytes), ask a clock
//! (the wall time comes in as [`Now`]) or talk to a network.
//!
//! The order of one frame, for the pipeline that drives it:
//! [`AttemptLog::begin`], decode and classify, [`AttemptLog::finish`], [`Ledger::record`],
//! acknowledge.
//!
//! Where to go next: the contract and its crash windows in the `ledger` module, the tables in
//! `schema`, the message in `report`, reading back in `reader`, what counts as the same frame in `duplicates`.

mod attempts;
mod camera_names;
mod counting;
mod deadlines;
mod duplicates;
mod error;
mod flushing;
mod frame;
mod ledger;
mod lock;
mod log_damage;
mod lot;
mod memo;
mod merge;
mod open_windows;
mod options;
mod outbox;
mod reader;
mod recent;
mod remembered;
mod report;
mod retention;
mod schema;
mod seal;
mod split;
mod store;
mod sums;
mod surplus;
mod totals;
mod unflushed_mark;
mod verify;
mod window;
mod wording;

pub use attempts::{AttemptError, AttemptKey, AttemptLog};
pub use camera_names::CameraNames;
pub use error::{LedgerError, LedgerErrorKind};
pub use flushing::Durability;
pub use frame::{
    Clock, FrameKey, FrameRecord, MAX_NAME_BYTES, MAX_REPLY_BYTES, ModelInfo, Now, Outcome,
    Recorded, RejectReason, Repeat, ReusedId, Seen, Software, UnknownRejectReason,
};
pub use ledger::Ledger;
pub use lot::Lot;
pub use memo::OTHER_CAMERAS;
pub use options::LedgerOptions;
pub use outbox::{OldestUnsent, Waiting};
pub use reader::{
    Access, CarriedForward, Export, LedgerReader, LetGo, MAX_ANSWER_BYTES, OpenWindows, Piece,
    QueryError, ReportsError, ReportsPage, ReportsQuery, RowKind, SealedBounds, SealedFrom,
    SealedPage, SetAsideFile, Span, SpanError, Summary, TooLargeReport, WindowRow, parse_instant,
};
pub use report::{Report, ReportedCamera, SCHEMA, SealedReport};
pub use retention::KeepSent;
pub use store::{Beginning, SetAside};
pub use sums::{FrameSums, Sums};
pub use totals::Totals;
pub use verify::{CHECKS, MAX_FINDINGS, Verification};
pub use window::StampLimits;
