//! What a model said about one picture, and what is made of it.

use std::sync::Arc;

/// One score per label, in label order. Scores of a multiclass model add up to
/// 1; those of a multilabel model do not.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    labels: Arc<[String]>,
    values: Vec<f32>,
}

impl Scores {
    /// Pairs labels with scores; nothing when there are none or the numbers
    /// differ.
    #[must_use]
    pub fn new(labels: Arc<[String]>, values: Vec<f32>) -> Option<Self> {
        let fits = !labels.is_empty() && labels.len() == values.len();
        fits.then_some(Self { labels, values })
    }

    /// Labels with their scores, in label order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, f32)> {
        let labels = self.labels.iter().map(String::as_str);
        labels.zip(self.values.iter().copied())
    }

    /// The score of one label; nothing when the model does not have it.
    #[must_use]
    pub fn of(&self, label: &str) -> Option<f32> {
        let found = self.iter().find(|(name, _)| *name == label);
        found.map(|(_, score)| score)
    }

    /// The label with the highest score; of equal ones the first in label order.
    #[must_use]
    pub fn top(&self) -> (&str, f32) {
        // `new` refuses empty scores, so the fallback is never seen.
        self.iter()
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .unwrap_or_default()
    }

    /// Judges the top label: it counts from `min_confidence` (0.0..=1.0) on.
    #[must_use]
    pub fn verdict(&self, min_confidence: f32) -> Verdict {
        let (label, score) = self.top();
        let label = label.to_owned();
        if score >= min_confidence {
            Verdict::Label { label, score }
        } else {
            Verdict::Unsure { best: label, score }
        }
    }
}

/// What makes scores from 0 to 1 of a model's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScoreFunction {
    /// The model's numbers are scores already, as those of Custom Vision.
    #[default]
    None,
    /// One label a picture: they add up to 1.
    Softmax,
    /// Labels that do not exclude each other: each on its own.
    Sigmoid,
}

impl ScoreFunction {
    /// Applies it in place.
    pub(crate) fn apply(self, values: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Softmax => {
                // The largest is taken off first, or a large number would overflow.
                let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                for value in &mut *values {
                    *value = (*value - largest).exp();
                }
                let sum: f32 = values.iter().sum();
                for value in values {
                    *value /= sum;
                }
            }
            Self::Sigmoid => {
                for value in values {
                    *value = 1.0 / (1.0 + (-*value).exp());
                }
            }
        }
    }
}

/// What one picture is taken for.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The model is sure enough.
    Label {
        /// The top label.
        label: String,
        /// Its score, at least the minimum confidence.
        score: f32,
    },
    /// No label reaches the minimum confidence.
    Unsure {
        /// The top label, for people.
        best: String,
        /// Its score, below the minimum confidence, or not a number.
        score: f32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(values: &[f32]) -> Scores {
        let labels: Arc<[String]> = (0..values.len()).map(|i| format!("l{i}")).collect();
        Scores::new(labels, values.to_vec()).unwrap()
    }

    #[test]
    fn the_first_of_equal_scores_is_the_top() {
        assert_eq!(scores(&[0.2, 0.4, 0.4]).top(), ("l1", 0.4));
    }

    #[test]
    fn the_minimum_itself_is_enough() {
        let label = "l0".to_owned();
        assert_eq!(
            scores(&[0.5, 0.1]).verdict(0.5),
            Verdict::Label { label, score: 0.5 }
        );
    }

    #[test]
    fn below_the_minimum_nothing_is_decided() {
        let best = "l1".to_owned();
        assert_eq!(
            scores(&[0.1, 0.49]).verdict(0.5),
            Verdict::Unsure { best, score: 0.49 }
        );
    }

    #[test]
    fn a_score_that_is_no_number_is_never_sure() {
        assert!(matches!(
            scores(&[f32::NAN]).verdict(0.0),
            Verdict::Unsure { .. }
        ));
    }

    #[test]
    fn large_numbers_do_not_overflow() {
        let near = |found: [f32; 3], expected: [f32; 3]| {
            let mut pairs = found.iter().zip(expected);
            assert!(pairs.all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        };
        let mut values = [1000.0, 1000.0, -1000.0];
        ScoreFunction::Softmax.apply(&mut values);
        near(values, [0.5, 0.5, 0.0]);
        let mut values = [0.0, 1000.0, -1000.0];
        ScoreFunction::Sigmoid.apply(&mut values);
        near(values, [0.5, 1.0, 0.0]);
    }

    #[test]
    fn numbers_of_labels_and_scores_must_agree() {
        let labels: Arc<[String]> = Arc::from([String::from("a")]);
        assert!(Scores::new(Arc::clone(&labels), vec![]).is_none());
        assert!(Scores::new(labels, vec![0.1, 0.2]).is_none());
        assert!(Scores::new(Arc::from([]), vec![]).is_none());
    }
}
