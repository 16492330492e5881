//! Sealed reports given out again as they were sent, and what waits.

use ledger::{LedgerReader, SealedBounds, SealedFrom, SealedReport, TooLargeReport};

use crate::reading::of_every_kind;
use crate::support::{Fixture, START, at, frame};

const ROOM: SealedBounds = SealedBounds {
    reports: 1000,
    bytes: 100 << 10,
};

/// So many sealed reports, none of them sent.
fn waiting(reports: u32) -> (Fixture, Vec<SealedReport>) {
    let mut counts = Fixture::new();
    for minute in 0..reports {
        counts.record(&frame("cam", minute, i64::from(minute) * 60));
        counts.seal(i64::from(minute) * 60 + 60);
    }
    let sealed = counts.ledger.unsent(usize::MAX).unwrap();
    assert_eq!(sealed.len(), reports as usize);
    (counts, sealed)
}

#[test]
fn a_report_is_given_to_the_byte_as_it_is_sent() {
    let (counts, sealed) = waiting(3);
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let page = reader.sealed(SealedFrom::Sequence(1), ROOM).unwrap();
    assert_eq!(page.reports, sealed);
    assert_eq!((page.sealed, page.next), (3, None));
    let page = reader.sealed(SealedFrom::Last(2), ROOM).unwrap();
    assert_eq!(page.reports, sealed[1..]);
    let beyond = reader.sealed(SealedFrom::Sequence(4), ROOM).unwrap();
    assert_eq!((beyond.reports.len(), beyond.next), (0, None));
}

#[test]
fn pages_by_number_and_by_bytes_have_each_report_once() {
    let (counts, sealed) = waiting(7);
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let largest = sealed.iter().map(|report| report.body.len()).max().unwrap();
    for bounds in [
        SealedBounds { reports: 2, ..ROOM },
        SealedBounds {
            bytes: largest * 5 / 2,
            ..ROOM
        },
    ] {
        let (mut next, mut given, mut pages) = (Some(1), Vec::new(), 0);
        while let Some(from) = next {
            let page = reader.sealed(SealedFrom::Sequence(from), bounds).unwrap();
            let bytes: usize = page.reports.iter().map(|one| one.body.len() + 1).sum();
            assert!(bytes <= bounds.bytes, "{bytes}");
            given.extend(page.reports);
            next = page.next;
            pages += 1;
        }
        assert_eq!((given, pages), (sealed.clone(), 4));
    }
}

#[test]
fn a_report_that_no_answer_can_hold_is_named_and_passed_over() {
    let (counts, sealed) = waiting(2);
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let tight = SealedBounds { bytes: 64, ..ROOM };
    let page = reader.sealed(SealedFrom::Sequence(1), tight).unwrap();
    let named = |report: &SealedReport| TooLargeReport {
        sequence: report.sequence,
        bytes: report.body.len(),
    };
    assert_eq!(page.too_large, sealed.iter().map(named).collect::<Vec<_>>());
    assert_eq!((page.reports.len(), page.next), (0, None));
}

#[test]
fn reports_that_are_not_kept_any_more_are_passed_over() {
    let counts = of_every_kind();
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    for from in [SealedFrom::Sequence(1), SealedFrom::Last(1000)] {
        let page = reader.sealed(from, ROOM).unwrap();
        let sequences: Vec<u64> = page.reports.iter().map(|one| one.sequence).collect();
        assert_eq!((page.carried_forward, sequences), (2, vec![3, 4]));
    }
}

#[test]
fn the_report_that_waits_longest_is_known_until_it_is_sent() {
    let (mut counts, _) = waiting(2);
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let oldest = reader.oldest_unsent().unwrap().unwrap();
    assert_eq!(oldest.sequence, 1);
    assert_eq!(oldest.window_end, START + time::Duration::MINUTE);
    assert_eq!(oldest.sealed_at, at(60).wall);
    let waiting = counts.ledger.waiting().unwrap();
    assert_eq!(waiting.oldest_sealed_at, Some(oldest.sealed_at));
    counts.ledger.mark_sent(1, at(120)).unwrap();
    assert_eq!(reader.oldest_unsent().unwrap().unwrap().sequence, 2);
    counts.ledger.mark_sent(2, at(120)).unwrap();
    assert_eq!(reader.oldest_unsent().unwrap(), None);
    let (file, _log) = reader.file_bytes().unwrap();
    assert!(file > 0);
}
