//! Modules that break a promise on purpose: the schedules see each of them.

use super::schedules::run;
use crate::counter::Flaw;

/// So many seeds have to be enough.
const SEEDS: u64 = 400;

fn is_seen(flaw: Flaw, told: &[&str]) {
    let seen = (0..SEEDS).find_map(|seed| Some((seed, run(seed, Some(flaw), false).0.err()?)));
    let Some((seed, what)) = seen else {
        panic!("{flaw:?} went unseen in {SEEDS} schedules");
    };
    println!("{flaw:?} is seen at seed {seed}: {what}");
    assert!(told.iter().any(|part| what.contains(part)), "{what}");
}

#[test]
fn a_module_that_acknowledges_before_its_commit_is_seen() {
    is_seen(Flaw::AcknowledgesFirst, &["before its result is durable"]);
}

#[test]
fn a_module_that_acknowledges_what_its_ledger_refused_is_seen() {
    is_seen(
        Flaw::AcknowledgesFailures,
        &["before its result is durable", "has not arrived"],
    );
}

#[test]
fn a_module_that_forgets_what_it_counted_when_it_starts_is_seen() {
    is_seen(
        Flaw::ForgetsMemory,
        &["came to Counted", "is counted 2 times"],
    );
}

#[test]
fn a_module_that_seals_a_report_twice_is_seen() {
    is_seen(Flaw::SealsTwice, &["never sealed like this"]);
}

#[test]
fn a_module_that_changes_a_sealed_report_is_seen() {
    is_seen(Flaw::ChangesBytes, &["never sealed like this"]);
}

#[test]
fn a_module_that_marks_a_report_before_its_puback_is_seen() {
    is_seen(Flaw::MarksFirst, &["not upstream", "upstream are"]);
}

#[test]
fn a_module_that_forgets_what_was_set_when_it_starts_is_seen() {
    is_seen(Flaw::ForgetsSettings, &["windows are"]);
}

#[test]
fn a_module_that_notes_no_attempts_never_gets_past_a_picture_that_kills_it() {
    is_seen(
        Flaw::NotesNothing,
        &["no rest", "time stands still", "dials"],
    );
}
