//! Reading a ledger back beside its writer: what the rows say, and that neither disturbs the other.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::{
    Access, KeepSent, LedgerErrorKind, LedgerOptions, LedgerReader, RowKind, Span, Sums, WindowRow,
    parse_instant,
};

use crate::support::{Fixture, at, frame, software};

pub(crate) fn rows(reader: &LedgerReader, span: Span) -> Vec<WindowRow> {
    let mut export = reader.export(span).unwrap();
    let mut rows = Vec::new();
    while let Some(chunk) = export.next_chunk().unwrap() {
        rows.extend(chunk);
    }
    rows
}

pub(crate) fn sum(rows: &[WindowRow]) -> Sums {
    let mut whole = Sums::default();
    for row in rows {
        whole.add(&Sums {
            counts: row.counts.clone(),
            frames: row.frames.clone(),
        });
    }
    whole
}

pub(crate) fn kinds(rows: &[WindowRow]) -> Vec<(RowKind, Option<u64>)> {
    rows.iter().map(|row| (row.kind, row.sequence)).collect()
}

/// Two reports carried forward, two kept, an open window: one frame in each.
pub(crate) fn of_every_kind() -> Fixture {
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

pub(crate) const ALL: [(RowKind, Option<u64>); 4] = [
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
