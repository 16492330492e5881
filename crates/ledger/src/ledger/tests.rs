//! Each crash window of the contract, and a disk that refuses.
//!
//! A crash is the files as they lie at that moment, copied to another folder and opened there: what
//! a killed process leaves. A power cut is such a copy with its log cut short.

use std::fs;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use time::macros::datetime;

use super::*;
use crate::counting::Group;
use crate::error::LedgerErrorKind;
use crate::frame::{
    Clock, FrameKey, FrameRecord, ModelInfo, Outcome, Recorded, RejectReason, Repeat, ReusedId,
    Software,
};
use crate::outbox;

fn now(seconds: i64) -> Now {
    let wall = datetime!(2026-11-23 10:00:00 UTC) + time::Duration::seconds(seconds);
    Now {
        wall,
        clock: Clock::Plausible,
    }
}

fn model() -> ModelInfo {
    ModelInfo {
        name: "m".into(),
        version: "1".into(),
        sha256: "00".into(),
    }
}

fn software() -> Software {
    Software {
        version: "1".into(),
    }
}

fn frame(number: u32) -> FrameRecord {
    let mut digest = [7; 32];
    digest[..4].copy_from_slice(&number.to_le_bytes());
    FrameRecord {
        key: FrameKey {
            camera: format!("cam-{}", number % 2),
            input: "images".into(),
            message_id: Some(number.to_string()),
            created: None,
            digest,
            repeat: Repeat::No,
            reused_id: ReusedId::CountsAsNew,
        },
        stamp: None,
        arrival: now(1).wall,
        clock: Clock::Plausible,
        outcome: Outcome::Classified {
            label: "ripe".into(),
        },
        reply: None,
    }
}

fn open(dir: &TempDir) -> Ledger {
    Ledger::open(dir.path(), LedgerOptions::default(), now(0)).unwrap()
}

/// What a process that is killed now leaves behind.
fn crash(dir: &TempDir) -> TempDir {
    let left = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        // The index into the log is shared memory, which dies with the machine.
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            fs::copy(entry.path(), left.path().join(entry.file_name())).unwrap();
        }
    }
    left
}

fn received(ledger: &Ledger) -> u64 {
    let verification = ledger.verify().unwrap();
    assert!(verification.is_right(), "{:#?}", verification.findings);
    verification.received
}

#[test]
fn a_crash_before_the_commit_leaves_nothing_and_the_redelivery_counts() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    ledger.record(&frame(1), &model()).unwrap();
    let (rules, mut memo) = (ledger.rules, Memo::default());
    let transaction = ledger.connection.transaction().unwrap();
    let mut group = Group::begin(&transaction, rules, "", &mut memo);
    group.record(&frame(2), &model()).unwrap();
    // So much that pages spill into the log before the commit.
    for number in 10..4000 {
        group.record(&frame(number), &model()).unwrap();
    }
    group.finish().unwrap();
    let left = crash(&dir);
    drop(transaction);

    let mut after = open(&left);
    assert_eq!(received(&after), 1);
    assert!(!after.is_duplicate(&frame(2).key).unwrap());
    let recorded = after.record(&frame(2), &model()).unwrap();
    assert_eq!(recorded, Recorded::Counted { reused_id: false });
    assert_eq!(received(&after), 2);
}

#[test]
fn a_crash_between_commit_and_acknowledgement_makes_the_redelivery_a_duplicate() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    ledger.record(&frame(1), &model()).unwrap();
    let left = crash(&dir);
    let mut after = open(&left);
    assert_eq!(received(&after), 1);
    assert_eq!(
        after.record(&frame(1), &model()).unwrap(),
        Recorded::Duplicate { reply: None }
    );
    let frames = after.totals().unwrap().whole.frames;
    assert_eq!(
        (frames.received, frames.classified, frames.duplicate),
        (2, 1, 1)
    );
}

#[test]
fn a_log_torn_within_the_last_commit_holds_all_that_was_acknowledged_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    for number in 0..5 {
        ledger.record(&frame(number), &model()).unwrap();
    }
    let flushed = log_length(&dir);
    ledger.record(&frame(5), &model()).unwrap();
    let written = log_length(&dir);
    assert!(written > flushed + 1024, "{flushed} {written}");

    let began = Instant::now();
    let mut cuts = 0;
    let mut kept = 0;
    // A prime step meets every kind of place: headers of frames, their pages, their borders.
    for cut in (flushed..=written)
        .step_by(101)
        .chain([written - 1, written])
    {
        let left = crash(&dir);
        let log = fs::OpenOptions::new()
            .write(true)
            .open(left.path().join("counts.db-wal"));
        log.unwrap().set_len(cut).unwrap();
        let mut after = open(&left);
        assert_eq!(after.set_aside(), None);
        let after_crash = received(&after);
        assert!(
            after_crash == 5 || (after_crash == 6 && cut > written - 1024),
            "cut at {cut}"
        );
        after.record(&frame(5), &model()).unwrap();
        assert_eq!(after.totals().unwrap().whole.frames.classified, 6);
        cuts += 1;
        kept += u64::from(after_crash == 6);
    }
    assert!(kept >= 1, "the whole log holds the last commit too");
    println!(
        "{cuts} cuts in {:?}, {kept} of them kept the last commit",
        began.elapsed()
    );
}

