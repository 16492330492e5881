//! Why bytes did not become a picture.

use std::fmt;

use super::format::{Formats, PictureFormat};

/// A picture that was refused. Every refusal is one of these, so that a frame's
/// outcome has a name; none of them contains bytes of the picture, because
/// errors reach logs.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// There were no bytes.
    #[error("the picture is empty, expected a {expected}")]
    Empty {
        /// What is taken.
        expected: Formats,
    },
    /// The bytes are of no format that is taken, whatever the file was called.
    #[error("found {found}, expected a {expected}")]
    UnsupportedFormat {
        /// What the first bytes look like.
        found: Found,
        /// What is taken.
        expected: Formats,
    },
    /// More than a [`DecodeLimits`](super::DecodeLimits) field allows.
    #[error("the picture has {seen} {what}, at most {limit} are allowed")]
    TooLarge {
        /// What was measured.
        what: Measure,
        /// The value seen; for [`Measure::MemoryBytes`] a lower bound.
        seen: u64,
        /// The largest value allowed.
        limit: u64,
    },
    /// The file ends before its picture does.
    #[error("the {format} ends after {bytes} bytes, before its picture does: it was cut short")]
    Truncated {
        /// What the file began as.
        format: PictureFormat,
        /// How many bytes there are.
        bytes: usize,
    },
    /// The file is damaged, or of a kind that is rare enough not to be read
    /// (arithmetic coding, lossless JPEG).
    #[error("the {format} cannot be decoded")]
    Undecodable {
        /// What the file began as.
        format: PictureFormat,
        /// What the decoder said.
        #[source]
        source: image::ImageError,
    },
}

impl DecodeError {
    /// The name to branch and count on.
    #[must_use]
    pub fn kind(&self) -> DecodeErrorKind {
        match self {
            Self::Empty { .. } => DecodeErrorKind::Empty,
            Self::UnsupportedFormat { .. } => DecodeErrorKind::UnsupportedFormat,
            Self::TooLarge { .. } => DecodeErrorKind::TooLarge,
            Self::Truncated { .. } => DecodeErrorKind::Truncated,
            Self::Undecodable { .. } => DecodeErrorKind::Undecodable,
        }
    }
}

/// The closed set of refusals, without their details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DecodeErrorKind {
    /// See [`DecodeError::Empty`].
    Empty,
    /// See [`DecodeError::UnsupportedFormat`].
    UnsupportedFormat,
    /// See [`DecodeError::TooLarge`].
    TooLarge,
    /// See [`DecodeError::Truncated`].
    Truncated,
    /// See [`DecodeError::Undecodable`].
    Undecodable,
}

impl DecodeErrorKind {
    /// The name in counts and metrics, snake case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::UnsupportedFormat => "unsupported_format",
            Self::TooLarge => "too_large",
            Self::Truncated => "truncated",
            Self::Undecodable => "undecodable",
        }
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What bytes look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Found {
    /// A picture that could be decoded, where its format is taken.
    Picture(PictureFormat),
    /// TIFF of either byte order; raw photographs often are.
    Tiff,
    /// AVIF, HEIC and their relatives.
    Heif,
    /// Readable text, JSON and base64 included.
    Text,
    /// Nothing that is known here.
    Unknown,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Picture(format) => return write!(f, "a {format} picture"),
            Self::Tiff => "a TIFF file",
            Self::Heif => "an HEIF or AVIF picture",
            Self::Text => "text",
            Self::Unknown => "bytes of an unknown kind",
        })
    }
}

/// What [`DecodeError::TooLarge`] measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Length of the encoded file.
    EncodedBytes,
    /// Pixels across, as stored.
    Width,
    /// Pixels down, as stored.
    Height,
    /// Memory for the decoded pixels.
    MemoryBytes,
    /// Scans of a JPEG: each one passes over the whole picture again.
    Scans,
    /// Blocks of 8x8 in all scans of a JPEG together.
    Blocks,
    /// Bytes of a JPEG's Huffman tables.
    TableBytes,
    /// Bytes of a PNG's texts.
    TextBytes,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EncodedBytes => "bytes",
            Self::Width => "pixels across",
            Self::Height => "pixels down",
            Self::MemoryBytes => "bytes of pixels",
            Self::Scans => "scans",
            Self::Blocks => "blocks in all scans",
            Self::TableBytes => "bytes of tables",
            Self::TextBytes => "bytes of texts",
        })
    }
}
