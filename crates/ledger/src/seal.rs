//! Sealing: an open window becomes one or more reports that never change again.
//!
//! One commit per window fixes sequence, id and bytes, adds the window to what sealed reports say,
//! and forgets the window's own sums. Before that commit the frames are in the open window, after
//! it in the reports, at no moment in both or neither. A *heartbeat* is a report of no frames at all.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use crate::camera_names::CameraNames;
use crate::counting;
use crate::frame::{Clock, ModelInfo, Now, Software};
use crate::outbox;
use crate::report::{self, Report, ReportedCameras, SCHEMA, report_id};
use crate::split;
use crate::sums::{self, Scope, Sums, stored};
use crate::window::{Window, instant, seconds};

/// A window that is to be sealed.
#[derive(Debug)]
pub(crate) struct ClosedWindow {
    pub(crate) open_window: i64,
    pub(crate) heading: Heading,
}

/// What a report says of its window, apart from what was counted.
#[derive(Debug)]
pub(crate) struct Heading {
    pub(crate) window: Window,
    pub(crate) clock: Clock,
    pub(crate) lot: Option<String>,
    pub(crate) model: ModelInfo,
}

/// What is the same for every report that one call seals.
#[derive(Debug)]
pub(crate) struct Sealing<'a> {
    pub(crate) ledger: String,
    pub(crate) software: &'a Software,
    pub(crate) now: Now,
    /// Bytes of a body.
    pub(crate) limit: usize,
    pub(crate) names: CameraNames,
}

/// The windows whose time has come, oldest first.
pub(crate) fn due_windows(
    connection: &Connection,
    due_until: i64,
) -> rusqlite::Result<Vec<ClosedWindow>> {
    let mut statement = connection.prepare_cached(
        "SELECT open_window, starts_at, ends_at, clock, lot, name, version, sha256
         FROM open_window JOIN model USING (model)
         WHERE due_at <= ?1 ORDER BY starts_at, open_window",
    )?;
    let windows = statement.query_map([due_until], |row| {
        let clock: String = row.get(3)?;
        let lot: String = row.get(4)?;
        Ok(ClosedWindow {
            open_window: row.get(0)?,
            heading: Heading {
                window: Window {
                    start: row.get(1)?,
                    end: row.get(2)?,
                },
                clock: if clock == Clock::Plausible.as_str() {
                    Clock::Plausible
                } else {
                    Clock::Unsure
                },
                lot: Some(lot).filter(|lot| !lot.is_empty()),
                model: ModelInfo {
                    name: row.get(5)?,
                    version: row.get(6)?,
                    sha256: row.get(7)?,
                },
            },
        })
    })?;
    windows.collect()
}

/// Seals one window in the caller's transaction. Gives the number of reports it became.
pub(crate) fn seal(
    connection: &Connection,
    window: &ClosedWindow,
    sealing: &Sealing<'_>,
) -> rusqlite::Result<usize> {
    let cameras = sums::of_cameras(connection, Scope::Open(window.open_window))?;
    let mut totals = sums::of_all(connection, Scope::Sealed)?;
    let mut sequence = next_sequence(connection)?;

    let mut largest_totals = totals.clone();
    largest_totals.add(&sums::whole(&cameras));
    let heading = &window.heading;
    let empty = report_of(
        heading,
        sealing,
        u64::MAX,
        ReportedCameras::new(),
        largest_totals,
    );
    let cameras = report::named(cameras, &sealing.names);
    let parts = split::split(cameras, &empty, sealing.limit).map_err(not_written)?;
    for part in &parts {
        totals.add(&report::whole(part));
        let report = report_of(heading, sealing, sequence, part.clone(), totals.clone());
        insert(connection, heading, sealing, &report)?;
        sequence += 1;
    }
    set_next_sequence(connection, sequence)?;
    counting::close(connection, window.open_window, Scope::Sealed)?;
    Ok(parts.len())
}

/// Seals a report without frames in the caller's transaction: a sign of life. None while another
/// report waits, since that one is as good a sign; gives whether it did.
pub(crate) fn heartbeat(
    connection: &Connection,
    heading: &Heading,
    sealing: &Sealing<'_>,
) -> rusqlite::Result<bool> {
    if outbox::is_waiting(connection)? {
        return Ok(false);
    }
    let totals = sums::of_all(connection, Scope::Sealed)?;
    let sequence = next_sequence(connection)?;
    let report = report_of(heading, sealing, sequence, ReportedCameras::new(), totals);
    insert(connection, heading, sealing, &report)?;
    set_next_sequence(connection, sequence + 1)?;
    Ok(true)
}

/// The largest report that these labels may need, in bytes.
pub(crate) fn needed(labels: &BTreeSet<String>) -> rusqlite::Result<usize> {
    split::needed(labels).map_err(not_written)
}

fn report_of(
    heading: &Heading,
    sealing: &Sealing<'_>,
    sequence: u64,
    cameras: ReportedCameras,
    totals: Sums,
) -> Report {
    let Sums { counts, frames } = report::whole(&cameras);
    Report {
        schema: SCHEMA.to_owned(),
        report_id: report_id(&sealing.ledger, sequence),
        sequence,
        ledger: sealing.ledger.clone(),
        window_start: instant(heading.window.start),
        window_end: instant(heading.window.end),
        clock: heading.clock,
        lot: heading.lot.clone(),
        counts,
        frames,
        cameras,
        totals,
        model: heading.model.clone(),
        module: sealing.software.clone(),
    }
}

fn insert(
    connection: &Connection,
    heading: &Heading,
    sealing: &Sealing<'_>,
    report: &Report,
) -> rusqlite::Result<()> {
    let body = json(report)?;
    if body.len() > sealing.limit {
        tracing::error!(
            report = report.report_id,
            bytes = body.len(),
            limit = sealing.limit,
            "report exceeds its size limit and the hub will not take it: too many labels"
        );
    }
    connection
        .prepare_cached(
            "INSERT INTO report (sequence, starts_at, ends_at, sealed_at, report_id, body, clock)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            stored(report.sequence)?,
            heading.window.start,
            heading.window.end,
            seconds(sealing.now.wall),
            report.report_id,
            body,
            heading.clock.as_str()
        ])?;
    Ok(())
}

/// The sequence number of the next report. Kept apart from the reports, since those are not kept for ever.
pub(crate) fn next_sequence(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT next_sequence FROM ledger")?
        .query_row([], |row| sums::number(row, 0))
}

fn set_next_sequence(connection: &Connection, next: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE ledger SET next_sequence = ?1")?
        .execute([stored(next)?])
        .map(drop)
}

fn json(value: &Report) -> rusqlite::Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(not_written)
}

fn not_written(source: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(source))
}
