use time::macros::datetime;

use super::Kernel::{Synchronised, Unknown, Unsynchronised};
use super::*;

const BUILT: OffsetDateTime = datetime!(2026-11-01 0:00 UTC);
const START: OffsetDateTime = datetime!(2026-11-23 10:00 UTC);
const YEAR: i64 = 365 * 86_400;

/// A clock that is told where it stands.
struct Told {
    watch: ClockWatch,
    monotonic: u64,
}

impl Told {
    fn new(trust: Trust) -> Self {
        Told {
            watch: ClockWatch::new(trust, BUILT, None),
            monotonic: 100,
        }
    }

    /// After `passed` seconds the wall clock shows `wall` seconds after the start.
    fn read(&mut self, passed: u64, wall: i64, kernel: Kernel) -> (Clock, Option<Change>) {
        self.monotonic += passed;
        let (now, change) = self.watch.read(Reading {
            wall: START + time::Duration::seconds(wall),
            monotonic: Duration::from_secs(self.monotonic),
            kernel,
        });
        (now.clock, change)
    }

    fn clock(&mut self, passed: u64, wall: i64, kernel: Kernel) -> Clock {
        self.read(passed, wall, kernel).0
    }
}

#[test]
fn a_date_before_the_build_is_unsure_whoever_vouches_for_it() {
    for trust in [Trust::Kernel, Trust::Always] {
        for kernel in [Synchronised, Unsynchronised, Unknown] {
            let clock = Told::new(trust).clock(0, -YEAR, kernel);
            assert_eq!(clock, Clock::Unsure, "{trust:?} {kernel:?}");
        }
    }
}

#[test]
fn a_clock_that_no_time_server_has_set_is_unsure_until_one_does() {
    let mut told = Told::new(Trust::Kernel);
    assert_eq!(told.clock(0, 0, Unsynchronised), Clock::Unsure);
    assert_eq!(told.clock(10, YEAR, Unsynchronised), Clock::Unsure);
    assert_eq!(told.clock(10, YEAR + 10, Synchronised), Clock::Plausible);
}

#[test]
fn a_clock_that_was_synchronised_stays_plausible_when_the_time_server_goes() {
    let mut told = Told::new(Trust::Kernel);
    told.clock(0, 0, Synchronised);
    assert_eq!(told.clock(60, 60, Unsynchronised), Clock::Plausible);
}

#[test]
fn a_module_that_is_started_again_knows_whether_the_clock_stepped_since_it_was_synchronised() {
    for (step, expected) in [(0, Clock::Plausible), (1000, Clock::Unsure)] {
        let mut told = Told::new(Trust::Kernel);
        told.clock(0, 0, Synchronised);
        told.watch = ClockWatch::new(Trust::Kernel, BUILT, told.watch.synchronised());
        let clock = told.clock(3600, 3600 + step, Unsynchronised);
        assert_eq!(clock, expected, "{step}");
    }
}

#[test]
fn where_the_clock_was_synchronised_is_kept_anew_after_a_step_or_a_day() {
    let mut told = Told::new(Trust::Kernel);
    told.clock(0, 0, Synchronised);
    let first = told.watch.synchronised();
    told.clock(60, 60, Synchronised);
    assert_eq!(told.watch.synchronised(), first);
    told.clock(60, 1000, Synchronised);
    let second = told.watch.synchronised();
    assert_ne!(second, first);
    told.clock(86_400, 87_400, Synchronised);
    assert_ne!(told.watch.synchronised(), second);
}

#[test]
fn a_trusted_clock_needs_no_time_server() {
    let mut told = Told::new(Trust::Always);
    assert_eq!(told.clock(0, 0, Unsynchronised), Clock::Plausible);
    assert_eq!(told.clock(60, YEAR, Unsynchronised), Clock::Plausible);
}

#[test]
fn where_the_kernel_cannot_be_asked_the_other_signs_decide() {
    let mut told = Told::new(Trust::Kernel);
    assert_eq!(told.clock(0, -YEAR, Unknown), Clock::Unsure);
    // The correction of a date that could not be right is no step to doubt.
    assert_eq!(told.clock(60, 60, Unknown), Clock::Plausible);
    assert_eq!(told.clock(60, YEAR, Unknown), Clock::Unsure);
}

