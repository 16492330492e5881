//! Pictures from a folder: which files, in which order, whose share, with which truth.
//!
//! The subfolder names the truth: under `--pictures pictures`, `pictures/ripe/monday/a.jpg` is
//! ripe. A file that lies in no subfolder has the name of the folder itself, so that
//! `--pictures pictures/ripe` says the same. Files are sorted by path, so that every camera of a
//! shard sees the same list.

use super::picture::{Origin, Preparer};
use super::source::{Item, SkipReason, Skipped};
use crate::files::{self, ListError};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tokio::sync::mpsc;

/// The files of a folder.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    files: Vec<Entry>,
    /// Begin again after the last file.
    looping: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    path: PathBuf,
    truth: Option<String>,
}

/// One camera's part of a folder: every `of`th file, from the `part`th (both from 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    part: usize,
    of: usize,
}

/// A text that is not a share of a folder.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("shard `{0}` is not K/N with K from 1 to N, such as 2/3")]
pub struct ShardError(String);

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let (part, of) = text
            .split_once('/')
            .ok_or_else(|| ShardError(text.to_owned()))?;
        match (part.trim().parse(), of.trim().parse()) {
            (Ok(part), Ok(of)) if (1..=of).contains(&part) => Ok(Self { part, of }),
            _ => Err(ShardError(text.to_owned())),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

/// A folder without anything to send.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be listed.
    #[error(transparent)]
    Unreadable(#[from] ListError),
    /// No file is left to send.
    #[error("no file to send in {}: {files} files found, none with truth {truth:?} in this shard", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
        /// Files found in it, of any truth.
        files: usize,
        /// The truth asked for; absent: any.
        truth: Option<String>,
    },
}

impl Folder {
    /// Lists a folder and everything below it, links not followed to folders.
    ///
    /// `truth` keeps only files of that truth, `shard` only this camera's part of those.
    ///
    /// # Errors
    /// [`FolderError`] if the folder or one below it cannot be listed, or nothing is left.
    pub fn list(
        root: &Path,
        truth: Option<&str>,
        shard: Option<Shard>,
        looping: bool,
    ) -> Result<Self, FolderError> {
        let paths = files::below(root)?;
        let found = paths.len();
        let shard = shard.unwrap_or(Shard { part: 1, of: 1 });
        let own_name = root.canonicalize().ok();
        let own_name = own_name.as_deref().and_then(Path::file_name);
        let truth_of = |path: &Path| {
            let below = path.strip_prefix(root).ok()?;
            let mut parts = below.iter();
            let first = parts.next();
            let name = if parts.next().is_some() {
                first
            } else {
                own_name
            };
            name.map(|name| name.to_string_lossy().into_owned())
        };
        let files: Vec<Entry> = paths
            .into_iter()
            .map(|path| Entry {
                truth: truth_of(&path),
                path,
            })
            .filter(|entry| truth.is_none() || entry.truth.as_deref() == truth)
            .skip(shard.part - 1)
            .step_by(shard.of)
            .collect();
        if files.is_empty() {
            let truth = truth.map(str::to_owned);
            return Err(FolderError::Empty {
                path: root.to_owned(),
                files: found,
                truth,
            });
        }
        Ok(Self {
            root: root.to_owned(),
            files,
            looping,
        })
    }

    /// Number of files, unless they come again and again.
    #[must_use]
    pub fn len_hint(&self) -> Option<u64> {
        (!self.looping).then_some(self.files.len() as u64)
    }

    /// Hands out every file as a picture, or as left out with its reason.
    pub(super) fn run(&self, preparer: Preparer, items: &mpsc::Sender<Item>) {
        loop {
            let mut sendable = false;
            for entry in &self.files {
                let item = self.read(entry, preparer);
                sendable |= matches!(item, Item::Picture(_));
                if items.blocking_send(item).is_err() {
                    return;
                }
            }
            // A folder without one picture would be read for ever.
            if !self.looping || !sendable {
                return;
            }
        }
    }

    fn read(&self, entry: &Entry, preparer: Preparer) -> Item {
        let file = name_below(&self.root, &entry.path);
        let skipped = |reason| {
            Item::Skipped(Skipped {
                what: entry.path.display().to_string(),
                reason,
            })
        };
        let bytes = match files::read(&entry.path) {
            Ok(bytes) => bytes,
            Err(error) => return skipped(SkipReason::Unreadable(error)),
        };
        match preparer.from_file(bytes, entry.truth.clone(), Origin::File { file }) {
            Ok(picture) => Item::Picture(picture),
            Err(error) => skipped(error.into()),
        }
    }
}

