//! Which frames the store remembers, in memory: enough to say of a new frame that it is new, which
//! nearly all are, without asking the store.
//!
//! The store keeps the frames in the order in which they came, so that writing one touches the page
//! of the one before. Finding one there by its id would mean reading them all; this copy holds the
//! beginning of its hashes, camera by camera, and names the few rows that are worth a look.

use std::collections::{BTreeMap, VecDeque};

use rusqlite::Connection;

use crate::duplicates::Hash;

/// The copy of a table of frames: 16 bytes for each, and up to a quarter more; of a camera with few
/// frames up to four times as much. Some 200 bytes for each camera.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Remembered {
    cameras: BTreeMap<i64, Frames>,
    last_ordinal: i64,
    /// What replies take, in bytes.
    reply_bytes: i64,
    frames: usize,
    /// So many each camera is to keep.
    per_camera: usize,
    /// Frames beyond that, of all cameras.
    beyond: usize,
}

/// The frames of a camera, the oldest first: their places in the order of all, and their marks. Apart,
/// since a new frame's mark is compared with all of them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Frames {
    ordinals: VecDeque<i64>,
    ids: VecDeque<Mark>,
    contents: VecDeque<Mark>,
}

/// A frame that may be the one that is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Like {
    /// Its place in the order of all.
    pub(crate) ordinal: i64,
    /// Whether the content looks the same, too.
    pub(crate) is_same: bool,
}

/// The beginning of a hash: one in four thousand million others looks like it, and is told apart by
/// its row.
type Mark = u32;

/// A frame's row, but for its place and its reply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) camera: i64,
    /// Empty where it has no message id.
    pub(crate) id: &'a [u8],
    pub(crate) content: &'a Hash,
}

fn mark(hash: &[u8]) -> Mark {
    let first = hash.first_chunk();
    first.map_or(0, |first| Mark::from_be_bytes(*first))
}

impl Remembered {
    /// Reads the copy: some 0.2 s for a million frames.
    pub(crate) fn read(connection: &Connection, per_camera: usize) -> rusqlite::Result<Self> {
        let mut all = Self {
            per_camera,
            ..Self::default()
        };
        let mut statement = connection.prepare_cached(
            "SELECT ordinal, camera, id, content, coalesce(length(reply), 0)
             FROM remembered ORDER BY ordinal",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let content = row.get(3)?;
            let frame = Row {
                camera: row.get(1)?,
                id: row.get_ref(2)?.as_blob()?,
                content: &content,
            };
            all.last_ordinal = row.get(0)?;
            all.reply_bytes += row.get::<_, i64>(4)?;
            all.put(all.last_ordinal, frame);
        }
        Ok(all)
    }

    /// The place of the next frame in the order of all.
    pub(crate) fn next_ordinal(&self) -> i64 {
        self.last_ordinal + 1
    }

    /// Takes the next frame in.
    pub(crate) fn push(&mut self, frame: Row<'_>, reply_bytes: i64) {
        self.last_ordinal += 1;
        self.reply_bytes += reply_bytes;
        self.put(self.last_ordinal, frame);
    }

    fn put(&mut self, ordinal: i64, frame: Row<'_>) {
        let of_camera = self.cameras.entry(frame.camera).or_default();
        append(&mut of_camera.ordinals, ordinal);
        append(&mut of_camera.ids, mark(frame.id));
        append(&mut of_camera.contents, mark(frame.content));
        self.frames += 1;
        self.beyond += usize::from(of_camera.ordinals.len() > self.per_camera);
    }

    /// Frames that may have the message id of this one, or where it has none its content: all that do,
    /// and seldom another. Takes some tenths of a nanosecond for each frame of the camera.
    pub(crate) fn like(&self, frame: Row<'_>) -> Vec<Like> {
        let Some(of_camera) = self.cameras.get(&frame.camera) else {
            return Vec::new();
        };
        let (id, content) = (mark(frame.id), mark(frame.content));
        let like = if frame.id.is_empty() {
            places(&of_camera.contents, content)
        } else {
            places(&of_camera.ids, id)
        };
        let like = like.into_iter().map(|at| Like {
            ordinal: of_camera.ordinals[at],
            is_same: (of_camera.ids[at], of_camera.contents[at]) == (id, content),
        });
        like.collect()
    }

