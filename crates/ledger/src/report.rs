//! The counts message, as it goes upstream.
//!
//! These types are the contract `fruit-counts/1`. `counts` and `frames` are additions for the
//! window: adding all reports of a ledger gives the truth. `totals` run since the ledger began, up
//! to and including this report: the totals of one report minus those of the one before are its
//! own additions, so that a reader can see a gap. A report without cameras, its counts zero, is a
//! *heartbeat*: nothing was counted for a while, and the module is alive. In a long outage of the
//! hub the windows of an hour may share a report, whose window is then longer. A report is of one
//! model, one state of the clock and one lot. A camera may have a name for people; its id, the key,
//! says which it is. A report holds names and numbers, never a part of a picture.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::frame::{Clock, ModelInfo, Software};
use crate::sums::{FrameSums, Sums};

pub use camera::ReportedCamera;
pub(crate) use camera::{ReportedCameras, named, whole};

/// The value of [`Report::schema`].
pub const SCHEMA: &str = "fruit-counts/1";

/// One counts message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Always [`SCHEMA`].
    #[cfg_attr(test, schemars(description = "Always `fruit-counts/1`.", extend("const" = SCHEMA)))]
    pub schema: String,
    /// `<ledger>-<sequence>`; the message id. The same report sent twice has the same one.
    #[cfg_attr(test, schemars(extend("pattern" = "^[0-9a-f]{16}-[1-9][0-9]*$")))]
    pub report_id: String,
    /// 1 for the first report of a ledger, then without gaps.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub sequence: u64,
    /// Id of the ledger: 16 hexadecimal digits, new when the ledger is new.
    #[cfg_attr(test, schemars(extend("pattern" = "^[0-9a-f]{16}$")))]
    pub ledger: String,
    /// Begin of the window, which belongs to it.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time", "pattern" = "Z$")))]
    pub window_start: OffsetDateTime,
    /// End of the window, which belongs to the next one.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time", "pattern" = "Z$")))]
    pub window_end: OffsetDateTime,
    /// Whether the clock that placed these frames could be trusted: `unsure` where it was before the
    /// date of the build, was never synchronised since the boot, or stepped unexplained. The counts
    /// are right all the same.
    pub clock: Clock,
    /// The lot that was set when these frames were counted; absent when none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub lot: Option<String>,
    /// Fruits by label, in this report.
    pub counts: BTreeMap<String, u64>,
    /// Frames by outcome, in this report.
    pub frames: FrameSums,
    /// The same by camera; only those of which this report has something. A camera whose labels are
    /// too many for one report has its frames in the first of several, its fruits in all of them.
    pub cameras: BTreeMap<String, ReportedCamera>,
    /// Everything that reports 1 to this one say together.
    pub totals: Sums,
    /// The model that gave these outcomes.
    pub model: ModelInfo,
    /// The program that sealed the report.
    pub module: Software,
}

/// A report that is sealed: its sequence, id and bytes never change again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedReport {
    /// 1 for the first report of a ledger, then without gaps.
    pub sequence: u64,
    /// `<ledger>-<sequence>`, to be sent as the message id.
    pub report_id: String,
    /// The JSON, UTF-8, as it was fixed at sealing. At most
    /// [`LedgerOptions::report_limit`](crate::LedgerOptions::report_limit) bytes, if
    /// [`Ledger::fits`](crate::Ledger::fits) says so of the model.
    pub body: Vec<u8>,
}

/// The id of a report.
pub(crate) fn report_id(ledger: &str, sequence: u64) -> String {
    format!("{ledger}-{sequence}")
}

mod camera;
#[cfg(test)]
mod dashboards;
#[cfg(test)]
pub(crate) mod described;