fn log_length(dir: &TempDir) -> u64 {
    fs::metadata(dir.path().join("counts.db-wal"))
        .unwrap()
        .len()
}

#[test]
fn a_crash_before_sealing_is_committed_leaves_the_window_open_for_the_same_sequence() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    ledger.record(&frame(1), &model()).unwrap();
    let software = software();
    let sealing = ledger.sealing(now(60), &software);
    let windows = seal::due_windows(&ledger.connection, i64::MAX).unwrap();
    let transaction = ledger.connection.transaction().unwrap();
    assert_eq!(seal::seal(&transaction, &windows[0], &sealing).unwrap(), 1);
    let left = crash(&dir);
    drop(transaction);

    let mut after = open(&left);
    assert_eq!(after.unsent(10).unwrap(), []);
    assert_eq!(received(&after), 1);
    assert_eq!(after.seal_due(now(60), &software).unwrap(), 1);
    assert_eq!(after.unsent(10).unwrap()[0].sequence, 1);
    assert_eq!(received(&after), 1);
}

#[test]
fn a_crash_after_sealing_sends_the_same_bytes_whether_or_not_they_were_taken() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    ledger.record(&frame(1), &model()).unwrap();
    ledger.seal_due(now(60), &software()).unwrap();
    let published = ledger.unsent(10).unwrap();
    // The same files whether the crash was before the publish, before the PUBACK, or after it.
    let left = crash(&dir);
    let mut after = open(&left);
    assert_eq!(after.unsent(10).unwrap(), published);
    assert_eq!(
        after.seal_due(now(6000), &software()).unwrap(),
        0,
        "not sealed again"
    );
    after.mark_sent(1, now(61)).unwrap();
    let left = crash(&left);
    let after = open(&left);
    assert_eq!(
        after.unsent(10).unwrap(),
        [],
        "a noted report is not sent again"
    );
    assert_eq!(received(&after), 1);
}

#[test]
fn a_crash_while_reports_are_carried_forward_leaves_each_in_one_place() {
    let dir = tempfile::tempdir().unwrap();
    let options = LedgerOptions {
        keep_sent: crate::KeepSent {
            at_least: 1,
            at_most: 2,
            ..crate::KeepSent::default()
        },
        ..LedgerOptions::default()
    };
    let mut ledger = open(&dir);
    for number in 0..6 {
        ledger.record(&frame(number), &model()).unwrap();
        ledger.seal_all(now(1), &software()).unwrap();
    }
    for sequence in 1..6 {
        ledger.mark_sent(sequence, now(2)).unwrap();
    }
    let rule = options.keep_sent.check().unwrap();
    let transaction = ledger.connection.transaction().unwrap();
    assert!(outbox::mark_sent(&transaction, 6, 3).unwrap());
    assert_eq!(retention::step(&transaction, rule, now(3)).unwrap(), 4);
    let left = crash(&dir);
    drop(transaction);

    let reopen = |dir: &TempDir| Ledger::open(dir.path(), options, now(4)).unwrap();
    let mut after = reopen(&left);
    assert_eq!(received(&after), 6);
    assert_eq!(after.verify().unwrap().carried_forward, 0);
    assert_eq!(after.unsent(10).unwrap()[0].sequence, 6, "it is sent again");
    after.mark_sent(6, now(4)).unwrap();
    let after = reopen(&crash(&left));
    assert_eq!(received(&after), 6);
    let verification = after.verify().unwrap();
    assert_eq!((verification.carried_forward, verification.reports), (4, 2));
    assert_eq!(after.unsent(10).unwrap(), []);
}

#[test]
fn a_crash_while_a_ledger_begins_leaves_one_that_opens() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(STORE_FILE);
    let connection = Connection::open(&path).unwrap();
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    crate::schema::migrate(&connection, 0).unwrap();
    let left = crash(&dir);
    drop(connection);
    let ledger = open(&left);
    assert_eq!(ledger.set_aside(), None);
    assert_eq!(received(&ledger), 0);
}

