//! Pictures on disk, in the order of their names.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// One picture. Its id is its path as found, so that no two of a run are the same, but
/// with `%20` for a space: the crate cannot send one.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) id: String,
    path: PathBuf,
}

impl Picture {
    pub(crate) fn bytes(&self) -> anyhow::Result<Vec<u8>> {
        fs::read(&self.path).with_context(|| format!("cannot read {}", self.path.display()))
    }

    pub(crate) fn content_type(&self) -> &'static str {
        if has_extension(&self.path, &["png"]) {
            "image/png"
        } else {
            "image/jpeg"
        }
    }
}

/// The named files, and the pictures in the named folders and theirs.
pub(crate) fn find(paths: &[PathBuf]) -> anyhow::Result<Vec<Picture>> {
    let mut found = Vec::new();
    for path in paths {
        collect(path, &mut found)?;
    }
    ensure!(!found.is_empty(), "the folders named hold no picture");
    let picture = |path: PathBuf| Picture {
        id: path.display().to_string().replace(' ', "%20"),
        path,
    };
    Ok(found.into_iter().map(picture).collect())
}

fn collect(path: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let unreadable = || format!("cannot read {}", path.display());
    if !fs::metadata(path).with_context(unreadable)?.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    let entries: Result<Vec<_>, _> = fs::read_dir(path).with_context(unreadable)?.collect();
    let mut entries: Vec<PathBuf> = entries
        .with_context(unreadable)?
        .into_iter()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() || has_extension(&entry, &["jpg", "jpeg", "png"]) {
            collect(&entry, found)?;
        }
    }
    Ok(())
}

fn has_extension(path: &Path, wanted: &[&str]) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| wanted.iter().any(|one| extension.eq_ignore_ascii_case(one)))
}
