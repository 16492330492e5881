//! A small disk of a test's own.
//!
//! A file system in memory in a mount namespace; where none may be made the test is skipped.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apart::{NOT_ALLOWED, run_apart};

/// Not with the prefix of the module's settings: it refuses those that it does not know.
const DISK: &str = "END_TO_END_DISK";

/// A mounted file system of 8 MiB, in the child only.
#[derive(Debug)]
pub(crate) struct OwnDisk {
    path: PathBuf,
}

/// In the parent: runs the ignored test `child` (with its module's name) on a disk of its own.
pub(crate) fn run_on_own_disk(child: &str) {
    let disk = tempfile::tempdir().unwrap();
    let set_up = format!("mount -t tmpfs -o size=8m tmpfs \"$1\" || exit {NOT_ALLOWED}");
    run_apart(child, &[], &set_up, (DISK, disk.path()));
}

impl OwnDisk {
    /// In the child.
    pub(crate) fn here() -> Self {
        let path = std::env::var(DISK).expect("the parent names the disk");
        OwnDisk { path: path.into() }
    }

    /// Where the module keeps its ledger.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.path.join("ledger")
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }

    /// Takes all the space there is.
    pub(crate) fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        for chunk in [1 << 16, 1 << 12, 1] {
            let full = loop {
                match file.write(&vec![0x5a; chunk]) {
                    Ok(written) => assert!(written > 0),
                    Err(cause) => break cause,
                }
            };
            assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
        }
    }

    /// Gives it back.
    pub(crate) fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    /// Takes or gives the right to write; nothing may be open for writing.
    pub(crate) fn remount(&self, how: &str) {
        let status = Command::new("mount")
            .args(["-o", &format!("remount,{how}")])
            .arg(Path::new(&self.path))
            .status()
            .unwrap();
        assert!(status.success(), "{status}");
    }
}
