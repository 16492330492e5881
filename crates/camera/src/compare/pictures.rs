//! The pictures to compare with: files and folders, or rendered ones. One is in memory at a time.

use super::text::one_line;
use crate::encode;
use crate::files::{self, ListError};
use crate::render::{Size, frame};
use crate::truth::Truth;
use bytes::Bytes;
use image::ImageFormat;
use std::io;
use std::path::{Path, PathBuf};

/// Characters of a name on the screen.
const LONGEST_NAME: usize = 256;

/// Pictures, one after the other.
#[derive(Debug)]
pub enum Pictures {
    /// These files.
    Files(std::vec::IntoIter<PathBuf>),
    /// Rendered frames.
    Rendered {
        /// Seed of the scenes.
        seed: u64,
        /// Their size.
        size: Size,
        /// Indices that are left; even ones are ripe, odd ones unripe.
        indices: std::ops::Range<u64>,
    },
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The file as it was named, or which frame it is.
    pub name: String,
    /// All of it.
    pub bytes: Bytes,
}

/// Something that is not sent.
#[derive(Debug, thiserror::Error)]
#[error("{name} is left out")]
pub struct LeftOut {
    /// The file.
    pub name: String,
    /// Why.
    #[source]
    pub reason: Reason,
}

/// Why something is not sent.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// It cannot be read.
    #[error("it cannot be read")]
    Unreadable(#[source] io::Error),
    /// Nothing that an endpoint takes.
    #[error("its first bytes are neither JPEG nor PNG, BMP, GIF or WebP")]
    NotAPicture,
    /// A rendered frame that is none.
    #[error("it cannot be encoded")]
    Encode(#[source] encode::EncodeError),
}

/// A choice of pictures that is none.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// A name that leads nowhere.
    #[error("{} is no file and no folder that can be read", path.display())]
    Missing {
        /// The name.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A folder that cannot be listed.
    #[error(transparent)]
    Unreadable(#[from] ListError),
    /// A folder without files.
    #[error("{} holds no files", .0.display())]
    Empty(PathBuf),
}

impl Pictures {
    /// These files, and all files of these folders and below them, sorted by path in each.
    ///
    /// # Errors
    /// [`ChoiceError`] if one is missing, cannot be listed, or holds no files.
    pub fn in_paths(paths: &[PathBuf]) -> Result<Self, ChoiceError> {
        let mut all = Vec::new();
        for path in paths {
            let meta = path.metadata().map_err(|source| ChoiceError::Missing {
                path: path.clone(),
                source,
            })?;
            if !meta.is_dir() {
                all.push(path.clone());
                continue;
            }
            let below = files::below(path)?;
            if below.is_empty() {
                return Err(ChoiceError::Empty(path.clone()));
            }
            all.extend(below);
        }
        Ok(Self::Files(all.into_iter()))
    }

    /// `count` rendered frames, ripe and unripe in turn.
    #[must_use]
    pub fn rendered(count: u64, seed: u64, size: Size) -> Self {
        Self::Rendered {
            seed,
            size,
            indices: 0..count,
        }
    }

    /// How many are left, files that are no pictures among them.
    #[must_use]
    pub fn left(&self) -> u64 {
        match self {
            Self::Files(files) => files.len() as u64,
            Self::Rendered { indices, .. } => indices.end - indices.start,
        }
    }
}

impl Iterator for Pictures {
    type Item = Result<Picture, LeftOut>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Files(files) => files.next().map(|path| read(&path)),
            Self::Rendered {
                seed,
                size,
                indices,
            } => indices.next().map(|index| render(*seed, index, *size)),
        }
    }
}

fn read(path: &Path) -> Result<Picture, LeftOut> {
    let name = one_line(&path.to_string_lossy(), LONGEST_NAME);
    let bytes = match files::read(path) {
        Ok(bytes) if is_picture(&bytes) => bytes.into(),
        Ok(_other) => {
            let reason = Reason::NotAPicture;
            return Err(LeftOut { name, reason });
        }
        Err(error) => {
            let reason = Reason::Unreadable(error);
            return Err(LeftOut { name, reason });
        }
    };
    Ok(Picture { name, bytes })
}

/// By the first bytes: a damaged picture goes out, and what the two say of it is compared.
fn is_picture(bytes: &[u8]) -> bool {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, WebP};
    matches!(
        image::guess_format(bytes),
        Ok(Jpeg | Png | Bmp | Gif | WebP)
    )
}

fn render(seed: u64, index: u64, size: Size) -> Result<Picture, LeftOut> {
    let truth = match index.is_multiple_of(2) {
        true => Truth::Ripe,
        false => Truth::Unripe,
    };
    let name = format!("{truth} frame {index} of seed {seed}");
    let frame = frame(seed, index, truth, size);
    match encode::jpeg(&frame.pixels, frame.quality) {
        Ok(jpeg) => Ok(Picture {
            name,
            bytes: jpeg.into(),
        }),
        Err(error) => Err(LeftOut {
            name,
            reason: Reason::Encode(error),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_come_as_named_and_folders_sorted_with_what_is_no_picture_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("many/deep")).unwrap();
        for (name, bytes) in [
            ("z.gif", &b"GIF89a"[..]),
            ("many/b.png", b"\x89PNG\r\n\x1a\n"),
            ("many/a.bmp", b"BM\0\0"),
            ("many/deep/c.jpg", b"\xff\xd8\xff"),
            ("many/deep/d.webp", b"RIFF\x04\0\0\0WEBP"),
            ("many/e.txt", b"no picture"),
        ] {
            fs::write(at(name), bytes).unwrap();
        }
        let pictures = Pictures::in_paths(&[at("z.gif"), at("many")]).unwrap();
        assert_eq!(pictures.left(), 6);
        let prefix = format!("{}/", folder.path().display());
        let (mut names, mut out) = (Vec::new(), Vec::new());
        for item in pictures {
            match item {
                Ok(picture) => names.push(picture.name.replace(&prefix, "")),
                Err(left_out) => out.push(left_out.to_string().replace(&prefix, "")),
            }
        }
        let expected = [
            "z.gif",
            "many/a.bmp",
            "many/b.png",
            "many/deep/c.jpg",
            "many/deep/d.webp",
        ];
        assert_eq!(names, expected);
        assert_eq!(out, ["many/e.txt is left out"]);
    }

    #[test]
    fn names_that_lead_nowhere_and_empty_folders_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Pictures::in_paths(&[folder.path().join("none")]).unwrap_err();
        assert!(matches!(missing, ChoiceError::Missing { .. }), "{missing}");
        let empty = Pictures::in_paths(&[folder.path().to_owned()]).unwrap_err();
        assert!(matches!(empty, ChoiceError::Empty(_)), "{empty}");
    }

    #[test]
    fn rendered_pictures_are_the_same_each_time_and_alternate() {
        let size = Size::new(64, 48).unwrap();
        let all = || -> Vec<_> {
            let pictures = Pictures::rendered(3, 7, size);
            pictures.map(|picture| picture.unwrap()).collect()
        };
        let pictures = all();
        let names: Vec<_> = pictures.iter().map(|p| p.name.as_str()).collect();
        let expected = [
            "ripe frame 0 of seed 7",
            "unripe frame 1 of seed 7",
            "ripe frame 2 of seed 7",
        ];
        assert_eq!(names, expected);
        assert_eq!(all(), pictures);
    }
}
