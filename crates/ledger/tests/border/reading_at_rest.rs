//! Reading a ledger back where it lies: stopped, copied, where nothing can be written, of older
//! formats, and where it cannot be read.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use ledger::{Access, Ledger, LedgerErrorKind, LedgerOptions, LedgerReader, Span};
use rusqlite::Connection;

use crate::reading::{ALL, kinds, of_every_kind, rows, sum};
use crate::support::{Fixture, at, frame, model};

/// Every file of a folder with its bytes.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_stopped_ledger_is_read_and_its_file_stays_as_it_is() {
    let counts = of_every_kind();
    let (totals, id) = (
        counts.ledger.totals().unwrap(),
        counts.ledger.id().to_owned(),
    );
    let Fixture { dir, ledger, .. } = counts;
    drop(ledger);
    let before = fs::read(dir.path().join("counts.db")).unwrap();
    let reader = LedgerReader::open(dir.path()).unwrap();
    assert_eq!(sum(&rows(&reader, Span::ALWAYS)), totals.whole);
    assert_eq!(reader.verify().unwrap().findings, [""; 0]);
    drop(reader);
    assert_eq!(fs::read(dir.path().join("counts.db")).unwrap(), before);
    // And a module goes on with it.
    let mut ledger = Ledger::open(dir.path(), LedgerOptions::default(), at(300)).unwrap();
    assert_eq!((ledger.id(), ledger.set_aside()), (id.as_str(), None));
    ledger.record(&frame("cam", 100, 300), &model()).unwrap();
}

/// A folder that nothing can be written into: by its permissions, and for root, who heeds none, by
/// links into nowhere in place of the files that a reader would make.
struct ReadOnly<'a> {
    dir: &'a Path,
    links: Vec<PathBuf>,
}

impl<'a> ReadOnly<'a> {
    fn new(dir: &'a Path) -> Self {
        let links = ["counts.db-shm", "counts.db-wal"].map(|file| dir.join(file));
        let links = links.into_iter().filter(|link| !link.exists()).collect();
        fs::set_permissions(dir, fs::Permissions::from_mode(0o555)).unwrap();
        let mut guard = Self { dir, links };
        if guard.is_heeded() {
            guard.links.clear();
        }
        for link in &guard.links {
            symlink("/nowhere/at/all", link).unwrap();
        }
        guard
    }

    fn is_heeded(&self) -> bool {
        let probe = self.dir.join("probe");
        let heeded = fs::write(&probe, "").is_err();
        let _ = fs::remove_file(probe);
        heeded
    }
}

impl Drop for ReadOnly<'_> {
    fn drop(&mut self) {
        let _ = fs::set_permissions(self.dir, fs::Permissions::from_mode(0o755));
        for link in &self.links {
            let _ = fs::remove_file(link);
        }
    }
}

#[test]
fn a_stopped_ledger_in_a_folder_that_cannot_be_written_is_read_as_frozen() {
    let counts = of_every_kind();
    let totals = counts.ledger.totals().unwrap();
    let Fixture { dir, ledger, .. } = counts;
    drop(ledger);
    let before = files(dir.path());
    let read_only = ReadOnly::new(dir.path());
    let reader = LedgerReader::open(dir.path()).unwrap();
    assert_eq!(reader.access(), Access::Frozen);
    assert!(reader.access().to_string().contains("cannot be written"));
    assert_eq!(sum(&rows(&reader, Span::ALWAYS)), totals.whole);
    assert_eq!(reader.verify().unwrap().findings, [""; 0]);
    drop(read_only);
    assert_eq!(files(dir.path()), before);
    // A module that opens it meanwhile may change what is read.
    let _ledger = Ledger::open(dir.path(), LedgerOptions::default(), at(300)).unwrap();
    let refused = reader.summary(1).unwrap_err();
    assert_eq!(refused.kind(), LedgerErrorKind::Changed);
    assert!(
        refused.to_string().contains("a module opened the ledger"),
        "{refused}"
    );
}

#[test]
fn a_copy_that_was_taken_of_a_running_module_is_read_with_its_log() {
    let counts = of_every_kind();
    let totals = counts.ledger.totals().unwrap();
    let copy = tempfile::tempdir().unwrap();
    for file in ["counts.db", "counts.db-wal"] {
        fs::copy(counts.dir.path().join(file), copy.path().join(file)).unwrap();
    }
    let log = fs::metadata(copy.path().join("counts.db-wal"))
        .unwrap()
        .len();
    assert!(log > 0);
    let before = files(copy.path());
    let read_only = ReadOnly::new(copy.path());
    let reader = LedgerReader::open(copy.path()).unwrap();
    assert_eq!(reader.access(), Access::Frozen);
    assert_eq!(
        sum(&rows(&reader, Span::ALWAYS)),
        totals.whole,
        "the last frames are in the log alone"
    );
    assert_eq!(reader.verify().unwrap().findings, [""; 0]);
    drop(read_only);
    assert_eq!(files(copy.path()), before);
}

#[test]
fn an_index_that_was_left_behind_does_not_keep_a_frozen_ledger_from_being_read() {
    let Fixture { dir, ledger, .. } = of_every_kind();
    drop(ledger);
    fs::write(dir.path().join("counts.db-shm"), [0; 32_768]).unwrap();
    let _read_only = ReadOnly::new(dir.path());
    let reader = LedgerReader::open(dir.path()).unwrap();
    assert_eq!(reader.access(), Access::Frozen);
    assert_eq!(kinds(&rows(&reader, Span::ALWAYS)), ALL);
}

