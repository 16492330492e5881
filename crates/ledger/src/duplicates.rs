//! Which frames are known already.
//!
//! Two memories: the last N frames of each camera by count (never by age: the clock may be wrong),
//! and the last ten of each input (see `recent`). A frame with a message id is looked up among those
//! of its camera.
//! Frames without one can only be told apart by their content, and a fixed camera may honestly send
//! equal pictures; they are compared only where the caller says that a second delivery can be, and
//! with what that delivery can be of, see [`Repeat`]. Both memories are written in the commit that
//! counts the frame and must never be written apart from it.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::frame::{FrameKey, Repeat, ReusedId, Seen};
use crate::memo::Place;
use crate::recent::Recent;
use crate::remembered::{Remembered, Row};

/// What the memories know about a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    /// This very frame is counted already; with the reply that was kept with it.
    Counted(Option<Vec<u8>>),
    /// Not this frame, but another one of the same camera under the same message id, which its
    /// sender must not do.
    Conflict,
    /// The same, but the sender may: a new frame.
    IdOnly,
    /// Nothing.
    No,
}

impl From<Known> for Seen {
    fn from(known: Known) -> Self {
        match known {
            Known::Counted(reply) => Seen::Counted { reply },
            Known::Conflict => Seen::Conflict,
            Known::IdOnly | Known::No => Seen::No,
        }
    }
}

/// What a frame is known by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Print {
    pub(crate) camera: i64,
    /// Of the message id, if it has one.
    pub(crate) id: Option<Hash>,
    /// Of the creation stamp and the digest.
    pub(crate) content: Hash,
}

impl Print {
    /// The print of a frame that is counted under a place.
    pub(crate) fn of(key: &FrameKey, place: Place) -> Self {
        let camera = place.shared.then_some(key.camera.as_str());
        Self {
            camera: place.camera,
            id: key.message_id.as_deref().map(|id| id_hash(camera, id)),
            content: content_hash(camera, key),
        }
    }

    /// As it is remembered.
    fn row(&self) -> Row<'_> {
        Row {
            camera: self.camera,
            id: self.id.as_ref().map_or(&NO_ID[..], |id| &id[..]),
            content: &self.content,
        }
    }
}

/// The copies of both memories, where they are held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Copies<'a> {
    pub(crate) remembered: &'a Remembered,
    pub(crate) recent: &'a Recent,
}

/// Looks a frame up. With the copies the store is asked only about a frame that is known, whatever
/// the memory's size; without them all of it is read.
pub(crate) fn look_up(
    connection: &Connection,
    copies: Option<Copies<'_>>,
    key: &FrameKey,
    print: Print,
) -> rusqlite::Result<Known> {
    let look = || match copies {
        Some(copies) => find(connection, copies.remembered, print),
        None => search(connection, print),
    };
    if print.id.is_some() {
        return Ok(match (look()?, key.reused_id) {
            (Found::Same { reply, .. }, _) => Known::Counted(reply),
            (Found::SameId, ReusedId::IsConflict) => Known::Conflict,
            (Found::SameId, ReusedId::CountsAsNew) => Known::IdOnly,
            (Found::Nothing, _) => Known::No,
        });
    }
    let is_recent = || {
        let contains = |recent: &Recent| recent.contains(&key.input, print.camera, print.content);
        match copies {
            Some(copies) => Ok(contains(copies.recent)),
            None => Recent::read(connection).map(|recent| contains(&recent)),
        }
    };
    let is_known = match key.repeat {
        Repeat::No => false,
        Repeat::InBatch => is_recent()?,
        Repeat::MarkedBySender => matches!(look()?, Found::Same { .. }) || is_recent()?,
    };
    Ok(if is_known {
        Known::Counted(None)
    } else {
        Known::No
    })
}

/// What is remembered that is like a frame.
#[derive(Debug)]
enum Found {
    /// This very frame: its place, and the reply that was kept with it.
    Same {
        ordinal: i64,
        reply: Option<Vec<u8>>,
    },
    /// One with the same message id and other content.
    SameId,
    Nothing,
}

