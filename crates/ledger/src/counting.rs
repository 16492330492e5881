//! One frame into the counts: everything that its commit holds.
//!
//! Runs inside a transaction that the caller began and commits, so that the memory of duplicates,
//! the window's sums and the totals change together or not at all.

use rusqlite::{Connection, OptionalExtension, params};

use crate::duplicates::{self, Known};
use crate::frame::{Clock, FrameRecord, ModelInfo, Recorded};
use crate::sums::{self, Counted, Scope};
use crate::window::{Window, Windows};

/// Records one frame in the caller's transaction. Also gives when its window is due, in seconds
/// since the epoch; `None` when nothing was counted.
pub(crate) fn record(
    connection: &Connection,
    windows: &Windows,
    dedupe_per_camera: u32,
    frame: &FrameRecord,
    model: &ModelInfo,
) -> rusqlite::Result<(Recorded, Option<i64>)> {
    let camera = camera_number(connection, &frame.key.camera)?;
    let known = duplicates::look_up(connection, camera, &frame.key)?;
    let (recorded, counted) = match known {
        Known::Conflict => return Ok((Recorded::Conflict, None)),
        Known::Counted(reply) => (Recorded::Duplicate { reply }, Counted::Duplicate),
        Known::IdOnly | Known::No => {
            let reused_id = known == Known::IdOnly;
            let reply = frame.reply.as_deref();
            duplicates::remember(connection, camera, &frame.key, reply, dedupe_per_camera)?;
            (Recorded::Counted { reused_id }, Counted::As(&frame.outcome))
        }
    };

    let window = windows.of_frame(frame.stamp, frame.arrival);
    let due = windows.due(window, frame.arrival);
    let model = model_number(connection, model)?;
    let (open_window, due) = open_window(connection, window, model, frame.clock, due)?;
    for scope in [Scope::Recorded, Scope::Open(open_window)] {
        sums::add_frame(connection, scope, camera, counted)?;
    }
    Ok((recorded, Some(due)))
}

/// The number of a camera that was seen before.
pub(crate) fn known_camera(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT camera FROM camera WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// The number of a camera, a new one when it was never seen.
pub(crate) fn camera_number(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    if let Some(known) = known_camera(connection, name)? {
        return Ok(known);
    }
    connection
        .prepare_cached("INSERT INTO camera (name) VALUES (?1)")?
        .insert([name])
}

fn model_number(connection: &Connection, model: &ModelInfo) -> rusqlite::Result<i64> {
    let named = params![model.name, model.version, model.sha256];
    let known = connection
        .prepare_cached("SELECT model FROM model WHERE name = ?1 AND version = ?2 AND sha256 = ?3")?
        .query_row(named, |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    connection
        .prepare_cached("INSERT INTO model (name, version, sha256) VALUES (?1, ?2, ?3)")?
        .insert(named)
}

/// The open window that a frame belongs to, and when it is due. Another model or another state of
/// the clock has a window of its own, since a report names one of each.
fn open_window(
    connection: &Connection,
    window: Window,
    model: i64,
    clock: Clock,
    due: i64,
) -> rusqlite::Result<(i64, i64)> {
    let of_frame = params![window.start, window.end, model, clock.as_str()];
    let open = connection
        .prepare_cached(
            "SELECT open_window, due_at FROM open_window
             WHERE starts_at = ?1 AND ends_at = ?2 AND model = ?3 AND clock = ?4 AND lot = ''",
        )?
        .query_row(of_frame, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some(open) = open {
        return Ok(open);
    }
    let opened = connection
        .prepare_cached(
            "INSERT INTO open_window (starts_at, ends_at, model, clock, due_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .insert(params![
            window.start,
            window.end,
            model,
            clock.as_str(),
            due
        ])?;
    Ok((opened, due))
}

/// Closes an open window: what it counted goes to another scope, the window itself goes.
pub(crate) fn close(connection: &Connection, open_window: i64, to: Scope) -> rusqlite::Result<()> {
    sums::move_all(connection, Scope::Open(open_window), to)?;
    connection
        .prepare_cached("DELETE FROM open_window WHERE open_window = ?1")?
        .execute([open_window])
        .map(drop)
}

/// When the next open window is due, in seconds since the epoch.
pub(crate) fn earliest_due(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT min(due_at) FROM open_window")?
        .query_row([], |row| row.get(0))
}

/// Whether an open window is due after an instant, in seconds since the epoch.
pub(crate) fn has_due_after(connection: &Connection, instant: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM open_window WHERE due_at > ?1")?
        .exists([instant])
}

/// Makes the windows that are due after an instant due at `due`, in seconds since the epoch.
pub(crate) fn make_due(connection: &Connection, after: i64, due: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE open_window SET due_at = ?2 WHERE due_at > ?1")?
        .execute([after, due])
        .map(drop)
}
