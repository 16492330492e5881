//! How much is remembered of all cameras together, and which frames go when it is too much.
//!
//! Each camera keeps its last N frames; this bounds the sum, whatever the number of cameras. Over
//! it, the camera that was silent for longest loses its oldest frames first, then the next one: by
//! the order in which frames came, never by a clock. The order is known of this run; at its start
//! cameras with frames in an open window or among the last of an input are taken to be the newest.

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
    /// Who loses frames next, at the end the first; with when it was last heard.
    silent: Vec<(i64, u64)>,
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
    pub(crate) fn shrink(
        &mut self,
        connection: &Connection,
        grown: i64,
        limit: i64,
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
            let Some(camera) = self.most_silent(connection, &newest)? else {
                break;
            };
            let let_go = let_go_oldest(connection, camera)?;
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
        newest: impl Fn() -> rusqlite::Result<HashSet<i64>>,
    ) -> rusqlite::Result<Option<i64>> {
        let is_silent_since = |heard: &HashMap<i64, u64>, (camera, then): (i64, u64)| {
            heard.get(&camera).copied().unwrap_or_default() == then
        };
        while let Some(last) = self.silent.last() {
            if is_silent_since(&self.heard, *last) {
                return Ok(Some(last.0));
            }
            self.silent.pop();
        }
        let newest = newest()?;
        let mut all = connection.prepare_cached(
            "SELECT camera FROM camera
             WHERE EXISTS (SELECT 1 FROM remembered WHERE remembered.camera = camera.camera)",
        )?;
        let heard = |camera| self.heard.get(&camera).copied().unwrap_or_default();
        self.silent = all
            .query_map([], |row| row.get(0))?
            .map(|camera| camera.map(|camera| (camera, heard(camera))))
            .collect::<rusqlite::Result<Vec<_>>>()?;
        self.silent
            .sort_unstable_by_key(|(camera, heard)| (*heard, newest.contains(camera), *camera));
        self.silent.reverse();
        Ok(self.silent.last().map(|(camera, _)| *camera))
    }
}

fn count(connection: &Connection) -> rusqlite::Result<i64> {
    let (frames, replies): (i64, i64) = connection
        .prepare_cached("SELECT count(*), coalesce(sum(length(reply)), 0) FROM remembered")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(frames * BYTES_OF_FRAME + replies)
}

/// Lets some of a camera's oldest frames go, of many a thirty-second, of few all. Reads all of them. Gives the bytes that they took.
fn let_go_oldest(connection: &Connection, camera: i64) -> rusqlite::Result<i64> {
    let through: i64 = connection
        .prepare_cached(
            "SELECT coalesce(max(ordinal), 0) FROM
                (SELECT ordinal FROM remembered WHERE camera = ?1 ORDER BY ordinal LIMIT
                    max(?2, (SELECT count(*) FROM remembered WHERE camera = ?1) / 32))",
        )?
        .query_row([camera, FRAMES_AT_ONCE], |row| row.get(0))?;
    let_go(connection, camera, through)
}
