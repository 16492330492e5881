//! What a single threshold could have done: the best one on the mean hue or on
//! a mean channel, fitted on the very frames it is judged by.
//!
//! That is more than a threshold gets in practice, on purpose: the model must
//! be better than this, or it is not worth its bytes. Costs O(n log n).

use serde::Serialize;

use super::sent::Means;

/// The best threshold found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Baseline {
    /// What it looks at.
    pub(super) feature: &'static str,
    /// The part of the frames it gets right, 0 to 1.
    pub(super) accuracy: f64,
}

/// A frame for the threshold: its features, and whether it is of the first kind.
pub(super) type Example = (Means, bool);

/// A channel and its name.
type Channel = (&'static str, fn(&Means) -> f64);

/// The best threshold over all features, the first one if several are equal.
/// `None` without frames of both kinds: there is nothing to tell apart.
pub(super) fn best(examples: &[Example]) -> Option<Baseline> {
    let first = examples.iter().filter(|(_, first)| *first).count();
    if first == 0 || first == examples.len() {
        return None;
    }
    let channels: [Channel; 3] = [
        ("mean red", |means| means.red),
        ("mean green", |means| means.green),
        ("mean blue", |means| means.blue),
    ];
    let hues = weighted(examples, |means| means.hue.rem_euclid(360.0));
    let mut best = ("mean hue", correct_on_circle(&hues, examples.len() - first));
    for (feature, value) in channels {
        let correct = correct_on_line(&weighted(examples, value), examples.len() - first);
        if correct > best.1 {
            best = (feature, correct);
        }
    }
    // Frames in one run are few enough for an exact f64.
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^53 frames")]
    let accuracy = best.1 as f64 / examples.len() as f64;
    Some(Baseline {
        feature: best.0,
        accuracy,
    })
}

/// For each distinct value in rising order: how many more frames of the first
/// kind than of the second have it. A threshold lies between values, so equal
/// ones stay together.
fn weighted(examples: &[Example], value: impl Fn(&Means) -> f64) -> Vec<i64> {
    let mut values: Vec<(f64, i64)> = examples
        .iter()
        .map(|(means, first)| (value(means), if *first { 1 } else { -1 }))
        .collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    values
        .chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq())
        .map(|equal| equal.iter().map(|e| e.1).sum())
        .collect()
}

/// Frames told right by the best threshold on a line, in the better direction.
/// Calling "first" what is in a set is right for `second + (first - second in it)`.
fn correct_on_line(weights: &[i64], second: usize) -> usize {
    let total: i64 = weights.iter().sum();
    let mut below = 0;
    let mut gain = total.max(0);
    for weight in weights {
        below += weight;
        gain = gain.max(below).max(total - below);
    }
    second + usize::try_from(gain).unwrap_or(0)
}

/// The same on a circle, where "above" means "from here on to there": the best
/// arc, wherever it begins. Its complement is an arc too, so one direction is enough.
fn correct_on_circle(weights: &[i64], second: usize) -> usize {
    let total: i64 = weights.iter().sum();
    let (mut most, mut least, mut high, mut low) = (0_i64, 0_i64, 0_i64, 0_i64);
    for weight in weights {
        high = (high + weight).max(0);
        low = (low + weight).min(0);
        most = most.max(high);
        least = least.min(low);
    }
    // An arc over the cut is everything but an arc that is not.
    second + usize::try_from(most.max(total - least)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(hue: f64, red: f64, first: bool) -> Example {
        (
            Means {
                hue,
                red,
                green: 100.0,
                blue: 100.0,
            },
            first,
        )
    }

    #[track_caller]
    fn check(examples: &[Example], feature: &str, accuracy: f64) {
        let best = best(examples).unwrap();
        assert_eq!(best.feature, feature);
        assert!((best.accuracy - accuracy).abs() < 1e-12, "{best:?}");
    }

    #[test]
    fn hue_is_a_circle() {
        // Red lies on both sides of 0 degrees; a line cannot hold it together.
        let examples = [
            frame(350.0, 1.0, true),
            frame(10.0, 9.0, true),
            frame(-5.0, 5.0, true),
            frame(120.0, 4.0, false),
            frame(200.0, 8.0, false),
        ];
        check(&examples, "mean hue", 1.0);
    }

    #[test]
    fn either_side_may_be_the_first_kind() {
        for swap in [false, true] {
            let examples: Vec<_> = (0..10)
                .map(|n| frame(77.0, f64::from(n), (n < 4) != swap))
                .collect();
            check(&examples, "mean red", 1.0);
        }
    }

    #[test]
    fn equal_values_cannot_be_told_apart() {
        let examples = [
            frame(77.0, 5.0, true),
            frame(77.0, 5.0, true),
            frame(77.0, 5.0, false),
            frame(77.0, 5.0, false),
            frame(77.0, 5.0, false),
        ];
        check(&examples, "mean hue", 0.6);
    }

    #[test]
    fn line_has_one_threshold_only() {
        // First kind at both ends of a channel: one threshold misses one end.
        let examples: Vec<_> = (0..10)
            .map(|n| frame(77.0, f64::from(n), !(4..8).contains(&n)))
            .collect();
        check(&examples, "mean red", 0.8);
    }

    /// Against all arcs and all thresholds, tried one by one.
    #[test]
    fn fast_search_finds_what_trying_everything_finds() {
        let mut state = 20_261_123_u64;
        let mut random = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % below
        };
        for round in 0..200 {
            let count = 2 + usize::try_from(random(20)).unwrap();
            let examples: Vec<Example> = (0..count)
                .map(|_| {
                    let hue = random(12) as f64 * 30.0;
                    frame(hue, random(8) as f64, random(2) == 0)
                })
                .collect();
            let Some(found) = best(&examples) else {
                continue;
            };
            let right = |inside: &dyn Fn(&Means) -> bool| {
                examples
                    .iter()
                    .filter(|(means, first)| inside(means) == *first)
                    .count()
            };
            let mut tried = 0;
            for from in 0..12 {
                for length in 0..=12 {
                    let arc = |means: &Means| {
                        (means.hue / 30.0 - f64::from(from)).rem_euclid(12.0) < f64::from(length)
                    };
                    tried = tried.max(right(&arc));
                }
            }
            for cut in 0..=8 {
                let above = right(&|means| means.red >= f64::from(cut));
                tried = tried.max(above).max(count - above);
            }
            let expected = tried as f64 / count as f64;
            assert!(
                (found.accuracy - expected).abs() < 1e-12,
                "round {round}: {examples:?}"
            );
        }
    }

    #[test]
    fn one_kind_alone_has_no_baseline() {
        assert_eq!(best(&[]), None);
        assert_eq!(best(&[frame(1.0, 1.0, true)]), None);
    }
}
