//! Which frames are being worked on, so that one that kills the process is found out.
//!
//! A picture can end the process in ways that no code here can catch: a fault in a library, or the
//! kernel taking the memory away. So a note is written before decoding and removed after. Notes that
//! a dead process left behind say which frames were in flight: each was seen at *one* crash. Such a
//! frame is to be tried again with nothing beside it; if it then is the only one in flight when the
//! process ends, that is one crash more. At [`AttemptLog::CRASH_LIMIT`] the caller records it as
//! `rejected(crashed)` and does not try again.
//!
//! A crash counts only in the same boot (a power cut is nobody's fault) and only if nobody asked
//! the process to stop ([`AttemptLog::stopping`]): a hub that kills a slow stop proves nothing.
//!
//! The notes lie in one page of a plain file, overwritten in place and never flushed: they survive
//! the process, not the power. Each change is one write within that page, which a kill does not
//! tear. Costs a few microseconds a frame.
//!
//! Lifecycle: open it while holding the [`Ledger`](crate::Ledger) of the same folder, whose lock
//! covers it; [`AttemptLog::stopping`] as soon as SIGTERM arrives; [`AttemptLog::close_orderly`] at
//! the end. Dropping it without that is a crash of everything in flight.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::frame::FrameKey;

/// Names a frame among attempts: camera, message id and digest, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttemptKey([u8; KEY]);

impl AttemptKey {
    /// The name of a frame; a redelivery gives an equal one. `digest` is the SHA-256 of the
    /// picture's bytes as they arrived.
    #[must_use]
    pub fn new(camera: &str, message_id: Option<&str>, digest: &[u8; 32]) -> Self {
        let mut hash = Sha256::new();
        hash.update(digest);
        // Lengths first, so that no camera and id run into another pair.
        hash.update((camera.len() as u64).to_be_bytes());
        hash.update(camera.as_bytes());
        hash.update([u8::from(message_id.is_some())]);
        hash.update(message_id.unwrap_or_default().as_bytes());
        Self(hash.finalize().into())
    }
}

impl From<&FrameKey> for AttemptKey {
    fn from(key: &FrameKey) -> Self {
        Self::new(&key.camera, key.message_id.as_deref(), &key.digest)
    }
}

/// A note could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// The file failed.
    #[error("failed to {doing} the attempt notes {}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// More frames are in flight than there is room for.
    #[error(
        "{in_flight} frames are in flight, expected at most {} at once",
        AttemptLog::CAPACITY
    )]
    Full {
        /// How many are.
        in_flight: usize,
    },
}

/// The notes. May be shared between threads; each call holds a lock for one small write.
#[derive(Debug)]
pub struct AttemptLog {
    path: PathBuf,
    file: File,
    page: Mutex<Page>,
}

impl AttemptLog {
    /// A frame with this many crashes is not to be tried again.
    pub const CRASH_LIMIT: u32 = 3;

    /// How many frames can be noted: those in flight and those seen at a crash together. When it
    /// is reached, the frame that was longest not heard of and is not in flight is forgotten.
    pub const CAPACITY: usize = (PAGE - HEADER) / SLOT;

    /// Opens the notes of a folder and counts the crashes that they tell of. `boot_id` is the
    /// kernel's, any text that is new after each boot.
    ///
    /// Notes of another boot, or a file that is none of ours, are dropped without a word: the next
    /// tries are then counted from zero.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(dir: &Path, boot_id: &str) -> Result<Self, AttemptError> {
        let path = dir.join(FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(file_failed(&path, "open"))?;
        let mut bytes = Vec::with_capacity(PAGE);
        file.by_ref()
            .take(PAGE as u64)
            .read_to_end(&mut bytes)
            .map_err(file_failed(&path, "read"))?;
        let boot: [u8; KEY] = Sha256::digest(boot_id.as_bytes()).into();
        let mut page = Page::decode(&bytes, boot).unwrap_or_else(|| Page::empty(boot));
        page.count_crashes();
        // One write: a kill before it leaves the old notes, which are then counted once, and a
        // kill after it leaves none.
        file.write_all_at(&page.encode(), 0)
            .map_err(file_failed(&path, "write"))?;
        Ok(Self {
            path,
            file,
            page: Mutex::new(page),
        })
    }

