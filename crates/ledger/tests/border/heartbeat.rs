//! Reports that say only that the module is alive.

use ledger::{Clock, KeepSent, LedgerOptions, Now, Sums};
use time::OffsetDateTime;

use crate::support::{Fixture, at, frame, model, software};
use crate::windows::spans;

impl Fixture {
    fn heartbeat(&mut self, second: i64) -> bool {
        self.ledger
            .seal_heartbeat(&model(), at(second), &software())
            .unwrap()
    }
}

#[test]
fn a_heartbeat_counts_nothing_and_says_the_totals() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 5));
    let totals = counts.seal(60)[0].totals.clone();
    counts.send_all(at(61));
    assert!(counts.heartbeat(1000));
    let reports = counts.unsent();
    assert_eq!(spans(&reports), [(900, 960, 0)]);
    let beat = &reports[0];
    assert!(beat.cameras.is_empty() && beat.counts.is_empty());
    assert_eq!((beat.sequence, &beat.totals), (2, &totals));
    counts.assert_right();
}

#[test]
fn a_heartbeat_before_the_first_frame_says_zero() {
    let mut counts = Fixture::new();
    assert!(counts.heartbeat(60));
    assert_eq!(counts.unsent()[0].totals, Sums::default());
    counts.assert_right();
}

#[test]
fn heartbeats_do_not_pile_up_behind_a_report_that_waits() {
    let mut counts = Fixture::new();
    assert!(counts.heartbeat(60));
    assert!(!counts.heartbeat(1000));
    counts.send_all(at(1001));
    assert!(counts.heartbeat(2000));
    counts.record(&frame("cam", 1, 2001));
    counts.send_all(at(2002));
    counts.seal(2100);
    assert!(!counts.heartbeat(3000), "a report of frames is as good");
    assert_eq!(counts.ledger.totals().unwrap().sealed_reports, 3);
    counts.assert_right();
}

#[test]
fn a_heartbeat_under_a_clock_at_its_beginning_has_a_window_that_can_be_shown() {
    let mut counts = Fixture::new();
    let now = Now {
        wall: OffsetDateTime::UNIX_EPOCH,
        clock: Clock::Unsure,
    };
    assert!(
        counts
            .ledger
            .seal_heartbeat(&model(), now, &software())
            .unwrap()
    );
    let beat = &counts.unsent()[0];
    assert_eq!(beat.window_start, OffsetDateTime::UNIX_EPOCH);
    assert!(beat.window_end > beat.window_start);
    assert_eq!(beat.clock, Clock::Unsure);
}

#[test]
fn heartbeats_are_let_go_like_other_reports() {
    let mut counts = Fixture::with(LedgerOptions {
        keep_sent: KeepSent {
            at_least: 1,
            at_most: 2,
            ..KeepSent::default()
        },
        ..LedgerOptions::default()
    });
    counts.record(&frame("cam", 1, 5));
    counts.seal(60);
    counts.send_all(at(61));
    for beat in 1..6 {
        assert!(counts.heartbeat(beat * 900));
        counts.send_all(at(beat * 900 + 1));
    }
    let verification = counts.ledger.verify().unwrap();
    assert_eq!(
        (verification.reports, verification.carried_forward),
        (2, 4),
        "{verification:?}"
    );
    counts.assert_right();
}
