//! Which window a frame is reported in, and when.

use std::time::Duration;

use ledger::{Clock, ModelInfo, Report};

use crate::support::{Fixture, at, classified, frame, model, software};

pub(crate) fn spans(reports: &[Report]) -> Vec<(i64, i64, u64)> {
    let second = |instant: time::OffsetDateTime| (instant - at(0).wall).whole_seconds();
    reports
        .iter()
        .map(|report| {
            (
                second(report.window_start),
                second(report.window_end),
                report.frames.received,
            )
        })
        .collect()
}

#[test]
fn a_window_is_sealed_at_its_end_and_not_before() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 5));
    assert_eq!(counts.next_closing(10), Some(Duration::from_secs(50)));
    assert!(counts.seal(59).is_empty());
    assert_eq!(spans(&counts.seal(60)), [(0, 60, 1)]);
    assert_eq!(counts.next_closing(60), None);
}

#[test]
fn idle_windows_make_no_report() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 5));
    assert_eq!(counts.seal(3600).len(), 1);
    assert_eq!(counts.seal(7200).len(), 1);
    assert_eq!(counts.next_closing(7200), None);
}

#[test]
fn the_cameras_stamp_places_a_frame_and_a_wrong_one_does_not() {
    let mut counts = Fixture::new();
    let mut stamped = frame("cam", 1, 125);
    stamped.stamp = Some(at(30).wall);
    counts.record(&stamped);
    let mut wrong = frame("cam", 2, 125);
    wrong.stamp = Some(at(-100 * 86_400).wall);
    counts.record(&wrong);
    assert_eq!(spans(&counts.seal(180)), [(0, 60, 1), (120, 180, 1)]);
}

#[test]
fn late_frames_make_one_more_report_for_their_window_at_each_closing() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 5));
    assert_eq!(spans(&counts.seal(60)), [(0, 60, 1)]);
    for number in 2..6 {
        let mut late = frame("cam", number, 60 + i64::from(number));
        late.stamp = Some(at(10).wall);
        counts.record(&late);
        assert_eq!(
            counts.seal(60 + i64::from(number)).len(),
            1,
            "not before the next closing"
        );
    }
    counts.record(&frame("cam", 6, 100));
    assert_eq!(
        spans(&counts.seal(120)),
        [(0, 60, 1), (0, 60, 4), (60, 120, 1)]
    );
    counts.assert_right();
}

#[test]
fn a_step_back_reopens_no_report_and_doubles_nothing() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 65));
    counts.seal(120);
    let sealed = counts.ledger.unsent(10).unwrap();
    // The clock goes back by an hour; the frame comes again, and a new one.
    assert_eq!(counts.seal(-3600).len(), 1);
    counts.record(&frame("cam", 1, -3600 + 65));
    counts.record(&frame("cam", 2, -3600 + 70));
    // It comes forward again into the very window that was sealed.
    counts.record(&frame("cam", 3, 70));
    let reports = counts.seal(120);
    assert_eq!(
        spans(&reports),
        [(60, 120, 1), (-3540, -3480, 2), (60, 120, 1)]
    );
    assert_eq!(
        counts.ledger.unsent(1).unwrap()[..],
        sealed[..],
        "a sealed report stays"
    );
    let sums = counts.ledger.totals().unwrap().whole;
    assert_eq!((sums.frames.classified, sums.frames.duplicate), (3, 1));
    counts.assert_right();
}

#[test]
fn a_window_under_a_clock_far_ahead_is_closed_by_the_next_closing_not_by_the_step() {
    let year = 365 * 86_400;
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, year + 5));
    counts.record(&frame("cam", 2, year + 65));
    assert_eq!(
        counts.next_closing(30),
        Some(Duration::ZERO),
        "there is something to put right"
    );
    assert!(counts.seal(30).is_empty(), "the step closes nothing");
    assert_eq!(counts.next_closing(30), Some(Duration::from_secs(30)));
    assert!(counts.seal(59).is_empty());
    let reports = counts.seal(60);
    assert_eq!(
        spans(&reports),
        [(year, year + 60, 1), (year + 60, year + 120, 1)]
    );
    assert_eq!(
        counts.seal(year + 200).len(),
        2,
        "nothing comes twice when that time is reached"
    );
    counts.assert_right();
}

