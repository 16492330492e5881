//! How long sent reports are kept, whatever the clock says.

use std::fs;
use std::time::Duration;

use ledger::{Clock, KeepSent, Ledger, LedgerErrorKind, LedgerOptions, Now, Verification};
use rusqlite::Connection;

use crate::support::{Fixture, at, classified, frame, model, software};

const DAY: i64 = 86_400;

fn keep(at_least: usize, at_most: usize) -> LedgerOptions {
    LedgerOptions {
        keep_sent: KeepSent {
            at_least,
            at_most,
            ..KeepSent::default()
        },
        ..LedgerOptions::default()
    }
}

/// One frame in one window, sealed but not sent. The frame's number is that of its second.
fn seal_one(counts: &mut Fixture, second: i64, clock: Clock) {
    let mut taken = frame("cam", u32::try_from(second / 60).unwrap(), second);
    taken.clock = clock;
    counts.record(&taken);
    let sealed = counts.ledger.seal_all(at(second), &software()).unwrap();
    assert_eq!(sealed, 1);
}

fn send_one(counts: &mut Fixture, second: i64) {
    seal_one(counts, second, Clock::Plausible);
    counts.send_all(at(second));
}

fn unsure(second: i64) -> Now {
    Now {
        clock: Clock::Unsure,
        ..at(second)
    }
}

fn verified(counts: &Fixture) -> Verification {
    let verification = counts.ledger.verify().unwrap();
    assert!(verification.is_right(), "{:#?}", verification.findings);
    verification
}

#[test]
fn sent_reports_are_carried_forward_after_ninety_days_and_the_sums_still_agree() {
    let mut counts = Fixture::in_memory(keep(5, 1000));
    for day in 0..120 {
        send_one(&mut counts, day * DAY);
    }
    let seen = verified(&counts);
    // The window of day 0 ended a minute after its frame, so on day 119 that of day 29 is too young.
    assert_eq!((seen.carried_forward, seen.reports), (29, 91));
    assert_eq!(seen.received, 120);
    let totals = counts.ledger.totals().unwrap();
    assert_eq!((totals.sealed_reports, totals.unsent_reports), (120, 0));
    assert_eq!(totals.whole.counts["ripe"], 120);
    counts.ledger.mark_sent(1, at(119 * DAY)).unwrap();
    let refused = counts.ledger.mark_sent(121, at(119 * DAY)).unwrap_err();
    assert_eq!(refused.kind(), LedgerErrorKind::Argument);

    let mut counts = counts.reopen();
    send_one(&mut counts, 120 * DAY);
    assert_eq!(verified(&counts).carried_forward, 30);
    assert_eq!(counts.ledger.totals().unwrap().whole.counts["ripe"], 121);
}

#[test]
fn unsent_reports_and_all_after_them_stay_at_any_age_and_number() {
    let mut counts = Fixture::in_memory(keep(1, 4));
    for day in 0..200 {
        seal_one(&mut counts, day * DAY, Clock::Plausible);
        if day > 0 {
            let newest = u64::try_from(day).unwrap() + 1;
            counts.ledger.mark_sent(newest, at(day * DAY)).unwrap();
        }
    }
    assert_eq!(counts.ledger.unsent(10).unwrap().len(), 1);
    let seen = verified(&counts);
    assert_eq!((seen.carried_forward, seen.reports), (0, 200));
    // As soon as it is taken, sixteen go with each report.
    counts.send_all(at(200 * DAY));
    assert_eq!(verified(&counts).carried_forward, 16);
    for day in 201..220 {
        send_one(&mut counts, day * DAY);
    }
    assert_eq!(verified(&counts).reports, 4);
}

#[test]
fn over_the_highest_number_reports_go_under_any_clock() {
    let mut counts = Fixture::in_memory(keep(3, 10));
    for minute in 0..30 {
        seal_one(&mut counts, minute * 60, Clock::Unsure);
        counts.send_all(unsure(0));
        let kept = verified(&counts).reports;
        assert_eq!(kept, 10.min(u64::try_from(minute).unwrap() + 1));
    }
}

#[test]
fn a_step_of_the_clock_lets_nothing_go() {
    let mut counts = Fixture::in_memory(keep(3, 1000));
    let year = 365 * DAY;
    for minute in 0..50 {
        send_one(&mut counts, minute * 60);
    }
    // There and back, and again, within a day each time.
    for step in 0..10 {
        let now = if step % 2 == 0 { 10 * year } else { 3 * DAY } + step * 3600;
        send_one(&mut counts, now);
    }
    let seen = verified(&counts);
    assert_eq!((seen.carried_forward, seen.reports), (0, 60));
}

