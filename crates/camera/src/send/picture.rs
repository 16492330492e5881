//! One picture, ready to be sent: its bytes, what is known about it, where it came from.

use crate::baseline::Means;
use crate::encode::{self, EncodeError};
use bytes::Bytes;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use serde::Serialize;
use std::fmt;
use std::io::Cursor;

/// A picture and what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// What is sent.
    pub bytes: Bytes,
    /// What the bytes are.
    pub content: Content,
    /// The right label, if one is known.
    pub truth: Option<String>,
    /// Where it came from.
    pub origin: Origin,
    /// Width and height in pixels as sent; absent for bytes that are no picture.
    pub size: Option<(u32, u32)>,
    /// Mean colour; absent for bytes that are no picture.
    pub means: Option<Means>,
    /// Set if the picture had to be encoded again to fit.
    pub reencoded: Option<Reencoded>,
}

/// What a picture had to give up to fit into a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reencoded {
    /// Bytes before.
    pub from_bytes: usize,
    /// Width and height before, in pixels.
    pub from_size: (u32, u32),
    /// JPEG quality that it has now.
    pub quality: u8,
}

/// What the bytes of a message are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A JPEG file.
    Jpeg,
    /// A PNG file.
    Png,
    /// Something else, sent as it is because that was asked for.
    Other,
}

impl Content {
    /// The content type of the message.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Other => "application/octet-stream",
        }
    }

    /// What these bytes say they are, by their first few.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match image::guess_format(bytes) {
            Ok(ImageFormat::Jpeg) => Self::Jpeg,
            Ok(ImageFormat::Png) => Self::Png,
            _ => Self::Other,
        }
    }
}

/// Where a picture came from, as the report names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Origin {
    /// A file, by its path below the folder of pictures.
    File {
        /// The path, with `/` between its parts.
        file: String,
    },
    /// A rendered frame.
    Rendered {
        /// Seed of the camera.
        seed: u64,
        /// Index of the frame, from 0.
        index: u64,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file } => f.write_str(file),
            Self::Rendered { seed, index } => write!(f, "frame {index} of seed {seed}"),
        }
    }
}