fn name_below(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::{self, MOST_BYTES};
    use crate::render::{Size, frame};
    use crate::truth::Truth;
    use std::fs;

    /// A folder with two ripe and three unripe pictures and a text among them.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let size = Size::new(64, 48).unwrap();
        let names = [
            "ripe/b.jpg",
            "ripe/a.jpg",
            "unripe/deep/c.jpg",
            "unripe/x.jpg",
            "unripe/y.jpg",
        ];
        for (index, name) in (0..).zip(names) {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let pixels = frame(3, index, Truth::Ripe, size).pixels;
            fs::write(path, encode::jpeg(&pixels, 80).unwrap()).unwrap();
        }
        fs::write(folder.path().join("unripe/notes.txt"), "no picture").unwrap();
        folder
    }

    fn run(folder: Folder, most: usize) -> (Vec<(String, Option<String>)>, Vec<Skipped>) {
        let preparer = Preparer {
            limit: MOST_BYTES,
            raw: false,
        };
        let (mut items, thread) = super::super::source::Source::Folder(folder)
            .start(preparer)
            .unwrap();
        let (mut sent, mut skipped) = (Vec::new(), Vec::new());
        while sent.len() < most {
            match items.blocking_recv() {
                Some(Item::Picture(picture)) => match picture.origin {
                    Origin::File { file } => sent.push((file, picture.truth)),
                    other @ Origin::Rendered { .. } => panic!("{other:?}"),
                },
                Some(Item::Skipped(what)) => skipped.push(what),
                None => break,
            }
        }
        drop(items);
        thread.join().unwrap();
        (sent, skipped)
    }

    #[test]
    fn every_picture_comes_once_sorted_with_the_truth_of_its_folder() {
        let folder = folder();
        let list = Folder::list(folder.path(), None, None, false).unwrap();
        assert_eq!(list.len_hint(), Some(6));
        let (sent, skipped) = run(list, usize::MAX);
        let expected = [
            ("ripe/a.jpg", "ripe"),
            ("ripe/b.jpg", "ripe"),
            ("unripe/deep/c.jpg", "unripe"),
            ("unripe/x.jpg", "unripe"),
            ("unripe/y.jpg", "unripe"),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(f, t)| ((*f).to_owned(), Some((*t).to_owned())))
            .collect();
        assert_eq!(sent, expected);
        assert_eq!(skipped.len(), 1);
        assert!(
            skipped[0].what.ends_with("unripe/notes.txt"),
            "{}",
            skipped[0]
        );
    }

    #[test]
    fn shards_of_one_label_share_its_files_without_overlap() {
        let folder = folder();
        let mut all = Vec::new();
        for shard in ["1/2", "2/2"] {
            let shard = Some(shard.parse().unwrap());
            let list = Folder::list(&folder.path().join("unripe"), Some("unripe"), shard, false);
            all.extend(run(list.unwrap(), usize::MAX).0);
        }
        all.sort();
        let files: Vec<_> = all.iter().map(|(file, _)| file.as_str()).collect();
        assert_eq!(files, ["x.jpg", "y.jpg"]);
    }

    #[test]
    fn a_loop_begins_again_and_one_without_pictures_ends() {
        let folder = folder();
        let list = Folder::list(folder.path(), Some("ripe"), None, true).unwrap();
        assert_eq!(list.len_hint(), None);
        let files: Vec<_> = run(list, 5).0.into_iter().map(|(file, _)| file).collect();
        assert_eq!(
            files,
            [
                "ripe/a.jpg",
                "ripe/b.jpg",
                "ripe/a.jpg",
                "ripe/b.jpg",
                "ripe/a.jpg"
            ]
        );
        for name in ["x.jpg", "y.jpg", "deep/c.jpg"] {
            fs::remove_file(folder.path().join("unripe").join(name)).unwrap();
        }
        let list = Folder::list(folder.path(), Some("unripe"), None, true).unwrap();
        let (sent, skipped) = run(list, 1);
        assert_eq!((sent.len(), skipped.len()), (0, 1));
    }

    #[test]
    fn an_empty_choice_and_a_missing_folder_say_so() {
        let folder = folder();
        let error = Folder::list(folder.path(), Some("rotten"), None, false).unwrap_err();
        assert!(
            matches!(error, FolderError::Empty { files: 6, .. }),
            "{error}"
        );
        let missing = Folder::list(&folder.path().join("none"), None, None, false).unwrap_err();
        assert!(matches!(missing, FolderError::Unreadable(_)), "{missing}");
    }

    #[test]
    fn shards_count_from_one() {
        assert_eq!("2/3".parse(), Ok(Shard { part: 2, of: 3 }));
        for wrong in ["0/3", "4/3", "1/0", "1", "a/b", "-1/2"] {
            assert_eq!(
                wrong.parse::<Shard>(),
                Err(ShardError(wrong.to_owned())),
                "{wrong}"
            );
        }
    }
}