#[test]
fn a_clock_that_stays_far_in_the_future_takes_none_of_the_last_ones() {
    let mut counts = Fixture::in_memory(keep(20, 1000));
    for minute in 0..50 {
        send_one(&mut counts, minute * 60);
    }
    let ahead = 10 * 365 * DAY;
    for hour in 0..60 {
        send_one(&mut counts, ahead + hour * 3600);
        let kept = verified(&counts).reports;
        assert!(kept >= 20, "{kept} kept at hour {hour}");
        assert!(
            hour >= 24 || kept == 51 + u64::try_from(hour).unwrap(),
            "{kept} at hour {hour}"
        );
    }
    assert_eq!(
        verified(&counts).carried_forward,
        50,
        "those of ten years ago"
    );
    // Even where every one of them is old.
    for hour in 0..60 {
        seal_one(&mut counts, ahead + hour * 3600 + 60, Clock::Plausible);
        counts.send_all(at(2 * ahead + hour * 3600));
        assert!(verified(&counts).reports >= 20);
    }
    assert_eq!(verified(&counts).reports, 20);
}

#[test]
fn an_unsure_clock_lets_nothing_go_by_age() {
    let mut counts = Fixture::in_memory(keep(1, 1000));
    for day in 0..120 {
        seal_one(&mut counts, day * DAY, Clock::Plausible);
        counts.send_all(unsure(day * DAY));
    }
    assert_eq!(verified(&counts).carried_forward, 0);
}

#[test]
fn a_window_from_before_the_clock_was_set_is_as_old_as_the_next_sure_one() {
    let mut counts = Fixture::in_memory(keep(1, 1000));
    for number in 0..10 {
        let mut early = frame("cam", 1000 + number, 0);
        early.arrival = time::OffsetDateTime::UNIX_EPOCH + time::Duration::minutes(number.into());
        early.clock = Clock::Unsure;
        counts.record(&early);
    }
    counts.ledger.seal_all(at(0), &software()).unwrap();
    counts.send_all(at(0));
    for day in 1..=91 {
        send_one(&mut counts, day * DAY);
        assert_eq!(verified(&counts).carried_forward, 0, "day {day}");
    }
    send_one(&mut counts, 92 * DAY);
    assert_eq!(verified(&counts).carried_forward, 11);
}

#[test]
fn the_file_stays_bounded_and_shrinks_when_fewer_are_kept() {
    let mut counts = Fixture::in_memory(keep(1, 150));
    let number_of = |counts: &Fixture, name: &str| -> i64 {
        let tool = Connection::open(counts.dir.path().join("counts.db")).unwrap();
        tool.pragma_query_value(None, name, |row| row.get(0))
            .unwrap()
    };
    // Long labels in the totals make every report large.
    for number in 0..60 {
        let mut taken = frame("cam", 100_000 + number, 0);
        taken.outcome = classified(&format!("{number:0>290}"));
        counts.record(&taken);
    }
    for minute in 0..200 {
        send_one(&mut counts, minute * 60);
    }
    let full = number_of(&counts, "page_count");
    for minute in 200..400 {
        send_one(&mut counts, minute * 60);
    }
    let later = number_of(&counts, "page_count");
    assert!(later <= full + 256, "{later} pages, {full} before");

    let mut counts = counts.reopen_with(keep(1, 2));
    for minute in 400..425 {
        send_one(&mut counts, minute * 60);
    }
    assert_eq!(verified(&counts).reports, 2);
    let (few, free) = (
        number_of(&counts, "page_count"),
        number_of(&counts, "freelist_count"),
    );
    println!("{full} pages with 150 reports, {few} with 2, {free} of them free");
    assert!(
        full > 2800 && free <= 1024 && few < 1600,
        "{full} {few} {free}"
    );
}

