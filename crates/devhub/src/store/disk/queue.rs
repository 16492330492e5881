//! One queue's files: records at the end, a mark of what is removed, space given back by file.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::record::Record;
use super::segment::{Found, Segment};
use super::{io_error, names_in};
use crate::store::{Entry, StoreError};

/// A new file is begun when the last one has passed this many bytes, so that space comes back.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// Where one record lies.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) sequence: u64,
    segment: u64,
    offset: u64,
    pub(super) length: u64,
}

/// One queue's files, with the place of each record that is not yet removed.
#[derive(Debug)]
pub(super) struct DiskQueue {
    pub(super) folder: PathBuf,
    pub(super) head: File,
    pub(super) segments: BTreeMap<u64, Segment>,
    pub(super) index: VecDeque<Place>,
    pub(super) last_sequence: u64,
    pub(super) held: u64,
    /// The last sequence removed.
    removed: u64,
    /// Removals that `head` does not know of.
    unmarked: u32,
}

impl DiskQueue {
    pub(super) fn open(folder: PathBuf) -> Result<Self, StoreError> {
        fs::create_dir_all(&folder).map_err(io_error("make", &folder))?;
        let head_path = folder.join("head");
        let head = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&head_path)
            .map_err(io_error("open", &head_path))?;
        let mut removed = [0; 8];
        let removed = match head.read_exact_at(&mut removed, 0) {
            Ok(()) => u64::from_le_bytes(removed),
            Err(_) => 0,
        };
        let mut queue = Self {
            folder,
            head,
            segments: BTreeMap::new(),
            index: VecDeque::new(),
            last_sequence: removed,
            held: 0,
            removed,
            unmarked: 0,
        };
        let files: Vec<u64> = names_in(&queue.folder)?
            .iter()
            .filter_map(|name| name.strip_suffix(".log")?.parse().ok())
            .collect();
        for (at, first) in files.iter().enumerate() {
            queue.read_segment(*first, files.get(at + 1).copied(), removed)?;
        }
        queue.drop_spent_segments()?;
        Ok(queue)
    }

    /// Reads the headers of one file, whose first record has the sequence `first`; `next` is that
    /// of the file behind it. What a killed process left half written at the end of the last file
    /// is cut off; damage anywhere else stays in place, and what stands behind it is kept.
    fn read_segment(
        &mut self,
        first: u64,
        next: Option<u64>,
        removed: u64,
    ) -> Result<(), StoreError> {
        let mut segment = Segment::open(&self.folder, first)?;
        let mut offset = 0;
        // The last sequence before `offset`.
        let mut before = first.saturating_sub(1);
        loop {
            let found = segment.find_at(offset);
            let resumes = match found {
                Found::Nothing => break,
                Found::Record { sequence, length } => {
                    if sequence > removed {
                        self.note_place(sequence, first, offset, length);
                    }
                    self.last_sequence = self.last_sequence.max(sequence);
                    before = sequence;
                    offset += length;
                    continue;
                }
                Found::Torn if next.is_none() => None,
                Found::Torn | Found::Unreadable { .. } => segment.next_record(offset, before)?,
            };
            let torn = matches!(found, Found::Torn | Found::Unreadable { runs_out: true });
            if torn && next.is_none() && resumes.is_none() {
                segment.cut(offset)?;
                break;
            }
            let ends = resumes.unwrap_or(segment.length);
            let behind = match resumes.map(|at| segment.find_at(at)) {
                Some(Found::Record { sequence, .. }) => Some(sequence),
                _ => next,
            };
            // The first that may be lost; whatever was lost lies between its neighbours.
            let lost = before.max(removed) + 1;
            let undelivered = behind.is_none_or(|behind| lost < behind);
            tracing::error!(
                file = %segment.path.display(),
                at = offset,
                bytes = ends - offset,
                undelivered,
                "queue file damaged: these bytes hold no readable message; the rest is kept"
            );
            if undelivered {
                // Takes its turn like a message, so that the hub counts it when it comes up.
                self.note_place(lost, first, offset, ends - offset);
                self.last_sequence = self.last_sequence.max(lost);
            }
            offset = ends;
        }
        self.segments.insert(first, segment);
        Ok(())
    }

    fn note_place(&mut self, sequence: u64, segment: u64, offset: u64, length: u64) {
        self.index.push_back(Place {
            sequence,
            segment,
            offset,
            length,
        });
        self.held += length;
    }

    pub(super) fn append(&mut self, sequence: u64, record: &[u8]) -> Result<(), StoreError> {
        let current = match self.segments.last_key_value() {
            Some((first, segment)) if segment.length < SEGMENT_BYTES => *first,
            _ => {
                self.segments
                    .insert(sequence, Segment::open(&self.folder, sequence)?);
                // Until a checkpoint, what a spent file holds comes again after a kill.
                if self.unmarked == 0 {
                    self.drop_spent_segments()?;
                }
                sequence
            }
        };
        let Some(segment) = self.segments.get_mut(&current) else {
            return Ok(());
        };
        let offset = segment.length;
        if let Err(error) = segment.file.write_all_at(record, offset) {
            // Half a record must not stand before the next whole one.
            let _cut = segment.file.set_len(offset);
            return Err(io_error("append to", &segment.path)(error));
        }
        let length = record.len() as u64;
        segment.length += length;
        self.note_place(sequence, current, offset, length);
        self.last_sequence = sequence;
        Ok(())
    }

    pub(super) fn front(&self) -> Result<Option<Entry>, StoreError> {
        let Some(place) = self.index.front() else {
            return Ok(None);
        };
        let Some(segment) = self.segments.get(&place.segment) else {
            return Ok(None);
        };
        let mut record = vec![0; usize::try_from(place.length).unwrap_or(usize::MAX)];
        segment
            .file
            .read_exact_at(&mut record, place.offset)
            .map_err(io_error("read", &segment.path))?;
        Record::decode(record)
            .map(Some)
            .ok_or_else(|| StoreError::Damaged {
                path: segment.path.display().to_string(),
                what: format!("no whole record at byte {}", place.offset),
            })
    }

    /// Removes the oldest message; its removal is written down with the `batch`th one since the
    /// last was, or when nothing is left.
    pub(super) fn pop(&mut self, sequence: u64, batch: u32) -> Result<(), StoreError> {
        let Some(place) = self.index.pop_front_if(|place| place.sequence == sequence) else {
            return Ok(());
        };
        self.held -= place.length;
        self.removed = sequence;
        self.unmarked += 1;
        if self.unmarked >= batch || self.index.is_empty() {
            self.checkpoint()?;
        }
        Ok(())
    }

    /// Writes down what is removed.
    pub(super) fn checkpoint(&mut self) -> Result<(), StoreError> {
        if self.unmarked == 0 {
            return Ok(());
        }
        let path = self.folder.join("head");
        self.head
            .write_all_at(&self.removed.to_le_bytes(), 0)
            .map_err(io_error("write", &path))?;
        self.unmarked = 0;
        self.drop_spent_segments()
    }

    /// Deletes files before the one in which the oldest message lies, never the last file.
    fn drop_spent_segments(&mut self) -> Result<(), StoreError> {
        let oldest = self.index.front().map_or(u64::MAX, |place| place.segment);
        while self.segments.len() > 1
            && let Some(entry) = self.segments.first_entry()
            && *entry.key() < oldest
        {
            let path = entry.remove().path;
            fs::remove_file(&path).map_err(io_error("delete", &path))?;
        }
        Ok(())
    }
}
