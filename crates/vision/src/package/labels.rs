//! The labels of a package: which are they, in which order, and where were they found.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::source::{MAX_TEXT_BYTES, Source};
use super::{OnnxOutline, PackageError, without_mark};

/// Labels in the order of the scores, and the file that they come from.
#[derive(Debug, Clone)]
pub(super) struct Labelled {
    pub(super) labels: Arc<[String]>,
    pub(super) from: String,
}

/// One label per line; empty lines only at the end.
pub(super) fn in_file(
    source: &mut Source,
    name: &str,
) -> Result<Option<Vec<String>>, PackageError> {
    let Some(content) = source.read(name, MAX_TEXT_BYTES)? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(without_mark(&content)).into_owned();
    let lines: Vec<_> = text.trim_end().lines().collect();
    let labels = checked(&lines).map_err(|(line, reason)| PackageError::LabelLine {
        name: name.to_owned(),
        line,
        reason,
    })?;
    Ok((!labels.is_empty()).then_some(labels))
}

/// The list that `model.toml` has.
pub(super) fn in_list(list: &[String]) -> Result<Vec<String>, PackageError> {
    let refused = |reason| PackageError::ModelToml { line: None, reason };
    if list.is_empty() {
        return Err(refused("the list of labels is empty".to_owned()));
    }
    checked(list).map_err(|(place, reason)| refused(format!("label {place} of the list: {reason}")))
}

/// The labels, trimmed; or the place, from 1, of one that cannot be one.
fn checked(list: &[impl AsRef<str>]) -> Result<Vec<String>, (usize, &'static str)> {
    let mut seen = HashSet::new();
    let mut labels = Vec::with_capacity(list.len());
    for (label, place) in list.iter().zip(1..) {
        let label = label.as_ref().trim();
        if label.is_empty() {
            return Err((place, "the label is empty"));
        }
        if !seen.insert(label) {
            return Err((place, "the label is there twice"));
        }
        labels.push(label.to_owned());
    }
    Ok(labels)
}

/// Those that were listed, in their order; they must be the model's own, where it carries them.
/// Where none are listed, the model's own.
pub(super) fn settled(
    path: &Path,
    name: &str,
    listed: Option<Vec<String>>,
    outline: &OnnxOutline,
) -> Result<Labelled, PackageError> {
    let inside = &outline.labels;
    let Some(listed) = listed else {
        return match inside.as_slice() {
            [] => Err(PackageError::NoLabels { path: path.into() }),
            labels => Ok(Labelled {
                labels: labels.into(),
                from: "the model itself".to_owned(),
            }),
        };
    };
    let same = |a: &[String], b: &[String]| a.iter().all(|label| b.contains(label));
    let agree = same(&listed, inside) && same(inside, &listed);
    if !inside.is_empty() && !agree {
        return Err(PackageError::LabelsDiffer {
            name: name.to_owned(),
            listed,
            inside: inside.clone(),
        });
    }
    Ok(Labelled {
        labels: listed.into(),
        from: name.to_owned(),
    })
}
