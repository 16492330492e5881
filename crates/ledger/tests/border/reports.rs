//! The counts message and its way out.

use std::collections::BTreeMap;

use ledger::{LedgerError, LedgerErrorKind, LedgerOptions, Outcome, RejectReason, Sums, Waiting};
use serde_json::{Value, json};

use crate::support::{Fixture, at, classified, frame, software};

fn body(counts: &Fixture, index: usize) -> Vec<u8> {
    counts.ledger.unsent(usize::MAX).unwrap()[index]
        .body
        .clone()
}

#[test]
fn a_report_has_the_shape_of_the_contract() {
    let mut counts = Fixture::new();
    let outcomes = [
        classified("ripe"),
        classified("unripe"),
        Outcome::Unsure,
        Outcome::Ignored,
        Outcome::Rejected(RejectReason::TooLarge),
    ];
    for (number, outcome) in (0..).zip(outcomes) {
        let mut taken = frame(if number < 2 { "cam-01" } else { "cam-02" }, number, 1);
        taken.outcome = outcome;
        counts.record(&taken);
    }
    counts.record(&frame("cam-01", 0, 2));
    counts.seal(60);
    let id = counts.ledger.id().to_owned();
    let fruits = json!({"ripe": 1, "unripe": 1});
    let frames = json!({"received": 6, "classified": 2, "unsure": 1, "ignored": 1, "duplicate": 1,
        "rejected": {"too_large": 1}});
    let first = json!({"received": 3, "classified": 2, "unsure": 0, "ignored": 0, "duplicate": 1,
        "rejected": {}});
    let second = json!({"received": 3, "classified": 0, "unsure": 1, "ignored": 1, "duplicate": 0,
        "rejected": {"too_large": 1}});
    let expected = json!({
        "schema": "fruit-counts/1", "reportId": format!("{id}-1"), "sequence": 1, "ledger": id,
        "windowStart": "2026-11-23T10:00:00Z", "windowEnd": "2026-11-23T10:01:00Z",
        "clock": "plausible",
        "counts": fruits, "frames": frames,
        "cameras": {
            "cam-01": {"counts": fruits, "frames": first},
            "cam-02": {"counts": {}, "frames": second}
        },
        "totals": {"counts": fruits, "frames": frames},
        "model": {"name": "bundled", "version": "1", "sha256": "ab".repeat(32)},
        "module": {"version": "0.1.0"}
    });
    let seen: Value = serde_json::from_slice(&body(&counts, 0)).unwrap();
    assert_eq!(seen, expected);
}

#[test]
fn totals_run_on_from_report_to_report() {
    let mut counts = Fixture::new();
    for window in 0..4 {
        for number in 0..=window {
            counts.record(&frame("cam", window * 10 + number, i64::from(window) * 60));
        }
    }
    let reports = counts.seal(240);
    let totals: Vec<u64> = reports
        .iter()
        .map(|report| report.totals.counts["ripe"])
        .collect();
    assert_eq!(totals, [1, 3, 6, 10]);
    let sequences: Vec<u64> = reports.iter().map(|report| report.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4]);
}

#[test]
fn a_report_waits_unchanged_until_it_is_marked_sent() {
    let mut counts = Fixture::new();
    counts.record(&frame("cam", 1, 1));
    counts.record(&frame("cam", 2, 61));
    counts.seal(120);
    let sealed = counts.ledger.unsent(10).unwrap();
    let mut counts = counts.reopen();
    assert_eq!(counts.ledger.unsent(10).unwrap(), sealed);
    assert_eq!(counts.ledger.unsent(1).unwrap()[..], sealed[..1]);
    counts.ledger.mark_sent(1, at(121)).unwrap();
    counts.ledger.mark_sent(1, at(122)).unwrap();
    assert_eq!(counts.ledger.unsent(10).unwrap()[..], sealed[1..]);
    assert_eq!(counts.ledger.totals().unwrap().unsent_reports, 1);
}

#[test]
fn a_report_that_was_never_sealed_cannot_be_marked() {
    let mut counts = Fixture::new();
    for sequence in [0, 1, u64::MAX] {
        let refused = counts.ledger.mark_sent(sequence, at(0)).unwrap_err();
        assert_eq!(refused.kind(), LedgerErrorKind::Argument, "{sequence}");
    }
}

#[test]
fn two_thousand_cameras_with_long_names_become_additive_reports_below_the_limit() {
    let mut counts = Fixture::new();
    for number in 0..2000_u32 {
        // 257 bytes, some of which JSON writes as two.
        let camera = format!("{number:04}/{}", "\"x".repeat(126));
        counts.record(&frame(&camera, number, 1));
    }
    counts.seal(60);
    let limit = LedgerOptions::default().report_limit;
    let sealed = counts.ledger.unsent(100).unwrap();
    assert!(sealed.len() > 1);
    assert!(sealed.iter().all(|report| report.body.len() <= limit));
    let well_filled = sealed[..sealed.len() - 1]
        .iter()
        .all(|r| r.body.len() > limit * 9 / 10);
    assert!(well_filled, "no more reports than needed");
    let reports = counts.unsent();
    let mut whole = Sums::default();
    let mut cameras = BTreeMap::new();
    for report in &reports {
        whole.add(&Sums {
            counts: report.counts.clone(),
            frames: report.frames.clone(),
        });
        assert_eq!(report.totals, whole);
        for (id, camera) in &report.cameras {
            assert!(
                cameras.insert(id.clone(), camera.sums.clone()).is_none(),
                "{id} twice"
            );
        }
    }
    assert_eq!(cameras, counts.ledger.totals().unwrap().cameras);
    counts.assert_right();
}

