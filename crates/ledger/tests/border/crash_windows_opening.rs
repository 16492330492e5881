//! The crash windows of opening: a new folder, an older format, a damaged file. See the top of
//! `store.rs`.

use std::fs;
use std::path::{Path, PathBuf};

use ledger::{Ledger, Recorded};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::stopped::{Act, Stopped, copy, log_length, next_frame, open, stop};
use crate::support::{NEW, folder_in_memory, frame, model};

/// Limits at which a file that an opening writes is cut: the lock file's few bytes, pages of the
/// store and of its log, and within them.
fn limits(longest: u64) -> Vec<u64> {
    let mut limits: Vec<u64> = (0..6).chain([31, 32, 33, 100]).collect();
    let mut at = 512;
    while at <= longest {
        limits.extend([at - 1, at]);
        at += 2048;
    }
    limits
}

fn assert_counts(mut ledger: Ledger, known: u32) {
    assert_eq!(ledger.record(&next_frame(), &model()).unwrap(), NEW);
    let again = ledger.record(&next_frame(), &model()).unwrap();
    assert_eq!(again, Recorded::Duplicate { reply: None });
    let frames = ledger.totals().unwrap().whole.frames;
    assert_eq!(frames.received - frames.duplicate, u64::from(known) + 1);
    assert!(ledger.verify().unwrap().is_right());
}

/// A store without a log: closed in order.
fn closed(frames: u32) -> TempDir {
    let dir = folder_in_memory();
    let mut ledger = open(dir.path());
    for number in 0..frames {
        ledger.record(&frame("cam", number, 0), &model()).unwrap();
    }
    drop(ledger);
    dir
}

#[test]
fn a_stop_while_a_new_ledger_begins_leaves_one_that_begins_or_has_begun() {
    let mut returned = 0;
    for limit in limits(140_000) {
        let dir = folder_in_memory();
        let stopped = stop(dir.path(), Act::Open, Some(limit));
        returned += u32::from(stopped == Stopped::Returned);
        let ledger = open(dir.path());
        assert_eq!(ledger.set_aside(), None, "nothing was damaged, at {limit}");
        assert_counts(ledger, 0);
    }
    assert!(returned > 0, "the last limits are beyond all files");
}

#[test]
fn a_stop_while_an_older_format_is_migrated_leaves_the_old_one_or_the_new_one() {
    let base = folder_in_memory();
    Connection::open(base.path().join("counts.db"))
        .unwrap()
        .execute_batch(include_str!("format_1.sql"))
        .unwrap();
    let whole = copy(base.path());
    assert_eq!(stop(whole.path(), Act::Open, None), Stopped::Returned);
    let longest = log_length(whole.path());
    assert!(longest > 3 * 4096, "migrating writes pages: {longest}");
    for limit in limits(longest + 4096) {
        let dir = copy(base.path());
        stop(dir.path(), Act::Open, Some(limit));
        let format = format_of(dir.path());
        assert!(format == 1 || format == 5, "{format} at {limit}");
        let ledger = open(dir.path());
        assert_eq!(ledger.set_aside(), None, "at {limit}");
        assert_eq!(ledger.id(), "bd052fe30ece76a2");
        assert!(ledger.is_duplicate(&frame("cam-a", 2, 0).key).unwrap());
        assert_counts(ledger, 6);
    }
}

/// The format that the next opening finds, looked up in a copy so that it finds what was left.
fn format_of(dir: &Path) -> i64 {
    let dir = copy(dir);
    let store = Connection::open(dir.path().join("counts.db")).unwrap();
    store
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

/// Damaged files beside the store, without their logs.
fn set_aside_in(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "db"))
        .filter(|path| path.file_name().unwrap() != "counts.db")
        .collect();
    found.sort();
    found
}

#[test]
fn a_stop_while_a_damaged_file_is_set_aside_keeps_it_and_still_tells_of_it() {
    let damaged = b"not a database at all, but as long as one ".repeat(300);
    let mut writing = 0;
    for limit in limits(140_000) {
        let dir = folder_in_memory();
        fs::write(dir.path().join("counts.db"), &damaged).unwrap();
        let stopped = stop(dir.path(), Act::Open, Some(limit));
        writing += u32::from(stopped == Stopped::Writing);
        let ledger = open(dir.path());
        let aside = set_aside_in(dir.path());
        assert_eq!(aside.len(), 1, "at {limit}: {aside:?}");
        assert_eq!(fs::read(&aside[0]).unwrap(), damaged, "at {limit}");
        let told = ledger.beginning().set_aside.clone();
        let told = told.unwrap_or_else(|| panic!("nobody hears of it, at {limit}"));
        assert_eq!(told.path, aside[0], "at {limit}");
        assert!(!told.finding.is_empty());
        assert_counts(ledger, 0);
    }
    assert!(writing > 0);
}

#[test]
fn a_stop_between_the_two_renames_of_setting_aside_loses_neither_file() {
    let dir = closed(3);
    let mut ledger = open(dir.path());
    ledger.record(&frame("cam", 50, 0), &model()).unwrap();
    let left = copy(dir.path());
    drop(ledger);
    let store = fs::read(left.path().join("counts.db")).unwrap();
    let log = fs::read(left.path().join("counts.db-wal")).unwrap();
    // The first rename was done, the second was not.
    let first = left.path().join("counts-damaged-20261123T095900Z.db");
    fs::rename(left.path().join("counts.db"), &first).unwrap();
    let ledger = open(left.path());
    assert_eq!(fs::read(&first).unwrap(), store);
    let told = ledger.beginning().set_aside.clone().expect("it is told");
    let mut with_log = told.path.into_os_string();
    with_log.push("-wal");
    assert_eq!(fs::read(PathBuf::from(with_log)).unwrap(), log);
    assert_counts(ledger, 0);
}
