//! The open windows that frames are being counted into, found or opened.
//!
//! Another model, another state of the clock or another lot has a window of its own, since a report
//! names one of each.

use rusqlite::{Connection, OptionalExtension, params};

use crate::deadlines::Deadline;
use crate::frame::Clock;
use crate::window::Window;

/// What tells one open window from another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind<'a> {
    pub(crate) window: Window,
    /// Its number.
    pub(crate) model: i64,
    pub(crate) clock: Clock,
    /// Empty where none is set.
    pub(crate) lot: &'a str,
}

/// A window that is open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenWindow {
    pub(crate) number: i64,
    pub(crate) deadline: Deadline,
}

/// Copies of the rows of those that were counted into last.
#[derive(Debug, Default)]
pub(crate) struct Held(Vec<HeldWindow>);

#[derive(Debug)]
struct HeldWindow {
    window: Window,
    model: i64,
    clock: Clock,
    lot: String,
    open: OpenWindow,
}

/// Windows that are held at most: the running one and late ones.
const MAX_HELD: usize = 8;

impl Held {
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// The open window of a kind; a new one, due at `due`, when there is none. Asks the store where
    /// it is not held.
    pub(crate) fn open(
        &mut self,
        connection: &Connection,
        kind: Kind<'_>,
        due: i64,
    ) -> rusqlite::Result<OpenWindow> {
        if let Some(held) = self.0.iter().find(|held| held.is(kind)) {
            return Ok(held.open);
        }
        let (number, due) = find_or_insert(connection, kind, due)?;
        let open = OpenWindow {
            number,
            deadline: Deadline {
                length: kind.window.length(),
                due,
            },
        };
        if self.0.len() >= MAX_HELD {
            self.0.remove(0);
        }
        self.0.push(HeldWindow {
            window: kind.window,
            model: kind.model,
            clock: kind.clock,
            lot: kind.lot.to_owned(),
            open,
        });
        Ok(open)
    }
}

impl HeldWindow {
    fn is(&self, kind: Kind<'_>) -> bool {
        (self.window, self.model, self.clock) == (kind.window, kind.model, kind.clock)
            && self.lot == kind.lot
    }
}

fn find_or_insert(
    connection: &Connection,
    kind: Kind<'_>,
    due: i64,
) -> rusqlite::Result<(i64, i64)> {
    let Kind {
        window,
        model,
        clock,
        lot,
    } = kind;
    let open = connection
        .prepare_cached(
            "SELECT open_window, due_at FROM open_window
             WHERE starts_at = ?1 AND ends_at = ?2 AND model = ?3 AND clock = ?4 AND lot = ?5",
        )?
        .query_row(
            params![window.start, window.end, model, clock.as_str(), lot],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    if let Some(open) = open {
        return Ok(open);
    }
    let opened = connection
        .prepare_cached(
            "INSERT INTO open_window (starts_at, ends_at, model, clock, lot, due_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .insert(params![
            window.start,
            window.end,
            model,
            clock.as_str(),
            lot,
            due
        ])?;
    Ok((opened, due))
}
