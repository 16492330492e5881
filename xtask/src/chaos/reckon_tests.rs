//! That the reckoning can fail: right records, and then one lie in one of them.

use super::*;

const LABELS: [&str; 3] = ["ripe", "unripe", "unsure"];

/// Two cameras with three pictures each; the second picture of each was delivered twice.
fn right() -> Evidence {
    let mut evidence = Evidence::default();
    for camera in ["cam-1", "cam-2"] {
        let mut sent = Vec::new();
        for (number, label) in LABELS.into_iter().enumerate() {
            let id = format!("{camera}-{number}");
            let again = u64::from(number == 1);
            let frame = (camera.to_owned(), id.clone());
            let deliveries = Deliveries {
                handed: 1 + again,
                acknowledged: 1,
            };
            let outcomes = Outcomes {
                counted: 1,
                duplicate: again,
            };
            evidence.deliveries.insert(frame.clone(), deliveries);
            evidence.outcomes.insert(frame, outcomes);
            sent.push(Sent {
                id,
                label: label.to_owned(),
                confirmed: true,
            });
        }
        evidence.sent.push((camera.to_owned(), sent));
        let mut counted = Counted::default();
        counted.counts.insert("ripe".to_owned(), 1);
        counted.counts.insert("unripe".to_owned(), 1);
        counted.frames.received = 4;
        counted.frames.classified = 2;
        counted.frames.unsure = 1;
        counted.frames.duplicate = 1;
        evidence.reported.insert(camera.to_owned(), counted);
        let held = Held {
            received: 4,
            duplicate: 1,
            remembered: 3,
        };
        evidence.held.insert(camera.to_owned(), held);
    }
    evidence
}

/// What is found after `lie` has changed the records.
fn found(lie: impl FnOnce(&mut Evidence)) -> Reckoning {
    let mut evidence = right();
    lie(&mut evidence);
    reckon(&evidence)
}

/// One outcome more or less in reports and ledger of a camera.
fn count(evidence: &mut Evidence, camera: &str, label: &str, change: i64) {
    let counted = evidence.reported.get_mut(camera).unwrap();
    let held = evidence.held.get_mut(camera).unwrap();
    for number in [
        counted.counts.entry(label.to_owned()).or_default(),
        &mut counted.frames.classified,
        &mut counted.frames.received,
        &mut held.received,
        &mut held.remembered,
    ] {
        *number = number.checked_add_signed(change).unwrap();
    }
}

#[test]
fn right_records_have_nothing_wrong() {
    let reckoning = found(|_| {});
    assert_eq!(reckoning.wrong, Vec::<String>::new());
    let summed = Reckoning {
        cameras: 2,
        frames: 6,
        acknowledged: 6,
        duplicate: 2,
        repeated_deliveries: 2,
        handed: 8,
        handed_acknowledged: 6,
        handed_witnessed: 2,
        ..Reckoning::default()
    };
    assert_eq!(reckoning, summed);
}

#[test]
fn a_lost_picture_is_found_even_where_ledger_and_reports_agree() {
    let reckoning = found(|evidence| count(evidence, "cam-1", "ripe", -1));
    assert_eq!((reckoning.lost, reckoning.doubled), (1, 0));
    assert!(
        reckoning
            .wrong
            .iter()
            .all(|text| text.starts_with("cam-1: "))
    );
    assert!(!reckoning.wrong.is_empty());
}

#[test]
fn a_doubled_picture_is_found_even_where_ledger_and_reports_agree() {
    let reckoning = found(|evidence| count(evidence, "cam-2", "unripe", 1));
    assert_eq!((reckoning.lost, reckoning.doubled), (0, 1));
}

#[test]
fn errors_that_cancel_over_cameras_do_not_cancel_here() {
    let reckoning = found(|evidence| {
        count(evidence, "cam-1", "ripe", -1);
        count(evidence, "cam-2", "ripe", 1);
    });
    assert_eq!((reckoning.lost, reckoning.doubled), (1, 1));
}

