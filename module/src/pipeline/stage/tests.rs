//! Each way through the stages, by names.

use edge_protocol::properties::Properties;
use ledger::{Clock, Now};
use time::macros::datetime;

use super::*;

fn first() -> Stage {
    let properties = Properties::decode("%24.cdid=cam&%24.mid=1").unwrap();
    let arrival = Now {
        wall: datetime!(2026-11-23 10:00 UTC),
        clock: Clock::Plausible,
    };
    Stage::of(Frame::new(
        "images",
        &properties,
        b"picture",
        arrival,
        false,
    ))
}

/// The names of the stages that a frame passes, and the outcome that is recorded.
fn way(is_duplicate: bool, crashes: u32) -> (Vec<&'static str>, Option<Outcome>) {
    let (mut stage, mut names, mut outcome) = (first(), Vec::new(), None);
    loop {
        let (name, next) = match stage {
            Stage::LookUp(look_up) => ("look up", look_up.answer(is_duplicate)),
            Stage::Crashes(count) => ("crashes", count.answer(crashes)),
            Stage::Begin(begin) => ("begin", begin.begun()),
            Stage::Look(look) => ("look", look.answer(Outcome::Unsure)),
            Stage::Forget(forget) => ("forget", forget.forgotten()),
            Stage::Record(record) => {
                outcome = Some(record.record().outcome.clone());
                ("record", record.answer(Recorded::Duplicate { reply: None }))
            }
            Stage::Acknowledge(_) => {
                names.push("acknowledge");
                return (names, outcome);
            }
        };
        names.push(name);
        stage = next;
    }
}

#[test]
fn a_new_frame_is_noted_before_it_is_looked_at_and_recorded_before_it_is_acknowledged() {
    let (names, outcome) = way(false, AttemptLog::CRASH_LIMIT - 1);
    assert_eq!(
        names,
        [
            "look up",
            "crashes",
            "begin",
            "look",
            "forget",
            "record",
            "acknowledge"
        ]
    );
    assert_eq!(outcome, Some(Outcome::Unsure));
}

#[test]
fn a_repeat_is_recorded_without_a_look() {
    let (names, _) = way(true, 0);
    assert_eq!(names, ["look up", "record", "acknowledge"]);
}

#[test]
fn a_frame_at_the_crash_limit_is_rejected_unseen_and_forgotten_once_that_is_durable() {
    let (names, outcome) = way(false, AttemptLog::CRASH_LIMIT);
    assert_eq!(
        names,
        ["look up", "crashes", "record", "forget", "acknowledge"]
    );
    assert_eq!(outcome, Some(Outcome::Rejected(RejectReason::Crashed)));
}

#[test]
fn a_damaged_ledger_ends_the_process_and_any_other_failure_is_waited_out() {
    assert_eq!(Setback::after(LedgerErrorKind::Damaged), Setback::End);
    assert_eq!(Setback::after(LedgerErrorKind::Full), Setback::Hold);
}
