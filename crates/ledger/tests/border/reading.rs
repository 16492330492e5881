//! Reading a ledger back: beside its writer, without one, and where nothing can be written.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::{
    Access, KeepSent, Ledger, LedgerErrorKind, LedgerOptions, LedgerReader, RowKind, Span, Sums,
    WindowRow, parse_instant,
};
use rusqlite::Connection;

use crate::support::{Fixture, at, frame, model, software};

fn rows(reader: &LedgerReader, span: Span) -> Vec<WindowRow> {
    let mut export = reader.export(span).unwrap();
    let mut rows = Vec::new();
    while let Some(chunk) = export.next_chunk().unwrap() {
        rows.extend(chunk);
    }
    rows
}

fn sum(rows: &[WindowRow]) -> Sums {
    let mut whole = Sums::default();
    for row in rows {
        whole.add(&Sums {
            counts: row.counts.clone(),
            frames: row.frames.clone(),
        });
    }
    whole
}

fn kinds(rows: &[WindowRow]) -> Vec<(RowKind, Option<u64>)> {
    rows.iter().map(|row| (row.kind, row.sequence)).collect()
}

/// Two reports carried forward, two kept, an open window: one frame in each.
fn of_every_kind() -> Fixture {
    let options = LedgerOptions {
        keep_sent: KeepSent {
            at_least: 1,
            at_most: 2,
            ..KeepSent::default()
        },
        ..LedgerOptions::default()
    };
    let mut counts = Fixture::with(options);
    for minute in 0..4 {
        counts.record(&frame("cam", minute, i64::from(minute) * 60));
        counts.ledger.seal_all(at(0), &software()).unwrap();
        counts.send_all(at(0));
    }
    counts.record(&frame("cam", 4, 240));
    counts
}

const ALL: [(RowKind, Option<u64>); 4] = [
    (RowKind::CarriedForward, Some(2)),
    (RowKind::Report, Some(3)),
    (RowKind::Report, Some(4)),
    (RowKind::Open, None),
];

#[test]
fn all_rows_add_up_to_the_totals_while_the_ledger_is_open() {
    let counts = of_every_kind();
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    assert_eq!(reader.access(), Access::Shared);
    assert_eq!(reader.id(), counts.ledger.id());
    assert_eq!(reader.beginning(), counts.ledger.beginning());
    let rows = rows(&reader, Span::ALWAYS);
    assert_eq!(kinds(&rows), ALL);
    let totals = counts.ledger.totals().unwrap();
    assert_eq!(sum(&rows), totals.whole);
    let summary = reader.summary(1).unwrap();
    assert_eq!(
        (&summary.totals, &summary.cameras),
        (&totals.whole, &totals.cameras)
    );
    assert_eq!(
        (
            summary.sealed_reports,
            summary.carried_forward,
            summary.unsent_reports
        ),
        (4, 2, 0)
    );
    assert_eq!(kinds(&summary.last), [(RowKind::Report, Some(4))]);
    assert_eq!(summary.open.len(), 1);
    assert_eq!(
        reader.verify().unwrap(),
        counts.ledger.verify().unwrap(),
        "both prove the same"
    );
}

#[test]
fn a_row_says_what_its_report_says() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam-a", 1, 1));
    counts.record(&frame("cam-b", 2, 2));
    let report = counts.seal(60).swap_remove(0);
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let row = rows(&reader, Span::ALWAYS).swap_remove(0);
    assert_eq!(row.report_id.as_ref(), Some(&report.report_id));
    assert_eq!(row.window_start, Some(report.window_start));
    assert_eq!(row.window_end, Some(report.window_end));
    assert_eq!((&row.counts, &row.frames), (&report.counts, &report.frames));
    assert_eq!(row.cameras, Some(report.cameras));
    assert_eq!(row.model, Some(report.model));
    assert_eq!(row.sent, Some(false));
    counts.send_all(at(61));
    assert_eq!(rows(&reader, Span::ALWAYS)[0].sent, Some(true));
}

