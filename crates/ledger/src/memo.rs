//! What the writer knows of the store without asking it again.
//!
//! Only copies of what is committed, or of what the transaction at hand will commit: numbers of
//! cameras and of the model, open windows, the marks of remembered frames, the last frames of each
//! input. The whole is dropped with
//! every transaction that fails, and read again when it is needed, so that it cannot disagree with
//! the store; only the one writer of the ledger may hold it. Bounded, whatever is recorded.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use crate::duplicates::Copies;
use crate::frame::ModelInfo;
use crate::open_windows::{Held, Kind, OpenWindow};
use crate::recent::Recent;
use crate::remembered::Remembered;
use crate::surplus::Surplus;

/// Cameras that share one name, beyond [`max_cameras`](crate::LedgerOptions::max_cameras). No
/// device can be called so: a slash parts device and module, and neither is empty.
pub const OTHER_CAMERAS: &str = "/other";

/// Copies, each empty until it is needed.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    cameras: HashMap<String, Place>,
    /// Rows in the table of cameras.
    known_cameras: Option<u64>,
    model: Option<(ModelInfo, i64)>,
    windows: Held,
    memory: Option<Memory>,
}

/// What duplicates are known by.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) remembered: Remembered,
    pub(crate) recent: Recent,
    pub(crate) surplus: Surplus,
}

impl Memory {
    fn read(connection: &Connection, per_camera: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            remembered: Remembered::read(connection, per_camera)?,
            recent: Recent::read(connection)?,
            surplus: Surplus::default(),
        })
    }

    pub(crate) fn copies(&self) -> Copies<'_> {
        Copies {
            remembered: &self.remembered,
            recent: &self.recent,
        }
    }
}

/// Under which camera a frame is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) camera: i64,
    /// Whether other cameras are counted there too, so that its number does not tell them apart.
    pub(crate) shared: bool,
}

/// Names and numbers of cameras that are held at most: some 100 bytes each.
const MAX_CAMERAS: usize = 4096;

impl Memo {
    /// What another change than recording frames leaves valid. Cameras, models and remembered
    /// frames are changed by recording alone.
    pub(crate) fn forget_windows(&mut self) {
        self.windows.forget();
    }

    /// Under which camera a frame is counted: a new one when it was never seen and there is room.
    pub(crate) fn place(
        &mut self,
        connection: &Connection,
        name: &str,
        max_cameras: u64,
    ) -> rusqlite::Result<Place> {
        if let Some(place) = self.cameras.get(name) {
            return Ok(*place);
        }
        let place = match known_camera(connection, name)? {
            Some(camera) => own(camera, name),
            None => self.new_place(connection, name, max_cameras)?,
        };
        if self.cameras.len() >= MAX_CAMERAS {
            self.cameras.clear();
        }
        self.cameras.insert(name.to_owned(), place);
        Ok(place)
    }

    fn new_place(
        &mut self,
        connection: &Connection,
        name: &str,
        max_cameras: u64,
    ) -> rusqlite::Result<Place> {
        let known = match self.known_cameras {
            Some(known) => known,
            None => count_cameras(connection)?,
        };
        self.known_cameras = Some(known);
        let name = if known < max_cameras {
            name
        } else {
            if let Some(camera) = known_camera(connection, OTHER_CAMERAS)? {
                return Ok(own(camera, OTHER_CAMERAS));
            }
            tracing::warn!(
                max_cameras,
                camera = name,
                "more cameras than the ledger keeps apart: further ones are counted together as \
                 {OTHER_CAMERAS:?}"
            );
            OTHER_CAMERAS
        };
        let camera = add_camera(connection, name)?;
        self.known_cameras = Some(known + 1);
        Ok(own(camera, name))
    }

    /// The number of a model, a new one when it was never seen.
    pub(crate) fn model(
        &mut self,
        connection: &Connection,
        model: &ModelInfo,
    ) -> rusqlite::Result<i64> {
        match &self.model {
            Some((known, number)) if known == model => Ok(*number),
            Some(_) | None => {
                let number = model_number(connection, model)?;
                self.model = Some((model.clone(), number));
                Ok(number)
            }
        }
    }

    /// The open window that a frame belongs to; where it is opened now, it is due at `due`.
    pub(crate) fn window(
        &mut self,
        connection: &Connection,
        kind: Kind<'_>,
        due: i64,
    ) -> rusqlite::Result<OpenWindow> {
        self.windows.open(connection, kind, due)
    }

    /// Names that are held.
    #[cfg(test)]
    pub(crate) fn names(&self) -> usize {
        self.cameras.len()
    }

    /// What duplicates are known by; read when it is not held.
    /// Each camera keeps so many frames.
    pub(crate) fn memory(
        &mut self,
        connection: &Connection,
        per_camera: usize,
    ) -> rusqlite::Result<&mut Memory> {
        let memory = match self.memory.take() {
            Some(memory) => memory,
            None => Memory::read(connection, per_camera)?,
        };
        Ok(self.memory.insert(memory))
    }

    /// The same, where it is held.
    pub(crate) fn held_memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }
}

fn own(camera: i64, name: &str) -> Place {
    Place {
        camera,
        shared: name == OTHER_CAMERAS,
    }
}

/// Under which camera a frame is counted; `None` when its camera was never seen.
pub(crate) fn known_place(
    connection: &Connection,
    name: &str,
    max_cameras: u64,
) -> rusqlite::Result<Option<Place>> {
    if let Some(camera) = known_camera(connection, name)? {
        return Ok(Some(own(camera, name)));
    }
    if count_cameras(connection)? < max_cameras {
        return Ok(None);
    }
    let other = known_camera(connection, OTHER_CAMERAS)?;
    Ok(other.map(|camera| own(camera, OTHER_CAMERAS)))
}

fn count_cameras(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM camera")?
        .query_row([], |row| crate::sums::number(row, 0))
}

/// The number of a camera that was seen before.
fn known_camera(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT camera FROM camera WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

fn add_camera(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("INSERT INTO camera (name) VALUES (?1)")?
        .insert([name])
}

/// The number of a camera, a new one when it was never seen, however many there are.
pub(crate) fn camera_number(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    match known_camera(connection, name)? {
        Some(known) => Ok(known),
        None => add_camera(connection, name),
    }
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
