//! Model packages: a folder, a Custom Vision zip, or an `.onnx` file with its
//! labels beside it.
//!
//! Opening reads and explains; it needs no runtime and runs nothing. What is
//! refused is refused with the cure. Whether the model agrees with its package
//! is checked when a [`Classifier`](crate::Classifier) loads it.
//!
//! Files looked for, in Custom Vision's names: `cvexport.manifest` (optional;
//! may name the others), `model.onnx` (or the only `.onnx` file), `labels.txt`
//! (optional when the model carries its labels), `metadata_properties.json`
//! (optional; exports since 2021).

mod error;
mod onnx;
mod properties;
mod source;

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest, Sha256};

pub use error::{PackageError, PropertyError};
pub use onnx::NotOnnx;
pub(crate) use onnx::OnnxOutline;

use crate::{NamedRecipe, Preprocess};
use properties::Properties;
use source::{MAX_MODEL_BYTES, MAX_TEXT_BYTES, Source};

/// A model with what is needed to feed it and to read its answers.
///
/// Holds the model's bytes: drop it when the classifiers are loaded.
#[derive(Debug, Clone)]
pub struct ModelPackage {
    path: PathBuf,
    name: String,
    version: String,
    sha256: String,
    labels: Arc<[String]>,
    preprocess: Preprocess,
    outline: OnnxOutline,
    model: Arc<[u8]>,
}

/// The part of `cvexport.manifest` that is used; the rest is ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Manifest {
    domain_type: Option<String>,
    platform: Option<String>,
    exported_date: Option<String>,
    iteration_id: Option<String>,
    model_file_name: Option<String>,
    label_file_name: Option<String>,
    metadata_props_file_name: Option<String>,
}

/// The month of the oldest container that has mscviplib (2.200731.16), as a
/// date in `cvexport.manifest` begins.
const MSCVIPLIB_SINCE: &str = "2020-08";

impl Manifest {
    /// The container that an export without properties shipped with. Those
    /// without a manifest, or without a date in it, are taken for older ones.
    fn era(&self) -> NamedRecipe {
        let date = self.exported_date.as_deref().unwrap_or_default();
        let is_date = date.starts_with("20") && date.as_bytes().get(4) == Some(&b'-');
        match date.get(..MSCVIPLIB_SINCE.len()) {
            Some(month) if is_date && month >= MSCVIPLIB_SINCE => NamedRecipe::Docker2020,
            _ => NamedRecipe::Docker2018,
        }
    }
}

const MANIFEST: &str = "cvexport.manifest";
const MODEL: &str = "model.onnx";
const LABELS: &str = "labels.txt";
const METADATA: &str = "metadata_properties.json";

impl ModelPackage {
    /// Reads a package. Costs reading the model once and hashing it: about
    /// 10 ms for 3 MB.
    ///
    /// # Errors
    /// [`PackageError`], which says what is wrong and what to do.
    pub fn open(path: &Path) -> Result<Self, PackageError> {
        let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => PackageError::NotFound { path: path.into() },
            _ => source::unreadable(path, error),
        })?;
        if metadata.is_dir() {
            return Self::read(path, Source::folder(path), None);
        }
        let mut file = File::open(path).map_err(|error| source::unreadable(path, error))?;
        let mut head = [0; 4];
        let is_zip = file.read_exact(&mut head).is_ok() && head == *b"PK\x03\x04";
        if is_zip {
            return Self::read(path, Source::zip(path, file)?, None);
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let folder = path.parent().unwrap_or(Path::new(""));
        match name {
            Some(name) if name.to_ascii_lowercase().ends_with(".onnx") => {
                Self::read(path, Source::folder(folder), Some(name))
            }
            _ => Err(PackageError::NotAPackage { path: path.into() }),
        }
    }

    fn read(path: &Path, mut source: Source, model: Option<&str>) -> Result<Self, PackageError> {
        let manifest: Manifest = read_json(&mut source, MANIFEST)?.unwrap_or_default();
        refuse_other_kinds(&manifest)?;
        let model_name = match model {
            Some(name) => name.to_owned(),
            None => model_file(path, &source, &manifest)?,
        };
        let no_model = || PackageError::NoModel { path: path.into() };
        let model = source.read(&model_name, MAX_MODEL_BYTES)?;
        let model = model.ok_or_else(no_model)?;
        let outline = onnx::outline(&model).map_err(|source| PackageError::NotOnnx {
            path: path.join(&model_name),
            source,
        })?;

        let metadata_name = manifest.metadata_props_file_name.as_deref();
        let metadata = read_json(&mut source, metadata_name.unwrap_or(METADATA))?;
        let properties = Properties::merged(&outline.properties, metadata);
        if let Some(sign) = properties.detector().or_else(|| detector(&outline)) {
            return Err(PackageError::Detection { sign });
        }
        let labels_name = manifest.label_file_name.as_deref().unwrap_or(LABELS);
        let listed = read_labels(&mut source, labels_name)?;
        let labels = labels(path, labels_name, listed, &outline)?;

        let sha256 = hex(&Sha256::digest(&model));
        let era = manifest.era();
        Ok(Self {
            path: path.to_owned(),
            name: name(path, &outline),
            version: manifest
                .iteration_id
                .filter(|id| !id.trim().is_empty())
                .unwrap_or_else(|| sha256[..12].to_owned()),
            preprocess: properties::recipe(&properties, &outline, era)?,
            sha256,
            labels,
            outline,
            model: model.into(),
        })
    }

    /// Where it was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A name for people: the file's or folder's, without extension; where
    /// that is `model`, the graph's own.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The iteration that was exported, or the first 12 digits of the hash;
    /// after a `+` the preprocessing, where one was named.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// SHA-256 of the model file, 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The labels, in the order of the scores; no two are equal.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// How pictures are prepared for it.
    #[must_use]
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// The same package, with pictures laid out as a named program does. Its
    /// version then says so, since the counts mean something else.
    #[must_use]
    pub fn laid_out_as(mut self, named: NamedRecipe) -> Self {
        self.preprocess = self.preprocess.laid_out_as(named);
        self.version = format!("{}+{named}", self.version);
        self
    }

    /// The same package, with pictures prepared another way.
    #[must_use]
    pub fn with_preprocess(mut self, preprocess: Preprocess) -> Self {
        self.preprocess = preprocess;
        self
    }

    /// Tool that wrote the model, as it calls itself.
    #[must_use]
    pub fn producer(&self) -> &str {
        &self.outline.producer
    }

    /// Version of the default ONNX operator set, where the model states it.
    #[must_use]
    pub fn opset(&self) -> Option<i64> {
        self.outline.opset
    }

    pub(crate) fn shared_labels(&self) -> Arc<[String]> {
        Arc::clone(&self.labels)
    }

    pub(crate) fn model(&self) -> &[u8] {
        &self.model
    }
}

