//! Opening a folder: new, held, newer, damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ledger::{Ledger, LedgerErrorKind, LedgerOptions};
use rusqlite::Connection;

use crate::support::{Fixture, at, frame, model};

fn open(dir: &Path) -> Result<Ledger, ledger::LedgerError> {
    Ledger::open(dir, LedgerOptions::default(), at(0))
}

fn closed_ledger() -> (tempfile::TempDir, PathBuf, String) {
    let mut counts = Fixture::new();
    for number in 0..300 {
        counts.record(&frame("cam", number, 0));
    }
    let id = counts.ledger.id().to_owned();
    let Fixture { dir, ledger, .. } = counts;
    drop(ledger);
    let file = dir.path().join("counts.db");
    (dir, file, id)
}

#[test]
fn a_missing_folder_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b");
    let first = open(&deep).unwrap().id().to_owned();
    assert_eq!(first.len(), 16);
    assert_eq!(open(&deep).unwrap().id(), first, "the id stays");
    assert_ne!(
        open(&dir.path().join("c")).unwrap().id(),
        first,
        "each ledger has its own"
    );
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    let refused = open(dir.path()).unwrap_err();
    assert_eq!(refused.kind(), LedgerErrorKind::HeldByAnother);
    assert!(
        refused
            .to_string()
            .contains(&std::process::id().to_string()),
        "{refused}"
    );
    drop(first);
    open(dir.path()).unwrap();
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let (dir, file, id) = closed_ledger();
    Connection::open(&file)
        .unwrap()
        .pragma_update(None, "user_version", 6)
        .unwrap();
    let before = fs::read(&file).unwrap();
    let refused = open(dir.path()).unwrap_err();
    assert_eq!(refused.kind(), LedgerErrorKind::NewerFormat);
    assert!(
        refused.to_string().contains("format 6, expected at most 5"),
        "{refused}"
    );
    assert_eq!(fs::read(&file).unwrap(), before);
    Connection::open(&file)
        .unwrap()
        .pragma_update(None, "user_version", 5)
        .unwrap();
    assert_eq!(open(dir.path()).unwrap().id(), id);
}

fn assert_set_aside(dir: &Path, damaged: &[u8], old_id: &str) {
    let mut ledger = open(dir).unwrap();
    let aside = ledger.set_aside().expect("it is said").clone();
    assert_eq!(
        aside.path.file_name().unwrap(),
        "counts-damaged-20261123T100000Z.db"
    );
    assert_eq!(
        fs::read(&aside.path).unwrap(),
        damaged,
        "nothing of it is lost"
    );
    assert!(!aside.finding.is_empty());
    assert_ne!(ledger.id(), old_id);
    ledger.record(&frame("cam", 1, 0), &model()).unwrap();
    assert_eq!(ledger.totals().unwrap().whole.frames.received, 1);
    drop(ledger);
    let again = open(dir).unwrap();
    assert_eq!(again.set_aside(), None, "said once");
    let beginning = again.beginning();
    let kept = beginning.set_aside.as_ref().expect("and kept");
    assert_eq!(kept.path, aside.path);
    assert!(aside.finding.starts_with(&kept.finding), "{kept:?}");
    assert!((1..=300).contains(&kept.finding.chars().count()));
    assert_eq!(beginning.at, at(0).wall);
}

#[test]
fn a_file_that_is_no_database_is_set_aside() {
    let (dir, file, id) = closed_ledger();
    let garbage = b"not a database at all, but long enough to have a header".repeat(100);
    fs::write(&file, &garbage).unwrap();
    assert_set_aside(dir.path(), &garbage, &id);
}

#[test]
fn a_file_with_a_broken_page_is_set_aside() {
    let (dir, file, id) = closed_ledger();
    let mut bytes = fs::read(&file).unwrap();
    let pages = bytes.len() / 1024;
    assert!(pages > 8, "{pages}");
    for page in 3..pages {
        bytes[page * 1024..page * 1024 + 200].fill(0xa5);
    }
    fs::write(&file, &bytes).unwrap();
    assert_set_aside(dir.path(), &bytes, &id);
}

