//! What becomes of windows while the hub is away for long.

use std::time::Duration;

use ledger::{Clock, LedgerOptions, ModelInfo};

use crate::support::{Fixture, at, frame, model, software};
use crate::windows::spans;

const HOUR: i64 = 3600;

/// Windows twice as long as the default.
fn long() -> LedgerOptions {
    LedgerOptions {
        window: Duration::from_secs(120),
        ..LedgerOptions::default()
    }
}

impl Fixture {
    /// The closing of a long outage at a second; gives how many reports wait.
    fn merge(&mut self, second: i64) -> usize {
        self.ledger.merge_due(at(second), &software()).unwrap();
        self.assert_right();
        self.ledger.unsent(usize::MAX).unwrap().len()
    }
}

#[test]
fn the_windows_of_an_hour_become_one_report_when_the_hour_is_over() {
    let mut counts = Fixture::new();
    for minute in 0..60 {
        let second = minute * 60;
        counts.record(&frame("cam", u32::try_from(minute).unwrap(), second + 5));
        if minute > 0 {
            assert_eq!(counts.merge(second + 6), 0, "minute {minute}");
        }
    }
    assert_eq!(counts.merge(HOUR - 1), 0);
    assert_eq!(counts.ledger.totals().unwrap().open_windows, 2);
    assert_eq!(counts.merge(HOUR), 1);
    assert_eq!(spans(&counts.unsent()), [(0, HOUR, 60)]);
}

#[test]
fn a_joined_window_is_as_long_as_what_it_holds_and_sealed_when_the_hub_is_back() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 605));
    counts.record(&frame("cam", 2, 725));
    counts.merge(800);
    counts.record(&frame("cam", 3, 805));
    assert_eq!(counts.next_closing(801), Some(Duration::ZERO));
    assert_eq!(spans(&counts.seal(801)), [(600, 780, 2)]);
    assert_eq!(spans(&counts.seal(840))[1], (780, 840, 1));
    counts.assert_right();
}

#[test]
fn a_week_of_outage_leaves_a_report_an_hour() {
    let mut counts = Fixture::in_memory(LedgerOptions {
        window: Duration::from_secs(600),
        ..LedgerOptions::default()
    });
    let mut number = 0;
    for second in (0..7 * 24 * HOUR).step_by(600) {
        number += 1;
        counts.record(&frame("cam", number, second + 5));
        counts
            .ledger
            .merge_due(at(second + 600), &software())
            .unwrap();
    }
    let reports = counts.unsent();
    assert_eq!(reports.len(), 7 * 24);
    assert!(reports.iter().all(|report| report.frames.received == 6));
    counts.assert_right();
}

#[test]
fn models_and_clock_states_are_not_mixed() {
    let newer = ModelInfo {
        version: "2".into(),
        ..model()
    };
    let mut counts = Fixture::new();
    for minute in 0..2 {
        let number = u32::try_from(minute).unwrap() * 10;
        let second = minute * 60 + 5;
        counts.record(&frame("cam", number, second));
        let mut unsure = frame("cam", number + 1, second);
        unsure.clock = Clock::Unsure;
        counts.record(&unsure);
        let third = frame("cam", number + 2, second);
        counts.ledger.record(&third, &newer).unwrap();
    }
    counts.merge(120);
    assert_eq!(counts.merge(HOUR), 3);
    assert_eq!(spans(&counts.unsent()), [(0, 120, 2); 3]);
}

#[test]
fn late_frames_make_one_more_report_an_hour_for_each_hour_that_they_touch() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 5));
    assert_eq!(spans(&counts.seal(60)), [(0, 60, 1)]);
    // In the second hour, four late ones for two windows of the first.
    for (number, stamp) in [(2, 10), (3, 70), (4, 10), (5, 75)] {
        let arrival = HOUR + i64::from(number) * 60;
        let mut late = frame("cam", number, arrival);
        late.stamp = Some(at(stamp).wall);
        counts.record(&late);
        assert_eq!(counts.merge(arrival + 60), 1);
    }
    assert_eq!(counts.merge(2 * HOUR), 2);
    assert_eq!(spans(&counts.unsent()), [(0, 60, 1), (0, 120, 4)]);
}

#[test]
fn a_window_of_the_very_span_of_the_joined_one_is_taken_in() {
    let mut counts = Fixture::with(long());
    let mut ahead = frame("cam", 1, 100);
    ahead.stamp = Some(at(110).wall);
    counts.record(&ahead);
    let mut counts = counts.reopen_with(LedgerOptions::default());
    counts.record(&frame("cam", 2, 5));
    counts.record(&frame("cam", 3, 65));
    // Both short windows are due, and the long one is too.
    counts.merge(120);
    assert_eq!(counts.ledger.totals().unwrap().open_windows, 1);
    assert_eq!(counts.merge(HOUR), 1);
    assert_eq!(spans(&counts.unsent()), [(0, 120, 3)]);
}

#[test]
fn a_long_window_that_is_not_due_yet_is_taken_in_when_the_joined_one_gets_its_span() {
    let mut counts = Fixture::with(long());
    // Arrives while 120..240 runs, for 0..120: due at 240.
    let mut late = frame("cam", 1, 130);
    late.stamp = Some(at(5).wall);
    counts.record(&late);
    let mut counts = counts.reopen_with(LedgerOptions::default());
    counts.record(&frame("cam", 2, 5));
    counts.record(&frame("cam", 3, 65));
    counts.merge(130);
    assert_eq!(counts.ledger.totals().unwrap().open_windows, 1);
    assert_eq!(spans(&counts.seal(240)), [(0, 120, 3)]);
    counts.assert_right();
}

#[test]
fn a_clock_set_back_by_a_year_in_an_outage_keeps_no_window_for_a_year() {
    let year = 365 * 24 * HOUR;
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, year + 5));
    counts.record(&frame("cam", 2, year + 65));
    counts.merge(year + 120);
    assert_eq!(counts.merge(30), 0);
    assert_eq!(counts.merge(60), 0);
    assert_eq!(counts.merge(HOUR), 1);
    assert_eq!(spans(&counts.unsent()), [(year, year + 120, 2)]);
}

#[test]
fn a_joined_window_survives_reopening() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 5));
    counts.record(&frame("cam", 2, 65));
    counts.merge(120);
    let mut counts = counts.reopen();
    assert_eq!(spans(&counts.seal(121)), [(0, 120, 2)]);
}
