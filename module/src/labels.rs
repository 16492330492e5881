//! What a model's labels count as, and how sure the model must be of each.
//!
//! Decides; reads no setting and runs no model. [`crate::settings`] makes a [`LabelMap`] and
//! [`LabelConfidence`] out of text; [`LabelRules`] holds them against the labels of the model in
//! use and is then asked about each picture. In words for people: `docs/labels.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ledger::Outcome;
use vision::{Scores, Verdict};

use crate::settings::Behaviour;

/// The label of Custom Vision that means "none of these".
const NEGATIVE_LABEL: &str = "Negative";

/// The name of the list of labels that do not count.
pub(crate) const IGNORE: &str = "ignore";

/// Labels that an error lists; a model may have thousands.
const LISTED: usize = 40;

/// What a label means to the counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// Counts under this name.
    Counts(String),
    /// The picture is `ignored`.
    Ignored,
}

/// What labels mean that do not simply count under their own names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelMap(BTreeMap<String, Meaning>);

/// The least scores of labels that have one of their own, each 0..=1.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LabelConfidence(BTreeMap<String, f32>);

/// The rules for the labels of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelRules {
    rules: BTreeMap<String, Rule>,
    is_default: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
    meaning: Meaning,
    least: f32,
}

/// Labels are named that the model does not have: whatever was meant, the counts would be wrong.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the model has no label {}: its labels are {}; labels are written exactly as the model has \
     them, capitals and blanks included",
    asked(.unknown), listed(.labels)
)]
pub struct UnknownLabels {
    /// What is named and is not there, with the model's label that differs only in its capitals.
    pub unknown: Vec<(String, Option<String>)>,
    /// The model's labels.
    pub labels: Vec<String>,
}

impl LabelMap {
    /// Says what one more label means.
    ///
    /// # Errors
    /// When that was said already; the label is given back.
    pub fn add(&mut self, label: String, meaning: Meaning) -> Result<(), String> {
        if self.0.contains_key(&label) {
            return Err(label);
        }
        self.0.insert(label, meaning);
        Ok(())
    }

    /// The name of the list that each label is in, with the label.
    pub fn meanings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(label, meaning)| match meaning {
            Meaning::Counts(name) => (name.as_str(), label.as_str()),
            Meaning::Ignored => (IGNORE, label.as_str()),
        })
    }
}

impl LabelConfidence {
    /// Gives one more label a least score of its own.
    ///
    /// # Errors
    /// When it has one already; the label is given back.
    pub fn add(&mut self, label: String, least: f32) -> Result<(), String> {
        if self.0.contains_key(&label) {
            return Err(label);
        }
        self.0.insert(label, least);
        Ok(())
    }

    /// Each label with its least score.
    pub fn entries(&self) -> impl Iterator<Item = (&str, f32)> {
        self.0.iter().map(|(label, least)| (label.as_str(), *least))
    }
}

impl LabelRules {
    /// The rules for a model with these labels; those without a least score of their own take
    /// `least` (0..=1).
    ///
    /// # Errors
    /// When a label is named that the model does not have.
    pub fn new(
        labels: &[String],
        map: &LabelMap,
        confidence: &LabelConfidence,
        least: f32,
    ) -> Result<Self, UnknownLabels> {
        let own: BTreeSet<&String> = labels.iter().collect();
        let named: BTreeSet<&String> = map.0.keys().chain(confidence.0.keys()).collect();
        let unknown: Vec<_> = named
            .into_iter()
            .filter(|label| !own.contains(label))
            .map(|label| (label.clone(), alike(label, labels)))
            .collect();
        if !unknown.is_empty() {
            return Err(UnknownLabels {
                unknown,
                labels: labels.to_vec(),
            });
        }
        let ignores = map.0.values().any(|meaning| *meaning == Meaning::Ignored);
        let rule = |label: &String| Rule {
            meaning: match map.0.get(label) {
                Some(meaning) => meaning.clone(),
                None if label == NEGATIVE_LABEL => Meaning::Ignored,
                // As each label that has the name of a list, it goes with that list.
                None if label == IGNORE && ignores => Meaning::Ignored,
                None => Meaning::Counts(label.clone()),
            },
            least: confidence.0.get(label).copied().unwrap_or(least),
        };
        Ok(LabelRules {
            rules: labels
                .iter()
                .map(|label| (label.clone(), rule(label)))
                .collect(),
            is_default: map.0.is_empty() && confidence.0.is_empty(),
        })
    }