#[test]
fn a_step_forward_loses_and_doubles_nothing() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 5));
    counts.record(&frame("cam", 2, 86_400 * 400));
    counts.record(&frame("cam", 1, 86_400 * 400));
    let reports = counts.seal(86_400 * 400 + 60);
    assert_eq!(
        spans(&reports),
        [(0, 60, 1), (86_400 * 400, 86_400 * 400 + 60, 2)]
    );
    assert_eq!(counts.ledger.totals().unwrap().whole.frames.duplicate, 1);
    counts.assert_right();
}

#[test]
fn a_frame_from_before_the_clock_was_set_is_reported_as_unsure() {
    let mut counts = Fixture::new();
    let mut early = frame("cam", 1, 0);
    early.arrival = time::macros::datetime!(1970-01-01 0:00:12 UTC);
    early.clock = Clock::Unsure;
    counts.record(&early);
    counts.record(&frame("cam", 2, 5));
    let reports = counts.seal(60);
    assert_eq!(
        [reports[0].clock, reports[1].clock],
        [Clock::Unsure, Clock::Plausible]
    );
    assert_eq!(reports[0].window_start, time::OffsetDateTime::UNIX_EPOCH);
}

#[test]
fn unsure_and_plausible_frames_of_one_window_are_not_mixed() {
    let mut counts = Fixture::new();
    let mut unsure = frame("cam", 1, 5);
    unsure.clock = Clock::Unsure;
    counts.record(&unsure);
    counts.record(&frame("cam", 2, 6));
    let reports = counts.seal(60);
    assert_eq!(spans(&reports), [(0, 60, 1), (0, 60, 1)]);
    assert_ne!(reports[0].clock, reports[1].clock);
}

#[test]
fn a_report_names_one_model() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 5));
    let newer = ModelInfo {
        version: "2".into(),
        ..model()
    };
    let mut second = frame("cam", 2, 6);
    second.outcome = classified("unripe");
    counts.ledger.record(&second, &newer).unwrap();
    let reports = counts.seal(60);
    let versions: Vec<&str> = reports
        .iter()
        .map(|report| &*report.model.version)
        .collect();
    assert_eq!(versions, ["1", "2"]);
    assert_eq!(reports[1].counts.keys().collect::<Vec<_>>(), ["unripe"]);
}

#[test]
fn a_change_of_model_closes_the_windows_of_the_model_before() {
    let newer = ModelInfo {
        version: "2".into(),
        ..model()
    };
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 5));
    counts.ledger.record(&frame("cam", 2, 6), &newer).unwrap();
    let sealed = counts.ledger.seal_others(&newer, at(7), &software());
    assert_eq!(sealed.unwrap(), 1);
    assert_eq!(counts.unsent()[0].model.version, "1");
    assert_eq!(counts.next_closing(7), Some(Duration::from_secs(53)));
    let again = counts.ledger.seal_others(&newer, at(8), &software());
    assert_eq!(again.unwrap(), 0, "its own windows stay open");
    counts.assert_right();
}

#[test]
fn sealing_all_closes_the_running_window_and_later_frames_add_to_it() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 5));
    assert_eq!(counts.ledger.seal_all(at(6), &software()).unwrap(), 1);
    counts.record(&frame("cam", 2, 7));
    assert_eq!(spans(&counts.seal(60)), [(0, 60, 1), (0, 60, 1)]);
    counts.assert_right();
}

#[test]
fn an_open_window_survives_reopening() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 5));
    let mut counts = counts.reopen();
    assert_eq!(counts.next_closing(0), Some(Duration::from_secs(60)));
    assert_eq!(spans(&counts.seal(60)), [(0, 60, 1)]);
}
