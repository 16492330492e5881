//! What a power cut takes where frames are flushed later: the log is cut where the last flush left it.

use super::*;

fn open_relaxed(dir: &TempDir) -> Ledger {
    let options = LedgerOptions {
        durability: Durability::Relaxed,
        ..LedgerOptions::default()
    };
    let mut ledger = Ledger::open(dir.path(), options, now(0)).unwrap();
    // A process before may have left something.
    ledger.flush().unwrap();
    ledger
}

/// What a power cut leaves that takes all of the log behind a place.
fn power_cut(dir: &TempDir, log: u64) -> TempDir {
    let left = crash(dir);
    let file = fs::OpenOptions::new()
        .write(true)
        .open(left.path().join("counts.db-wal"));
    file.unwrap().set_len(log).unwrap();
    left
}

fn is_flushing(ledger: &Ledger) -> bool {
    let level: i64 = ledger
        .connection
        .pragma_query_value(None, "synchronous", |row| row.get(0))
        .unwrap();
    level == 2
}

#[test]
fn a_power_cut_takes_the_frames_since_the_last_flush_and_no_sealed_report() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open_relaxed(&dir);
    ledger.record(&frame(1), &model()).unwrap();
    assert!(!is_flushing(&ledger));
    assert!(ledger.flushing.is_needed());
    assert_eq!(ledger.seal_due(now(60), &software()).unwrap(), 1);
    assert!(is_flushing(&ledger), "sealing flushes what was recorded");
    assert!(!ledger.flushing.is_needed());
    let flushed = log_length(&dir);
    let published = ledger.unsent(10).unwrap();
    for number in 2..5 {
        ledger.record(&frame(number), &model()).unwrap();
    }
    assert!(log_length(&dir) > flushed);
    assert_eq!(received(&open(&crash(&dir))), 4, "a kill takes nothing");

    let left = power_cut(&dir, flushed);
    let mut after = open_relaxed(&left);
    assert_eq!(after.unsent(10).unwrap(), published);
    assert_eq!(received(&after), 1);
    // The hub has given these up, but a camera may send them again.
    for number in 1..5 {
        after.record(&frame(number), &model()).unwrap();
    }
    after.seal_all(now(120), &software()).unwrap();
    assert_eq!(after.unsent(10).unwrap()[1].sequence, 2);
    assert_eq!(received(&after), 5, "one duplicate");
}

#[test]
fn whatever_of_the_unflushed_log_is_left_is_a_beginning_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open_relaxed(&dir);
    ledger.record(&frame(1), &model()).unwrap();
    ledger.flush().unwrap();
    let flushed = log_length(&dir);
    for number in 2..8 {
        ledger.record(&frame(number), &model()).unwrap();
    }
    let mut before = 1;
    for cut in (flushed..=log_length(&dir)).step_by(2 * 1048) {
        let after = open(&power_cut(&dir, cut));
        let counted = received(&after);
        assert!(counted >= before, "{counted} at {cut}");
        for number in 1..8 {
            let known = after.is_duplicate(&frame(number).key).unwrap();
            assert_eq!(known, u64::from(number) <= counted, "{number} at {cut}");
        }
        before = counted;
    }
}

#[test]
fn a_flush_holds_what_was_recorded_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open_relaxed(&dir);
    ledger.record(&frame(1), &model()).unwrap();
    let unflushed = log_length(&dir);
    ledger.flush().unwrap();
    assert!(is_flushing(&ledger));
    let flushed = log_length(&dir);
    assert!(flushed > unflushed);
    ledger.flush().unwrap();
    assert_eq!(log_length(&dir), flushed, "nothing is left to flush");
    ledger.record(&frame(2), &model()).unwrap();
    assert_eq!(received(&open(&power_cut(&dir, flushed))), 1);
}

#[test]
fn a_commit_that_changed_nothing_is_not_taken_for_a_flush() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open_relaxed(&dir);
    ledger.record(&frame(1), &model()).unwrap();
    ledger.mark_sent(7, now(1)).unwrap_err();
    assert!(ledger.flushing.is_needed());
}

#[test]
fn a_strict_ledger_flushes_each_commit_and_has_nothing_to_flush() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    ledger.record(&frame(1), &model()).unwrap();
    assert!(is_flushing(&ledger));
    let length = log_length(&dir);
    ledger.flush().unwrap();
    assert_eq!(log_length(&dir), length);
}

#[test]
fn dropping_flushes_although_somebody_reads_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open_relaxed(&dir);
    ledger.record(&frame(1), &model()).unwrap();
    let reader = Connection::open(&ledger.path).unwrap();
    reader
        .query_row("SELECT count(*) FROM ledger", [], |_| Ok(()))
        .unwrap();
    let unflushed = log_length(&dir);
    drop(ledger);
    assert!(log_length(&dir) > unflushed, "the flushing commit is there");
    drop(reader);
}

