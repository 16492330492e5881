//! The page, held to a text, and to its width whatever comes.

use super::super::answer::Refusal;
use super::super::summary::{
    Agreement, Apart, Connections, Difference, OneSided, RefusedSummary, Traffic,
};
use super::super::timing::Timing;
use super::*;

fn side(url: &str) -> SideSummary {
    SideSummary {
        url: url.to_owned(),
        key_sent: false,
        milliseconds: Timing {
            samples: 12,
            p50: 14.25,
            p90: 20.0,
            p99: 31.04,
            max: 31.04,
        },
        connections: Connections {
            opened: 1,
            tcp_milliseconds: 0.4,
            tls_milliseconds: None,
        },
        bytes: Traffic {
            sent: 1_234_567,
            received: 4321,
            sent_per_picture: 94_966,
            received_per_picture: 332,
        },
        waits: 0,
        refused: Vec::new(),
    }
}

fn pair(left: Option<&str>, right: Option<&str>, pictures: u64) -> Pair {
    Pair {
        left: left.map(str::to_owned),
        right: right.map(str::to_owned),
        pictures,
    }
}

fn summary() -> Summary {
    let mut right = side("https://cloud.example/customvision/v3.0/Prediction/p/image");
    right.key_sent = true;
    right.connections.tls_milliseconds = Some(84.0);
    right.waits = 2;
    right.refused.push(RefusedSummary {
        refusal: Refusal {
            status: Some(400),
            code: Some("BadRequestImageFormat".to_owned()),
            message: "this is no picture".to_owned(),
        },
        pictures: 1,
        first: "pictures/torn.jpg".to_owned(),
    });
    Summary {
        pictures: 13,
        left_out: 2,
        repeat: 1,
        warm_up: 1,
        agreement: Agreement {
            same: 11,
            of: 13,
            share: Some(11.0 / 13.0),
            both: 12,
            left_only: 1,
            right_only: 0,
            neither: 0,
        },
        difference: Difference {
            largest: Some(Apart {
                value: 0.25,
                picture: "pictures/ripe/a.jpg".to_owned(),
                label: "ripe".to_owned(),
                left: 0.75,
                right: 0.5,
            }),
            mean: Some(0.000_000_03),
            probabilities: 24,
        },
        labels: OneSided {
            left: Vec::new(),
            right: vec!["Negative".to_owned()],
        },
        tops: vec![
            pair(Some("ripe"), None, 1),
            pair(Some("ripe"), Some("ripe"), 6),
            pair(Some("ripe"), Some("unripe"), 1),
            pair(Some("unripe"), Some("unripe"), 5),
        ],
        left: side("http://box/image"),
        right,
    }
}

#[test]
fn the_page_says_everything_once() {
    let expected = "\
left   http://box/image
right  https://cloud.example/customvision/v3.0/Prediction/p/image  (with its key)

13 pictures, after a warm-up of 1; 2 files left out

Agreement   11 of 13 pictures have the same top label (84.6 %)
            answered by both 12, by left alone 1, by right alone 0, by neither 0
Difference  largest 0.250000 for `ripe`: left 0.750000, right 0.500000
            in pictures/ripe/a.jpg
            mean 3.0e-8 over 24 probabilities
Labels      named by right alone: Negative

Top labels
left ↓ right →            ripe          unripe     (no answer)
ripe                         6               1               1
unripe                       0               5               0

Time, ms        answers        p50        p90        p99        max
left                 12       14.2       20.0       31.0       31.0
right                12       14.2       20.0       31.0       31.0
left          1 connection, not in these times: 0.4 ms
right         1 connection, not in these times: 0.4 ms, TLS 84.0 ms; busy 2 times

Bytes                   sent      received     sent/picture received/picture
left                 1234567          4321            94966              332
right                1234567          4321            94966              332

Without an answer
  right  1 picture: 400 BadRequestImageFormat this is no picture
         first pictures/torn.jpg
";
    let page = page(&summary());
    assert_eq!(page, expected, "\n{page}");
}

#[test]
fn no_difference_is_said_as_such() {
    let mut summary = summary();
    if let Some(apart) = &mut summary.difference.largest {
        apart.value = 0.0;
    }
    let page = page(&summary);
    assert!(
        page.contains("\nDifference  none in 24 probabilities\n"),
        "{page}"
    );
}

#[test]
fn many_labels_become_a_list_of_pairs() {
    let mut summary = summary();
    summary.tops = (0..20)
        .map(|number| pair(Some(&format!("label {number}")), Some("other"), number))
        .collect();
    summary.tops.push(pair(Some("same"), Some("same"), 100));
    let page = page(&summary);
    assert!(page.contains("Top labels that differ"), "{page}");
    assert!(
        page.contains("\n  label 19        other               19\n"),
        "{page}"
    );
    assert!(page.contains("\n  and 10 more pairs\n"), "{page}");
    assert!(!page.contains("same   "), "{page}");
}

#[test]
fn whatever_comes_it_stays_one_page_of_a_hundred_columns() {
    let long = "long ".repeat(100);
    let mut summary = summary();
    summary.left_out = 1_000_000;
    summary.repeat = 1000;
    summary.labels.left = vec![long.clone(); 100];
    if let Some(apart) = &mut summary.difference.largest {
        apart.label.clone_from(&long);
        apart.picture.clone_from(&long);
    }
    for tops in [5, 11] {
        summary.tops = (0..tops)
            .flat_map(|left| (0..5).map(move |right| (left, right)))
            .map(|(left, right)| {
                let label = |number| format!("{number} {}", "x".repeat(200));
                pair(Some(&label(left)), Some(&label(right)), 1_000_000)
            })
            .collect();
        for side in [&mut summary.left, &mut summary.right] {
            side.milliseconds.max = 3_600_000.0;
            side.bytes.sent = 100_000_000_000;
            side.refused = (0..30)
                .map(|number| RefusedSummary {
                    refusal: Refusal {
                        status: Some(500),
                        code: Some(long.clone()),
                        message: format!("{number} {long}"),
                    },
                    pictures: 1_000_000,
                    first: long.clone(),
                })
                .collect();
        }
        let page = page(&summary);
        for line in page.lines().skip(2) {
            assert!(
                line.chars().count() <= 100 || line.starts_with("Labels"),
                "{line}"
            );
        }
        let lines = page.lines().count();
        assert!(lines <= 60, "{lines}\n{page}");
    }
}
