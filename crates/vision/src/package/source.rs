//! Where the files of a package lie: in a folder or in a zip.
//!
//! Only plain names at the package's own level are opened, so a manifest or an
//! archive cannot point elsewhere; every read is bounded.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::PackageError;

/// Largest model: a classifier of this kind has 1 to 100 MB.
pub(super) const MAX_MODEL_BYTES: u64 = 512 << 20;
/// Largest text file.
pub(super) const MAX_TEXT_BYTES: u64 = 1 << 20;
/// Most entries of an archive that are looked at.
const MAX_ENTRIES: usize = 1024;

/// An open package, which remembers what was read of it.
pub(super) struct Source {
    place: Place,
    read: Vec<String>,
}

enum Place {
    Folder(PathBuf),
    Zip {
        archive: ZipArchive<File>,
        /// Names of the first entries with their places; those that are not text are left out.
        /// Some programs for Windows write `\` between folder and name.
        names: Vec<(String, usize)>,
        /// The folder inside that holds everything, with its slash, or nothing.
        prefix: String,
        path: PathBuf,
    },
}

impl Source {
    pub(super) fn folder(path: &Path) -> Self {
        Self::of(Place::Folder(path.to_owned()))
    }

    fn of(place: Place) -> Self {
        Self {
            place,
            read: Vec::new(),
        }
    }

    pub(super) fn zip(path: &Path, file: File) -> Result<Self, PackageError> {
        let broken = |source| PackageError::Archive {
            path: path.to_owned(),
            source,
        };
        let archive = ZipArchive::new(file).map_err(broken)?;
        let names = archive.file_names().take(MAX_ENTRIES);
        let names: Vec<(String, usize)> = names
            .zip(0..)
            .filter_map(|(name, place)| Some((name.ok()?.replace('\\', "/"), place)))
            .collect();
        let prefix = common_folder(names.iter().map(|(name, _)| name.as_str()));
        Ok(Self::of(Place::Zip {
            archive,
            names,
            prefix,
            path: path.to_owned(),
        }))
    }

    /// Names at the package's level that end in `.onnx`, sorted.
    pub(super) fn models(&self) -> Result<Vec<String>, PackageError> {
        let mut names: Vec<String> = match &self.place {
            Place::Folder(folder) => {
                let entries = std::fs::read_dir(folder).and_then(Iterator::collect);
                let entries: Vec<std::fs::DirEntry> =
                    entries.map_err(|source| unreadable(folder, source))?;
                let names = entries.iter().map(std::fs::DirEntry::file_name);
                names.filter_map(|name| name.into_string().ok()).collect()
            }
            Place::Zip { names, prefix, .. } => {
                let within = names
                    .iter()
                    .filter_map(|(name, _)| name.strip_prefix(&**prefix));
                within.map(str::to_owned).collect()
            }
        };
        names.retain(|name| is_plain(name) && name.to_ascii_lowercase().ends_with(".onnx"));
        names.sort();
        Ok(names)
    }

    /// The content of a file; nothing when there is none of this name.
    pub(super) fn read(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, PackageError> {
        if !is_plain(name) {
            return Err(PackageError::NameLeavesPackage { name: name.into() });
        }
        let content = self.place.content(name, limit)?;
        if content.is_some() && !self.read.iter().any(|read| read == name) {
            self.read.push(name.to_owned());
        }
        Ok(content)
    }

    /// Names of the files that were there and were read, each once, in that order.
    pub(super) fn into_read(self) -> Vec<String> {
        self.read
    }
}

impl Place {
    fn content(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, PackageError> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                match File::open(&path) {
                    Ok(file) => bounded(file, &path, limit).map(Some),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(source) => Err(unreadable(&path, source)),
                }
            }
            Self::Zip {
                archive,
                names,
                prefix,
                path,
            } => {
                let wanted = format!("{prefix}{name}");
                let Some((_, place)) = names.iter().find(|(name, _)| *name == wanted) else {
                    return Ok(None);
                };
                match archive.by_index(*place) {
                    Ok(entry) => bounded(entry, &path.join(name), limit).map(Some),
                    Err(source) => Err(PackageError::Archive {
                        path: path.clone(),
                        source,
                    }),
                }
            }
        }
    }
}

pub(super) fn unreadable(path: &Path, source: io::Error) -> PackageError {
    PackageError::Unreadable {
        path: path.to_owned(),
        source,
    }
}

/// Reads all, but stops past `limit`: an archive's own sizes may lie.
fn bounded(reader: impl Read, path: &Path, limit: u64) -> Result<Vec<u8>, PackageError> {
    let mut content = Vec::new();
    let read = reader.take(limit + 1).read_to_end(&mut content);
    read.map_err(|source| unreadable(path, source))?;
    if content.len() as u64 > limit {
        return Err(PackageError::TooLarge {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(content)
}

/// One name, no folder.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name != ".." && name != "." && !name.contains(['/', '\\', '\0'])
}

/// The folder that all entries share: people zip the folder, not its content.
fn common_folder<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut folder: Option<&str> = None;
    for name in names.filter(|name| !name.starts_with("__MACOSX/")) {
        let here = name.split_inclusive('/').next().unwrap_or_default();
        if !here.ends_with('/') || *folder.get_or_insert(here) != here {
            return String::new();
        }
    }
    folder.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_opened() {
        let mut source = Source::folder(Path::new("."));
        for name in ["../secret", "a/b", "..", "", "a\\b", "/etc/passwd"] {
            let error = source.read(name, 10).unwrap_err();
            assert!(
                matches!(error, PackageError::NameLeavesPackage { .. }),
                "{name}: {error}"
            );
        }
    }

    #[test]
    fn a_shared_folder_is_found() {
        fn check(names: &[&str], expected: &str) {
            assert_eq!(common_folder(names.iter().copied()), expected, "{names:?}");
        }
        check(&["m/", "m/model.onnx", "m/labels.txt"], "m/");
        check(&["m/model.onnx", "__MACOSX/m/._model.onnx"], "m/");
        check(&["model.onnx", "m/x"], "");
        check(&["a/model.onnx", "b/labels.txt"], "");
        check(&[], "");
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused() {
        let path = Path::new("big");
        assert!(bounded(&[0_u8; 4][..], path, 4).is_ok());
        let error = bounded(&[0_u8; 5][..], path, 4).unwrap_err();
        assert!(matches!(error, PackageError::TooLarge { limit: 4, .. }));
    }
}
