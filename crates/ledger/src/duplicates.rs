//! Which frames are known already.
//!
//! Two memories: the last N frames of each camera by count (never by age: the clock may be wrong),
//! and the last ten of each input (see `recent`). A frame with a message id is looked up among those of its camera.
//! Frames without one can only be told apart by their content, and a fixed camera may honestly send
//! equal pictures; they are compared only where the caller says that a second delivery can be, and
//! with what that delivery can be of, see [`Repeat`]. Both memories are written in the commit that
//! counts the frame and must never be written apart from it.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::frame::{FrameKey, Repeat, ReusedId, Seen};
use crate::memo::Place;
use crate::recent::Recent;
use crate::surplus;

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
}

/// Looks a frame up: one step in an index, whatever the memory's size.
pub(crate) fn look_up(
    connection: &Connection,
    recent: Option<&Recent>,
    key: &FrameKey,
    print: Print,
) -> rusqlite::Result<Known> {
    let Some(id) = print.id else {
        let is_recent = || match recent {
            Some(recent) => Ok(recent.contains(&key.input, print.camera, print.content)),
            None => Recent::read(connection)
                .map(|recent| recent.contains(&key.input, print.camera, print.content)),
        };
        let found = match key.repeat {
            Repeat::No => false,
            Repeat::InBatch => is_recent()?,
            Repeat::MarkedBySender => is_remembered(connection, print)? || is_recent()?,
        };
        return Ok(if found {
            Known::Counted(None)
        } else {
            Known::No
        });
    };
    // Of nearly all frames nothing is known, and this says so in one step.
    let is_known = connection
        .prepare_cached("SELECT 1 FROM remembered WHERE camera = ?1 AND id = ?2")?
        .exists(params![print.camera, id])?;
    if !is_known {
        return Ok(Known::No);
    }
    let same: Option<Option<Vec<u8>>> = connection
        .prepare_cached(
            "SELECT reply FROM remembered WHERE camera = ?1 AND id = ?2 AND content = ?3",
        )?
        .query_row(params![print.camera, id, print.content], |row| row.get(0))
        .optional()?;
    Ok(match (same, key.reused_id) {
        (Some(reply), _) => Known::Counted(reply),
        (None, ReusedId::IsConflict) => Known::Conflict,
        (None, ReusedId::CountsAsNew) => Known::IdOnly,
    })
}

fn is_remembered(connection: &Connection, print: Print) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM remembered WHERE camera = ?1 AND id = ?2 AND content = ?3")?
        .exists(params![print.camera, NO_ID, print.content])
}

/// Remembers a frame that is being counted and was looked up before, and lets the oldest ones of
/// its camera go. Gives by how many bytes the memory grew.
pub(crate) fn remember(
    connection: &Connection,
    print: Print,
    reply: Option<&[u8]>,
    ordinal: i64,
    per_camera: u32,
) -> rusqlite::Result<i64> {
    // Equal pictures without an id that count each have one place, the newest.
    let renewed = print.id.is_none()
        && connection
            .prepare_cached(
                "UPDATE remembered SET ordinal = ?4
                 WHERE camera = ?1 AND id = ?2 AND content = ?3",
            )?
            .execute(params![print.camera, NO_ID, print.content, ordinal])?
            == 1;
    let mut grown = 0;
    if !renewed {
        let id = print.id.as_ref().map_or(&NO_ID[..], |id| &id[..]);
        // A reply is kept only with an id, by which the frame can come again.
        let reply = reply.filter(|_| print.id.is_some());
        connection
            .prepare_cached(
                "INSERT INTO remembered (camera, id, content, ordinal, reply)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![print.camera, id, print.content, ordinal, reply])?;
        grown = surplus::bytes_of(reply);
    }
    // Cameras that send in turns take different turns in letting go.
    let (batch, last) = (surplus::batch(per_camera), ordinal - i64::from(per_camera));
    if last > 0 && (ordinal + print.camera % batch * PRIME) % batch == 0 {
        grown -= surplus::let_go(connection, print.camera, last)?;
    }
    Ok(grown)
}

/// Scatters the turns.
const PRIME: i64 = 37;

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
