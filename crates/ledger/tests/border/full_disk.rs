//! A file system that is really full.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use ledger::{Ledger, LedgerError, LedgerErrorKind, LedgerOptions};

use crate::namespace;
use crate::support::{at, frame, model, software};

#[test]
fn a_disk_without_space_refuses_and_counting_goes_on_when_there_is_space() {
    let disk = tempfile::tempdir().unwrap();
    namespace::run(
        "mount -t tmpfs -o size=1m tmpfs \"$1\"",
        "full_disk::child_on_a_small_disk",
        disk.path(),
    );
}

#[test]
#[ignore = "run as a child process by the test above"]
fn child_on_a_small_disk() {
    let disk = &namespace::folder();
    let mut ledger = open(&disk.join("ledger")).unwrap();
    let filler = fill(disk);
    let mut recorded = 0;
    let refused = loop {
        match ledger.record(&frame("cam", recorded, 0), &model()) {
            Ok(_) => recorded += 1,
            Err(refused) => break refused,
        }
        assert!(recorded < 100_000, "the disk fills up");
    };
    assert_eq!(refused.kind(), LedgerErrorKind::Full, "{refused:?}");
    // While there is none: everything is refused in the same way and nothing is half done.
    for _ in 0..20 {
        let again = ledger
            .record(&frame("cam", recorded, 0), &model())
            .unwrap_err();
        assert_eq!(again.kind(), LedgerErrorKind::Full);
    }
    assert_eq!(ledger.probe().unwrap_err().kind(), LedgerErrorKind::Full);
    assert_eq!(
        ledger.totals().unwrap().whole.frames.received,
        u64::from(recorded)
    );
    assert_right(&ledger);
    let elsewhere = open(&disk.join("another")).unwrap_err();
    assert_eq!(elsewhere.kind(), LedgerErrorKind::Full, "{elsewhere:?}");

    // Space returns: the same ledger goes on, without being opened again.
    fs::remove_file(filler).unwrap();
    ledger.probe().unwrap();
    ledger.record(&frame("cam", recorded, 0), &model()).unwrap();
    ledger.seal_due(at(60), &software()).unwrap();
    assert_eq!(
        ledger.totals().unwrap().whole.frames.classified,
        u64::from(recorded) + 1
    );
    assert_right(&ledger);
    drop(ledger);
    assert_right(&open(&disk.join("ledger")).unwrap());
}

fn open(dir: &Path) -> Result<Ledger, LedgerError> {
    Ledger::open(dir, LedgerOptions::default(), at(0))
}

fn assert_right(ledger: &Ledger) {
    let findings = ledger.verify().unwrap().findings;
    assert!(findings.is_empty(), "{findings:#?}");
}

/// Takes all the space there is.
fn fill(disk: &Path) -> std::path::PathBuf {
    let path = disk.join("filler");
    let mut file = File::create(&path).unwrap();
    while file.write(&[0x5a; 4096]).is_ok_and(|written| written > 0) {}
    path
}
