//! What is added up, picture by picture.

use super::*;

fn answered(labels: &[(&str, f64)]) -> Exchange {
    Exchange {
        outcome: Ok(labels.iter().copied().collect()),
        cost: Cost {
            time: Duration::from_millis(5),
            sent: 100,
            received: 31,
        },
    }
}

fn refused(message: &str) -> Exchange {
    Exchange {
        outcome: Err(Refusal {
            status: Some(400),
            code: None,
            message: message.to_owned(),
        }),
        cost: Cost {
            time: Duration::from_millis(1),
            sent: 50,
            received: 20,
        },
    }
}

fn add(
    tally: &mut Tally,
    name: &str,
    left: Exchange,
    right: Exchange,
) -> (Option<bool>, Option<f64>) {
    let said = Both { left, right };
    for side in [Side::Left, Side::Right] {
        tally.measure(side, said.of(side));
    }
    let detail = tally.compare(name, &said);
    (detail.agree, detail.difference)
}

#[test]
#[expect(clippy::float_cmp, reason = "eighths are exact")]
fn every_picture_is_in_one_row_of_the_agreement() {
    let mut tally = Tally::default();
    let ripe = || answered(&[("ripe", 0.75), ("unripe", 0.25)]);
    let less = || answered(&[("ripe", 0.625), ("unripe", 0.375)]);
    let green = || answered(&[("unripe", 1.0)]);
    let cases = [
        ("a", ripe(), ripe(), (Some(true), Some(0.0))),
        ("b", ripe(), less(), (Some(true), Some(0.125))),
        ("c", ripe(), green(), (Some(false), Some(0.75))),
        ("d", refused("x"), green(), (Some(false), None)),
        ("e", ripe(), refused("y"), (Some(false), None)),
        ("f", refused("x"), refused("z"), (None, None)),
    ];
    for (name, left, right, expected) in cases {
        assert_eq!(add(&mut tally, name, left, right), expected, "{name}");
    }
    let expected = Agreement {
        same: 2,
        of: 5,
        share: Some(0.4),
        both: 3,
        left_only: 1,
        right_only: 1,
        neither: 1,
    };
    assert_eq!(tally.agreement(), expected);
    let pictures: u64 = tally.tops().iter().map(|pair| pair.pictures).sum();
    assert_eq!(pictures, 6);
    let Difference {
        largest,
        mean,
        probabilities,
    } = tally.difference();
    // Of c, both labels are 0.75 apart; the first stands.
    let largest = largest.unwrap();
    assert_eq!(
        (
            largest.value,
            largest.picture.as_str(),
            largest.label.as_str()
        ),
        (0.75, "c", "ripe")
    );
    assert_eq!((largest.left, largest.right), (0.75, 0.0));
    assert_eq!((mean, probabilities), (Some(1.75 / 6.0), 6));
    let reasons: Vec<_> = tally
        .refused(Side::Left)
        .into_iter()
        .map(|r| (r.refusal.message, r.pictures, r.first))
        .collect();
    assert_eq!(reasons, [("x".to_owned(), 2, "d".to_owned())]);
    // Refusals cost bytes, but their times are not those of answers.
    assert_eq!(tally.timing(Side::Left).samples, 4);
    assert_eq!(tally.timing(Side::Left).max, 5.0);
    assert_eq!(tally.per_picture(Side::Left), (500 / 6, 164 / 6));
}

#[test]
fn refusals_with_a_code_are_one_reason_whatever_bytes_they_name() {
    let mut tally = Tally::default();
    let cases = [
        (Some("Bad"), "12 bytes"),
        (Some("Bad"), "13 bytes"),
        (None, "a"),
        (None, "b"),
    ];
    for (code, message) in cases {
        let mut left = refused(message);
        left.outcome = left.outcome.map_err(|refusal| Refusal {
            code: code.map(str::to_owned),
            ..refusal
        });
        add(&mut tally, "p", left, answered(&[]));
    }
    let reasons = tally.refused(Side::Left);
    let found: Vec<_> = reasons
        .iter()
        .map(|r| (r.refusal.message.as_str(), r.pictures))
        .collect();
    assert_eq!(found, [("12 bytes", 2), ("a", 1), ("b", 1)]);
}

#[test]
fn a_label_is_one_sided_only_if_the_other_side_never_named_it() {
    let mut tally = Tally::default();
    add(
        &mut tally,
        "a",
        answered(&[("ripe", 1.0)]),
        answered(&[("ripe", 0.5), ("raw", 0.5)]),
    );
    add(
        &mut tally,
        "b",
        answered(&[("raw", 0.5), ("Ripe", 0.5)]),
        answered(&[]),
    );
    let expected = OneSided {
        left: vec!["Ripe".to_owned()],
        right: Vec::new(),
    };
    assert_eq!(tally.labels(), expected);
}

#[test]
fn nothing_compared_gives_no_numbers() {
    let mut tally = Tally::default();
    assert_eq!(tally.agreement(), Agreement::default());
    add(&mut tally, "a", answered(&[]), answered(&[]));
    assert_eq!(tally.agreement().share, Some(1.0));
    assert_eq!(tally.difference(), Difference::default());
}

#[test]
fn ever_new_reasons_and_labels_take_no_more_room() {
    let mut tally = Tally::default();
    for number in 0..2000 {
        let label = format!("label {number}");
        add(&mut tally, "p", answered(&[(&label, 1.0)]), refused(&label));
    }
    assert_eq!(tally.labels().left.len(), MOST_LABELS);
    let reasons = tally.refused(Side::Right);
    assert_eq!(reasons.len(), MOST_REASONS + 1);
    let pictures: u64 = reasons.iter().map(|reason| reason.pictures).sum();
    assert_eq!(pictures, 2000);
}
