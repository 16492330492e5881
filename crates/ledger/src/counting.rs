//! Frames into the counts: everything that the commit of a group holds.
//!
//! Runs inside a transaction that the caller began and commits, so that the memory of duplicates,
//! the window's sums and the totals change together or not at all. What a group adds to one sum is
//! added up first and written once.

use std::collections::BTreeMap;

use rusqlite::Connection;
use time::OffsetDateTime;

use crate::deadlines::Deadline;
use crate::duplicates::{self, Known, Print};
use crate::frame::{FrameRecord, ModelInfo, Recorded};
use crate::memo::{Memo, Memory};
use crate::open_windows::Kind;
use crate::sums::{self, Counted, Scope, Sums};
use crate::surplus;
use crate::window::Windows;

/// What counting goes by: as the options have it, but for the length of windows, which may change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) windows: Windows,
    pub(crate) dedupe_per_camera: usize,
    /// Of all cameras together.
    pub(crate) dedupe_bytes: i64,
    pub(crate) max_cameras: u64,
}

/// A group of frames that is being counted in the caller's transaction. Nothing of it may be
/// committed before [`Group::finish`], and after an error neither it nor the memo is good for
/// anything.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    connection: &'a Connection,
    rules: Rules,
    /// Of every frame; empty where none is set.
    lot: &'a str,
    memo: &'a mut Memo,
    /// By scope and camera.
    added: BTreeMap<(i64, i64), Sums>,
}

impl<'a> Group<'a> {
    pub(crate) fn begin(
        connection: &'a Connection,
        rules: Rules,
        lot: &'a str,
        memo: &'a mut Memo,
    ) -> Self {
        Self {
            connection,
            rules,
            lot,
            memo,
            added: BTreeMap::new(),
        }
    }

    /// Counts one frame. Also gives when its window is due; `None` when nothing was counted.
    pub(crate) fn record(
        &mut self,
        frame: &FrameRecord,
        model: &ModelInfo,
    ) -> rusqlite::Result<(Recorded, Option<Deadline>)> {
        let (connection, rules) = (self.connection, self.rules);
        let key = &frame.key;
        let place = self
            .memo
            .place(connection, &key.camera, rules.max_cameras)?;
        let print = Print::of(key, place);
        let memory = self.memo.memory(connection, rules.dedupe_per_camera)?;
        let known = duplicates::look_up(connection, Some(memory.copies()), key, print)?;
        let (recorded, counted) = match known {
            Known::Conflict => return Ok((Recorded::Conflict, None)),
            Known::Counted(reply) => (Recorded::Duplicate { reply }, Counted::Duplicate),
            Known::IdOnly | Known::No => {
                let reused_id = known == Known::IdOnly;
                self.remember(frame, print)?;
                (Recorded::Counted { reused_id }, Counted::As(&frame.outcome))
            }
        };

        let window = rules.windows.of_frame(frame.stamp, frame.arrival);
        let due = rules.windows.due(window, frame.arrival);
        let kind = Kind {
            window,
            model: self.memo.model(connection, model)?,
            clock: frame.clock,
            lot: self.lot,
        };
        let open = self.memo.window(connection, kind, due)?;
        for scope in [Scope::Recorded, Scope::Open(open.number)] {
            let sums = self.added.entry((scope.number(), place.camera));
            sums.or_default().count(counted);
        }
        Ok((recorded, Some(open.deadline)))
    }

    fn remember(&mut self, frame: &FrameRecord, print: Print) -> rusqlite::Result<()> {
        let (connection, rules) = (self.connection, self.rules);
        let memory = self.memo.memory(connection, rules.dedupe_per_camera)?;
        let remembered = &mut memory.remembered;
        duplicates::remember(connection, remembered, print, frame.reply.as_deref())?;
        // With an id it took one of the places too; the id tells it apart, so its content is not
        // compared.
        let content = print.id.is_none().then_some(print.content);
        memory.recent.push(&frame.key.input, print.camera, content);
        Ok(())
    }

    /// Writes what was added up, and lets go what is too much.
    pub(crate) fn finish(self) -> rusqlite::Result<()> {
        let (connection, rules) = (self.connection, self.rules);
        for ((scope, camera), sums) in &self.added {
            sums::add(connection, *scope, *camera, sums)?;
        }
        let Memory {
            remembered,
            recent,
            surplus,
        } = self.memo.memory(connection, rules.dedupe_per_camera)?;
        recent.write(connection)?;
        surplus::shrink_each(connection, remembered)?;
        let in_flight = || recent.cameras().collect();
        surplus.shrink_all(connection, remembered, rules.dedupe_bytes, in_flight)
    }
}

/// Closes an open window: what it counted goes to another scope, the window itself goes.
pub(crate) fn close(connection: &Connection, open_window: i64, to: Scope) -> rusqlite::Result<()> {
    sums::move_all(connection, Scope::Open(open_window), to)?;
    connection
        .prepare_cached("DELETE FROM open_window WHERE open_window = ?1")?
        .execute([open_window])
        .map(drop)
}

/// Whether a window of another model or another lot than these is open. The lot is empty where none is
/// set.
pub(crate) fn has_others(
    connection: &Connection,
    model: &ModelInfo,
    lot: &str,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM open_window JOIN model USING (model)
             WHERE (name, version, sha256, lot) <> (?1, ?2, ?3, ?4)",
        )?
        .exists([&*model.name, &*model.version, &*model.sha256, lot])
}

/// The open windows that only a wall clock which was set back explains, with their lengths.
pub(crate) fn stranded(
    connection: &Connection,
    windows: Windows,
    now: OffsetDateTime,
) -> rusqlite::Result<Vec<(i64, i64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT open_window, ends_at - starts_at, due_at FROM open_window WHERE due_at > ?1",
    )?;
    let mut rows = statement.query([windows.latest_stamp(now)])?;
    let mut stranded = Vec::new();
    while let Some(row) = rows.next()? {
        let deadline = Deadline {
            length: row.get(1)?,
            due: row.get(2)?,
        };
        if windows.is_stranded(deadline, now) {
            stranded.push((row.get(0)?, deadline.length));
        }
    }
    Ok(stranded)
}

/// Makes an open window due at another time, in seconds since the epoch.
pub(crate) fn make_due(
    connection: &Connection,
    open_window: i64,
    due: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE open_window SET due_at = ?2 WHERE open_window = ?1")?
        .execute([open_window, due])
        .map(drop)
}
