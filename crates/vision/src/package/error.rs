//! Why a path is not a model package that can be used, and the cure.

use std::path::PathBuf;

use super::NotOnnx;

/// A package that was refused.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// There is nothing at the path.
    #[error("there is no model package at {}", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// A file or folder cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is longer than a package's files may be.
    #[error("{} is longer than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes allowed.
        limit: u64,
    },
    /// The path is a file of another kind.
    #[error(
        "{} is neither a folder, a zip nor an .onnx file; give the zip that Custom Vision exports, or the folder it unpacks to",
        path.display()
    )]
    NotAPackage {
        /// The path.
        path: PathBuf,
    },
    /// The zip is damaged.
    #[error("the zip {} cannot be read", path.display())]
    Archive {
        /// The zip.
        path: PathBuf,
        /// Why.
        #[source]
        source: zip::result::ZipError,
    },
    /// A name points out of the package.
    #[error("the file name {name:?} points out of the package")]
    NameLeavesPackage {
        /// The name.
        name: String,
    },
    /// There is no model file.
    #[error("{} holds no .onnx file; export the model as ONNX", path.display())]
    NoModel {
        /// The package.
        path: PathBuf,
    },
    /// There are several, and none is called `model.onnx`.
    #[error(
        "{} holds several .onnx files ({}); call one model.onnx",
        path.display(),
        models.join(", ")
    )]
    SeveralModels {
        /// The package.
        path: PathBuf,
        /// Their names.
        models: Vec<String>,
    },
    /// A file that another names is not there.
    #[error("{by} names {name}, and {} holds no such file; keep the files of one export together", path.display())]
    NamedFileMissing {
        /// The package.
        path: PathBuf,
        /// The file that is missing.
        name: String,
        /// The file that names it.
        by: &'static str,
    },
    /// Some weights lie in a file of their own.
    #[error(
        "{name} keeps weights in another file ({other}); save it as one file, in Python: onnx.save(onnx.load(\"{name}\"), \"one/{name}\")"
    )]
    SeveralFiles {
        /// The model file.
        name: String,
        /// The file with the weights.
        other: String,
    },
    /// `model.toml` cannot be followed.
    #[error("model.toml{}: {reason}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    ModelToml {
        /// Line, from 1, where it is one.
        line: Option<usize>,
        /// What is wrong, and what is known.
        reason: String,
    },
    /// The export is for another runtime.
    #[error("this is a {platform} export; export the model again for the platform ONNX")]
    OtherPlatform {
        /// What `cvexport.manifest` says.
        platform: String,
    },
    /// The model finds objects, and this program sorts pictures.
    #[error(
        "this is an object detection model ({sign}); only classification models can be used for now, train a classification project on the same pictures"
    )]
    Detection {
        /// What gave it away.
        sign: String,
    },
    /// The model file is something else.
    #[error("{} is not an ONNX model", path.display())]
    NotOnnx {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: NotOnnx,
    },
    /// A JSON file is broken.
    #[error("{name} is not the JSON object that was expected")]
    Json {
        /// The file's name.
        name: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Neither `labels.txt` nor the model names the labels.
    #[error(
        "{} has no labels; put labels.txt beside the model, one label per line in the order of the scores",
        path.display()
    )]
    NoLabels {
        /// The package.
        path: PathBuf,
    },
    /// `labels.txt` cannot be used.
    #[error("{name}, line {line}: {reason}")]
    LabelLine {
        /// The file's name.
        name: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// `labels.txt` and the model name different labels.
    #[error(
        "{name} lists {listed:?}, and the model has {inside:?}; take both from the same export"
    )]
    LabelsDiffer {
        /// The file's name.
        name: String,
        /// Its labels.
        listed: Vec<String>,
        /// The model's labels.
        inside: Vec<String>,
    },
    /// A property has a value that is not known.
    #[error("the export's properties ask for something unknown")]
    Property(#[from] PropertyError),
    /// Neither properties nor the model fix the size of its input.
    #[error(
        "the model's input size is open and the package does not state it; take metadata_properties.json of the same export along (TargetWidth, TargetHeight), or state size under [input] in a model.toml"
    )]
    InputSizeUnknown,
}

/// A property that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} is {}, expected {expected}", value.as_deref().unwrap_or("absent"))]
pub struct PropertyError {
    /// The property.
    pub key: &'static str,
    /// Its value, if it has one.
    pub value: Option<String>,
    /// The values that are known.
    pub expected: &'static str,
}