#[test]
fn a_file_that_ends_early_is_set_aside() {
    let (dir, file, id) = closed_ledger();
    let bytes = fs::read(&file).unwrap();
    let half = &bytes[..bytes.len() / 2 / 1024 * 1024];
    fs::write(&file, half).unwrap();
    assert_set_aside(dir.path(), half, &id);
}

#[test]
fn a_database_of_another_program_is_set_aside() {
    let (dir, file, id) = closed_ledger();
    fs::remove_file(&file).unwrap();
    let foreign = Connection::open(&file).unwrap();
    foreign
        .execute_batch("CREATE TABLE frame_sum (other TEXT)")
        .unwrap();
    drop(foreign);
    let bytes = fs::read(&file).unwrap();
    assert_set_aside(dir.path(), &bytes, &id);
}

#[test]
fn two_damaged_files_in_one_second_are_both_kept() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..2 {
        fs::write(
            dir.path().join("counts.db"),
            format!("garbage {round} ").repeat(100),
        )
        .unwrap();
        let ledger = open(dir.path()).unwrap();
        let aside = fs::read_to_string(&ledger.set_aside().unwrap().path).unwrap();
        assert!(aside.starts_with(&format!("garbage {round}")));
    }
}

#[test]
fn a_file_that_was_never_filled_opens_as_a_new_ledger() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("counts.db"), b"").unwrap();
    let ledger = open(dir.path()).unwrap();
    assert_eq!(ledger.set_aside(), None);
    assert!(ledger.verify().unwrap().is_right());
}

#[test]
fn a_log_without_its_store_is_never_replayed_into_a_new_one() {
    let (dir, file, id) = closed_ledger();
    let mut counts = open(dir.path()).unwrap();
    counts.record(&frame("cam", 1000, 0), &model()).unwrap();
    let log = fs::read(dir.path().join("counts.db-wal")).unwrap();
    drop(counts);
    // The crash between the two renames of setting a store aside.
    fs::remove_file(&file).unwrap();
    fs::write(dir.path().join("counts.db-wal"), &log).unwrap();
    let ledger = open(dir.path()).unwrap();
    assert_ne!(ledger.id(), id);
    let told = ledger.set_aside().expect("it is said");
    assert_eq!(told.finding, "a log without a store");
    assert_eq!(ledger.totals().unwrap().whole.frames.received, 0);
    let aside = dir.path().join("counts-damaged-20261123T100000Z.db-wal");
    assert_eq!(fs::read(aside).unwrap(), log);
}

#[test]
fn options_out_of_range_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let defaults = LedgerOptions::default();
    let check = |options: LedgerOptions, name: &str| {
        let refused = Ledger::open(dir.path(), options, at(0)).unwrap_err();
        assert_eq!(refused.kind(), LedgerErrorKind::Argument);
        assert!(refused.to_string().starts_with(name), "{refused}");
    };
    check(
        LedgerOptions {
            window: Duration::ZERO,
            ..defaults
        },
        "window",
    );
    check(
        LedgerOptions {
            window: Duration::from_millis(2500),
            ..defaults
        },
        "window",
    );
    check(
        LedgerOptions {
            dedupe_per_camera: 0,
            ..defaults
        },
        "dedupe_per_camera",
    );
    check(
        LedgerOptions {
            report_limit: 300_000,
            ..defaults
        },
        "report_limit",
    );
}

#[test]
fn a_ledger_that_is_folded_is_whole_in_its_one_file_and_goes_on() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut ledger = Ledger::open(folder.path(), LedgerOptions::default(), at(0)).unwrap();
    ledger.record(&frame("cam", 1, 1), &model()).unwrap();
    ledger.fold().unwrap();
    let elsewhere = tempfile::TempDir::new().unwrap();
    let store = elsewhere.path().join("counts.db");
    fs::copy(folder.path().join("counts.db"), store).unwrap();
    let copy = Ledger::open(elsewhere.path(), LedgerOptions::default(), at(2)).unwrap();
    assert_eq!(copy.totals().unwrap().whole.frames.received, 1);
    ledger.record(&frame("cam", 2, 3), &model()).unwrap();
    assert_eq!(ledger.totals().unwrap().whole.frames.received, 2);
}
