//! A small disk of a test's own.
//!
//! The test runs itself again in a mount namespace with a file system in memory, which an
//! unprivileged user may make on most kernels; where not, the test says so and is skipped.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Not with the prefix of the module's settings: it refuses those that it does not know.
const DISK: &str = "END_TO_END_DISK";
const NOT_ALLOWED: i32 = 77;

/// A mounted file system of 8 MiB, in the child only.
#[derive(Debug)]
pub(crate) struct OwnDisk {
    path: PathBuf,
}

/// In the parent: runs the ignored test `child` (with its module's name) on a disk of its own.
pub(crate) fn run_on_own_disk(child: &str) {
    let disk = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=8m tmpfs \"$1\" || exit {NOT_ALLOWED}; \
         exec \"$2\" \"$3\" --exact --ignored --nocapture"
    );
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .args([&script, "sh"])
        .args([disk.path(), &std::env::current_exe().unwrap()])
        .arg(child)
        .env(DISK, disk.path())
        .output();
    let run = match run {
        Ok(run) => run,
        Err(cause) => return println!("skipped: unshare cannot be started: {cause}"),
    };
    let said = String::from_utf8_lossy(&run.stderr);
    // unshare itself ends with 1 where the kernel refuses, before anything of ours ran.
    if run.status.code() == Some(NOT_ALLOWED) || said.starts_with("unshare:") {
        return println!("skipped: no file system may be mounted here: {said}");
    }
    let shown = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{}\n{shown}\n{said}", run.status);
    assert!(shown.contains("1 passed"), "the child ran: {shown}");
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