    /// The rules that a behaviour has for a model with these labels.
    ///
    /// # Errors
    /// As [`LabelRules::new`].
    pub fn of(labels: &[String], behaviour: &Behaviour) -> Result<Self, UnknownLabels> {
        let Behaviour {
            labels: map,
            label_confidence,
            min_confidence,
            ..
        } = behaviour;
        Self::new(labels, map, label_confidence, *min_confidence)
    }

    /// Judges the label with the highest score, and that one alone: scores of labels that count
    /// under one name are not added up, and no second label steps in for one that is not sure.
    #[must_use]
    pub fn outcome(&self, scores: &Scores) -> Outcome {
        // The scores are of the model that the rules are for, so that each label has a rule.
        let Some(rule) = self.rules.get(scores.top().0) else {
            return Outcome::Unsure;
        };
        match (scores.verdict(rule.least), &rule.meaning) {
            (Verdict::Unsure { .. }, _) => Outcome::Unsure,
            (Verdict::Label { .. }, Meaning::Ignored) => Outcome::Ignored,
            (Verdict::Label { .. }, Meaning::Counts(name)) => Outcome::Classified {
                label: name.clone(),
            },
        }
    }

    /// The names that counts can come under, each once.
    #[must_use]
    pub fn counted(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self
            .rules
            .values()
            .filter_map(|rule| match &rule.meaning {
                Meaning::Counts(name) => Some(name),
                Meaning::Ignored => None,
            })
            .collect();
        names.into_iter().cloned().collect()
    }

    /// Whether nothing was set: every label counts under its own name, and `Negative` does not.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.is_default
    }
}

/// For a line of the log: `"yellow" from "ripe" (0.6); ignored "leaf" (0.6)`.
impl fmt::Display for LabelRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sources: BTreeMap<&Meaning, Vec<String>> = BTreeMap::new();
        for (label, Rule { meaning, least }) in &self.rules {
            let source = format!("{label:?} ({least})");
            sources.entry(meaning).or_default().push(source);
        }
        for (number, (meaning, from)) in sources.iter().enumerate() {
            if number > 0 {
                f.write_str("; ")?;
            }
            match meaning {
                Meaning::Counts(name) => write!(f, "{name:?} from ")?,
                Meaning::Ignored => f.write_str("ignored ")?,
            }
            f.write_str(&from.join(", "))?;
        }
        Ok(())
    }
}

/// The model's label that is the same but for its capitals.
fn alike(label: &str, labels: &[String]) -> Option<String> {
    let small = label.to_lowercase();
    labels
        .iter()
        .find(|own| own.to_lowercase() == small)
        .cloned()
}

fn asked(unknown: &[(String, Option<String>)]) -> String {
    let names = unknown.iter().map(|(label, alike)| match alike {
        Some(alike) => format!("{label:?} (did you mean {alike:?}?)"),
        None => format!("{label:?}"),
    });
    names.collect::<Vec<_>>().join(", ")
}

fn listed(labels: &[String]) -> String {
    let quoted = labels.iter().take(LISTED).map(|label| format!("{label:?}"));
    let mut list = quoted.collect::<Vec<_>>().join(", ");
    if labels.len() > LISTED {
        list.push_str(&format!(" and {} more", labels.len() - LISTED));
    }
    list
}

/// What is in force where nothing is set, for the tests of other rooms.
#[cfg(test)]
pub(crate) fn default_in_force(classifier: &vision::Classifier) -> crate::in_force::NowInForce {
    let behaviour = Behaviour::on(1);
    let rules = LabelRules::of(classifier.labels(), &behaviour).unwrap();
    crate::in_force::for_good(behaviour, rules)
}

#[cfg(test)]
mod tests;