#[test]
fn spans_share_the_windows_out_by_their_start() {
    let counts = of_every_kind();
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let time = |text| Some(parse_instant(text).unwrap());
    let span = |from, to| Span::new(from, to).unwrap();
    let cut = "2026-11-23T10:03:00Z";
    let before = rows(&reader, span(None, time(cut)));
    // What is carried forward has no window that anybody knows.
    assert_eq!(kinds(&before), ALL[1..2]);
    assert_eq!(kinds(&rows(&reader, span(time(cut), None))), ALL[2..]);
    let day = span(time("2026-11-23"), time("2026-11-24"));
    assert_eq!(kinds(&rows(&reader, day)), ALL[1..]);
    let other = span(time("2026-11-24"), None);
    assert_eq!(rows(&reader, other), []);
}

#[test]
fn a_reader_beside_a_busy_writer_always_sees_sums_that_agree() {
    let mut counts = Fixture::in_memory(LedgerOptions {
        keep_sent: KeepSent {
            at_least: 1,
            at_most: 50,
            ..KeepSent::default()
        },
        ..LedgerOptions::default()
    });
    let dir = counts.dir.path().to_owned();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let reader = LedgerReader::open(&dir).unwrap();
            let mut moments = 0;
            while !done.load(Ordering::Relaxed) || moments == 0 {
                let summary = reader.summary(3).unwrap();
                let by_camera = summary.cameras.values().map(|sums| sums.frames.received);
                assert_eq!(by_camera.sum::<u64>(), summary.totals.frames.received);
                let verification = reader.verify().unwrap();
                assert_eq!(verification.findings, [""; 0]);
                assert!(verification.received >= summary.totals.frames.received);
                moments += 1;
            }
            moments
        });
        for number in 0..200_u32 {
            counts.record(&frame(
                &format!("cam-{}", number % 3),
                number,
                i64::from(number),
            ));
            if number % 5 == 0 {
                counts
                    .ledger
                    .seal_all(at(i64::from(number)), &software())
                    .unwrap();
                counts.send_all(at(i64::from(number)));
            }
        }
        done.store(true, Ordering::Relaxed);
        println!("{} moments were read", reading.join().unwrap());
    });
    let reader = LedgerReader::open(&dir).unwrap();
    assert_eq!(
        sum(&rows(&reader, Span::ALWAYS)),
        counts.ledger.totals().unwrap().whole
    );
}

#[test]
fn an_open_reader_holds_up_neither_the_writer_nor_its_log() {
    let mut counts = Fixture::in_memory(LedgerOptions::default());
    counts.record(&frame("cam", 0, 0));
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let mut export = reader.export(Span::ALWAYS).unwrap();
    for number in 1..3000 {
        counts.record(&frame("cam", number, 0));
    }
    let log = fs::metadata(counts.dir.path().join("counts.db-wal"))
        .unwrap()
        .len();
    // It is folded in after 1000 pages; with a transaction open all along it would be 30 MB.
    assert!(log < 6 << 20, "{log} bytes");
    let open = export.next_chunk().unwrap().unwrap();
    assert_eq!(
        open[0].frames.received, 1,
        "what was open at the first moment"
    );
}

#[test]
fn what_is_sealed_after_the_first_moment_is_in_no_chunk() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 1));
    counts.ledger.seal_all(at(1), &software()).unwrap();
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let mut export = reader.export(Span::ALWAYS).unwrap();
    counts.record(&frame("cam", 2, 2));
    counts.ledger.seal_all(at(2), &software()).unwrap();
    let chunk = export.next_chunk().unwrap().unwrap();
    assert_eq!(kinds(&chunk), [(RowKind::Report, Some(1))]);
    assert_eq!(export.next_chunk().unwrap(), None);
}

#[test]
fn reports_that_are_let_go_while_they_are_read_are_an_error_and_no_gap() {
    let mut counts = of_every_kind();
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let mut export = reader.export(Span::ALWAYS).unwrap();
    assert_eq!(
        export.next_chunk().unwrap().unwrap()[0].kind,
        RowKind::CarriedForward
    );
    counts.ledger.seal_all(at(0), &software()).unwrap();
    counts.send_all(at(0));
    let refused = export.next_chunk().unwrap_err();
    assert_eq!(refused.kind(), LedgerErrorKind::Changed);
    assert!(
        refused.to_string().contains("reports 3 to 3 of the ledger"),
        "{refused}"
    );
}

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
        "format 99, expected at most 4",
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
