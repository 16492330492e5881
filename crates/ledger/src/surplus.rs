//! How much is remembered of all cameras together, and which frames go when it is too much.
//!
//! Each camera keeps its last N frames; this bounds the sum, whatever the number of cameras. Over
//! it, the camera that was silent for longest loses its oldest frames first, then the next one: by
//! the order in which frames came, never by a clock. The order is known of this run; at its start
//! cameras with frames in an open window or among the last of an input are taken to be the newest.
//!
//! What may still come again stays: the last ten of each camera, as long as anything else can go.
//! Where these alone are too much, the last ten of a camera that is among the last of an input, which
//! the hub may have in flight, and the last one of any other.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

/// What is reckoned for a frame without its reply, in bytes of the store, with its share of
/// half-empty pages and some to spare.
const BYTES_OF_FRAME: i64 = 128;

/// Cameras that one commit looks at, at most, and frames of one that it lets go at least: enough to
/// shrink a hundred times as fast as the memory grows.
const CAMERAS_AT_ONCE: usize = 64;
const FRAMES_AT_ONCE: i64 = 128;

/// How many frames of a camera go at once that remembers so many. Letting go reads all frames of the
/// camera, so it falls to each frame to read eight.
pub(crate) fn batch(per_camera: u32) -> i64 {
    (i64::from(per_camera) / 8).clamp(16, 8192)
}

/// So much more than needed goes at a time, so that not each commit has to look for the oldest.
const BYTES_AHEAD: i64 = FRAMES_AT_ONCE * BYTES_OF_FRAME;

/// Frames of a camera that stay: edgeHub has at most ten of an input in flight.
const SPARED: i64 = 10;

/// What a remembered frame with this reply takes, in bytes.
pub(crate) fn bytes_of(reply: Option<&[u8]>) -> i64 {
    let reply = reply.map_or(0, <[u8]>::len);
    // A reply has at most 16 KiB.
    BYTES_OF_FRAME + i64::try_from(reply).unwrap_or_default()
}

/// Lets a camera's frames up to an ordinal go. Gives the bytes that they took. Reads all frames of the
/// camera.
pub(crate) fn let_go(connection: &Connection, camera: i64, through: i64) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "DELETE FROM remembered WHERE camera = ?1 AND ordinal <= ?2
             RETURNING coalesce(length(reply), 0)",
        )?
        .query_map([camera, through], |row| row.get::<_, i64>(0))?
        .map(|reply| Ok(BYTES_OF_FRAME + reply?))
        .sum()
}

/// The sum, and the order in which cameras were last heard. A few ten bytes for each camera.
#[derive(Debug, Default)]
pub(crate) struct Surplus {
    bytes: Option<i64>,
    /// Counts frames.
    tick: u64,
    heard: HashMap<i64, u64>,
    /// Who loses frames next, at the end the first.
    silent: Vec<Silent>,
}

/// A camera that can lose frames.
#[derive(Debug, Clone, Copy)]
struct Silent {
    camera: i64,
    /// When it was last heard.
    heard: u64,
    /// How many of its last frames stay.
    spared: i64,
}

impl Surplus {
    /// Cameras whose order is known.
    #[cfg(test)]
    pub(crate) fn cameras(&self) -> usize {
        self.heard.len()
    }

    /// Notes that a camera sent something.
    pub(crate) fn hear(&mut self, camera: i64) {
        self.tick += 1;
        self.heard.insert(camera, self.tick);
    }

    /// Lets frames go until the memory takes no more than `limit` bytes, after it grew by some.
    /// Cameras `in_flight` are those among the last frames of an input.
    pub(crate) fn shrink(
        &mut self,
        connection: &Connection,
        grown: i64,
        limit: i64,
        in_flight: &HashSet<i64>,
        newest: impl Fn() -> rusqlite::Result<HashSet<i64>>,
    ) -> rusqlite::Result<()> {
        let mut bytes = match self.bytes {
            Some(bytes) => bytes + grown,
            None => count(connection)?,
        };
        for _ in 0..CAMERAS_AT_ONCE {
            if bytes <= limit {
                break;
            }
            let Some(next) = self.most_silent(connection, in_flight, &newest)? else {
                break;
            };
            let needed = bytes - limit + BYTES_AHEAD;
            let let_go = let_go_oldest(connection, next.camera, next.spared, needed)?;
            if let_go == 0 {
                self.silent.pop();
            }
            bytes -= let_go;
        }
        self.bytes = Some(bytes);
        Ok(())
    }

    fn most_silent(
        &mut self,
        connection: &Connection,
        in_flight: &HashSet<i64>,
        newest: impl Fn() -> rusqlite::Result<HashSet<i64>>,
    ) -> rusqlite::Result<Option<Silent>> {
        while let Some(last) = self.silent.last() {
            if self.heard(last.camera) == last.heard {
                return Ok(Some(*last));
            }
            self.silent.pop();
        }
        let newest = newest()?;
        let mut all = self.with_more_than(connection, SPARED)?;
        if all.is_empty() {
            all = self.with_more_than(connection, 1)?;
            all.retain(|silent| !in_flight.contains(&silent.camera));
        }
        all.sort_unstable_by_key(|silent| {
            let camera = silent.camera;
            (silent.heard, newest.contains(&camera), camera)
        });
        all.reverse();
        self.silent = all;
        Ok(self.silent.last().copied())
    }

    fn heard(&self, camera: i64) -> u64 {
        self.heard.get(&camera).copied().unwrap_or_default()
    }

    fn with_more_than(
        &self,
        connection: &Connection,
        spared: i64,
    ) -> rusqlite::Result<Vec<Silent>> {
        connection
            .prepare_cached(
                "SELECT camera FROM camera
                 WHERE (SELECT 1 FROM remembered WHERE remembered.camera = camera.camera
                        LIMIT 1 OFFSET ?1)",
            )?
            .query_map([spared], |row| {
                let camera = row.get(0)?;
                let heard = self.heard(camera);
                Ok(Silent {
                    camera,
                    heard,
                    spared,
                })
            })?
            .collect()
    }
}

fn count(connection: &Connection) -> rusqlite::Result<i64> {
    let (frames, replies): (i64, i64) = connection
        .prepare_cached("SELECT count(*), coalesce(sum(length(reply)), 0) FROM remembered")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(frames * BYTES_OF_FRAME + replies)
}

/// Lets some of a camera's oldest frames go: as many as give the bytes that are needed, but none of
/// those that are spared, at a time a thirty-second of many. Reads all frames of the camera. Gives the
/// bytes that they took.
fn let_go_oldest(
    connection: &Connection,
    camera: i64,
    spared: i64,
    needed: i64,
) -> rusqlite::Result<i64> {
    let mut oldest = connection.prepare_cached(
        "SELECT ordinal, coalesce(length(reply), 0) FROM remembered
         WHERE camera = ?1 AND ordinal <=
            (SELECT ordinal FROM remembered WHERE camera = ?1
             ORDER BY ordinal DESC LIMIT 1 OFFSET ?2)
         ORDER BY ordinal
         LIMIT max(?3, (SELECT count(*) FROM remembered WHERE camera = ?1) / 32)",
    )?;
    let mut rows = oldest.query([camera, spared, FRAMES_AT_ONCE])?;
    let (mut through, mut bytes) = (None, 0);
    while bytes < needed
        && let Some(row) = rows.next()?
    {
        through = Some(row.get(0)?);
        bytes += BYTES_OF_FRAME + row.get::<_, i64>(1)?;
    }
    drop(rows);
    through.map_or(Ok(0), |through| let_go(connection, camera, through))
}
