//! Runs that went well and runs that did not, and what the summary says.

use serde_json::{Value, json};

use super::super::plan;
use super::super::sent::Means;
use super::super::sent::tests::sent;
use super::*;
use crate::rig::upstream::tests::line;

const NONE: [u64; 5] = [0; 5];

/// A run of the four cameras of the default plan: frames confirmed and not, by
/// camera, and what the reports say about each.
fn summary(frames: [(u64, u64); 4], reports: &[[[u64; 5]; 4]]) -> Summary {
    let plan = plan::rendered(4, 1);
    let sent: Vec<Sent> = frames.map(|(yes, no)| sent(yes, no)).into();
    let mut upstream = Upstream::default();
    for (sequence, numbers) in (1..).zip(reports) {
        let cameras: Vec<_> = plan
            .iter()
            .map(|camera| camera.id.as_str())
            .zip(numbers.iter().copied())
            .collect();
        upstream.take(&line(sequence, &cameras));
    }
    Summary::new(
        &plan,
        &sent,
        &upstream,
        Run {
            seconds: 20.5,
            seed: 7,
            ..Run::default()
        },
    )
}

#[test]
fn run_without_a_fault_passes_and_keeps_the_contract() {
    let summary = summary(
        [(10, 0), (8, 0), (5, 0), (5, 0)],
        &[
            [[6, 1, 0, 0, 0], [0, 4, 0, 0, 0], [5, 0, 0, 0, 0], NONE],
            [[3, 0, 0, 2, 0], [0, 3, 1, 0, 0], NONE, [0, 5, 0, 0, 0]],
        ],
    );
    assert_eq!(summary.failures(), [""; 0]);
    let expected = json!({
        "sent": {"ripe": 15, "unripe": 13},
        "counted": {"ripe": 14, "unripe": 13, "unsure": 1, "ignored": 0, "duplicate": 2, "rejected": 0},
        "confusion": {
            "ripe": {"ripe": 14, "unripe": 1, "unsure": 0},
            "unripe": {"ripe": 0, "unripe": 12, "unsure": 1},
        },
        "upstream": {"messages": 2, "bytes": 2000, "imageBytes": 0},
        "lost": 0, "doubled": 0, "seconds": 20.5,
        "accuracy": 26.0 / 28.0, "baseline": null, "seed": 7,
        "restarts": {"hub": 0, "agent": 0, "module": 0},
    });
    assert_eq!(serde_json::to_value(&summary).unwrap(), expected);
}

#[test]
fn both_truths_are_in_the_summary_even_if_one_had_no_camera() {
    let plan = plan::rendered(1, 1);
    let summary = Summary::new(&plan, &[sent(0, 0)], &Upstream::default(), Run::default());
    let value = serde_json::to_value(&summary).unwrap();
    for (part, empty) in [
        ("sent", json!(0)),
        ("confusion", json!({"ripe": 0, "unripe": 0, "unsure": 0})),
    ] {
        assert_eq!(value[part]["unripe"], empty, "{part}");
    }
    assert_eq!(value["counted"]["ripe"], json!(0));
    assert_eq!(value["accuracy"], Value::Null);
    assert_eq!(summary.failures(), ["no frame was sent"]);
}

#[test]
fn loss_and_double_of_different_cameras_do_not_cancel() {
    let summary = summary(
        [(10, 0), (10, 0), (0, 0), (0, 0)],
        &[[[9, 0, 0, 0, 0], [0, 11, 0, 0, 0], NONE, NONE]],
    );
    assert_eq!((summary.lost, summary.doubled), (1, 1));
    assert_eq!(summary.failures().len(), 2);
}

#[test]
fn frame_that_came_twice_and_was_found_is_not_doubled() {
    let found = summary(
        [(10, 0); 4],
        &[[
            [10, 0, 0, 3, 0],
            [0, 10, 0, 0, 0],
            [10, 0, 0, 0, 0],
            [0, 10, 0, 0, 0],
        ]],
    );
    assert_eq!((found.lost, found.doubled), (0, 0));
}

#[test]
fn duplicate_does_not_stand_in_for_a_lost_frame() {
    let summary = summary(
        [(10, 0), (0, 0), (0, 0), (0, 0)],
        &[[[9, 0, 0, 1, 0], NONE, NONE, NONE]],
    );
    assert_eq!((summary.lost, summary.doubled), (1, 0));
}