#[test]
fn errors_that_cancel_within_a_camera_do_not_cancel_here() {
    // One picture lost, another counted twice: every sum is right.
    let reckoning = found(|evidence| {
        let outcomes = |number: u64| ("cam-1".to_owned(), format!("cam-1-{number}"));
        evidence.outcomes.get_mut(&outcomes(0)).unwrap().counted = 0;
        evidence.outcomes.get_mut(&outcomes(1)).unwrap().counted = 2;
    });
    assert_eq!((reckoning.lost, reckoning.doubled), (1, 1));
    let text = reckoning.wrong.join("\n");
    assert!(
        text.contains("cam-1-0: outcomes that count: expected 1, found 0"),
        "{text}"
    );
    assert!(
        text.contains("cam-1-1: outcomes that count: expected 1, found 2"),
        "{text}"
    );
}

#[test]
fn a_wrong_label_is_found() {
    let reckoning = found(|evidence| {
        count(evidence, "cam-1", "ripe", -1);
        count(evidence, "cam-1", "unripe", 1);
    });
    assert_eq!(
        (reckoning.lost, reckoning.doubled, reckoning.wrong_labels),
        (0, 0, 1)
    );
    assert_eq!(reckoning.wrong.len(), 2);
    // An unsure picture that was taken for a ripe one, too.
    let reckoning = found(|evidence| {
        count(evidence, "cam-1", "ripe", 1);
        let frames = &mut evidence.reported.get_mut("cam-1").unwrap().frames;
        frames.unsure -= 1;
        frames.received -= 1;
        evidence.held.get_mut("cam-1").unwrap().received -= 1;
    });
    assert_eq!(reckoning.wrong_labels, 1);
}

#[test]
fn one_duplicate_too_many_or_too_few_is_found() {
    for change in [-1_i64, 1] {
        let reckoning = found(|evidence| {
            let frames = &mut evidence.reported.get_mut("cam-2").unwrap().frames;
            let held = evidence.held.get_mut("cam-2").unwrap();
            for number in [
                &mut frames.received,
                &mut frames.duplicate,
                &mut held.received,
                &mut held.duplicate,
            ] {
                *number = number.checked_add_signed(change).unwrap();
            }
        });
        assert_eq!((reckoning.lost, reckoning.doubled), (0, 0));
        let text = reckoning.wrong.join("\n");
        assert!(text.contains("cam-2: duplicates, by deliveries"), "{text}");
    }
}

#[test]
fn an_acknowledged_delivery_without_an_outcome_is_found() {
    let reckoning = found(|evidence| {
        let frame = ("cam-1".to_owned(), "cam-1-1".to_owned());
        let deliveries = evidence.deliveries.get_mut(&frame).unwrap();
        (deliveries.handed, deliveries.acknowledged) = (3, 3);
    });
    assert!(reckoning.wrong.join("\n").contains("expected 3, found 2"));
}

#[test]
fn an_outcome_without_a_delivery_is_found() {
    let reckoning = found(|evidence| {
        let frame = ("cam-1".to_owned(), "cam-1-1".to_owned());
        evidence.deliveries.get_mut(&frame).unwrap().handed = 1;
    });
    assert!(
        reckoning
            .wrong
            .join("\n")
            .contains("as many as deliveries at most")
    );
}

#[test]
fn a_rejected_picture_a_stranger_and_one_that_was_never_confirmed_are_found() {
    let reckoning = found(|evidence| {
        let frames = &mut evidence.reported.get_mut("cam-1").unwrap().frames;
        frames.rejected.insert("crashed".to_owned(), 1);
    });
    assert_eq!(reckoning.rejected, 1);
    assert!(!reckoning.wrong.is_empty());
    let reckoning = found(|evidence| {
        evidence.held.insert("cam-9".to_owned(), Held::default());
    });
    assert_eq!(reckoning.wrong, ["cam-9: no such camera was started"]);
    let reckoning = found(|evidence| evidence.sent[0].1[0].confirmed = false);
    assert_eq!(reckoning.acknowledged, 5);
    assert_eq!(reckoning.wrong.len(), 1);
}

#[test]
fn a_report_that_says_other_than_the_ledger_is_found() {
    let reckoning = found(|evidence| evidence.held.get_mut("cam-1").unwrap().received = 5);
    assert_eq!(
        reckoning.wrong,
        ["cam-1: outcomes in the ledger: expected 4, found 5"]
    );
}