#[test]
fn a_running_module_is_read_through_a_folder_that_cannot_be_written() {
    let mut counts = of_every_kind();
    let dir = counts.dir.path().to_owned();
    let _read_only = ReadOnly::new(&dir);
    let reader = LedgerReader::open(&dir).unwrap();
    assert_eq!(
        reader.access(),
        Access::Shared,
        "the writer's index is there"
    );
    let before = reader.summary(0).unwrap().totals.frames.received;
    counts.record(&frame("cam", 50, 241));
    let after = reader.summary(0).unwrap().totals.frames.received;
    assert_eq!((before, after), (5, 6));
}

#[test]
fn format_1_is_read_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("counts.db");
    let old = Connection::open(&file).unwrap();
    old.execute_batch(include_str!("format_1.sql")).unwrap();
    drop(old);
    let before = fs::read(&file).unwrap();
    let reader = LedgerReader::open(dir.path()).unwrap();
    assert_eq!((reader.id(), reader.format()), ("bd052fe30ece76a2", 1));
    assert_eq!(reader.beginning().set_aside, None);
    assert_eq!(reader.summary(5).unwrap().totals.frames.received, 6);
    assert_eq!(sum(&rows(&reader, Span::ALWAYS)).frames.received, 6);
    assert_eq!(reader.verify().unwrap().findings, [""; 0]);
    drop(reader);
    assert_eq!(fs::read(&file).unwrap(), before, "not migrated");
}

#[test]
fn format_2_is_read_as_it_is() {
    let Fixture { dir, ledger, .. } = of_every_kind();
    drop(ledger);
    let file = dir.path().join("counts.db");
    let tool = Connection::open(&file).unwrap();
    tool.execute_batch(
        "ALTER TABLE ledger DROP COLUMN set_aside_file;
         ALTER TABLE ledger DROP COLUMN set_aside_finding;
         ALTER TABLE remembered DROP COLUMN reply;
         PRAGMA user_version = 2;",
    )
    .unwrap();
    drop(tool);
    let reader = LedgerReader::open(dir.path()).unwrap();
    assert_eq!(reader.format(), 2);
    assert_eq!(kinds(&rows(&reader, Span::ALWAYS)), ALL);
    assert_eq!(reader.verify().unwrap().findings, [""; 0]);
}

fn refused(dir: &Path) -> (LedgerErrorKind, String) {
    let error = LedgerReader::open(dir).unwrap_err();
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    (
        error.kind(),
        format!("{error}: {}", cause.unwrap_or_default()),
    )
}

#[test]
fn what_cannot_be_read_is_refused_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("counts.db");
    let name = file.display().to_string();
    let check = |kind: LedgerErrorKind, said: &str| {
        let (seen, text) = refused(dir.path());
        assert!(text.contains(&name) && text.contains(said), "{text}");
        assert_eq!(seen, kind, "{text}");
    };
    check(LedgerErrorKind::Missing, "there is no such file");
    fs::write(&file, "").unwrap();
    check(
        LedgerErrorKind::Missing,
        "no module has counted into it yet",
    );
    fs::write(&file, "not a database at all ".repeat(500)).unwrap();
    check(LedgerErrorKind::Damaged, "not a database");
    fs::remove_file(&file).unwrap();
    let foreign = Connection::open(&file).unwrap();
    foreign.execute_batch("CREATE TABLE other (x)").unwrap();
    check(LedgerErrorKind::Damaged, "of application 0x0");
    drop(foreign);
    fs::remove_file(&file).unwrap();
    drop(Ledger::open(dir.path(), LedgerOptions::default(), at(0)).unwrap());
    let tool = Connection::open(&file).unwrap();
    tool.pragma_update(None, "user_version", 99).unwrap();
    drop(tool);
    check(
        LedgerErrorKind::NewerFormat,
        "format 99, expected at most 5",
    );
    assert!(!dir.path().join("counts-damaged").exists());
    assert_eq!(
        fs::read_dir(dir.path())
            .unwrap()
            .filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                name.to_string_lossy().starts_with("counts-damaged")
            })
            .count(),
        0,
        "a reader sets nothing aside"
    );
}

#[test]
fn a_broken_page_is_named_by_verify() {
    let mut counts = Fixture::new();
    for number in 0..300 {
        counts.record(&frame("cam", number, 0));
    }
    let Fixture { dir, ledger, .. } = counts;
    drop(ledger);
    let file = dir.path().join("counts.db");
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 1024;
    bytes[last..last + 200].fill(0xa5);
    fs::write(&file, bytes).unwrap();
    let refused = LedgerReader::open(dir.path())
        .unwrap()
        .verify()
        .unwrap_err();
    assert_eq!(refused.kind(), LedgerErrorKind::Damaged);
    assert!(refused.to_string().contains("counts.db"), "{refused}");
}

#[test]
fn a_ledger_that_is_just_beginning_is_missing_and_not_damaged() {
    let dir = crate::support::folder_in_memory();
    let begun = Connection::open(dir.path().join("counts.db")).unwrap();
    begun
        .execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;")
        .unwrap();
    let refused = LedgerReader::open(dir.path()).unwrap_err();
    assert!(
        matches!(refused, ledger::LedgerError::Missing { .. }),
        "{refused:?}"
    );
}