    /// How often the process ended while it worked on this frame, 0 when never. From 1 on it is to
    /// be tried alone, from [`AttemptLog::CRASH_LIMIT`] on not at all.
    #[must_use]
    pub fn crashes(&self, key: &AttemptKey) -> u32 {
        let page = self.page();
        page.find(key)
            .map_or(0, |at| u32::from(page.slots[at].crashes))
    }

    /// Notes that work on a frame begins. Call it before the first byte is decoded.
    ///
    /// # Errors
    /// `Full`, or when the file cannot be written; the frame is then not noted.
    pub fn begin(&self, key: &AttemptKey) -> Result<(), AttemptError> {
        let mut page = self.page();
        let at = match page.find(key) {
            Some(at) => at,
            None => page.room().ok_or(AttemptError::Full {
                in_flight: page.in_flight(),
            })?,
        };
        let before = page.slots[at];
        let crashes = if before.key == key.0 {
            before.crashes
        } else {
            0
        };
        let in_flight = if before.key == key.0 {
            before.in_flight
        } else {
            0
        };
        let heard = page.next_heard();
        page.slots[at] = Slot {
            key: key.0,
            in_flight: in_flight.saturating_add(1),
            crashes,
            heard,
        };
        self.write(&mut page, at, before)
    }

    /// Notes that a frame is done with, and forgets its crashes: it was survived. For a frame that
    /// was rejected as crashed, call it after that is recorded.
    ///
    /// # Errors
    /// When the file cannot be written; the note then stays.
    pub fn finish(&self, key: &AttemptKey) -> Result<(), AttemptError> {
        let mut page = self.page();
        let Some(at) = page.find(key) else {
            return Ok(());
        };
        let before = page.slots[at];
        page.slots[at] = match before.in_flight {
            0 | 1 => Slot::FREE,
            in_flight => Slot {
                in_flight: in_flight - 1,
                crashes: 0,
                ..before
            },
        };
        self.write(&mut page, at, before)
    }

    /// Notes that the process was asked to stop: however it ends now, that is no crash.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn stopping(&self) -> Result<(), AttemptError> {
        let mut page = self.page();
        page.stopping = true;
        self.file
            .write_all_at(&[1], STOPPING as u64)
            .map_err(file_failed(&self.path, "write"))
    }

    /// Ends an orderly stop: nothing counts as crashed. Crashes from before are kept.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn close_orderly(self) -> Result<(), AttemptError> {
        self.stopping()
    }

    /// Poisoned means that another thread panicked between two assignments; the page is usable.
    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes one slot, or takes its change back.
    fn write(&self, page: &mut Page, at: usize, before: Slot) -> Result<(), AttemptError> {
        let offset = (HEADER + at * SLOT) as u64;
        let written = self.file.write_all_at(&page.slots[at].encode(), offset);
        written
            .map_err(file_failed(&self.path, "write"))
            .inspect_err(|_| page.slots[at] = before)
    }
}

fn file_failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> AttemptError {
    move |source| AttemptError::File {
        doing,
        path: path.to_owned(),
        source,
    }
}

const FILE: &str = "attempts.notes";
const MAGIC: &[u8; 8] = b"FCATT/1\n";

/// Everything lies in one page of memory and of the file: magic, the mark of a stop at
/// [`STOPPING`], the hash of the boot id at [`BOOT`], and slots from [`HEADER`] on.
const PAGE: usize = 4096;
const STOPPING: usize = 8;
const BOOT: usize = 16;
const HEADER: usize = 64;
/// A key, frames in flight, crashes, two bytes unused, and when it was last heard of.
const SLOT: usize = 40;
const KEY: usize = 32;