#[test]
fn a_full_disk_refuses_leaves_nothing_half_done_and_recovers_without_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    let limit_pages = |ledger: &Ledger, pages: i64| {
        let set = |_: &rusqlite::Row<'_>| Ok(());
        ledger
            .connection
            .pragma_update_and_check(None, "max_page_count", pages, set)
            .unwrap();
    };
    let pages: i64 = ledger
        .connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    limit_pages(&ledger, pages + 4);
    let mut recorded = 0;
    let refused = loop {
        match ledger.record(&frame(recorded), &model()) {
            Ok(_) => recorded += 1,
            Err(refused) => break refused,
        }
        assert!(recorded < 10_000, "the limit is reached");
    };
    assert_eq!(refused.kind(), LedgerErrorKind::Full);
    assert_eq!(received(&ledger), u64::from(recorded));
    assert!(!ledger.is_duplicate(&frame(recorded).key).unwrap());
    let before = ledger.totals().unwrap();
    ledger.record(&frame(recorded), &model()).unwrap_err();
    assert_eq!(ledger.totals().unwrap(), before);

    limit_pages(&ledger, 1_000_000);
    ledger.probe().unwrap();
    ledger.record(&frame(recorded), &model()).unwrap();
    assert_eq!(received(&ledger), u64::from(recorded) + 1);
    assert_eq!(ledger.seal_due(now(60), &software()).unwrap(), 1);
    assert_eq!(received(&ledger), u64::from(recorded) + 1);
}

#[test]
fn sealing_on_a_full_disk_keeps_the_window_open() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    for number in 0..300 {
        let mut taken = frame(number);
        taken.key.camera = format!("camera-with-a-name-of-its-own-{number}");
        ledger.record(&taken, &model()).unwrap();
    }
    let pages: i64 = ledger
        .connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    let set = |_: &rusqlite::Row<'_>| Ok(());
    ledger
        .connection
        .pragma_update_and_check(None, "max_page_count", pages, set)
        .unwrap();
    let refused = ledger.seal_due(now(60), &software()).unwrap_err();
    assert_eq!(refused.kind(), LedgerErrorKind::Full);
    assert_eq!(ledger.unsent(10).unwrap(), []);
    assert_eq!(received(&ledger), 300);
    assert_eq!(
        ledger.next_closing(now(60)),
        Some(Duration::ZERO),
        "still to be done"
    );
    ledger
        .connection
        .pragma_update_and_check(None, "max_page_count", 1_000_000, set)
        .unwrap();
    assert_eq!(ledger.seal_due(now(61), &software()).unwrap(), 1);
    assert_eq!(received(&ledger), 300);
}

#[test]
fn a_read_only_store_refuses_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    ledger
        .connection
        .pragma_update(None, "query_only", true)
        .unwrap();
    let refused = ledger.record(&frame(1), &model()).unwrap_err();
    assert_eq!(refused.kind(), LedgerErrorKind::ReadOnly);
    assert_eq!(
        ledger.probe().unwrap_err().kind(),
        LedgerErrorKind::ReadOnly
    );
    ledger
        .connection
        .pragma_update(None, "query_only", false)
        .unwrap();
    ledger.record(&frame(1), &model()).unwrap();
    assert_eq!(received(&ledger), 1);
}

#[test]
fn another_writer_in_the_way_is_busy_and_passes() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    ledger
        .connection
        .busy_timeout(Duration::from_millis(10))
        .unwrap();
    let tool = Connection::open(&ledger.path).unwrap();
    tool.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = ledger.record(&frame(1), &model()).unwrap_err();
    assert_eq!(refused.kind(), LedgerErrorKind::Busy);
    tool.execute_batch("ROLLBACK").unwrap();
    ledger.record(&frame(1), &model()).unwrap();
    assert_eq!(received(&ledger), 1);
}

#[test]
fn memory_of_the_log_stays_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    let mut longest = 0;
    for number in 0..1500 {
        ledger.record(&frame(number), &model()).unwrap();
        longest = longest.max(log_length(&dir));
    }
    assert!(longest < 6 * 1024 * 1024, "{longest}");
}

#[test]
fn every_commit_is_flushed_and_the_log_is_kept_apart() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(&dir);
    let number = |name| -> i64 {
        ledger
            .connection
            .pragma_query_value(None, name, |row| row.get(0))
            .unwrap()
    };
    // 2 is FULL: the log is flushed in each commit, not only when it is folded into the store.
    assert_eq!(number("synchronous"), 2);
    assert_eq!(number("auto_vacuum"), 2, "pages can be given back");
    assert_eq!(number("foreign_keys"), 1);
    let mode: String = ledger
        .connection
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}

mod copies;
mod relaxed;
mod verifying;
