//! The exclusive lock: one process writes a ledger.
//!
//! A lock file beside the store, held with `flock` until the process ends in whatever way. SQLite
//! alone would let two modules count into one file; the hub may start a second module while the
//! first is still stopping, and both would seal and send.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::error::{LedgerError, file_failed};

/// The lock, given back when dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would leave the lock to a child that another thread is starting, which has
        // a copy of the file for a moment. When this fails, closing is what remains.
        if let Err(cause) = self.file.unlock() {
            tracing::debug!(%cause, "lock file not unlocked before closing");
        }
    }
}

const LOCK_FILE: &str = "ledger.lock";

impl Lock {
    /// Takes the lock of a folder without waiting.
    pub(crate) fn take(dir: &Path) -> Result<Self, LedgerError> {
        let path = dir.join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(file_failed(&path, "open the lock file"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = holder(&mut file);
                return Err(LedgerError::HeldByAnother { path, pid });
            }
            Err(TryLockError::Error(source)) => {
                return Err(file_failed(&path, "lock")(source));
            }
        }
        // The number is for people who meet a held lock; the lock holds without it, so a full disk
        // is no reason to stop here.
        if let Err(cause) = write_holder(&mut file) {
            tracing::debug!(%cause, "process id not written into the lock file");
        }
        Ok(Self { file })
    }
}

fn write_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    // A pid has at most ten digits; the file may hold anything.
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::LedgerErrorKind;

    #[test]
    fn the_second_holder_is_refused_with_the_first_ones_process() {
        let dir = tempfile::tempdir().unwrap();
        let held = Lock::take(dir.path()).unwrap();
        let refused = Lock::take(dir.path()).unwrap_err();
        assert_eq!(refused.kind(), LedgerErrorKind::HeldByAnother);
        let pid = std::process::id();
        assert!(
            matches!(refused, LedgerError::HeldByAnother { pid: Some(seen), .. } if seen == pid)
        );
        drop(held);
        Lock::take(dir.path()).unwrap();
    }

    #[test]
    fn the_lock_is_free_at_once_although_a_copy_of_its_file_is_open() {
        let dir = tempfile::tempdir().unwrap();
        let held = Lock::take(dir.path()).unwrap();
        let in_a_child_that_starts = held.file.try_clone().unwrap();
        drop(held);
        Lock::take(dir.path()).unwrap();
        drop(in_a_child_that_starts);
    }

    #[test]
    fn a_lock_file_left_by_a_dead_process_holds_nobody_up() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(LOCK_FILE), "4194304\n").unwrap();
        Lock::take(dir.path()).unwrap();
    }
}
