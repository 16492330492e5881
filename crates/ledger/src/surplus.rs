//! How much is remembered, and which frames go when it is too much.
//!
//! Each camera keeps its last N frames. Of all cameras together the oldest frames go, by the order
//! in which they came and never by a clock: a walk from the oldest to the newest, in which each frame
//! that is met costs its camera the oldest that it has.
//!
//! What may still come again stays: the last ten of each camera, as long as anything else can go.
//! Where these alone are too much, the last ten of a camera that is among the last of an input, which
//! the hub may have in flight, and the last one of any other.

use std::collections::HashSet;

use rusqlite::{Connection, params};

use crate::remembered::Remembered;

/// What is reckoned for a frame without its reply, in bytes: some 50 in the store, 16 to 20 in
/// memory, and some to spare for pages that are half empty after others went.
const BYTES_OF_FRAME: i64 = 128;

/// Frames of a camera that stay: edgeHub has at most ten of an input in flight.
const SPARED: usize = 10;

/// So much more than needed goes at a time, so that not each commit has to look for the oldest.
const BYTES_AHEAD: i64 = 128 * BYTES_OF_FRAME;

/// Frames that one commit lets go of for a reason, or looks at, at most. Many times what it brings,
/// so that the memory shrinks faster than it grows, but where each frame brings the longest reply.
const FRAMES_AT_ONCE: usize = 8192;
/// Frames that one question to the store gives.
const FRAMES_A_LOOK: u16 = 128;

/// How many frames beyond their cameras' numbers wait until they go together.
fn batch(per_camera: usize) -> usize {
    (per_camera / 8).clamp(16, FRAMES_AT_ONCE)
}

/// What is remembered by this copy, in bytes.
fn bytes_of(remembered: &Remembered) -> i64 {
    let (frames, replies) = remembered.size();
    let frames = i64::try_from(frames).unwrap_or(i64::MAX);
    frames
        .saturating_mul(BYTES_OF_FRAME)
        .saturating_add(replies)
}

/// Where the walks stand.
#[derive(Debug, Default)]
pub(crate) struct Surplus {
    /// The last place that was walked over, by what is spared.
    past_ten: i64,
    past_one: i64,
    /// Bytes up to which looking is not worth while, after all was looked at and was not enough.
    nothing_up_to: i64,
}

/// Lets frames beyond their cameras' numbers go, once there are enough.
pub(crate) fn shrink_each(
    connection: &Connection,
    remembered: &mut Remembered,
) -> rusqlite::Result<()> {
    let (per_camera, beyond) = remembered.beyond();
    if beyond < batch(per_camera) {
        return Ok(());
    }
    let going = remembered.pop_beyond(FRAMES_AT_ONCE);
    forget(connection, remembered, going)
}

impl Surplus {
    /// Lets frames go until all together take no more than `limit` bytes. Cameras `in_flight` are
    /// those among the last frames of an input.
    pub(crate) fn shrink_all(
        &mut self,
        connection: &Connection,
        remembered: &mut Remembered,
        limit: i64,
        in_flight: impl Fn() -> HashSet<i64>,
    ) -> rusqlite::Result<()> {
        if bytes_of(remembered) <= limit.max(self.nothing_up_to) {
            return Ok(());
        }
        let enough = limit - BYTES_AHEAD;
        let past_ten = &mut self.past_ten;
        let mut all_seen = walk(connection, remembered, past_ten, enough, |_| SPARED)?;
        // Only where nothing else can go.
        if all_seen && bytes_of(remembered) > limit {
            let in_flight = in_flight();
            let spared = |camera| match in_flight.contains(&camera) {
                true => SPARED,
                false => 1,
            };
            all_seen = walk(connection, remembered, &mut self.past_one, enough, spared)?;
            if all_seen {
                // Who is in flight changes.
                self.past_one = 0;
            }
        }
        let bytes = bytes_of(remembered);
        self.nothing_up_to = match all_seen && bytes > limit {
            true => bytes.saturating_add(BYTES_AHEAD),
            false => 0,
        };
        Ok(())
    }
}

/// Walks on from the place `past` and lets frames go until what is left takes `enough` bytes, or the
/// newest is reached, or many were looked at. Gives whether the newest was reached.
fn walk(
    connection: &Connection,
    remembered: &mut Remembered,
    past: &mut i64,
    enough: i64,
    spared: impl Fn(i64) -> usize,
) -> rusqlite::Result<bool> {
    let mut bytes = bytes_of(remembered);
    let mut going = Vec::new();
    let mut is_end = false;
    for _ in 0..FRAMES_AT_ONCE / usize::from(FRAMES_A_LOOK) {
        let next = next_frames(connection, *past)?;
        for (place, camera) in &next {
            if bytes <= enough {
                break;
            }
            *past = *place;
            if remembered.len_of(*camera) > spared(*camera)
                && let Some(oldest) = remembered.pop_oldest(*camera)
            {
                bytes -= BYTES_OF_FRAME + reply_bytes(connection, remembered, oldest, oldest)?;
                going.push(oldest);
            }
        }
        is_end = bytes > enough && next.len() < usize::from(FRAMES_A_LOOK);
        if bytes <= enough || is_end {
            break;
        }
    }
    forget(connection, remembered, going)?;
    Ok(is_end)
}

/// Places and cameras of the next frames after a place.
fn next_frames(connection: &Connection, past: i64) -> rusqlite::Result<Vec<(i64, i64)>> {
    connection
        .prepare_cached(
            "SELECT ordinal, camera FROM remembered WHERE ordinal > ?1 ORDER BY ordinal LIMIT ?2",
        )?
        .query_map(params![past, FRAMES_A_LOOK], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect()
}

/// Deletes the rows of frames that the copy has forgotten.
fn forget(
    connection: &Connection,
    remembered: &mut Remembered,
    mut going: Vec<i64>,
) -> rusqlite::Result<()> {
    going.sort_unstable();
    // Frames that came together mostly go together.
    for together in going.chunk_by(|one, next| *next == one + 1) {
        if let [first, .., last] | [first @ last] = together {
            let replies = reply_bytes(connection, remembered, *first, *last)?;
            remembered.replies_are_gone(replies);
            connection
                .prepare_cached("DELETE FROM remembered WHERE ordinal BETWEEN ?1 AND ?2")?
                .execute([first, last])?;
        }
    }
    Ok(())
}

/// What the replies of the frames from one place to another take.
fn reply_bytes(
    connection: &Connection,
    remembered: &Remembered,
    first: i64,
    last: i64,
) -> rusqlite::Result<i64> {
    // Frames by edgeHub have none.
    if remembered.size().1 == 0 {
        return Ok(0);
    }
    connection
        .prepare_cached(
            "SELECT coalesce(sum(length(reply)), 0) FROM remembered
             WHERE ordinal BETWEEN ?1 AND ?2",
        )?
        .query_row([first, last], |row| row.get(0))
}
