//! Windows of more than one length, after a change under a ledger that counts.

use std::time::Duration;

use ledger::{LedgerErrorKind, LedgerOptions};

use crate::support::{Fixture, at, frame, software};
use crate::windows::spans;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Second 0 of the tests is ten in the morning.
const MIDNIGHT: i64 = -10 * HOUR;

fn seconds(length: i64) -> Duration {
    Duration::from_secs(length.unsigned_abs())
}

impl Fixture {
    fn of_length(length: i64) -> Self {
        Self::with(LedgerOptions {
            window: seconds(length),
            ..LedgerOptions::default()
        })
    }

    fn set_window(&mut self, length: i64) {
        self.ledger.set_window(seconds(length)).unwrap();
    }
}

#[test]
fn frames_after_a_change_get_windows_of_the_new_length_and_open_ones_keep_theirs() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 5));
    counts.set_window(10);
    counts.record(&frame("cam", 2, 6));
    counts.record(&frame("cam", 3, 12));
    assert_eq!(
        counts.next_closing(12),
        Some(Duration::ZERO),
        "0 to 10 is over"
    );
    assert_eq!(spans(&counts.seal(20)), [(0, 10, 1), (10, 20, 1)]);
    assert_eq!(counts.next_closing(20), Some(Duration::from_secs(40)));
    counts.set_window(HOUR);
    counts.record(&frame("cam", 4, 21));
    assert_eq!(spans(&counts.seal(60))[2..], [(0, 60, 1)]);
    assert_eq!(spans(&counts.seal(HOUR))[3..], [(0, HOUR, 1)]);
    assert_eq!(counts.next_closing(HOUR), None);
    counts.assert_right();
}

#[test]
fn a_day_that_is_open_is_not_taken_for_a_clock_that_was_set_back_when_windows_become_a_second() {
    let mut counts = Fixture::of_length(DAY);
    counts.record(&frame("cam", 1, 5));
    counts.set_window(1);
    let until_midnight = DAY + MIDNIGHT;
    assert_eq!(
        counts.next_closing(6),
        Some(seconds(until_midnight - 6)),
        "there is nothing to put right"
    );
    // The frame comes again and others come, each in a second of its own.
    counts.record(&frame("cam", 1, 7));
    for number in 2..20 {
        let second = 10 * i64::from(number);
        counts.record(&frame("cam", number, second));
        counts.seal(second + 1);
        counts.assert_right();
    }
    assert_eq!(counts.unsent().len(), 19, "the seconds alone");
    assert_eq!(counts.ledger.totals().unwrap().open_windows, 1);
    assert_eq!(counts.seal(until_midnight - 1).len(), 19);
    let reports = counts.seal(until_midnight);
    assert_eq!(spans(&reports)[19..], [(MIDNIGHT, until_midnight, 1)]);
    let frames = counts.ledger.totals().unwrap().whole.frames;
    assert_eq!((frames.classified, frames.duplicate), (19, 1));
    counts.assert_right();
}

#[test]
fn an_open_day_outlives_a_restart_with_windows_of_a_second() {
    let mut counts = Fixture::of_length(DAY);
    counts.record(&frame("cam", 1, 5));
    let mut counts = counts.reopen_with(LedgerOptions {
        window: seconds(1),
        ..LedgerOptions::default()
    });
    assert!(counts.seal(100).is_empty());
    assert_eq!(
        spans(&counts.seal(DAY + MIDNIGHT)),
        [(MIDNIGHT, DAY + MIDNIGHT, 1)]
    );
}

#[test]
fn each_window_under_a_clock_far_ahead_is_closed_after_its_own_length_whatever_is_in_use() {
    for in_use in [1, 60, DAY] {
        let mut counts = Fixture::of_length(1);
        let year = 365 * DAY;
        counts.record(&frame("cam", 1, year + 5));
        counts.set_window(DAY);
        counts.record(&frame("cam", 2, year + 6));
        counts.set_window(in_use);
        assert_eq!(counts.next_closing(30), Some(Duration::ZERO));
        assert!(counts.seal(30).is_empty(), "the step closes nothing");
        assert_eq!(counts.next_closing(30), Some(Duration::from_secs(1)));
        assert_eq!(spans(&counts.seal(31)), [(year + 5, year + 6, 1)]);
        assert_eq!(
            counts.next_closing(31),
            Some(seconds(DAY + MIDNIGHT - 31)),
            "put right once"
        );
        let reports = counts.seal(DAY + MIDNIGHT);
        assert_eq!(
            spans(&reports)[1..],
            [(year + MIDNIGHT, year + MIDNIGHT + DAY, 1)]
        );
        assert_eq!(counts.seal(year + 2 * DAY).len(), 2, "nothing comes twice");
        counts.assert_right();
    }
}

#[test]
fn windows_of_two_lengths_are_joined_in_an_outage_and_none_is_lost() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 5));
    counts.set_window(7);
    for number in 2..30 {
        counts.record(&frame("cam", number, i64::from(number) * 7));
    }
    counts.ledger.merge_due(at(300), &software()).unwrap();
    assert_eq!(counts.next_closing(300), Some(Duration::ZERO));
    counts.set_window(HOUR);
    counts.record(&frame("cam", 30, 310));
    counts.assert_right();
    // The clock is set back before what is joined: it waits for its time.
    assert!(counts.seal(-100).is_empty());
    counts.ledger.merge_due(at(HOUR), &software()).unwrap();
    counts.ledger.merge_due(at(2 * HOUR), &software()).unwrap();
    let received: u64 = counts.unsent().iter().map(|it| it.frames.received).sum();
    assert_eq!(received, 30);
    counts.assert_right();
}

#[test]
fn a_length_that_is_none_is_refused_and_the_one_before_stays() {
    let mut counts = Fixture::new();
    for length in [0, 86_401] {
        let refused = counts.ledger.set_window(Duration::from_secs(length));
        assert_eq!(refused.unwrap_err().kind(), LedgerErrorKind::Argument);
    }
    let refused = counts.ledger.set_window(Duration::from_millis(1500));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "window is 1.5s, expected whole seconds from 1 s to 86400 s"
    );
    counts.record(&frame("cam", 1, 5));
    assert_eq!(spans(&counts.seal(60)), [(0, 60, 1)]);
}

#[test]
fn a_heartbeat_has_a_window_of_the_length_in_use() {
    let mut counts = Fixture::new();
    counts.set_window(10);
    let beat = counts
        .ledger
        .seal_heartbeat(&crate::support::model(), at(35), &software());
    assert!(beat.unwrap());
    assert_eq!(spans(&counts.unsent()), [(20, 30, 0)]);
}
