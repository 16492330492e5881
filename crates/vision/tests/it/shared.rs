//! Finds what tests need beside the repository, and inside it.

use std::path::{Path, PathBuf};

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
