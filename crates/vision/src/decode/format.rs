//! The formats that can be decoded, and sets of them.

use std::fmt;

/// A format that can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PictureFormat {
    /// JPEG: baseline or progressive, Huffman coded.
    Jpeg,
    /// PNG; of an animated one the first picture.
    Png,
    /// Windows bitmap, run-length coded ones included.
    Bmp,
    /// GIF 87a or 89a; of an animated one the first picture.
    Gif,
    /// WebP, lossy or lossless; of an animated one the first picture.
    WebP,
}

impl fmt::Display for PictureFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Bmp => "BMP",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
        })
    }
}

/// The formats that are taken at one door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Formats(&'static [PictureFormat]);

impl Formats {
    /// What cameras send: JPEG and PNG. Each further decoder is one more that bad bytes can reach.
    pub const CAMERAS: Self = Self(&[PictureFormat::Jpeg, PictureFormat::Png]);
    /// What the exported Custom Vision container takes as well: BMP, GIF and WebP.
    pub const ALL: Self = Self(&[
        PictureFormat::Jpeg,
        PictureFormat::Png,
        PictureFormat::Bmp,
        PictureFormat::Gif,
        PictureFormat::WebP,
    ]);

    /// Whether this format is taken.
    #[must_use]
    pub fn contains(self, format: PictureFormat) -> bool {
        self.0.contains(&format)
    }
}

/// As in a sentence: `JPEG or PNG`.
impl fmt::Display for Formats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, format) in self.0.iter().enumerate() {
            let before = match at {
                0 => "",
                _ if at + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(f, "{before}{format}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_read_as_in_a_sentence() {
        assert_eq!(Formats::CAMERAS.to_string(), "JPEG or PNG");
        assert_eq!(Formats::ALL.to_string(), "JPEG, PNG, BMP, GIF or WebP");
    }

    #[test]
    fn cameras_send_no_animations() {
        assert!(Formats::CAMERAS.contains(PictureFormat::Png));
        assert!(!Formats::CAMERAS.contains(PictureFormat::Gif));
    }
}
