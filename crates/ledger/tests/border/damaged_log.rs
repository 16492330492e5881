//! A log that a power cut cannot have left: the disk has lost what was flushed.

use std::fs;
use std::path::Path;

use ledger::{Ledger, LedgerErrorKind, LedgerReader};
use tempfile::TempDir;

use crate::stopped::{copy, open};
use crate::support::{at, folder_in_memory, frame, model, software};

const FRAME: usize = 1024 + 24;

/// Where the page of a frame of the log begins.
fn page(number: usize) -> usize {
    32 + number * FRAME + 24
}

/// Ten frames recorded, of which reports were sent; gives the log's frames before the last commit
/// and after it.
fn counted(ledger: &mut Ledger, log: &Path) -> (usize, usize) {
    let frames = || (fs::metadata(log).unwrap().len() as usize - 32) / FRAME;
    for number in 0..9 {
        let second = i64::from(number) * 60;
        ledger
            .record(&frame("cam", number, second), &model())
            .unwrap();
        ledger.seal_due(at(second + 60), &software()).unwrap();
        ledger
            .mark_sent(u64::from(number) + 1, at(second + 60))
            .unwrap();
    }
    let before = frames();
    ledger.record(&frame("cam", 9, 540), &model()).unwrap();
    (before, frames())
}

/// A copy of a folder in which one bit of this frame's page in the log is another; with that log.
fn flipped(dir: &Path, number: usize) -> (TempDir, Vec<u8>) {
    let left = copy(dir);
    let log = left.path().join("counts.db-wal");
    let mut bytes = fs::read(&log).unwrap();
    bytes[page(number) + 100] ^= 0x10;
    fs::write(&log, &bytes).unwrap();
    (left, bytes)
}

#[test]
fn a_flushed_commit_that_the_log_lost_is_damage_and_said_so() {
    let dir = folder_in_memory();
    let mut ledger = open(dir.path());
    let log = dir.path().join("counts.db-wal");
    let (before, after) = counted(&mut ledger, &log);
    assert!(before > 50 && after > before + 1);
    for number in (0..before).step_by(5).chain([before - 1]) {
        let (left, bytes) = flipped(dir.path(), number);
        let next = open(left.path());
        let told = next.set_aside().unwrap_or_else(|| {
            let known = next.totals().unwrap().whole.frames.received;
            panic!("frame {number}: goes on with {known} of 10 as if nothing were lost")
        });
        assert!(told.finding.contains("of its log"), "{told:?}");
        assert_ne!(next.id(), ledger.id());
        let mut kept = told.path.clone().into_os_string();
        kept.push("-wal");
        assert_eq!(fs::read(kept).unwrap(), bytes, "nothing of it is lost");
    }
}

#[test]
fn a_reader_of_a_copy_finds_a_log_that_lost_commits_and_writes_nothing() {
    let dir = folder_in_memory();
    let mut ledger = open(dir.path());
    counted(&mut ledger, &dir.path().join("counts.db-wal"));
    let (left, bytes) = flipped(dir.path(), 10);
    let refused = LedgerReader::open(left.path()).unwrap_err();
    assert_eq!(refused.kind(), LedgerErrorKind::Damaged);
    assert_eq!(fs::read(left.path().join("counts.db-wal")).unwrap(), bytes);
    LedgerReader::open(dir.path()).unwrap().verify().unwrap();
}

#[test]
fn the_last_commit_may_have_been_torn_and_the_ledger_goes_on_without_it() {
    let dir = folder_in_memory();
    let mut ledger = open(dir.path());
    let (before, after) = counted(&mut ledger, &dir.path().join("counts.db-wal"));
    for number in before..after {
        let (left, _) = flipped(dir.path(), number);
        let next = open(left.path());
        assert_eq!(next.set_aside(), None, "frame {number}");
        assert_eq!(next.totals().unwrap().whole.frames.received, 9);
        assert!(next.verify().unwrap().is_right());
    }
}

#[test]
fn what_is_left_of_commits_whose_flush_failed_is_no_damage() {
    let dir = folder_in_memory();
    let mut ledger = open(dir.path());
    let (_, frames) = counted(&mut ledger, &dir.path().join("counts.db-wal"));
    // Three commits of different length that all begin at the same place.
    let after = |change: &dyn Fn(&mut Ledger)| {
        let copied = copy(dir.path());
        let mut ledger = open(copied.path());
        change(&mut ledger);
        fs::read(copied.path().join("counts.db-wal")).unwrap()
    };
    let many: Vec<_> = (100..400)
        .map(|number| frame(&format!("cam-{number}"), number, 700))
        .collect();
    let mut tried = [
        after(&|ledger| ledger.probe().unwrap()),
        after(&|ledger| assert_eq!(ledger.seal_all(at(700), &software()).unwrap(), 1)),
        after(&|ledger| drop(ledger.record_all(&many, &model()).unwrap())),
    ];
    tried.sort_by_key(Vec::len);
    let [short, middle, long] = tried;
    assert!(page(frames) - 24 < short.len());
    assert!(short.len() < middle.len() && middle.len() < long.len());
    // The longest was tried first; the shortest is the one that was flushed.
    let mut log = short.clone();
    log.extend_from_slice(&middle[short.len()..]);
    log.extend_from_slice(&long[middle.len()..]);
    let left = copy(dir.path());
    fs::write(left.path().join("counts.db-wal"), &log).unwrap();
    let next = open(left.path());
    assert_eq!(next.set_aside(), None);
    assert_eq!(next.totals().unwrap().whole.frames.received, 10);
    assert!(next.verify().unwrap().is_right());
}

#[test]
fn a_log_whose_store_was_set_aside_alone_goes_beside_it() {
    let dir = folder_in_memory();
    let mut ledger = open(dir.path());
    counted(&mut ledger, &dir.path().join("counts.db-wal"));
    let left = copy(dir.path());
    let log = fs::read(left.path().join("counts.db-wal")).unwrap();
    // What a start leaves that is stopped between the two.
    let store = left.path().join("counts-damaged-20200101T000000Z.db");
    fs::rename(left.path().join("counts.db"), &store).unwrap();
    let next = open(left.path());
    assert_eq!(next.set_aside().unwrap().path, store);
    let beside = store.with_file_name("counts-damaged-20200101T000000Z.db-wal");
    assert_eq!(fs::read(beside).unwrap(), log);
}