#[test]
fn a_clock_set_back_before_the_build_and_forward_to_another_date_is_still_unsure() {
    for kernel in [Unsynchronised, Unknown] {
        let mut told = Told::new(Trust::Kernel);
        told.clock(0, 0, Synchronised);
        assert_eq!(told.clock(60, -YEAR, kernel), Clock::Unsure);
        assert_eq!(told.clock(60, 1000, kernel), Clock::Unsure);
        assert_eq!(told.clock(60, 180, kernel), Clock::Plausible);
    }
}

#[test]
fn a_step_that_nothing_explains_is_unsure_until_the_clock_is_synchronised() {
    for step in [-1000, -6, 6, 1000, YEAR] {
        let mut told = Told::new(Trust::Kernel);
        told.clock(0, 0, Synchronised);
        let (clock, change) = told.read(60, 60 + step, Unsynchronised);
        assert_eq!(clock, Clock::Unsure, "{step}");
        let change = change.expect("it is said");
        assert_eq!(change.expected, Some(START + time::Duration::MINUTE));
        assert_eq!(told.clock(3, 63 + step, Unsynchronised), Clock::Unsure);
        assert_eq!(told.clock(3, 66 + step, Synchronised), Clock::Plausible);
        assert_eq!(told.clock(3, 69 + step, Unsynchronised), Clock::Plausible);
    }
}

#[test]
fn a_step_by_a_time_server_is_said_and_believed() {
    let mut told = Told::new(Trust::Kernel);
    told.clock(0, 0, Synchronised);
    let (clock, change) = told.read(60, 300, Synchronised);
    assert_eq!(clock, Clock::Plausible);
    assert!(change.expect("it is said").expected.is_some());
}

#[test]
fn a_step_that_is_taken_back_is_forgotten() {
    let mut told = Told::new(Trust::Kernel);
    told.clock(0, 0, Unknown);
    assert_eq!(told.clock(60, YEAR, Unknown), Clock::Unsure);
    assert_eq!(told.clock(60, 2 * YEAR, Unknown), Clock::Unsure);
    assert_eq!(told.clock(60, 180, Unknown), Clock::Plausible);
}

#[test]
fn a_small_step_is_not_taken_for_drift_after_some_days() {
    let mut told = Told::new(Trust::Kernel);
    told.clock(0, 0, Synchronised);
    for hour in 1..500 {
        let clock = told.clock(3600, 3600 * hour + 60, Unsynchronised);
        assert_eq!(clock, Clock::Unsure, "hour {hour}");
    }
}

#[test]
fn where_the_kernel_cannot_be_asked_a_day_without_a_step_ends_the_doubt() {
    let mut told = Told::new(Trust::Kernel);
    told.clock(0, 0, Unknown);
    told.clock(60, 1000, Unknown);
    assert_eq!(told.clock(86_399, 87_399, Unknown), Clock::Unsure);
    assert_eq!(told.clock(1, 87_400, Unknown), Clock::Plausible);
}

#[test]
fn slewing_and_leap_seconds_are_no_steps() {
    let mut told = Told::new(Trust::Kernel);
    told.clock(0, 0, Unknown);
    assert_eq!(told.read(2000, 2001, Unknown).1, None, "500 millionths");
    assert_eq!(told.read(1, 2001, Unknown).1, None, "a leap second");
    let after_a_day = told.read(86_400, 2001 + 86_410, Unknown).1;
    assert_eq!(after_a_day, None, "100 millionths for a day");
}

#[test]
fn every_change_is_said_once() {
    let mut told = Told::new(Trust::Kernel);
    let said = [
        told.read(0, -YEAR, Unsynchronised).1,
        told.read(2, 2 - YEAR, Unsynchronised).1,
        told.read(2, 4, Synchronised).1,
        told.read(2, 6, Synchronised).1,
    ]
    .map(|change| change.map(|change| (change.reason, change.expected.is_some())));
    assert_eq!(
        said,
        [
            Some((Reason::BeforeBuild, false)),
            None,
            Some((Reason::Synchronised, true)),
            None
        ]
    );
}
