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
//! (optional; exports since 2021). Beside a model of other origin `model.toml`
//! tells what it wants; where there is one, preprocessing and scores are told
//! by it alone, and what Custom Vision's files say of them is not looked at.

mod error;
mod labels;
mod manifest;
mod model_toml;
mod onnx;
mod parts;
mod properties;
mod source;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use error::{PackageError, PropertyError};
pub use onnx::NotOnnx;
pub(crate) use onnx::OnnxOutline;

use crate::{NamedRecipe, Preprocess, ScoreFunction};
use labels::Labelled;
use manifest::{MANIFEST, Manifest};
use model_toml::{Labels, MODEL_TOML, ModelToml};
use properties::PictureInput;
use source::{MAX_TEXT_BYTES, Source};

/// A model with what is needed to feed it and to read its answers.
///
/// Holds the model's bytes: drop it when the classifiers are loaded.
#[derive(Debug, Clone)]
pub struct ModelPackage {
    path: PathBuf,
    name: String,
    version: String,
    sha256: String,
    labels: Labelled,
    preprocess: Preprocess,
    score_function: ScoreFunction,
    output: Option<String>,
    model_file: String,
    files: Vec<String>,
    told_by: String,
    outline: OnnxOutline,
    model: Arc<[u8]>,
}

const LABELS: &str = "labels.txt";

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

    fn read(path: &Path, mut source: Source, named: Option<&str>) -> Result<Self, PackageError> {
        let manifest: Manifest = read_json(&mut source, MANIFEST)?.unwrap_or_default();
        manifest.refuse_other_kinds()?;
        let toml = source.read(MODEL_TOML, MAX_TEXT_BYTES)?;
        let mut told = match &toml {
            Some(content) => Some(ModelToml::read(without_mark(content))?),
            None => None,
        };
        if let (
            Some(named),
            Some(ModelToml {
                model: Some(model), ..
            }),
        ) = (named, &told)
            && named != model
        {
            // It is about the other one.
            told = None;
        }
        let (model_file, model) = parts::model(path, &mut source, named, &manifest, told.as_ref())?;
        let outline = onnx::outline(&model).map_err(|source| PackageError::NotOnnx {
            path: path.join(&model_file),
            source,
        })?;
        if let Some(other) = &outline.other_file {
            return Err(PackageError::SeveralFiles {
                name: model_file,
                other: other.clone(),
            });
        }
        if let Some(sign) = parts::detector(&outline) {
            return Err(PackageError::Detection { sign });
        }
        let (preprocess, told_by) = match &told {
            Some(told) => {
                let recipe = told.recipe(&PictureInput::of(&outline))?;
                (recipe, MODEL_TOML.to_owned())
            }
            None => parts::preprocess(path, &mut source, &manifest, &outline)?,
        };
        let labels = match told.as_ref().and_then(|told| told.labels.as_ref()) {
            Some(Labels::List(list)) => {
                labels::settled(path, MODEL_TOML, Some(labels::in_list(list)?), &outline)?
            }
            Some(Labels::File(file)) => {
                let listed = labels::in_file(&mut source, file)?;
                let listed = listed.ok_or_else(|| parts::missing(path, file, MODEL_TOML))?;
                labels::settled(path, file, Some(listed), &outline)?
            }
            None => {
                let file = manifest.label_file_name.as_deref().unwrap_or(LABELS);
                let listed = labels::in_file(&mut source, file)?;
                labels::settled(path, file, listed, &outline)?
            }
        };
        let sha256 = hex(&Sha256::digest(&model));
        let version = match (&told, manifest.iteration()) {
            (
                Some(ModelToml {
                    version: Some(version),
                    ..
                }),
                _,
            ) => version.clone(),
            (_, Some(iteration)) => iteration.to_owned(),
            // What it says of the preprocessing is a part of what the counts mean.
            (Some(_), None) => {
                let both = Sha256::new()
                    .chain_update(&model)
                    .chain_update(toml.unwrap_or_default());
                hex(&both.finalize())[..12].to_owned()
            }
            (None, None) => sha256[..12].to_owned(),
        };
        let told_name = told.as_ref().and_then(|told| told.name.clone());
        Ok(Self {
            path: path.to_owned(),
            name: told_name.unwrap_or_else(|| name(path, &outline)),
            version,
            preprocess,
            score_function: told
                .as_ref()
                .map(ModelToml::score_function)
                .unwrap_or_default(),
            output: told.and_then(|told| told.output.name),
            sha256,
            labels,
            outline,
            model_file,
            files: source.into_read(),
            told_by,
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
        &self.labels.labels
    }

    /// The file that the labels were found in, for people.
    #[must_use]
    pub fn labels_from(&self) -> &str {
        &self.labels.from
    }

    /// Name of the model file in the package.
    #[must_use]
    pub fn model_file(&self) -> &str {
        &self.model_file
    }

    /// Names of all files of the package that were read: with these alone it is the same package.
    #[must_use]
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// Length of the model file in bytes.
    #[must_use]
    pub fn model_bytes(&self) -> usize {
        self.model.len()
    }

    /// What the preprocessing was found in, for people.
    #[must_use]
    pub fn preprocess_from(&self) -> &str {
        &self.told_by
    }

    /// What makes scores of the model's numbers.
    #[must_use]
    pub fn score_function(&self) -> ScoreFunction {
        self.score_function
    }

    /// The output to read, where the package names one.
    pub(crate) fn output(&self) -> Option<&str> {
        self.output.as_deref()
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
        Arc::clone(&self.labels.labels)
    }

    pub(crate) fn model(&self) -> &[u8] {
        &self.model
    }
}

fn read_json<T: serde::de::DeserializeOwned>(
    source: &mut Source,
    name: &str,
) -> Result<Option<T>, PackageError> {
    let Some(content) = source.read(name, MAX_TEXT_BYTES)? else {
        return Ok(None);
    };
    let parsed =
        serde_json::from_slice(without_mark(&content)).map_err(|source| PackageError::Json {
            name: name.to_owned(),
            source,
        })?;
    Ok(Some(parsed))
}

/// Text without the mark that some editors begin it with.
fn without_mark(content: &[u8]) -> &[u8] {
    content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content)
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
