//! Finds what tests need beside the repository, and inside it.

use std::io::Write;
use std::path::{Path, PathBuf};

use vision::{Classifier, ModelError, ModelPackage, RuntimeOptions, TrialError};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A path under the shared data; says so and gives nothing when it is absent.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let path = workspace().join("../shared/data").join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: there is no {}", path.display());
    None
}

/// A file of `tests/data`.
pub(crate) fn ours(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// The model that the repository ships.
pub(crate) fn bundled() -> PathBuf {
    workspace().join("model")
}

/// A JSON file.
pub(crate) fn json(path: &Path) -> serde_json::Value {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The bytes of a file of `tests/data`.
pub(crate) fn model(name: &str) -> Vec<u8> {
    std::fs::read(ours(name)).unwrap()
}

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

/// An archive with these files.
pub(crate) fn zip(path: &Path, files: &[(&str, &[u8])]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, content) in files {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
}

/// What the trial run says of a model whose numbers are no scores.
pub(crate) fn no_scores(package: &ModelPackage) -> String {
    let error = Classifier::load(package, &RuntimeOptions::default()).unwrap_err();
    let ModelError::Trial {
        source: source @ TrialError::NoScores { .. },
        ..
    } = &error
    else {
        panic!("{error}");
    };
    source.to_string()
}