    /// Forgets one frame of a camera, which moves those after it.
    pub(crate) fn remove(&mut self, camera: i64, ordinal: i64) {
        let Some(of_camera) = self.cameras.get_mut(&camera) else {
            return;
        };
        if let Ok(at) = of_camera.ordinals.binary_search(&ordinal) {
            self.beyond -= usize::from(of_camera.ordinals.len() > self.per_camera);
            of_camera.ordinals.remove(at);
            of_camera.ids.remove(at);
            of_camera.contents.remove(at);
            self.frames -= 1;
        }
    }

    /// Forgets the oldest frame of a camera and gives its place. Its reply is still reckoned, see
    /// [`Remembered::replies_are_gone`].
    pub(crate) fn pop_oldest(&mut self, camera: i64) -> Option<i64> {
        let of_camera = self.cameras.get_mut(&camera)?;
        let is_beyond = of_camera.ordinals.len() > self.per_camera;
        let oldest = of_camera.ordinals.pop_front()?;
        self.beyond -= usize::from(is_beyond);
        of_camera.ids.pop_front();
        of_camera.contents.pop_front();
        let Frames {
            ordinals,
            ids,
            contents,
        } = of_camera;
        give_back(ordinals);
        give_back(ids);
        give_back(contents);
        self.frames -= 1;
        Some(oldest)
    }

    pub(crate) fn replies_are_gone(&mut self, bytes: i64) {
        self.reply_bytes -= bytes;
    }

    /// The frames of a camera.
    pub(crate) fn len_of(&self, camera: i64) -> usize {
        let of_camera = self.cameras.get(&camera);
        of_camera.map_or(0, |frames| frames.ordinals.len())
    }

    /// All frames, and the bytes of their replies.
    pub(crate) fn size(&self) -> (usize, i64) {
        (self.frames, self.reply_bytes)
    }

    /// What the columns take, in bytes.
    #[cfg(test)]
    pub(crate) fn bytes_held(&self) -> usize {
        let held = |frames: &Frames| {
            8 * frames.ordinals.capacity()
                + 4 * (frames.ids.capacity() + frames.contents.capacity())
        };
        self.cameras.values().map(held).sum()
    }

    /// How many frames each camera is to keep, and how many there are beyond that.
    pub(crate) fn beyond(&self) -> (usize, usize) {
        (self.per_camera, self.beyond)
    }

    /// Forgets frames beyond their cameras' numbers as [`Remembered::pop_oldest`] does, `most` at most.
    pub(crate) fn pop_beyond(&mut self, most: usize) -> Vec<i64> {
        let over = self.cameras.iter().flat_map(|(camera, frames)| {
            let beyond = frames.ordinals.len().saturating_sub(self.per_camera);
            std::iter::repeat_n(*camera, beyond)
        });
        let over: Vec<i64> = over.take(most).collect();
        over.into_iter()
            .filter_map(|camera| self.pop_oldest(camera))
            .collect()
    }
}

fn append<T>(column: &mut VecDeque<T>, value: T) {
    if column.len() == column.capacity() {
        // Doubling would leave half of it empty.
        column.reserve_exact(4 + column.len() / 4);
    }
    column.push_back(value);
}

/// A camera that is silent for long must not hold what it needed while it was not.
fn give_back<T>(column: &mut VecDeque<T>) {
    if column.capacity() > 16 + 2 * column.len() {
        column.shrink_to(column.len() + column.len() / 4);
    }
}

/// Where a mark stands in a column.
fn places(column: &VecDeque<Mark>, sought: Mark) -> Vec<usize> {
    /// So many at once are compared without a branch, and nearly all end there.
    const AT_ONCE: usize = 64;
    let (front, back) = column.as_slices();
    let mut found = Vec::new();
    for (begin, part) in [(0, front), (front.len(), back)] {
        for (number, some) in part.chunks(AT_ONCE).enumerate() {
            let is_there = some.iter().fold(false, |any, mark| any | (*mark == sought));
            if is_there {
                let begin = begin + number * AT_ONCE;
                let all = some.iter().enumerate().filter(|(_, mark)| **mark == sought);
                found.extend(all.map(|(at, _)| begin + at));
            }
        }
    }
    found
}
