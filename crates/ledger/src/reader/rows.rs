//! Rows: what a window, sealed or open, or everything before the first kept report comes to.
//!
//! All rows of a ledger add up to its totals.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, Row, params};
use serde::Serialize;
use time::OffsetDateTime;

use super::span::Span;
use crate::camera_names::CameraNames;
use crate::error::{LedgerError, store_failed};
use crate::frame::{Clock, ModelInfo, Software};
use crate::report::{self, Report, ReportedCamera};
use crate::retention;
use crate::seal::{self, next_sequence};
use crate::sums::{self, CameraSums, FrameSums, Scope, Sums, number, stored};
use crate::window::instant;

/// What a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RowKind {
    /// Reports that are not kept any more, together.
    CarriedForward,
    /// A sealed report.
    Report,
    /// A window that is not sealed yet: its counts may grow.
    Open,
}

impl RowKind {
    /// The name in tables and files: `carried-forward`, `report` or `open`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            RowKind::CarriedForward => "carried-forward",
            RowKind::Report => "report",
            RowKind::Open => "open",
        }
    }
}

/// Which part of a report a row is, where one answer cannot hold the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Piece {
    /// 1 for the first.
    pub number: usize,
    /// How many there are. They add up to the report.
    pub of: usize,
}

/// One row. In JSON, what it has not is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WindowRow {
    /// What it is of.
    pub kind: RowKind,
    /// Of a report its own, of what is carried forward the last one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Of a report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_id: Option<String>,
    /// Begin of the window, which belongs to it; not of what is carried forward.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub window_start: Option<OffsetDateTime>,
    /// End of the window, which belongs to the next one.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub window_end: Option<OffsetDateTime>,
    /// As [`Report::clock`](crate::Report::clock).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// The lot, where one was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// Whether the hub took the report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<bool>,
    /// Where the report is given in several rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub piece: Option<Piece>,
    /// Fruits by label.
    pub counts: BTreeMap<String, u64>,
    /// Frames by outcome.
    pub frames: FrameSums,
    /// The same by camera; absent where they are not asked for. Only reports have names of cameras.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cameras: Option<BTreeMap<String, ReportedCamera>>,
    /// The model that gave these outcomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelInfo>,
    /// The program that sealed the report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<Software>,
}

impl WindowRow {
    fn of_sums(kind: RowKind, cameras: CameraSums) -> Self {
        let Sums { counts, frames } = sums::whole(&cameras);
        Self {
            kind,
            sequence: None,
            report_id: None,
            window_start: None,
            window_end: None,
            clock: None,
            lot: None,
            sent: None,
            piece: None,
            counts,
            frames,
            cameras: Some(report::named(cameras, &CameraNames::default())),
            model: None,
            module: None,
        }
    }

    pub(super) fn of_report(report: Report, sent: bool) -> Self {
        Self {
            kind: RowKind::Report,
            sequence: Some(report.sequence),
            report_id: Some(report.report_id),
            window_start: Some(report.window_start),
            window_end: Some(report.window_end),
            clock: Some(report.clock),
            lot: report.lot,
            sent: Some(sent),
            piece: None,
            counts: report.counts,
            frames: report.frames,
            cameras: Some(report.cameras),
            model: Some(report.model),
            module: Some(report.module),
        }
    }
}

/// What bounds the reports at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Reports up to this one are carried forward.
    pub(super) carried: u64,
    /// The last one that is sealed.
    pub(super) sealed: u64,
}

pub(super) fn bounds(connection: &Connection) -> rusqlite::Result<Bounds> {
    Ok(Bounds {
        carried: retention::carried_through(connection)?,
        sealed: next_sequence(connection)?.saturating_sub(1),
    })
}

/// The row of what is carried forward, if anything is.
pub(super) fn carried(
    connection: &Connection,
    bounds: Bounds,
) -> rusqlite::Result<Option<WindowRow>> {
    if bounds.carried == 0 {
        return Ok(None);
    }
    let cameras = sums::of_cameras(connection, Scope::Carried)?;
    Ok(Some(WindowRow {
        sequence: Some(bounds.carried),
        ..WindowRow::of_sums(RowKind::CarriedForward, cameras)
    }))
}

/// The rows of the open windows in a span, oldest first.
pub(super) fn open(connection: &Connection, span: Span) -> rusqlite::Result<Vec<WindowRow>> {
    let mut rows = Vec::new();
    for window in seal::due_windows(connection, i64::MAX)? {
        let heading = window.heading;
        if !span.has(heading.window.start) {
            continue;
        }
        let cameras = sums::of_cameras(connection, Scope::Open(window.open_window))?;
        rows.push(WindowRow {
            window_start: Some(instant(heading.window.start)),
            window_end: Some(instant(heading.window.end)),
            clock: Some(heading.clock),
            lot: heading.lot,
            model: Some(heading.model),
            ..WindowRow::of_sums(RowKind::Open, cameras)
        });
    }
    Ok(rows)
}

/// The last reports, oldest first.
pub(super) fn last(
    connection: &Connection,
    path: &Path,
    number: usize,
) -> Result<Vec<WindowRow>, LedgerError> {
    let failed = || store_failed(path, "read the last reports");
    let mut statement = connection
        .prepare_cached(
            "SELECT sequence, sent_at IS NOT NULL, body FROM report
             ORDER BY sequence DESC LIMIT ?1",
        )
        .map_err(failed())?;
    let limit = i64::try_from(number).unwrap_or(i64::MAX);
    let mut found = statement.query([limit]).map_err(failed())?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(failed())? {
        rows.push(read(row, path)?.0);
    }
    rows.reverse();
    Ok(rows)
}

/// Which reports to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    /// Those after this sequence.
    pub(super) after: u64,
    /// Up to and with this one.
    pub(super) through: u64,
    pub(super) span: Span,
}

/// Gives the reports of a range to `take`, with the bytes of each, until it says that it has enough
/// by taking none; gives whether it came to the end.
pub(super) fn reports(
    connection: &Connection,
    path: &Path,
    range: Range,
    mut take: impl FnMut(WindowRow, usize) -> Result<bool, LedgerError>,
) -> Result<bool, LedgerError> {
    let failed = || store_failed(path, "read the reports");
    let mut statement = connection
        .prepare_cached(
            "SELECT sequence, sent_at IS NOT NULL, body FROM report
             WHERE sequence > ?1 AND sequence <= ?2 AND starts_at >= ?3 AND starts_at < ?4
             ORDER BY sequence",
        )
        .map_err(failed())?;
    let (first, end) = range.span.bounds();
    let after = stored(range.after).map_err(failed())?;
    let through = stored(range.through).map_err(failed())?;
    let mut found = statement
        .query(params![after, through, first, end])
        .map_err(failed())?;
    while let Some(row) = found.next().map_err(failed())? {
        let (row, bytes) = read(row, path)?;
        if !take(row, bytes)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read(row: &Row<'_>, path: &Path) -> Result<(WindowRow, usize), LedgerError> {
    let failed = || store_failed(path, "read a report");
    let sequence = number(row, 0).map_err(failed())?;
    let sent: bool = row.get(1).map_err(failed())?;
    let body = row
        .get_ref(2)
        .and_then(|body| Ok(body.as_blob()?))
        .map_err(failed())?;
    let report: Report = serde_json::from_slice(body).map_err(|source| LedgerError::Report {
        path: path.to_owned(),
        sequence,
        source,
    })?;
    Ok((WindowRow::of_report(report, sent), body.len()))
}