#[test]
fn the_limit_holds_for_every_size() {
    for limit in [1024, 1100, 1500, 2000, 4000] {
        let options = LedgerOptions {
            report_limit: limit,
            ..LedgerOptions::default()
        };
        let mut counts = Fixture::with(options);
        for number in 0..40_u32 {
            let mut taken = frame(&format!("cam-{}", number % 20), number, 1);
            taken.outcome = classified(if number % 3 == 0 { "ripe" } else { "unripe" });
            counts.record(&taken);
        }
        counts.ledger.seal_all(at(2), &software()).unwrap();
        let sealed = counts.ledger.unsent(100).unwrap();
        assert!(!sealed.is_empty());
        for report in sealed {
            assert!(
                report.body.len() <= limit,
                "{} > {limit}",
                report.body.len()
            );
        }
        counts.assert_right();
    }
}

#[test]
fn names_that_no_report_could_hold_are_refused() {
    let mut counts = Fixture::new();
    let refused = counts
        .ledger
        .record(&frame(&"c".repeat(301), 1, 0), &crate::support::model());
    assert_eq!(refused.unwrap_err().kind(), LedgerErrorKind::Argument);
    let mut taken = frame("cam", 1, 0);
    taken.outcome = classified(&"l".repeat(301));
    let refused = counts
        .ledger
        .record(&taken, &crate::support::model())
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "label is 301 bytes long, expected at most 300 bytes"
    );
    assert_eq!(counts.ledger.totals().unwrap().whole, Sums::default());
}

fn labels(number: usize) -> Vec<String> {
    (0..number).map(|n| format!("label-{n:0>30}")).collect()
}

#[test]
fn a_camera_with_very_many_labels_becomes_additive_reports_below_the_limit() {
    let options = LedgerOptions {
        report_limit: 24_500,
        ..LedgerOptions::default()
    };
    let mut counts = Fixture::with(options);
    let labels = labels(200);
    counts.ledger.fits(&labels).unwrap();
    for (number, label) in (0..).zip(labels.iter().cycle().take(250)) {
        let mut taken = frame(if number < 10 { "cam-a" } else { "cam-b" }, number, 1);
        taken.outcome = classified(label);
        counts.record(&taken);
    }
    counts.record(&frame("cam-b", 249, 2));
    let reports = counts.seal(60);
    assert!(reports.len() > 1, "{}", reports.len());
    for sealed in counts.ledger.unsent(100).unwrap() {
        assert!(sealed.body.len() <= 24_500, "{}", sealed.body.len());
    }
    let mut cameras: BTreeMap<String, Sums> = BTreeMap::new();
    for report in &reports {
        for (id, camera) in &report.cameras {
            cameras.entry(id.clone()).or_default().add(&camera.sums);
        }
    }
    assert_eq!(cameras, counts.ledger.totals().unwrap().cameras);
    let with_frames = reports.iter().filter(|report| {
        report
            .cameras
            .get("cam-b")
            .is_some_and(|camera| camera.sums.frames.received > 0)
    });
    assert_eq!(with_frames.count(), 1, "frames are in the first piece only");
    counts.assert_right();
}

#[test]
fn a_model_whose_labels_fit_no_report_is_refused_with_a_sentence() {
    let counts = Fixture::new();
    counts.ledger.fits(&labels(1000)).unwrap();
    let refused = counts.ledger.fits(&labels(5000)).unwrap_err();
    assert_eq!(refused.kind(), LedgerErrorKind::Argument);
    assert!(
        matches!(
            refused,
            LedgerError::Labels {
                labels: 5000,
                earlier: 0,
                limit: 240_000,
                ..
            }
        ),
        "{refused:?}"
    );
    let said = refused.to_string();
    assert!(
        said.starts_with("5000 labels may need reports of ")
            && said.ends_with(
                " bytes, expected at most 240000: use a model with fewer or shorter labels"
            ),
        "{said}"
    );
    let too_long = counts.ledger.fits(&["l".repeat(301)]).unwrap_err();
    assert_eq!(
        too_long.to_string(),
        "label is 301 bytes long, expected at most 300 bytes"
    );
}

#[test]
fn labels_of_earlier_models_stay_in_the_totals_and_take_their_room() {
    let options = LedgerOptions {
        report_limit: 24_000,
        ..LedgerOptions::default()
    };
    let mut counts = Fixture::with(options);
    let (earlier, next) = (labels(150), labels(300).split_off(150));
    counts.ledger.fits(&next).unwrap();
    for (number, label) in (0..).zip(&earlier) {
        let mut taken = frame("cam", number, 1);
        taken.outcome = classified(label);
        counts.record(&taken);
    }
    counts.ledger.fits(&earlier).unwrap();
    let refused = counts.ledger.fits(&next).unwrap_err();
    let said = refused.to_string();
    assert!(
        said.contains("300 labels, 150 of them counted under earlier models,")
            && said.ends_with("or a new ledger folder"),
        "{said}"
    );
}

#[test]
fn what_waits_is_counted_with_the_age_of_the_oldest() {
    let mut counts = Fixture::new();
    assert_eq!(counts.ledger.waiting().unwrap(), Waiting::default());
    counts.record(&frame("cam-01", 0, 1));
    counts.seal(60);
    counts.record(&frame("cam-01", 1, 61));
    counts.seal(120);
    let waiting = |reports, second| Waiting {
        reports,
        oldest_sealed_at: Some(at(second).wall),
    };
    assert_eq!(counts.ledger.waiting().unwrap(), waiting(2, 60));
    counts.ledger.mark_sent(1, at(121)).unwrap();
    assert_eq!(counts.ledger.waiting().unwrap(), waiting(1, 120));
    counts.ledger.mark_sent(2, at(121)).unwrap();
    assert_eq!(counts.ledger.waiting().unwrap(), Waiting::default());
}