fn refuse_other_kinds(manifest: &Manifest) -> Result<(), PackageError> {
    if let Some(domain) = manifest.domain_type.as_deref()
        && domain.eq_ignore_ascii_case("ObjectDetection")
    {
        let sign = format!("{MANIFEST} says {domain}");
        return Err(PackageError::Detection { sign });
    }
    match manifest.platform.as_deref() {
        Some(platform) if !platform.eq_ignore_ascii_case("ONNX") => {
            let platform = platform.to_owned();
            Err(PackageError::OtherPlatform { platform })
        }
        _ => Ok(()),
    }
}

/// The sign of an object detector in the graph: outputs of the S1 domain by
/// name, or the four axes of the older one's grid.
fn detector(outline: &OnnxOutline) -> Option<String> {
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

fn model_file(path: &Path, source: &Source, manifest: &Manifest) -> Result<String, PackageError> {
    if let Some(name) = &manifest.model_file_name {
        return Ok(name.clone());
    }
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

fn read_json<T: serde::de::DeserializeOwned>(
    source: &mut Source,
    name: &str,
) -> Result<Option<T>, PackageError> {
    let Some(content) = source.read(name, MAX_TEXT_BYTES)? else {
        return Ok(None);
    };
    let text = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&content);
    let parsed = serde_json::from_slice(text).map_err(|source| PackageError::Json {
        name: name.to_owned(),
        source,
    })?;
    Ok(Some(parsed))
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// One label per line; empty lines only at the end.
fn read_labels(source: &mut Source, name: &str) -> Result<Option<Vec<String>>, PackageError> {
    let Some(content) = source.read(name, MAX_TEXT_BYTES)? else {
        return Ok(None);
    };
    let content = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&content);
    let text = String::from_utf8_lossy(content);
    let mut labels = Vec::new();
    let mut seen = HashSet::new();
    for (index, line) in text.trim_end().lines().enumerate() {
        let label = line.trim();
        let refused = |reason| PackageError::LabelLine {
            name: name.to_owned(),
            line: index + 1,
            reason,
        };
        if label.is_empty() {
            return Err(refused("the label is empty"));
        }
        if !seen.insert(label) {
            return Err(refused("the label is there twice"));
        }
        labels.push(label.to_owned());
    }
    Ok((!labels.is_empty()).then_some(labels))
}

/// The labels of the file in its order; they must be the model's own, where it
/// carries them. Without a file, the model's own.
fn labels(
    path: &Path,
    name: &str,
    listed: Option<Vec<String>>,
    outline: &OnnxOutline,
) -> Result<Arc<[String]>, PackageError> {
    let inside = &outline.labels;
    let Some(listed) = listed else {
        return match inside.as_slice() {
            [] => Err(PackageError::NoLabels { path: path.into() }),
            labels => Ok(labels.into()),
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
    Ok(listed.into())
}

fn name(path: &Path, outline: &OnnxOutline) -> String {
    let canonical = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let stem = if canonical.is_dir() {
        canonical.file_name()
    } else {
        canonical.file_stem()
    };
    let stem = stem.unwrap_or_default().to_string_lossy();
    if stem == "model" && !outline.graph_name.trim().is_empty() {
        outline.graph_name.trim().to_owned()
    } else {
        stem.into_owned()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