/// What a power cut leaves that keeps later commits of the log and loses a byte of an earlier one.
fn torn_at(dir: &TempDir, at: u64) -> TempDir {
    let left = crash(dir);
    let log = left.path().join("counts.db-wal");
    let mut bytes = fs::read(&log).unwrap();
    bytes[usize::try_from(at).unwrap()] ^= 0x10;
    fs::write(&log, bytes).unwrap();
    left
}

/// Eight frames recorded; gives where the third one's commit begins in the log.
fn record_eight(ledger: &mut Ledger, dir: &TempDir) -> u64 {
    for number in 1..3 {
        ledger.record(&frame(number), &model()).unwrap();
    }
    let third = log_length(dir);
    for number in 3..9 {
        ledger.record(&frame(number), &model()).unwrap();
    }
    third
}

const MARK: &str = "counts.unflushed";

#[test]
fn unflushed_commits_torn_out_of_order_are_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open_relaxed(&dir);
    let third = record_eight(&mut ledger, &dir);
    for open in [open_relaxed, open] {
        let left = torn_at(&dir, third + 100);
        let after = open(&left);
        assert_eq!(after.set_aside(), None);
        assert_eq!(after.id(), ledger.id());
        assert_eq!(received(&after), 2, "what was whole before it");
    }
}

#[test]
fn flushed_commits_torn_the_same_way_are_damage() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    let third = record_eight(&mut ledger, &dir);
    assert!(open(&torn_at(&dir, third + 100)).set_aside().is_some());
}

#[test]
fn a_strict_ledger_after_a_relaxed_one_begins_its_log_anew_and_is_watched_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open_relaxed(&dir);
    let third = record_eight(&mut ledger, &dir);
    let left = torn_at(&dir, third + 100);
    assert!(left.path().join(MARK).exists());
    let mut strict = open(&left);
    assert!(!left.path().join(MARK).exists());
    assert_eq!(log_length(&left), 0);
    // Nothing of the torn log is taken for damage of the new one.
    strict.record(&frame(20), &model()).unwrap();
    assert_eq!(open(&crash(&left)).set_aside(), None);
    let from = log_length(&left);
    for number in 21..25 {
        strict.record(&frame(number), &model()).unwrap();
    }
    assert!(open(&torn_at(&left, from + 100)).set_aside().is_some());
}

#[test]
fn the_mark_stays_while_a_reader_holds_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open_relaxed(&dir);
    ledger.record(&frame(1), &model()).unwrap();
    let left = crash(&dir);
    let reader = Connection::open(left.path().join("counts.db")).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM ledger")
        .unwrap();
    let strict = open(&left);
    assert!(left.path().join(MARK).exists());
    drop((strict, reader));
    drop(open(&left));
    assert!(!left.path().join(MARK).exists());
}

#[test]
fn opening_flushes_a_log_that_was_left_before_its_reports_can_be_published() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    ledger.record(&frame(1), &model()).unwrap();
    ledger.seal_due(now(60), &software()).unwrap();
    let written = log_length(&dir);
    for durability in [Durability::Strict, Durability::Relaxed] {
        let left = crash(&dir);
        let options = LedgerOptions {
            durability,
            ..LedgerOptions::default()
        };
        let after = Ledger::open(left.path(), options, now(61)).unwrap();
        assert!(is_flushing(&after));
        assert!(!after.flushing.is_needed());
        assert!(log_length(&left) > written, "the flushing commit is there");
        assert_eq!(after.unsent(10).unwrap(), ledger.unsent(10).unwrap());
    }
}

#[test]
fn after_a_failed_commit_nothing_counts_as_flushed_before_the_store_has_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open_relaxed(&dir);
    ledger.record(&frame(1), &model()).unwrap();
    let fails = |_: &Connection| Err::<(), _>(rusqlite::Error::InvalidQuery);
    ledger.commit("fail", fails).unwrap_err();
    let reader = Connection::open(&ledger.path).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    reader
        .query_row("SELECT count(*) FROM ledger", [], count)
        .unwrap();

    assert_eq!(
        ledger.flush().unwrap_err().kind(),
        LedgerErrorKind::Busy,
        "a reader needs the log"
    );
    ledger.seal_all(now(1), &software()).unwrap_err();
    assert!(ledger.flushing.is_needed());
    ledger.record(&frame(2), &model()).unwrap();
    drop(reader);

    assert_eq!(ledger.seal_all(now(1), &software()).unwrap(), 1);
    assert!(!ledger.flushing.is_needed());
    // The frames are in the store itself: the log has the sealing alone.
    let left = power_cut(&dir, 0);
    assert_eq!(received(&open(&left)), 2);
}