/// Finds what is like a frame by the copy.
fn find(connection: &Connection, copy: &Remembered, print: Print) -> rusqlite::Result<Found> {
    let (row, like) = (print.row(), copy.like(print.row()));
    // Of nearly all frames nothing is.
    if like.is_empty() {
        return Ok(Found::Nothing);
    }
    for same in like.iter().filter(|like| like.is_same) {
        let found = connection
            .prepare_cached(
                "SELECT ordinal, reply FROM remembered
                 WHERE ordinal = ?1 AND id = ?2 AND content = ?3",
            )?
            .query_row(params![same.ordinal, row.id, row.content], same_frame)
            .optional()?;
        if let Some(found) = found {
            return Ok(found);
        }
    }
    if print.id.is_some() {
        let mut has_id =
            connection.prepare_cached("SELECT 1 FROM remembered WHERE ordinal = ?1 AND id = ?2")?;
        for like in like {
            if has_id.exists(params![like.ordinal, row.id])? {
                return Ok(Found::SameId);
            }
        }
    }
    Ok(Found::Nothing)
}

/// Finds the same without the copy, by reading all that is remembered.
fn search(connection: &Connection, print: Print) -> rusqlite::Result<Found> {
    let row = print.row();
    let same = connection
        .prepare_cached(
            "SELECT ordinal, reply FROM remembered WHERE camera = ?1 AND id = ?2 AND content = ?3",
        )?
        .query_row(params![row.camera, row.id, row.content], same_frame)
        .optional()?;
    match same {
        Some(same) => return Ok(same),
        None if print.id.is_none() => return Ok(Found::Nothing),
        None => {}
    }
    let has_id = connection
        .prepare_cached("SELECT 1 FROM remembered WHERE camera = ?1 AND id = ?2")?
        .exists(params![row.camera, row.id])?;
    Ok(if has_id {
        Found::SameId
    } else {
        Found::Nothing
    })
}

fn same_frame(row: &rusqlite::Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found::Same {
        ordinal: row.get(0)?,
        reply: row.get(1)?,
    })
}

/// Remembers a frame that is being counted and was looked up before.
pub(crate) fn remember(
    connection: &Connection,
    remembered: &mut Remembered,
    print: Print,
    reply: Option<&[u8]>,
) -> rusqlite::Result<()> {
    let (row, place) = (print.row(), remembered.next_ordinal());
    // Equal pictures without an id that count each have one place, the newest.
    if print.id.is_none()
        && let Found::Same {
            ordinal: before, ..
        } = find(connection, remembered, print)?
    {
        connection
            .prepare_cached("UPDATE remembered SET ordinal = ?2 WHERE ordinal = ?1")?
            .execute([before, place])?;
        remembered.remove(print.camera, before);
        remembered.push(row, 0);
        return Ok(());
    }
    // A reply is kept only with an id, by which the frame can come again.
    let reply = reply.filter(|_| print.id.is_some());
    connection
        .prepare_cached(
            "INSERT INTO remembered (ordinal, camera, id, content, reply)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![place, row.camera, row.id, row.content, reply])?;
    // A reply has at most 16 KiB.
    let bytes = reply.map_or(0, |reply| i64::try_from(reply.len()).unwrap_or_default());
    remembered.push(row, bytes);
    Ok(())
}

/// The first half of a SHA-256. 128 bits are enough: an accidental match is out of reach, and
/// someone who could make one could as well send the picture twice.
pub(crate) type Hash = [u8; 16];

/// Stands in the store for "no message id": no hash is empty.
const NO_ID: [u8; 0] = [];

/// Of cameras that share a place the name is a part of it.
fn id_hash(camera: Option<&str>, id: &str) -> Hash {
    let mut hash = Sha256::new();
    add_camera(&mut hash, camera);
    hash.update(id.as_bytes());
    half(hash.finalize().into())
}

/// Over the creation stamp and the digest. The stamp is set by the camera, so a redelivery carries
/// the same one.
fn content_hash(camera: Option<&str>, key: &FrameKey) -> Hash {
    let mut hash = Sha256::new();
    add_camera(&mut hash, camera);
    // The digest has a fixed length, so no stamp can be mistaken for a part of it.
    hash.update(key.digest);
    if let Some(created) = &key.created {
        hash.update([1]);
        hash.update(created.as_bytes());
    }
    half(hash.finalize().into())
}

fn add_camera(hash: &mut Sha256, camera: Option<&str>) {
    if let Some(name) = camera {
        // Its own hash has a fixed length, so nothing can be mistaken for a part of it.
        hash.update(Sha256::digest(name.as_bytes()));
    }
}

fn half(whole: [u8; 32]) -> Hash {
    let mut half = Hash::default();
    half.copy_from_slice(&whole[..16]);
    half
}