#[derive(Debug)]
struct Page {
    stopping: bool,
    boot: [u8; KEY],
    slots: Vec<Slot>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    key: [u8; KEY],
    in_flight: u8,
    crashes: u8,
    /// Grows with each attempt; says which slot may be forgotten first.
    heard: u32,
}

impl Page {
    fn empty(boot: [u8; KEY]) -> Self {
        Self {
            stopping: false,
            boot,
            slots: vec![Slot::FREE; AttemptLog::CAPACITY],
        }
    }

    /// `None` for a page of another boot, another format, or none at all.
    fn decode(bytes: &[u8], boot: [u8; KEY]) -> Option<Self> {
        let ours = bytes.len() == PAGE && bytes.starts_with(MAGIC);
        if !ours || bytes[BOOT..BOOT + KEY] != boot {
            return None;
        }
        let slots = bytes[HEADER..]
            .as_chunks::<SLOT>()
            .0
            .iter()
            .map(Slot::decode)
            .collect();
        Some(Self {
            stopping: bytes[STOPPING] != 0,
            boot,
            slots,
        })
    }

    fn encode(&self) -> [u8; PAGE] {
        let mut bytes = [0; PAGE];
        bytes[..MAGIC.len()].copy_from_slice(MAGIC);
        bytes[STOPPING] = u8::from(self.stopping);
        bytes[BOOT..BOOT + KEY].copy_from_slice(&self.boot);
        for (slot, into) in self
            .slots
            .iter()
            .zip(bytes[HEADER..].chunks_exact_mut(SLOT))
        {
            into.copy_from_slice(&slot.encode());
        }
        bytes
    }

    /// Turns the notes of a process that died into crashes.
    fn count_crashes(&mut self) {
        let alone = self.in_flight() == 1;
        for slot in &mut self.slots {
            if slot.in_flight > 0 && !self.stopping {
                // Among several, each is suspect, but only being alone proves anything.
                slot.crashes = if alone {
                    slot.crashes.saturating_add(1)
                } else {
                    slot.crashes.max(1)
                };
            }
            slot.in_flight = 0;
            if slot.crashes == 0 {
                *slot = Slot::FREE;
            }
        }
        self.stopping = false;
    }

    /// How many frames are in flight; one that is so twice is one.
    fn in_flight(&self) -> usize {
        self.slots.iter().filter(|slot| slot.in_flight > 0).count()
    }

    fn find(&self, key: &AttemptKey) -> Option<usize> {
        self.slots
            .iter()
            .position(|slot| !slot.is_free() && slot.key == key.0)
    }

    /// A free slot, else the one of the frame that was longest not heard of.
    fn room(&self) -> Option<usize> {
        let idle = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.in_flight == 0);
        idle.min_by_key(|(_, slot)| (!slot.is_free(), slot.heard))
            .map(|(at, _)| at)
    }

    fn next_heard(&self) -> u32 {
        self.slots
            .iter()
            .map(|slot| slot.heard)
            .max()
            .unwrap_or(0)
            .saturating_add(1)
    }
}

impl Slot {
    const FREE: Slot = Slot {
        key: [0; KEY],
        in_flight: 0,
        crashes: 0,
        heard: 0,
    };

    fn is_free(&self) -> bool {
        self.in_flight == 0 && self.crashes == 0
    }

    fn decode(bytes: &[u8; SLOT]) -> Self {
        let mut slot = Slot::FREE;
        slot.key.copy_from_slice(&bytes[..KEY]);
        [slot.in_flight, slot.crashes] = [bytes[KEY], bytes[KEY + 1]];
        slot.heard = u32::from_be_bytes([bytes[36], bytes[37], bytes[38], bytes[39]]);
        slot
    }

    fn encode(&self) -> [u8; SLOT] {
        let mut bytes = [0; SLOT];
        bytes[..KEY].copy_from_slice(&self.key);
        [bytes[KEY], bytes[KEY + 1]] = [self.in_flight, self.crashes];
        bytes[36..].copy_from_slice(&self.heard.to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests;