#[test]
fn a_file_of_format_1_is_migrated_with_all_that_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("counts.db");
    let old = Connection::open(&file).unwrap();
    old.execute_batch(include_str!("format_1.sql")).unwrap();
    drop(old);
    let mut ledger = Ledger::open(dir.path(), keep(1, 1), at(70)).unwrap();
    assert_eq!(ledger.set_aside(), None);
    assert_eq!(ledger.id(), "bd052fe30ece76a2");
    let totals = ledger.totals().unwrap();
    assert_eq!(totals.whole.frames.received, 6);
    assert_eq!((totals.sealed_reports, totals.open_windows), (2, 1));
    assert!(ledger.is_duplicate(&frame("cam-a", 2, 0).key).unwrap());
    let mut again = frame("cam-a", 5, 62);
    again.key.message_id = None;
    again.key.repeat = ledger::Repeat::MarkedBySender;
    assert!(
        ledger.is_duplicate(&again.key).unwrap(),
        "it is among the last ten"
    );
    assert_eq!(ledger.verify().unwrap().findings, [""; 0]);

    // Which clock placed the reports is read out of their bodies.
    let tool = Connection::open(&file).unwrap();
    let clocks: String = tool
        .query_row("SELECT group_concat(clock) FROM report", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(clocks, "plausible,unsure");

    ledger.record(&frame("cam-a", 100, 70), &model()).unwrap();
    ledger.seal_due(at(120), &software()).unwrap();
    for report in ledger.unsent(10).unwrap() {
        ledger.mark_sent(report.sequence, at(120)).unwrap();
    }
    let verification = ledger.verify().unwrap();
    assert_eq!(verification.findings, [""; 0]);
    assert_eq!((verification.carried_forward, verification.reports), (2, 1));
    drop(ledger);
    let before = fs::read(&file).unwrap();
    drop(Ledger::open(dir.path(), keep(1, 1), at(70)).unwrap());
    assert_eq!(fs::read(&file).unwrap(), before, "migrated once");
}

#[test]
fn a_carried_forward_sum_that_was_changed_is_found() {
    let check = |tamper: &str, finding: &str| {
        let mut counts = Fixture::in_memory(keep(1, 2));
        for minute in 0..6 {
            send_one(&mut counts, minute * 60);
        }
        assert_eq!(verified(&counts).carried_forward, 4);
        let tool = Connection::open(counts.dir.path().join("counts.db")).unwrap();
        tool.execute_batch("PRAGMA ignore_check_constraints = 1")
            .unwrap();
        tool.execute_batch(tamper).unwrap();
        let findings = counts.ledger.verify().unwrap().findings;
        assert!(
            findings.iter().any(|f| f.contains(finding)),
            "{tamper}: {findings:#?}"
        );
    };
    check(
        "UPDATE frame_sum SET received = 5 WHERE scope = -2",
        "received 5, expected 4",
    );
    check(
        "UPDATE named_sum SET number = 5 WHERE scope = -2",
        "totals of report",
    );
    check(
        "UPDATE ledger SET carried_through = 3",
        "2 reports, expected 3",
    );
    check(
        "DELETE FROM frame_sum WHERE scope = -2",
        "sealed sums of camera",
    );
    check(
        "DELETE FROM report WHERE sequence = 5",
        "1 reports, expected 2",
    );
}

#[test]
fn a_sent_report_that_cannot_be_read_is_kept_and_sending_goes_on() {
    let mut counts = Fixture::in_memory(keep(1, 2));
    for minute in 0..2 {
        send_one(&mut counts, minute * 60);
    }
    let tool = Connection::open(counts.dir.path().join("counts.db")).unwrap();
    tool.execute("UPDATE report SET body = x'00' WHERE sequence = 1", [])
        .unwrap();
    drop(tool);
    for minute in 2..6 {
        send_one(&mut counts, minute * 60);
    }
    assert_eq!(counts.ledger.unsent(10).unwrap(), []);
    let findings = counts.ledger.verify().unwrap().findings;
    let said = format!("the bytes of report {}-1 are no report", counts.ledger.id());
    assert!(findings[0].starts_with(&said), "{findings:#?}");
}

#[test]
fn rules_out_of_range_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let check = |keep_sent: KeepSent, said: &str| {
        let options = LedgerOptions {
            keep_sent,
            ..LedgerOptions::default()
        };
        let refused = Ledger::open(dir.path(), options, at(0)).unwrap_err();
        assert_eq!(refused.to_string(), said);
    };
    let defaults = KeepSent::default();
    check(
        KeepSent {
            at_least: 0,
            ..defaults
        },
        "keep_sent.at_least is 0, expected 1 to keep_sent.at_most",
    );
    check(
        KeepSent {
            at_least: 11,
            at_most: 10,
            ..defaults
        },
        "keep_sent.at_least is 11, expected 1 to keep_sent.at_most",
    );
    check(
        KeepSent {
            at_most: 10_000_001,
            ..defaults
        },
        "keep_sent.at_most is 10000001, expected 1 to 10000000",
    );
    check(
        KeepSent {
            age: Duration::MAX,
            ..defaults
        },
        &format!(
            "keep_sent.age is {:?}, expected 36500 days at most",
            Duration::MAX
        ),
    );
}
