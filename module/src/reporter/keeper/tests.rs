//! Sealing without a hub, on a real ledger.

use std::path::Path;

use ledger::{
    Clock, FrameKey, FrameRecord, LedgerOptions, ModelInfo, Now, Outcome, Repeat, ReusedId,
    Software,
};
use time::OffsetDateTime;

use super::*;

fn reporting() -> Reporting {
    Reporting {
        software: Software {
            version: "1".to_owned(),
        },
        model: model(),
        window: Duration::from_secs(60),
        heartbeat: None,
        merge_after: None,
    }
}

fn model() -> ModelInfo {
    ModelInfo {
        name: "m".to_owned(),
        version: "1".to_owned(),
        sha256: "0".repeat(64),
    }
}

fn open(folder: &Path) -> Ledger {
    Ledger::open(folder, LedgerOptions::default(), clock::now()).unwrap()
}

/// A frame that came so many seconds ago.
fn record(ledger: &mut Ledger, number: u8, seconds_ago: i64) {
    let frame = FrameRecord {
        key: FrameKey {
            camera: "http:gate".to_owned(),
            input: "http".to_owned(),
            message_id: None,
            created: None,
            digest: [number; 32],
            repeat: Repeat::No,
            reused_id: ReusedId::IsConflict,
        },
        stamp: None,
        arrival: clock::now().wall - time::Duration::seconds(seconds_ago),
        clock: Clock::Plausible,
        outcome: Outcome::Unsure,
        reply: None,
    };
    ledger.record(&frame, &model()).unwrap();
}

#[test]
fn what_is_sealed_without_a_hub_waits_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path());
    record(&mut ledger, 1, 600);
    record(&mut ledger, 2, 300);
    round(&mut ledger, &reporting(), Duration::ZERO, &unheard()).unwrap();
    let totals = ledger.totals().unwrap();
    assert_eq!((totals.sealed_reports, totals.unsent_reports), (2, 0));
    assert_eq!(totals.whole.frames.received, 2);
    assert!(ledger.verify().unwrap().findings.is_empty());
}

#[test]
fn reports_that_wait_from_a_time_with_a_hub_still_wait() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path());
    record(&mut ledger, 1, 600);
    let now = Now {
        wall: OffsetDateTime::now_utc(),
        clock: Clock::Plausible,
    };
    assert_eq!(ledger.seal_due(now, &reporting().software).unwrap(), 1);
    record(&mut ledger, 2, 300);
    round(&mut ledger, &reporting(), Duration::ZERO, &unheard()).unwrap();
    let waiting: Vec<_> = ledger
        .unsent(10)
        .unwrap()
        .into_iter()
        .map(|report| report.sequence)
        .collect();
    assert_eq!(waiting, [1]);
}

/// Sealed and not noted, as a kill between the two commits leaves it.
fn seal_only(ledger: &mut Ledger) {
    let sealed = ledger.seal_due(clock::now(), &reporting().software);
    assert_eq!(sealed.unwrap(), 1);
}

#[test]
fn a_report_that_a_crash_left_unnoted_does_not_wait_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path());
    for number in 1..=20 {
        record(&mut ledger, number, 60_000 - 600 * i64::from(number));
        seal_only(&mut ledger);
    }
    let unsent = |ledger: &Ledger| ledger.totals().unwrap().unsent_reports;
    let almost = PATIENCE.saturating_sub(Duration::from_secs(1));
    round(&mut ledger, &reporting(), almost, &unheard()).unwrap();
    assert_eq!(unsent(&ledger), 20);
    let pause = round(&mut ledger, &reporting(), PATIENCE, &unheard()).unwrap();
    assert_eq!((pause, unsent(&ledger)), (LEAST, 4));
    round(&mut ledger, &reporting(), PATIENCE, &unheard()).unwrap();
    assert_eq!(unsent(&ledger), 0);
    let totals = ledger.totals().unwrap();
    assert_eq!(
        (totals.sealed_reports, totals.whole.frames.received),
        (20, 20)
    );
    assert!(ledger.verify().unwrap().findings.is_empty());
}

fn unheard() -> Metrics {
    let ledger = Ledger::in_memory(1, LedgerOptions::default(), clock::now()).unwrap();
    Metrics::unheard(&SharedLedger::new(ledger))
}
