//! The settings of the labels: text to what [`crate::labels`] decides by.
//!
//! JSON, since labels may hold blanks, commas, quotes and any alphabet, and no quoting of our own
//! would be known to anybody. Labels are values in it and never keys: a module twin refuses keys
//! with blanks, dots or `$`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::{Setting, Unit};
use crate::labels::{IGNORE, LabelConfidence, LabelMap, Meaning};

pub(super) const LABELS: Setting = Setting {
    name: "FRUIT_COUNTER_LABELS",
    twin: Some("labels"),
    unit: Unit::None,
    accepts: "a JSON object of names to count under, each with a list of the model's labels, such \
              as {\"ripe\":[\"Banana_ripe\"],\"ignore\":[\"Leaf\"]}; `ignore` has those that do not \
              count",
    default: "each label counts under its own name, and `Negative` does not count",
    effect: "what the model's labels count as; those that are not named keep to the default \
             (docs/labels.md)",
    cost: "none",
};
pub(super) const CONFIDENCE: Setting = Setting {
    name: "FRUIT_COUNTER_LABEL_CONFIDENCE",
    twin: Some("labelConfidence"),
    unit: Unit::None,
    accepts: "a JSON list of the model's labels with numbers from 0 to 1, such as \
              [{\"label\":\"Banana_ripe\",\"min\":0.8}]",
    default: "none",
    effect: "the least score that one label counts with, in place of \
             FRUIT_COUNTER_MIN_CONFIDENCE",
    cost: "none",
};

/// Longest name to count under in bytes, as the ledger has it.
const LONGEST_NAME: usize = 300;

/// Reads what labels count as: `{"ripe":["Banana_ripe"],"ignore":["Leaf"]}`.
///
/// # Errors
/// A sentence about what is wrong.
pub(crate) fn parse_labels(text: &str) -> Result<LabelMap, String> {
    let Lists(lists) = serde_json::from_str(text).map_err(not_so)?;
    let mut map = LabelMap::default();
    let mut names: Vec<&str> = Vec::new();
    for (name, labels) in &lists {
        if names.contains(&name.as_str()) {
            return Err(format!("{name:?} is there twice"));
        }
        names.push(name);
        let meaning = meaning(name)?;
        if labels.is_empty() {
            return Err(format!("{name:?} has no label"));
        }
        for label in labels {
            map.add(label.clone(), meaning.clone())
                .map_err(|label| format!("the label {label:?} is there twice"))?;
        }
    }
    Ok(map)
}

/// Reads labels' own least scores: `[{"label":"Banana_ripe","min":0.8}]`.
///
/// # Errors
/// A sentence about what is wrong.
pub(crate) fn parse_confidence(text: &str) -> Result<LabelConfidence, String> {
    let entries: Vec<Entry> = serde_json::from_str(text).map_err(not_so)?;
    let mut confidence = LabelConfidence::default();
    for Entry { label, min } in entries {
        if !(0.0..=1.0).contains(&min) {
            return Err(format!("{min} for the label {label:?} is out of range"));
        }
        confidence
            .add(label, min)
            .map_err(|label| format!("the label {label:?} is there twice"))?;
    }
    Ok(confidence)
}

fn meaning(name: &str) -> Result<Meaning, String> {
    if name == IGNORE {
        return Ok(Meaning::Ignored);
    }
    // Almost our own word: what was to be left out would be counted.
    if ["ignore", "ignored"].contains(&name.to_lowercase().as_str()) {
        return Err(format!("{name:?} would be counted; write {IGNORE:?}"));
    }
    let is_one = !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name.trim() == name
        && !name.contains(char::is_control);
    if !is_one {
        return Err(format!(
            "{name:?} is no name to count under: 1 to {LONGEST_NAME} bytes, no blank around it, no \
             control characters"
        ));
    }
    Ok(Meaning::Counts(name.to_owned()))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn not_so(error: serde_json::Error) -> String {
    format!("it is not such JSON ({error})")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    label: String,
    min: f32,
}

/// Names with their labels as they are written: a map would take the last of two equal names
/// without a word.
struct Lists(Vec<(String, Vec<String>)>);

impl<'de> Deserialize<'de> for Lists {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Lists;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names, each with a list of labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Lists, A::Error> {
                let mut lists = Vec::new();
                while let Some(pair) = access.next_entry()? {
                    lists.push(pair);
                }
                Ok(Lists(lists))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests;
