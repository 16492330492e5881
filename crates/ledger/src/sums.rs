//! Sums of frames and fruits: the values, and how they are added up in the store.
//!
//! A sum only ever grows by adding another; nothing here subtracts. `received` is counted on its
//! own and not derived, so that `received = Σ outcomes` says something.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::frame::Outcome;

/// Frames (pictures) by outcome.
///
/// `received = classified + unsure + ignored + duplicate + Σ rejected` holds in every sum that the
/// ledger gives out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FrameSums {
    /// Every frame that was recorded, duplicates included.
    pub received: u64,
    /// Frames in which the model named a fruit that counts.
    pub classified: u64,
    /// Frames below the minimum confidence.
    pub unsure: u64,
    /// Frames with a label that does not count.
    pub ignored: u64,
    /// Further deliveries of frames already counted.
    pub duplicate: u64,
    /// Frames that could not be classified, by the name of the reason.
    pub rejected: BTreeMap<String, u64>,
}

impl FrameSums {
    /// All outcomes together; equal to `received`.
    #[must_use]
    pub fn outcomes(&self) -> u64 {
        [self.classified, self.unsure, self.ignored, self.duplicate]
            .into_iter()
            .fold(self.all_rejected(), u64::saturating_add)
    }

    /// Rejected frames of all reasons.
    #[must_use]
    pub fn all_rejected(&self) -> u64 {
        self.rejected.values().copied().fold(0, u64::saturating_add)
    }
}

/// What was counted: fruits by label, frames by outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Sums {
    /// Fruits by label.
    pub counts: BTreeMap<String, u64>,
    /// Frames by outcome.
    pub frames: FrameSums,
}

impl Sums {
    /// Adds another sum to this one.
    pub fn add(&mut self, other: &Sums) {
        add_named(&mut self.counts, &other.counts);
        add_number(&mut self.frames.received, other.frames.received);
        add_number(&mut self.frames.classified, other.frames.classified);
        add_number(&mut self.frames.unsure, other.frames.unsure);
        add_number(&mut self.frames.ignored, other.frames.ignored);
        add_number(&mut self.frames.duplicate, other.frames.duplicate);
        add_named(&mut self.frames.rejected, &other.frames.rejected);
    }

    /// Counts one frame.
    pub(crate) fn count(&mut self, counted: Counted<'_>) {
        let frames = &mut self.frames;
        frames.received += 1;
        match counted {
            Counted::As(Outcome::Classified { label }) => {
                frames.classified += 1;
                count_named(&mut self.counts, label);
            }
            Counted::As(Outcome::Unsure) => frames.unsure += 1,
            Counted::As(Outcome::Ignored) => frames.ignored += 1,
            Counted::As(Outcome::Rejected(reason)) => {
                count_named(&mut frames.rejected, reason.as_str());
            }
            Counted::Duplicate => frames.duplicate += 1,
        }
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Sums::default()
    }
}

fn add_named(into: &mut BTreeMap<String, u64>, from: &BTreeMap<String, u64>) {
    for (name, number) in from {
        add_number(into.entry(name.clone()).or_default(), *number);
    }
}

/// Stops at the greatest number, which no honest sum comes to: in a damaged ledger the sums then do
/// not agree, and a verification says so.
fn add_number(into: &mut u64, number: u64) {
    *into = into.saturating_add(number);
}

fn count_named(into: &mut BTreeMap<String, u64>, name: &str) {
    match into.get_mut(name) {
        Some(number) => *number += 1,
        None => drop(into.insert(name.to_owned(), 1)),
    }
}

/// Sums by the name of the camera.
pub(crate) type CameraSums = BTreeMap<String, Sums>;

/// Adds everything up.
pub(crate) fn whole(cameras: &CameraSums) -> Sums {
    let mut whole = Sums::default();
    for sums in cameras.values() {
        whole.add(sums);
    }
    whole
}

/// What a stored sum is over, see [`crate::schema`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everything recorded since the ledger began.
    Recorded,
    /// Everything that sealed reports say.
    Sealed,
    /// What sent reports said that are not kept any more.
    Carried,
    /// One window that is not sealed yet.
    Open(i64),
}

impl Scope {
    /// The scope as the store has it.
    pub(crate) fn number(self) -> i64 {
        match self {
            Scope::Recorded => 0,
            Scope::Sealed => -1,
            Scope::Carried => -2,
            Scope::Open(open_window) => open_window,
        }
    }
}

/// How one recorded frame counts: an outcome of the caller's, or the ledger's own finding.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counted<'a> {
    As(&'a Outcome),
    Duplicate,
}

/// Adds the sums of one camera to a scope.
pub(crate) fn add(
    connection: &Connection,
    scope: i64,
    camera: i64,
    sums: &Sums,
) -> rusqlite::Result<()> {
    let frames = &sums.frames;
    connection.prepare_cached(ADD_FRAMES)?.execute(params![
        scope,
        camera,
        stored(frames.received)?,
        stored(frames.classified)?,
        stored(frames.unsure)?,
        stored(frames.ignored)?,
        stored(frames.duplicate)?,
        stored(frames.all_rejected())?
    ])?;
    for (kind, named) in [("fruit", &sums.counts), ("rejected", &frames.rejected)] {
        for (name, number) in named {
            connection.prepare_cached(ADD_NAMED)?.execute(params![
                scope,
                camera,
                kind,
                name,
                stored(*number)?
            ])?;
        }
    }
    Ok(())
}

