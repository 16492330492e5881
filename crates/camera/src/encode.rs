//! Encoding: a picture as a JPEG, and one that is too large for a message made to fit.
//!
//! A message to edgeHub carries up to 255 KiB of picture. What does not fit is encoded again at
//! falling quality, and if that is not enough, at falling size; never more than a stated number of
//! times.

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{ImageError, RgbImage};

/// The most bytes of picture in one message: 255 KiB, which leaves room for topic and properties
/// in the 262144 bytes that edgeHub takes.
pub const MOST_BYTES: usize = 255 * 1024;

/// Qualities that are tried at each size, best first.
const QUALITIES: [u8; 4] = [90, 80, 70, 55];
/// How often a side is shortened before it is given up; 0.75 to the 16th is a hundredth.
const MOST_SHRINKS: u32 = 16;
/// Factor on both sides for each step.
const SHRINK: f32 = 0.75;

/// A picture that could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The encoder refused the picture.
    #[error("a picture of {width}x{height} cannot be encoded as JPEG")]
    Refused {
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
        /// What the encoder said.
        #[source]
        source: ImageError,
    },
    /// Even a thumbnail is larger than allowed.
    #[error("a picture of {width}x{height} does not fit into {limit} bytes at any size tried")]
    NeverFits {
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
        /// The most bytes allowed.
        limit: usize,
    },
}

/// A picture that was encoded to fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitted {
    /// The JPEG.
    pub bytes: Vec<u8>,
    /// Its width in pixels, at most that of the original.
    pub width: u32,
    /// Its height in pixels, at most that of the original.
    pub height: u32,
    /// The quality that fitted.
    pub quality: u8,
}

/// Encodes as JPEG of this quality (1 to 100, 4:4:4).
///
/// # Errors
/// [`EncodeError::Refused`] for a picture without pixels or with a side above 65535.
pub fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(96 * 1024);
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode_image(picture)
        .map_err(|source| EncodeError::Refused {
            width: picture.width(),
            height: picture.height(),
            source,
        })?;
    Ok(bytes)
}

/// Encodes so that the JPEG has at most `limit` bytes: falling quality first, then falling size.
///
/// # Errors
/// [`EncodeError::NeverFits`] if the smallest size tried is still too large.
pub fn fit(picture: &RgbImage, limit: usize) -> Result<Fitted, EncodeError> {
    let (mut width, mut height) = picture.dimensions();
    let mut smaller: Option<RgbImage> = None;
    for _ in 0..=MOST_SHRINKS {
        let current = smaller.as_ref().unwrap_or(picture);
        for quality in QUALITIES {
            let bytes = jpeg(current, quality)?;
            if bytes.len() <= limit {
                return Ok(Fitted {
                    bytes,
                    width,
                    height,
                    quality,
                });
            }
        }
        (width, height) = (shorten(width), shorten(height));
        smaller = Some(image::imageops::resize(
            current,
            width,
            height,
            FilterType::Triangle,
        ));
    }
    Err(EncodeError::NeverFits {
        width: picture.width(),
        height: picture.height(),
        limit,
    })
}

#[allow(clippy::cast_sign_loss)] // a positive number times a positive factor
fn shorten(side: u32) -> u32 {
    ((side as f32 * SHRINK) as u32).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise: the hardest thing to encode.
    fn rough(width: u32, height: u32) -> RgbImage {
        let mut rng = fastrand::Rng::with_seed(4);
        let bytes = (0..width * height * 3).map(|_| rng.u8(..)).collect();
        RgbImage::from_raw(width, height, bytes).unwrap()
    }

    #[test]
    fn a_large_picture_is_made_to_fit() {
        let picture = rough(700, 500);
        assert!(jpeg(&picture, 90).unwrap().len() > MOST_BYTES);
        let fitted = fit(&picture, MOST_BYTES).unwrap();
        assert!(fitted.bytes.len() <= MOST_BYTES);
        let back = image::load_from_memory(&fitted.bytes).unwrap();
        assert_eq!((back.width(), back.height()), (fitted.width, fitted.height));
    }

    #[test]
    fn quality_falls_before_size() {
        let picture = rough(200, 150);
        let at_70 = jpeg(&picture, 70).unwrap().len();
        let fitted = fit(&picture, at_70).unwrap();
        assert_eq!(
            (fitted.width, fitted.height, fitted.quality),
            (200, 150, 70)
        );
        let least = jpeg(&picture, 55).unwrap().len();
        let shrunk = fit(&picture, least - 1).unwrap();
        assert_eq!((shrunk.width, shrunk.height), (150, 112));
    }

    #[test]
    fn what_cannot_fit_is_said_and_does_not_loop() {
        let error = fit(&rough(64, 64), 10).unwrap_err();
        assert!(matches!(
            error,
            EncodeError::NeverFits {
                width: 64,
                height: 64,
                limit: 10
            }
        ));
    }
}
