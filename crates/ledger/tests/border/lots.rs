//! Lots: which frames belong to one, and how a change closes the window.

use std::collections::BTreeSet;

use ledger::{LedgerReader, Lot, ReportsQuery, Span};
use serde_json::json;

use crate::support::{Fixture, at, frame, model, software};
use crate::windows::spans;

fn lot(text: &str) -> Option<Lot> {
    Some(text.parse().unwrap())
}

impl Fixture {
    /// Seals the windows that are not of what is in use, at a second.
    fn seal_others(&mut self, second: i64) -> usize {
        let sealed = self
            .ledger
            .seal_others(&model(), at(second), &software())
            .unwrap();
        self.assert_right();
        sealed
    }

    /// The lot of each report that waits, with the frames in it.
    fn lots(&self) -> Vec<(Option<String>, u64)> {
        let reports = self.unsent().into_iter();
        reports
            .map(|report| (report.lot, report.frames.received))
            .collect()
    }
}

fn named(text: &str, frames: u64) -> (Option<String>, u64) {
    (Some(text.to_owned()), frames)
}

#[test]
fn a_frame_belongs_to_the_lot_that_is_set_when_it_is_recorded() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 5));
    counts.ledger.set_lot(lot("A"));
    assert_eq!(counts.ledger.lot(), lot("A").as_ref());
    counts.record(&frame("cam", 2, 6));
    // Taken long before, recorded now.
    let mut late = frame("cam", 3, 7);
    late.stamp = Some(at(-100).wall);
    counts.record(&late);
    counts.ledger.set_lot(lot("B"));
    counts.record(&frame("cam", 4, 8));
    counts.record(&frame("cam", 1, 9));
    counts.ledger.set_lot(None);
    counts.record(&frame("cam", 5, 10));
    counts.seal(60);
    assert_eq!(
        counts.lots(),
        [named("A", 1), (None, 2), named("A", 1), named("B", 2),]
    );
    assert_eq!(counts.unsent()[3].frames.duplicate, 1, "it came again in B");
    counts.assert_right();
}

#[test]
fn frames_of_one_group_that_come_before_and_after_a_change_are_not_mixed() {
    let mut counts = Fixture::new();
    for (number, text) in [(0, "A"), (10, "B"), (20, "A")] {
        counts.ledger.set_lot(lot(text));
        let group = [frame("cam", number, 5), frame("cam", number + 1, 6)];
        counts.ledger.record_all(&group, &model()).unwrap();
    }
    counts.seal(60);
    assert_eq!(counts.lots(), [named("A", 4), named("B", 2)]);
}

#[test]
fn a_change_of_lot_closes_the_windows_of_the_lot_before() {
    let mut counts = Fixture::new();
    assert_eq!(counts.seal_others(0), 0, "there is nothing");
    counts.record(&frame("cam", 1, 5));
    assert_eq!(counts.seal_others(6), 0, "of no lot, which is in use");
    counts.ledger.set_lot(lot("A"));
    assert_eq!(counts.seal_others(7), 1);
    counts.record(&frame("cam", 2, 8));
    assert_eq!(counts.seal_others(9), 0);
    counts.ledger.set_lot(lot("B"));
    assert_eq!(counts.seal_others(10), 1);
    counts.record(&frame("cam", 3, 11));
    counts.ledger.set_lot(None);
    assert_eq!(counts.seal_others(12), 1);
    assert_eq!(counts.lots(), [(None, 1), named("A", 1), named("B", 1)]);
    assert_eq!(spans(&counts.unsent()), [(0, 60, 1); 3]);
    assert_eq!(counts.next_closing(13), None, "all of it is sealed");
}

#[test]
fn a_lot_that_comes_back_makes_a_further_report_of_its_window() {
    let mut counts = Fixture::new();
    for (number, text) in [(1, "A"), (2, "B"), (3, "A")] {
        counts.ledger.set_lot(lot(text));
        counts.seal_others(i64::from(number));
        counts.record(&frame("cam", number, i64::from(number)));
    }
    counts.seal(60);
    assert_eq!(counts.lots(), [named("A", 1), named("B", 1), named("A", 1)]);
    let ids: BTreeSet<String> = counts
        .unsent()
        .into_iter()
        .map(|report| report.report_id)
        .collect();
    assert_eq!(ids.len(), 3);
    counts.assert_right();
}

#[test]
fn a_window_keeps_its_lot_through_a_restart_and_goes_on_where_the_lot_is_set_again() {
    let mut counts = Fixture::new();
    counts.ledger.set_lot(lot("A"));
    counts.record(&frame("cam", 1, 5));
    let mut counts = counts.reopen();
    assert_eq!(counts.ledger.lot(), None, "it is not stored");
    counts.ledger.set_lot(lot("A"));
    assert_eq!(counts.seal_others(6), 0);
    counts.record(&frame("cam", 2, 7));
    assert_eq!(counts.ledger.totals().unwrap().open_windows, 1);
    // Nobody sets it.
    let mut counts = counts.reopen();
    counts.record(&frame("cam", 3, 8));
    counts.seal(60);
    assert_eq!(counts.lots(), [named("A", 2), (None, 1)]);
}

#[test]
fn a_heartbeat_names_the_lot_in_use() {
    let mut counts = Fixture::new();
    counts.ledger.set_lot(lot("A"));
    let beat = counts
        .ledger
        .seal_heartbeat(&model(), at(60), &software())
        .unwrap();
    assert!(beat);
    assert_eq!(counts.lots(), [named("A", 0)]);
}

#[test]
fn windows_of_two_lots_are_not_joined_in_an_outage() {
    let mut counts = Fixture::new();
    for minute in 0..4_u32 {
        counts
            .ledger
            .set_lot(lot(if minute % 2 == 0 { "A" } else { "B" }));
        counts.record(&frame("cam", minute, i64::from(minute) * 60 + 5));
    }
    counts.ledger.merge_due(at(240), &software()).unwrap();
    counts.ledger.merge_due(at(3600), &software()).unwrap();
    assert_eq!(counts.lots(), [named("A", 2), named("B", 2)]);
    counts.assert_right();
}

#[test]
fn readers_show_the_lot_of_reports_and_of_open_windows() {
    let mut counts = Fixture::new();
    counts.ledger.set_lot(lot("A"));
    counts.record(&frame("cam", 1, 5));
    counts.ledger.set_lot(lot("B"));
    counts.seal_others(6);
    counts.record(&frame("cam", 2, 7));
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let mut rows = Vec::new();
    let mut export = reader.export(Span::ALWAYS).unwrap();
    while let Some(more) = export.next_chunk().unwrap() {
        rows.extend(more);
    }
    let lots: Vec<_> = rows.iter().map(|row| row.lot.as_deref()).collect();
    assert_eq!(lots, [Some("A"), Some("B")]);
    let query = ReportsQuery::parse(&json!({"open": true})).unwrap();
    let page = reader.reports(&query).unwrap();
    assert_eq!(page.reports[0].lot.as_deref(), Some("A"));
    let open = page.open_windows.unwrap().windows;
    assert_eq!(open[0].lot.as_deref(), Some("B"));
}