#[test]
fn rejected_frame_is_accounted_for_but_not_right() {
    let summary = summary(
        [(10, 0), (0, 0), (0, 0), (0, 0)],
        &[[[9, 0, 0, 0, 1], NONE, NONE, NONE]],
    );
    assert_eq!((summary.lost, summary.doubled), (0, 0));
    assert_eq!(summary.accuracy, Some(0.9));
}

#[test]
fn frame_of_unknown_fate_may_be_counted_or_not_but_is_told() {
    for counted in [10, 12] {
        let summary = summary(
            [(10, 2), (0, 0), (0, 0), (0, 0)],
            &[[[counted, 0, 0, 0, 0], NONE, NONE, NONE]],
        );
        assert_eq!((summary.lost, summary.doubled), (0, 0));
        assert_eq!(
            summary.failures(),
            ["the hub never confirmed 2 frames of cam-ripe-1"]
        );
    }
}

#[test]
fn camera_that_nobody_started_fails_the_demo() {
    let mut upstream = Upstream::default();
    upstream.take(&line(
        1,
        &[
            ("cam-ripe-1", [1, 0, 0, 0, 0]),
            ("stranger", [1, 0, 0, 0, 0]),
        ],
    ));
    let summary = Summary::new(
        &plan::rendered(1, 1),
        &[sent(1, 0)],
        &upstream,
        Run::default(),
    );
    assert_eq!(summary.failures().len(), 1);
    assert!(summary.failures()[0].contains("stranger"));
}

#[test]
fn child_that_failed_fails_the_demo() {
    let run = Run {
        complaints: vec!["the hub ended with 3".to_owned()],
        ..Run::default()
    };
    let mut upstream = Upstream::default();
    upstream.take(&line(1, &[("cam-ripe-1", [1, 0, 0, 0, 0])]));
    let summary = Summary::new(&plan::rendered(1, 1), &[sent(1, 0)], &upstream, run);
    assert_eq!(summary.failures(), ["the hub ended with 3"]);
}

#[test]
fn picture_bytes_fail_the_demo() {
    let mut summary = summary(
        [(1, 0), (0, 0), (0, 0), (0, 0)],
        &[[[1, 0, 0, 0, 0], NONE, NONE, NONE]],
    );
    assert_eq!(summary.failures(), [""; 0]);
    summary.upstream.image_bytes = 17;
    assert_eq!(
        summary.failures(),
        ["bytes of pictures that went upstream: 17"]
    );
}

#[test]
fn labels_beyond_ripe_and_unripe_have_rows_and_columns() {
    let camera = |id: &str, truth: &str| Camera {
        id: id.to_owned(),
        truth: truth.to_owned(),
        source: plan::Source::Rendered { seed: 0 },
    };
    let plan = [
        camera("a", "ripe"),
        camera("b", "unripe"),
        camera("c", "rotten"),
    ];
    let mut upstream = Upstream::default();
    upstream.take(&line(1, &[("a", [1, 0, 0, 0, 0]), ("c", [1, 0, 1, 0, 0])]));
    let summary = Summary::new(
        &plan,
        &[sent(1, 0), sent(0, 0), sent(2, 0)],
        &upstream,
        Run::default(),
    );
    let value = serde_json::to_value(&summary).unwrap();
    assert_eq!(value["sent"], json!({"ripe": 1, "unripe": 0, "rotten": 2}));
    assert_eq!(
        value["confusion"]["rotten"],
        json!({"ripe": 1, "unripe": 0, "rotten": 0, "unsure": 1})
    );
    assert_eq!(
        value["baseline"],
        Value::Null,
        "a threshold tells two things apart, not three"
    );
}

#[test]
fn baseline_is_fitted_on_the_frames_that_were_sent() {
    let plan = plan::rendered(2, 1);
    let mut frames = [sent(2, 0), sent(2, 0)];
    let means = |hue| Means {
        hue,
        red: 1.0,
        green: 1.0,
        blue: 1.0,
    };
    frames[0].means = vec![means(50.0), means(60.0)];
    frames[1].means = vec![means(100.0), means(110.0)];
    let summary = Summary::new(&plan, &frames, &Upstream::default(), Run::default());
    let expected = Baseline {
        feature: "mean hue",
        accuracy: 1.0,
    };
    assert_eq!(summary.baseline, Some(expected));
}
