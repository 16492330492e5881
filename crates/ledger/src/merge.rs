//! Windows that have closed but are not sealed, made into fewer: for a long outage of the hub.
//!
//! While nothing can be sent, a report each minute serves nobody and fills the disk. So a window
//! whose time has come is not sealed but joined with the others of its hour, and the whole is sealed
//! when that hour is over. Joined are only windows of the same hour, model, state of the clock and
//! lot, since a report names one of each. The joined window reaches from the start of its first to
//! the end of its last and is due when its first was: sealing everything that is due, as usual,
//! seals it too. Nothing that is sealed is touched here.
//!
//! How many reports an outage leaves: one for each hour that frames were placed in, for each model,
//! clock state and lot: 24 a day, 48 where the clock's state changed within every hour. Frames that come
//! late add one for each earlier hour that they touch, at the end of the hour in which they came.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use crate::counting;
use crate::sums::Scope;
use crate::window::{Window, hour};

/// What windows must have in common to be joined.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    /// Start of the hour in which the window starts, in seconds since the epoch.
    hour: i64,
    model: i64,
    clock: String,
    lot: String,
}

/// Windows to be joined: at least two.
#[derive(Debug)]
pub(crate) struct Group {
    kind: Kind,
    open_windows: Vec<i64>,
    window: Window,
    due: i64,
}

/// What can be joined of the windows whose time has come.
pub(crate) fn groups(connection: &Connection, due_until: i64) -> rusqlite::Result<Vec<Group>> {
    let mut statement = connection.prepare_cached(
        "SELECT open_window, starts_at, ends_at, due_at, model, clock, lot
         FROM open_window WHERE due_at <= ?1 ORDER BY starts_at, open_window",
    )?;
    let mut rows = statement.query([due_until])?;
    let mut groups: BTreeMap<Kind, (Vec<i64>, Window, i64)> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let window = Window {
            start: row.get(1)?,
            end: row.get(2)?,
        };
        let due: i64 = row.get(3)?;
        let kind = Kind {
            hour: hour(window.start),
            model: row.get(4)?,
            clock: row.get(5)?,
            lot: row.get(6)?,
        };
        let (open_windows, whole, first_due) = groups
            .entry(kind)
            .or_insert_with(|| (Vec::new(), window, due));
        open_windows.push(row.get(0)?);
        whole.start = whole.start.min(window.start);
        whole.end = whole.end.max(window.end);
        *first_due = due.min(*first_due);
    }
    let several = groups
        .into_iter()
        .filter(|(_, (open_windows, ..))| open_windows.len() > 1)
        .map(|(kind, (open_windows, window, due))| Group {
            kind,
            open_windows,
            window,
            due,
        });
    Ok(several.collect())
}

/// Joins a group in the caller's transaction.
pub(crate) fn join(connection: &Connection, group: &Group) -> rusqlite::Result<()> {
    let Some((first, others)) = group.open_windows.split_first() else {
        return Ok(());
    };
    for other in others {
        counting::close(connection, *other, Scope::Open(*first))?;
    }
    // One of the very span that the whole will have, not due yet: of another setting of the length.
    let same = connection
        .prepare_cached(
            "SELECT open_window FROM open_window WHERE starts_at = ?1 AND ends_at = ?2
             AND model = ?3 AND clock = ?4 AND lot = ?5 AND open_window <> ?6",
        )?
        .query_row(
            params![
                group.window.start,
                group.window.end,
                group.kind.model,
                group.kind.clock,
                group.kind.lot,
                first
            ],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(same) = same {
        counting::close(connection, same, Scope::Open(*first))?;
    }
    connection
        .prepare_cached(
            "UPDATE open_window SET starts_at = ?2, ends_at = ?3, due_at = ?4
             WHERE open_window = ?1",
        )?
        .execute([first, &group.window.start, &group.window.end, &group.due])
        .map(drop)
}
