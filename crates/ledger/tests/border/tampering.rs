//! Every sum that the ledger keeps, changed behind its back: verify names it.

use ledger::{KeepSent, LedgerErrorKind, LedgerOptions, LedgerReader, Outcome, RejectReason};
use rusqlite::Connection;

use crate::support::{Fixture, at, frame, software};

/// Reports 1 and 2 carried forward, 3 and 4 kept, an open window; a fruit and a rejection in each.
fn ledger() -> Fixture {
    let mut counts = Fixture::in_memory(LedgerOptions {
        keep_sent: KeepSent {
            at_least: 1,
            at_most: 2,
            ..KeepSent::default()
        },
        ..LedgerOptions::default()
    });
    for minute in 0..5_u32 {
        let second = i64::from(minute) * 60;
        counts.record(&frame("cam", 2 * minute, second));
        let mut rejected = frame("cam", 2 * minute + 1, second);
        rejected.outcome = Outcome::Rejected(RejectReason::Empty);
        counts.record(&rejected);
        if minute < 4 {
            counts.ledger.seal_all(at(second), &software()).unwrap();
            counts.send_all(at(second));
        }
    }
    counts
}

fn findings_after(tamper: &str) -> Vec<String> {
    let counts = ledger();
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    assert_eq!(reader.verify().unwrap().findings, [""; 0]);
    let tool = Connection::open(counts.dir.path().join("counts.db")).unwrap();
    tool.execute_batch("PRAGMA ignore_check_constraints = 1")
        .unwrap();
    tool.execute_batch(tamper).unwrap();
    assert!(tool.changes() > 0, "{tamper} changed nothing");
    let seen = reader.verify().unwrap();
    assert!(!seen.is_right());
    seen.findings
}

fn check(tamper: &str, named: &str) {
    let findings = findings_after(tamper);
    assert!(
        findings.iter().any(|finding| finding.contains(named)),
        "{tamper}: {named:?} is not in {findings:#?}"
    );
}

/// What is found where a sum of this scope is wrong.
const SCOPES: [(&str, &str); 4] = [
    ("scope = 0", "totals of camera \"cam\" are"),
    ("scope = -1", "sealed sums of camera \"cam\" are"),
    ("scope = -2", "sealed sums of camera \"cam\" are"),
    ("scope > 0", "totals of camera \"cam\" are"),
];

#[test]
fn every_stored_number_of_frames_is_proved() {
    for (scope, named) in SCOPES {
        for outcome in ["received", "classified", "unsure", "ignored", "duplicate"] {
            check(
                &format!("UPDATE frame_sum SET {outcome} = {outcome} + 1 WHERE {scope}"),
                named,
            );
        }
        // Two that hide each other in the outcomes do not hide from the reports.
        check(
            &format!(
                "UPDATE frame_sum SET received = received + 1, unsure = unsure + 1 WHERE {scope}"
            ),
            named,
        );
        check(
            &format!("UPDATE frame_sum SET rejected = rejected + 1 WHERE {scope}"),
            "stored frames of camera \"cam\" in scope",
        );
        check(&format!("DELETE FROM frame_sum WHERE {scope}"), named);
    }
}

#[test]
fn every_stored_number_of_fruits_and_reasons_is_proved() {
    for (scope, named) in SCOPES {
        for kind in ["fruit", "rejected"] {
            let rows = format!("WHERE {scope} AND kind = '{kind}'");
            check(
                &format!("UPDATE named_sum SET number = number + 1 {rows}"),
                named,
            );
            check(
                &format!("UPDATE named_sum SET name = 'other' {rows}"),
                named,
            );
            check(&format!("DELETE FROM named_sum {rows}"), named);
        }
    }
}

#[test]
fn every_part_of_a_report_is_proved() {
    let set = |path: &str, value: &str| {
        format!(
            "UPDATE report SET body = CAST(json_set(CAST(body AS TEXT), '{path}', {value}) AS BLOB)
             WHERE sequence = 3"
        )
    };
    let not_its_cameras = "is not the sum of its cameras";
    check(&set("$.counts.ripe", "7"), not_its_cameras);
    check(&set("$.frames.received", "7"), not_its_cameras);
    check(&set("$.frames.rejected.empty", "7"), not_its_cameras);
    check(&set("$.cameras.cam.counts.ripe", "7"), not_its_cameras);
    check(
        &set("$.cameras.cam.frames.received", "7"),
        "camera \"cam\" in report",
    );
    check(&set("$.totals.counts.ripe", "7"), "totals of report");
    check(&set("$.totals.frames.duplicate", "7"), "totals of report");
    check(&set("$.sequence", "7"), "calls itself");
    check(&set("$.reportId", "'other-3'"), "calls itself other-3");
    check(&set("$.ledger", "'other'"), "of other, expected");
    check(&set("$.schema", "'fruit-counts/2'"), "is a fruit-counts/2");
    check(
        &set("$.windowStart", "'2026-11-23T10:00:00Z'"),
        "is stored under another window",
    );
    check(
        "UPDATE report SET body = x'7b' WHERE sequence = 3",
        "are no report",
    );
    // A report whose own parts agree is betrayed by the totals and by what is sealed.
    let whole = "UPDATE report SET body = CAST(replace(CAST(body AS TEXT), '\"ripe\":1}', '\"ripe\":2}') AS BLOB)
        WHERE sequence = 3";
    check(whole, "totals of report");
    check(whole, "sealed sums of camera");
}

#[test]
fn the_sequence_of_reports_is_proved() {
    check(
        "DELETE FROM report WHERE sequence = 3",
        "1 reports, expected 2",
    );
    check(
        "DELETE FROM report WHERE sequence = 4",
        "1 reports, expected 2",
    );
    check(
        "UPDATE report SET sequence = 9 WHERE sequence = 4",
        "report 9 (",
    );
    check(
        "UPDATE report SET report_id = 'other-3' WHERE sequence = 3",
        "report 3 (other-3)",
    );
    check(
        "UPDATE ledger SET next_sequence = 6",
        "2 reports, expected 3",
    );
    check(
        "UPDATE ledger SET carried_through = 1",
        "2 reports, expected 3",
    );
    check("UPDATE ledger SET id = 'other'", "expected other-3");
}

#[test]
fn sums_too_great_for_a_number_are_a_finding() {
    let most = i64::MAX;
    check(
        &format!("UPDATE frame_sum SET classified = {most}, unsure = {most}, ignored = {most}"),
        "stored frames of camera",
    );
}

#[test]
fn a_camera_whose_name_is_lost_is_damage() {
    let counts = ledger();
    let tool = Connection::open(counts.dir.path().join("counts.db")).unwrap();
    tool.execute_batch("PRAGMA foreign_keys = 0; DELETE FROM camera")
        .unwrap();
    let reader = LedgerReader::open(counts.dir.path()).unwrap();
    let refused = reader.verify().unwrap_err();
    assert_eq!(refused.kind(), LedgerErrorKind::Damaged);
    assert!(
        format!("{refused:?}").contains("row of camera"),
        "{refused:?}"
    );
}