/// A picture that cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// Neither JPEG nor PNG.
    #[error("its first bytes are neither JPEG nor PNG")]
    NotAPicture,
    /// Damaged, or beyond what is decoded: 16384 pixels a side, 256 MiB of pixels.
    #[error("it cannot be decoded")]
    Undecodable(#[source] ImageError),
    /// Too large and cannot be made smaller.
    #[error("it does not fit into a message")]
    Encode(#[from] EncodeError),
    /// Too large, and no picture that could be made smaller.
    #[error("it has {size} bytes, at most {limit} fit into a message")]
    TooLarge {
        /// Bytes that it has.
        size: usize,
        /// Bytes that fit.
        limit: usize,
    },
}

/// Makes pictures that fit into messages.
#[derive(Debug, Clone, Copy)]
pub struct Preparer {
    /// The most bytes of picture in one message.
    pub limit: usize,
    /// Whether bytes that are no picture are sent as they are.
    pub raw: bool,
}

impl Preparer {
    /// A picture out of a file's bytes. What fits is sent as it is, byte for byte; what does not
    /// is turned upright by its EXIF note and encoded again. Costs a decode either way.
    ///
    /// # Errors
    /// [`PictureError`], if it is no picture (unless `raw`) or can in no way be made to fit.
    pub fn from_file(
        &self,
        bytes: Vec<u8>,
        truth: Option<String>,
        origin: Origin,
    ) -> Result<Picture, PictureError> {
        let size = bytes.len();
        match decode(&bytes) {
            Ok((pixels, content)) => {
                let means = Some(Means::of(&pixels));
                if size <= self.limit {
                    let dimensions = Some(pixels.dimensions());
                    let bytes = Bytes::from(bytes);
                    let reencoded = None;
                    return Ok(Picture {
                        bytes,
                        content,
                        truth,
                        origin,
                        size: dimensions,
                        means,
                        reencoded,
                    });
                }
                let from_size = pixels.dimensions();
                let upright = turn_upright(&bytes, pixels);
                let fitted = encode::fit(&upright, self.limit)?;
                Ok(Picture {
                    bytes: fitted.bytes.into(),
                    content: Content::Jpeg,
                    truth,
                    origin,
                    size: Some((fitted.width, fitted.height)),
                    means,
                    reencoded: Some(Reencoded {
                        from_bytes: size,
                        from_size,
                        quality: fitted.quality,
                    }),
                })
            }
            Err(_) if self.raw && size <= self.limit => Ok(Picture {
                content: Content::of(&bytes),
                bytes: bytes.into(),
                truth,
                origin,
                size: None,
                means: None,
                reencoded: None,
            }),
            Err(_) if self.raw => Err(PictureError::TooLarge {
                size,
                limit: self.limit,
            }),
            Err(error) => Err(error),
        }
    }

    /// A picture out of rendered pixels, encoded at this JPEG quality or, if it must, lower.
    ///
    /// # Errors
    /// [`PictureError::Encode`] if no quality and no size tried fits.
    pub fn from_pixels(
        &self,
        pixels: &RgbImage,
        quality: u8,
        truth: String,
        origin: Origin,
    ) -> Result<Picture, PictureError> {
        let bytes = encode::jpeg(pixels, quality)?;
        let from_size = pixels.dimensions();
        let means = Some(Means::of(pixels));
        let (bytes, size, reencoded) = if bytes.len() <= self.limit {
            (bytes, from_size, None)
        } else {
            let fitted = encode::fit(pixels, self.limit)?;
            let note = Reencoded {
                from_bytes: bytes.len(),
                from_size,
                quality: fitted.quality,
            };
            (fitted.bytes, (fitted.width, fitted.height), Some(note))
        };
        Ok(Picture {
            bytes: bytes.into(),
            content: Content::Jpeg,
            truth: Some(truth),
            origin,
            size: Some(size),
            means,
            reencoded,
        })
    }
}

/// Longest side that is decoded, in pixels.
const MOST_SIDE: u32 = 16_384;
/// Most bytes of pixels that are decoded.
const MOST_ALLOC: u64 = 256 * 1024 * 1024;

fn reader(bytes: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>, PictureError> {
    let format = match Content::of(bytes) {
        Content::Jpeg => ImageFormat::Jpeg,
        Content::Png => ImageFormat::Png,
        Content::Other => return Err(PictureError::NotAPicture),
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_SIDE);
    limits.max_image_height = Some(MOST_SIDE);
    limits.max_alloc = Some(MOST_ALLOC);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    Ok(reader)
}

fn decode(bytes: &[u8]) -> Result<(RgbImage, Content), PictureError> {
    let picture = reader(bytes)?.decode().map_err(PictureError::Undecodable)?;
    Ok((picture.into_rgb8(), Content::of(bytes)))
}

/// A JPEG encoded again has no EXIF note any more, so what the note says is done here.
fn turn_upright(bytes: &[u8], pixels: RgbImage) -> RgbImage {
    let orientation = reader(bytes)
        .ok()
        .and_then(|reader| reader.into_decoder().ok())
        .and_then(|mut decoder| decoder.orientation().ok());
    let mut picture = DynamicImage::ImageRgb8(pixels);
    if let Some(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    picture.into_rgb8()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Size, frame};
    use crate::truth::Truth;

    fn origin() -> Origin {
        Origin::File {
            file: "ripe/a.jpg".to_owned(),
        }
    }

    fn rendered() -> RgbImage {
        frame(1, 1, Truth::Ripe, Size::new(160, 120).unwrap()).pixels
    }

    #[test]
    fn a_picture_that_fits_is_sent_byte_for_byte() {
        let bytes = encode::jpeg(&rendered(), 80).unwrap();
        let preparer = Preparer {
            limit: encode::MOST_BYTES,
            raw: false,
        };
        let picture = preparer
            .from_file(bytes.clone(), Some("ripe".into()), origin())
            .unwrap();
        assert_eq!(picture.bytes, bytes);
        assert_eq!(
            (picture.content, picture.size),
            (Content::Jpeg, Some((160, 120)))
        );
        assert_eq!(picture.reencoded, None);
        let sent = Means::of(&image::load_from_memory(&bytes).unwrap().into_rgb8());
        assert_eq!(picture.means, Some(sent));
    }

    #[test]
    fn a_picture_that_is_too_large_is_encoded_again_and_says_so() {
        let bytes = encode::jpeg(&rendered(), 100).unwrap();
        let limit = bytes.len() / 2;
        let preparer = Preparer { limit, raw: true };
        let picture = preparer.from_file(bytes.clone(), None, origin()).unwrap();
        assert!(picture.bytes.len() <= limit);
        let note = picture.reencoded.unwrap();
        assert_eq!((note.from_bytes, note.from_size), (bytes.len(), (160, 120)));
        assert_eq!(Content::of(&picture.bytes), Content::Jpeg);
    }

    #[test]
    fn a_rendered_picture_that_is_too_large_is_encoded_again() {
        let preparer = Preparer {
            limit: 3_000,
            raw: false,
        };
        let from = Origin::Rendered { seed: 1, index: 1 };
        let picture = preparer
            .from_pixels(&rendered(), 95, "ripe".into(), from)
            .unwrap();
        assert!(picture.bytes.len() <= 3_000 && picture.reencoded.is_some());
    }

    #[test]
    fn a_png_keeps_its_content_type() {
        let mut bytes = Vec::new();
        rendered()
            .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
            .unwrap();
        let preparer = Preparer {
            limit: encode::MOST_BYTES,
            raw: false,
        };
        let picture = preparer.from_file(bytes, None, origin()).unwrap();
        assert_eq!(picture.content.media_type(), "image/png");
    }

    #[test]
    fn what_is_no_picture_is_refused_unless_it_was_asked_for() {
        let text = b"not a picture".to_vec();
        let strict = Preparer {
            limit: 100,
            raw: false,
        };
        let error = strict.from_file(text.clone(), None, origin()).unwrap_err();
        assert!(matches!(error, PictureError::NotAPicture), "{error}");
        let raw = Preparer {
            limit: 100,
            raw: true,
        };
        let picture = raw.from_file(text.clone(), None, origin()).unwrap();
        assert_eq!(
            (picture.content, picture.bytes.as_ref()),
            (Content::Other, &text[..])
        );
        let error = raw.from_file(vec![7; 101], None, origin()).unwrap_err();
        assert!(
            matches!(
                error,
                PictureError::TooLarge {
                    size: 101,
                    limit: 100
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn a_turned_picture_that_is_encoded_again_stands_upright() {
        let upright = rendered();
        let plain = encode::jpeg(&upright, 100).unwrap();
        // An EXIF note that says: turn by 90 degrees (orientation 6).
        let tiff = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let mut turned = plain[..2].to_vec();
        turned.extend([0xFF, 0xE1, 0, u8::try_from(tiff.len() + 2).unwrap()]);
        turned.extend(tiff);
        turned.extend(&plain[2..]);
        let preparer = Preparer {
            limit: plain.len() / 2,
            raw: false,
        };
        let picture = preparer.from_file(turned, None, origin()).unwrap();
        assert_eq!(picture.size, Some((120, 160)));
    }
}