const ADD_FRAMES: &str = "
INSERT INTO frame_sum
    (scope, camera, received, classified, unsure, ignored, duplicate, rejected)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (scope, camera) DO UPDATE SET
    received   = received   + excluded.received,
    classified = classified + excluded.classified,
    unsure     = unsure     + excluded.unsure,
    ignored    = ignored    + excluded.ignored,
    duplicate  = duplicate  + excluded.duplicate,
    rejected   = rejected   + excluded.rejected";

const ADD_NAMED: &str = "
INSERT INTO named_sum (scope, camera, kind, name, number) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (scope, camera, kind, name) DO UPDATE SET number = number + excluded.number";

/// Adds everything of one scope to another, and forgets the first one's own.
pub(crate) fn move_all(connection: &Connection, from: Scope, to: Scope) -> rusqlite::Result<()> {
    let (from, to) = (from.number(), to.number());
    for statement in [MOVE_FRAMES, MOVE_NAMED] {
        connection.prepare_cached(statement)?.execute([from, to])?;
    }
    for statement in [FORGET_FRAMES, FORGET_NAMED] {
        connection.prepare_cached(statement)?.execute([from])?;
    }
    Ok(())
}

// `WHERE true` keeps the parser from reading ON CONFLICT as a join condition.
const MOVE_FRAMES: &str = "
INSERT INTO frame_sum
    (scope, camera, received, classified, unsure, ignored, duplicate, rejected)
SELECT ?2, camera, received, classified, unsure, ignored, duplicate, rejected
FROM frame_sum WHERE scope = ?1 AND true
ON CONFLICT (scope, camera) DO UPDATE SET
    received   = received   + excluded.received,
    classified = classified + excluded.classified,
    unsure     = unsure     + excluded.unsure,
    ignored    = ignored    + excluded.ignored,
    duplicate  = duplicate  + excluded.duplicate,
    rejected   = rejected   + excluded.rejected";

const MOVE_NAMED: &str = "
INSERT INTO named_sum (scope, camera, kind, name, number)
SELECT ?2, camera, kind, name, number FROM named_sum WHERE scope = ?1 AND true
ON CONFLICT (scope, camera, kind, name) DO UPDATE SET number = number + excluded.number";

const FORGET_FRAMES: &str = "DELETE FROM frame_sum WHERE scope = ?1";
const FORGET_NAMED: &str = "DELETE FROM named_sum WHERE scope = ?1";

/// The sums of one scope, by camera.
pub(crate) fn of_cameras(connection: &Connection, scope: Scope) -> rusqlite::Result<CameraSums> {
    let mut cameras = CameraSums::new();
    let mut frames = connection.prepare_cached(
        "SELECT name, received, classified, unsure, ignored, duplicate
         FROM frame_sum JOIN camera USING (camera) WHERE scope = ?1",
    )?;
    let mut rows = frames.query([scope.number()])?;
    while let Some(row) = rows.next()? {
        let sums: &mut Sums = cameras.entry(row.get(0)?).or_default();
        sums.frames.received = number(row, 1)?;
        sums.frames.classified = number(row, 2)?;
        sums.frames.unsure = number(row, 3)?;
        sums.frames.ignored = number(row, 4)?;
        sums.frames.duplicate = number(row, 5)?;
    }
    let mut named = connection.prepare_cached(
        "SELECT camera.name, kind, named_sum.name, number
         FROM named_sum JOIN camera USING (camera) WHERE scope = ?1",
    )?;
    let mut rows = named.query([scope.number()])?;
    while let Some(row) = rows.next()? {
        let sums = cameras.entry(row.get(0)?).or_default();
        let (kind, name): (String, String) = (row.get(1)?, row.get(2)?);
        let by_name = match kind.as_str() {
            "fruit" => &mut sums.counts,
            // The table's check admits these two only.
            _ => &mut sums.frames.rejected,
        };
        by_name.insert(name, number(row, 3)?);
    }
    Ok(cameras)
}

/// The sum of a whole scope.
pub(crate) fn of_all(connection: &Connection, scope: Scope) -> rusqlite::Result<Sums> {
    of_cameras(connection, scope).map(|cameras| whole(&cameras))
}

/// A number as the store keeps it.
pub(crate) fn stored(number: u64) -> rusqlite::Result<i64> {
    i64::try_from(number)
        .map_err(|source| rusqlite::Error::ToSqlConversionFailure(Box::new(source)))
}

/// Reads a column that must not be negative.
pub(crate) fn number(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value)
        .ok()
        .ok_or(rusqlite::Error::IntegralValueOutOfRange(column, value))
}
