//! The parts of a package: which file is the model, and what of it tells the preprocessing.

use std::path::Path;

use super::manifest::{MANIFEST, Manifest};
use super::model_toml::{MODEL_TOML, ModelToml};
use super::properties::{self, Properties};
use super::source::{MAX_MODEL_BYTES, Source};
use super::{OnnxOutline, PackageError, onnx, read_json};
use crate::Preprocess;

const MODEL: &str = "model.onnx";
const METADATA: &str = "metadata_properties.json";

/// The sign of an object detector in the graph: outputs of the S1 domain by
/// name, or the four axes of the older one's grid.
pub(super) fn detector(outline: &OnnxOutline) -> Option<String> {
    let named = |output: &&onnx::Port| output.name.starts_with("detected_");
    if let Some(output) = outline.outputs.iter().find(named) {
        return Some(format!("it has an output {}", output.name));
    }
    let [output] = outline.outputs.as_slice() else {
        return None;
    };
    let [_, Some(channels), Some(rows), Some(columns)] = output.shape.as_deref()? else {
        return None;
    };
    let grid = *rows > 1 && *columns > 1 && channels % 5 == 0;
    grid.then(|| format!("its output is a grid of {channels}x{rows}x{columns}"))
}

/// The model file: its name and its content.
pub(super) fn model(
    path: &Path,
    source: &mut Source,
    named: Option<&str>,
    manifest: &Manifest,
    told: Option<&ModelToml>,
) -> Result<(String, Vec<u8>), PackageError> {
    let by_toml = told.and_then(|told| told.model.as_deref());
    let (name, by) = match (named, by_toml, &manifest.model_file_name) {
        (Some(name), _, _) => (name.to_owned(), None),
        (None, Some(name), _) => (name.to_owned(), Some(MODEL_TOML)),
        (None, None, Some(name)) => (name.clone(), Some(MANIFEST)),
        (None, None, None) => (only_model(path, source)?, None),
    };
    match (source.read(&name, MAX_MODEL_BYTES)?, by) {
        (Some(content), _) => Ok((name, content)),
        (None, Some(by)) => Err(missing(path, &name, by)),
        (None, None) => Err(PackageError::NoModel { path: path.into() }),
    }
}

fn only_model(path: &Path, source: &Source) -> Result<String, PackageError> {
    let models = source.models()?;
    match models.as_slice() {
        _ if models.iter().any(|name| name == MODEL) => Ok(MODEL.to_owned()),
        [] => Err(PackageError::NoModel { path: path.into() }),
        [only] => Ok(only.clone()),
        _ => Err(PackageError::SeveralModels {
            path: path.into(),
            models,
        }),
    }
}

/// The recipe as Custom Vision's files and the model tell it, and which of them did.
pub(super) fn preprocess(
    path: &Path,
    source: &mut Source,
    manifest: &Manifest,
    outline: &OnnxOutline,
) -> Result<(Preprocess, String), PackageError> {
    let named = manifest.metadata_props_file_name.as_deref();
    let name = named.unwrap_or(METADATA);
    let metadata = read_json(source, name)?;
    // Without it the model would be fed what its era before wanted: answers that look right.
    if let (Some(name), None) = (named, &metadata) {
        return Err(missing(path, name, MANIFEST));
    }
    let mut told_by = Vec::new();
    if metadata.is_some() {
        told_by.push(name.to_owned());
    }
    if !outline.properties.is_empty() || outline.inputs.iter().any(|port| !port.doc.is_empty()) {
        told_by.push("the model itself".to_owned());
    }
    let properties = Properties::merged(&outline.properties, metadata);
    if let Some(sign) = properties.detector() {
        return Err(PackageError::Detection { sign });
    }
    let recipe = properties::recipe(&properties, outline, manifest.era())?;
    let told_by = match told_by.as_slice() {
        [] => "no file".to_owned(),
        names => names.join(" and "),
    };
    Ok((recipe, told_by))
}

pub(super) fn missing(path: &Path, name: &str, by: &'static str) -> PackageError {
    PackageError::NamedFileMissing {
        path: path.into(),
        name: name.to_owned(),
        by,
    }
}
