//! Which frames are known already.
//!
//! Two memories: the last N frames of each camera by count (never by age: the clock may be wrong),
//! and the last ten of each input. A frame with a message id is looked up among those of its camera.
//! Frames without one can only be told apart by their content, and a fixed camera may honestly send
//! equal pictures; they are compared only where the caller says that a second delivery can be, and
//! with what that delivery can be of, see [`Repeat`]. Both memories are written in the commit that
//! counts the frame and must never be written apart from it.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::frame::{FrameKey, Repeat, ReusedId, Seen};

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

/// Looks a frame up. Two or three steps in an index, whatever the memory's size.
pub(crate) fn look_up(
    connection: &Connection,
    camera: i64,
    key: &FrameKey,
) -> rusqlite::Result<Known> {
    let content = content_hash(key);
    let Some(id) = key.message_id.as_deref().map(id_hash) else {
        let found = match key.repeat {
            Repeat::No => false,
            Repeat::InBatch => is_recent(connection, camera, &key.input, content)?,
            Repeat::MarkedBySender => {
                remembered(connection, camera, &NO_ID, content)?.is_some()
                    || is_recent(connection, camera, &key.input, content)?
            }
        };
        return Ok(if found {
            Known::Counted(None)
        } else {
            Known::No
        });
    };
    if let Some(reply) = remembered(connection, camera, &id, content)? {
        return Ok(Known::Counted(reply));
    }
    let other = connection
        .prepare_cached("SELECT 1 FROM remembered WHERE camera = ?1 AND id = ?2")?
        .exists(params![camera, id])?;
    Ok(match (other, key.reused_id) {
        (true, ReusedId::IsConflict) => Known::Conflict,
        (true, ReusedId::CountsAsNew) => Known::IdOnly,
        (false, _) => Known::No,
    })
}

/// The reply that was kept with a frame, if it had one; `None` when the frame is not remembered.
fn remembered(
    connection: &Connection,
    camera: i64,
    id: &[u8],
    content: Hash,
) -> rusqlite::Result<Option<Option<Vec<u8>>>> {
    connection
        .prepare_cached(
            "SELECT reply FROM remembered WHERE camera = ?1 AND id = ?2 AND content = ?3",
        )?
        .query_row(params![camera, id, content], |row| row.get(0))
        .optional()
}

fn is_recent(
    connection: &Connection,
    camera: i64,
    input: &str,
    content: Hash,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM recent WHERE input = ?1 AND camera = ?2 AND content = ?3")?
        .exists(params![input, camera, content])
}

/// Remembers a frame that is being counted, and lets the oldest ones go.
pub(crate) fn remember(
    connection: &Connection,
    camera: i64,
    key: &FrameKey,
    reply: Option<&[u8]>,
    per_camera: u32,
) -> rusqlite::Result<()> {
    let content = content_hash(key);
    if let Some(id) = key.message_id.as_deref().map(id_hash) {
        remember_camera(connection, camera, (&id, content, reply), per_camera)?;
        // It took one of the ten places; its id tells it apart, so its content is not compared.
        remember_recent(connection, camera, &key.input, None)
    } else {
        remember_camera(connection, camera, (&NO_ID, content, None), per_camera)?;
        remember_recent(connection, camera, &key.input, Some(content))
    }
}

fn remember_camera(
    connection: &Connection,
    camera: i64,
    (id, content, reply): (&[u8], Hash, Option<&[u8]>),
    per_camera: u32,
) -> rusqlite::Result<()> {
    let ordinal: i64 = connection
        .prepare_cached("SELECT coalesce(max(ordinal), 0) + 1 FROM remembered WHERE camera = ?1")?
        .query_row([camera], |row| row.get(0))?;
    // Equal pictures without an id that count each have one place, the newest.
    connection
        .prepare_cached(
            "INSERT INTO remembered (camera, id, content, ordinal, reply)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (camera, id, content) DO UPDATE SET ordinal = excluded.ordinal",
        )?
        .execute(params![camera, id, content, ordinal, reply])?;
    // Letting go in small batches touches the far end of the index once in a while, not each time.
    if ordinal % LET_GO_EVERY == 0 {
        connection
            .prepare_cached("DELETE FROM remembered WHERE camera = ?1 AND ordinal <= ?2")?
            .execute([camera, ordinal - i64::from(per_camera)])?;
    }
    Ok(())
}

/// The memory of a camera holds up to this many frames more than it is asked to.
const LET_GO_EVERY: i64 = 16;

fn remember_recent(
    connection: &Connection,
    camera: i64,
    input: &str,
    content: Option<Hash>,
) -> rusqlite::Result<()> {
    let slot = match oldest_slot(connection, input)? {
        Some(slot) => slot,
        None => {
            forget_surplus_inputs(connection)?;
            0
        }
    };
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO recent (input, slot, ordinal, camera, content)
             VALUES (?1, ?2, (SELECT coalesce(max(ordinal), 0) + 1 FROM recent), ?3, ?4)",
        )?
        .execute(params![input, slot, camera, content])?;
    Ok(())
}

/// How many frames of an input are compared: edgeHub hands a module at most ten messages of an
/// input at once, so no more can come again after a connect.
const RECENT: i64 = 10;

/// The slot that the next frame of this input takes: a free one, else the oldest. `None` when the
/// input is new.
fn oldest_slot(connection: &Connection, input: &str) -> rusqlite::Result<Option<i64>> {
    let (used, oldest): (i64, Option<i64>) = connection
        .prepare_cached(
            "SELECT count(*), (SELECT slot FROM recent WHERE input = ?1 ORDER BY ordinal LIMIT 1)
             FROM recent WHERE input = ?1",
        )?
        .query_row([input], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(oldest.map(|oldest| if used < RECENT { used } else { oldest }))
}

/// Inputs are named by the deployment's routes, so there are few; this keeps it so.
const MAX_INPUTS: i64 = 64;

fn forget_surplus_inputs(connection: &Connection) -> rusqlite::Result<()> {
    let surplus: Option<String> = connection
        .prepare_cached(
            "SELECT input FROM recent GROUP BY input ORDER BY max(ordinal) DESC
             LIMIT 1 OFFSET ?1",
        )?
        .query_row([MAX_INPUTS - 1], |row| row.get(0))
        .optional()?;
    if let Some(input) = surplus {
        connection
            .prepare_cached("DELETE FROM recent WHERE input = ?1")?
            .execute([input])?;
    }
    Ok(())
}

/// The first half of a SHA-256. 128 bits are enough: an accidental match is out of reach, and
/// someone who could make one could as well send the picture twice.
type Hash = [u8; 16];

/// Stands in the store for "no message id": no hash is empty.
const NO_ID: [u8; 0] = [];

fn id_hash(id: &str) -> Hash {
    half(Sha256::digest(id.as_bytes()).into())
}

/// Over the creation stamp and the digest. The stamp is set by the camera, so a redelivery carries
/// the same one.
fn content_hash(key: &FrameKey) -> Hash {
    let mut hash = Sha256::new();
    // The digest has a fixed length, so no stamp can be mistaken for a part of it.
    hash.update(key.digest);
    if let Some(created) = &key.created {
        hash.update([1]);
        hash.update(created.as_bytes());
    }
    half(hash.finalize().into())
}

fn half(whole: [u8; 32]) -> Hash {
    let mut half = Hash::default();
    half.copy_from_slice(&whole[..16]);
    half
}
