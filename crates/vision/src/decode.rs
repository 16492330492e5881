//! Picture bytes to upright pixels, within limits.
//!
//! The formats that the limits name are taken, by content and not by name. Sizes
//! are read and compared with the limits before anything is allocated, and the
//! memory that the decoder will want is added up ([`examine`]); the decoder then
//! runs under the same limits. Bad bytes cost a bounded time and end in a
//! [`DecodeError`]; nothing here panics, writes a log, or keeps a picture.
//!
//! Choices, each with a test:
//! * A file without its end marker (JPEG `EOI`, PNG `IEND`) is
//!   [`Truncated`](DecodeError::Truncated), even if only the marker is missing:
//!   it cannot be told from one that lost its last rows. So is a BMP without its
//!   last row, a GIF without the end of its first picture, and a WebP that is
//!   shorter than it says. Bytes after the end are ignored.
//! * Of an animation the first picture is taken, and no other is decoded.
//! * The EXIF turn (1 to 8) is applied to every colour mode; 0 and other
//!   values mean none. The first EXIF segment of a JPEG, the `eXIf` chunk of a
//!   PNG and the `EXIF` chunk of a WebP are read; BMP and GIF have none.
//! * Grey, palette, CMYK and YCCK become RGB; 16 bits become 8. Transparency is
//!   dropped and the colour under it kept, as the Custom Vision container's
//!   `convert("RGB")` does.

mod bmp;
mod error;
mod format;
mod gif;
mod jpeg;
mod png;
mod sniff;
mod webp;

use std::fmt;
use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::error::{ParameterError, ParameterErrorKind};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, Limits, RgbImage};

pub use error::{DecodeError, DecodeErrorKind, Found, Measure};
pub use format::{Formats, PictureFormat};

use crate::{Pixels, Scratch};

/// What a picture may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// What is taken; other formats are refused by their names, unread. Default
    /// [`Formats::CAMERAS`].
    pub formats: Formats,
    /// Longest encoded file, in bytes. Default 4 MiB, the Custom Vision
    /// container's limit; a message through edgeHub cannot reach it.
    pub max_bytes: usize,
    /// Most pixels across, as stored. Default 4096.
    pub max_width: u32,
    /// Most pixels down, as stored. Default 4096.
    pub max_height: u32,
    /// Most memory for one buffer of decoded pixels, in bytes. Default 64 MiB.
    pub max_alloc: u64,
    /// Most memory for all buffers of one decode at the same time, the file's
    /// own bytes not counted, in bytes. Default 80 MiB: 4096x4096 pixels in three
    /// bytes, with room beside them. Pictures that are held twice, as a progressive
    /// JPEG, a PNG with transparency or one that is turned, may be smaller.
    pub max_memory: u64,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            formats: Formats::CAMERAS,
            max_bytes: 4 << 20,
            max_width: 4096,
            max_height: 4096,
            max_alloc: 64 << 20,
            max_memory: 80 << 20,
        }
    }
}

/// Most scans of one JPEG. Ordinary progressive pictures have about ten; each
/// scan passes over the whole picture, so without a bound a small file can keep
/// a core busy for half a minute.
pub const MAX_SCANS: usize = 100;

/// Most blocks of 8x8 pixels in all scans of one JPEG together. Ten scans as libjpeg makes them of
/// 4096x4096 pixels with halved colour pass two million; at 20 ns each these take 0.2 s.
pub const MAX_BLOCKS: u64 = 8 << 20;

/// A picture that passed every check before decoding.
#[derive(Clone, Copy)]
pub struct Examined<'a> {
    format: PictureFormat,
    /// What the decoder is given: the file, up to the end that it states.
    bytes: &'a [u8],
    limits: &'a DecodeLimits,
    facts: Facts,
}

/// What the outside of a picture tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    /// Bytes for all buffers at the same time, at most.
    memory: u64,
    /// The turn; nothing where there is none, or only the decoder can tell.
    turn: Option<Orientation>,
}

/// Never the bytes.
impl fmt::Debug for Examined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Examined")
            .field("format", &self.format)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

/// Looks at the outside of a picture: what it is, whether it is whole, and whether
/// it keeps the limits. Touches each byte twice at most and allocates next to
/// nothing: some 20 µs for 75 KB. Of a lossless WebP the pictures that carry its
/// codes are read ahead, in up to 12 MiB.
///
/// # Errors
/// The reason, see [`DecodeError`]; [`DecodeError::kind`] names it.
pub fn examine<'a>(bytes: &'a [u8], limits: &'a DecodeLimits) -> Result<Examined<'a>, DecodeError> {
    if bytes.is_empty() {
        let expected = limits.formats;
        return Err(DecodeError::Empty { expected });
    }
    within(
        Measure::EncodedBytes,
        bytes.len() as u64,
        limits.max_bytes as u64,
    )?;
    let (format, facts, bytes) = match sniff::found(bytes) {
        Found::Picture(format) if limits.formats.contains(format) => match format {
            PictureFormat::Jpeg => (format, jpeg::examine(bytes, limits)?, bytes),
            PictureFormat::Png => (format, png::examine(bytes, limits)?, bytes),
            PictureFormat::Bmp => (format, bmp::examine(bytes, limits)?, bytes),
            PictureFormat::Gif => (format, gif::examine(bytes, limits)?, bytes),
            PictureFormat::WebP => {
                let (facts, bytes) = webp::examine(bytes, limits)?;
                (format, facts, bytes)
            }
        },
        found => {
            return Err(DecodeError::UnsupportedFormat {
                found,
                expected: limits.formats,
            });
        }
    };
    within(Measure::MemoryBytes, facts.memory, limits.max_memory)?;
    Ok(Examined {
        format,
        bytes,
        limits,
        facts,
    })
}

impl Examined<'_> {
    /// Bytes that [`Examined::decode`] holds at the same time, at most, beside the file
    /// and two copies of it. Whoever decodes several pictures at once can add these up.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.facts.memory
    }

    /// Decodes it, in memory that is kept where it has three bytes a pixel.
    ///
    /// Costs about 1 ms for a 640x480 JPEG on a current core, and in the worst case
    /// that the default limits allow a few hundred milliseconds. It cannot be
    /// cancelled, so run it on a thread that may be late.
    ///
    /// # Errors
    /// The reason, see [`DecodeError`].
    pub fn decode(self, scratch: &mut Scratch) -> Result<Pixels, DecodeError> {
        let source = Cursor::new(self.bytes);
        let read = match self.format {
            PictureFormat::Jpeg => self.read(JpegDecoder::new(source), scratch),
            PictureFormat::Png => {
                // For what it keeps beside pixels, which are compared with the limits when it is read.
                let mut allowed = decoder_limits(self.limits);
                allowed.max_alloc = allowed.max_alloc.map(|most| most.min(png::MAX_BESIDE));
                return self.read_turned(PngDecoder::with_limits(source, allowed), scratch);
            }
            PictureFormat::Bmp => self.read(BmpDecoder::new(source), scratch),
            PictureFormat::Gif => self.read(GifDecoder::new(source), scratch),
            PictureFormat::WebP => self.read(WebPDecoder::new(source), scratch),
        };
        let picture = read.map_err(|error| self.refusal(error))?;
        self.upright(picture, self.facts.turn)
    }

    fn read<D: ImageDecoder>(
        &self,
        decoder: Result<D, ImageError>,
        scratch: &mut Scratch,
    ) -> Result<DynamicImage, ImageError> {
        read_picture(decoder?, self.limits, scratch)
    }

    /// For a format whose turn lies where the decoder finds it on its way.
    fn read_turned<D: ImageDecoder>(
        &self,
        decoder: Result<D, ImageError>,
        scratch: &mut Scratch,
    ) -> Result<Pixels, DecodeError> {
        let refused = |error| self.refusal(error);
        let mut decoder = decoder.map_err(refused)?;
        let turn = decoder.orientation().map_err(refused)?;
        let picture = read_picture(decoder, self.limits, scratch).map_err(refused)?;
        self.upright(picture, Some(turn))
    }

    fn upright(
        &self,
        picture: DynamicImage,
        turn: Option<Orientation>,
    ) -> Result<Pixels, DecodeError> {
        // Drops transparency and maps 16 bits to 8; for RGB8 it moves the buffer. Before the turn,
        // which needs the pixels twice.
        let mut picture = DynamicImage::ImageRgb8(picture.into_rgb8());
        if let Some(turn) = turn {
            picture.apply_orientation(turn);
        }
        let rgb = picture.into_rgb8();
        let (width, height) = rgb.dimensions();
        Pixels::from_rgb8(width, height, rgb.into_raw()).ok_or_else(|| damaged(self.format))
    }

    /// Sorts a decoder's error into ours.
    fn refusal(&self, error: ImageError) -> DecodeError {
        let format = self.format;
        match error {
            // The sides were compared before, so what is left is memory.
            ImageError::Limits(_) => DecodeError::TooLarge {
                what: Measure::MemoryBytes,
                seen: self.limits.max_alloc.saturating_add(1),
                limit: self.limits.max_alloc,
            },
            ImageError::IoError(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => {
                truncated(format, self.bytes)
            }
            source => DecodeError::Undecodable { format, source },
        }
    }
}

/// Examines and decodes one picture.
///
/// # Errors
/// As [`examine`] and [`Examined::decode`].
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Pixels, DecodeError> {
    examine(bytes, limits)?.decode(&mut Scratch::default())
}

fn read_picture(
    mut decoder: impl ImageDecoder,
    limits: &DecodeLimits,
    scratch: &mut Scratch,
) -> Result<DynamicImage, ImageError> {
    let mut allowed = decoder_limits(limits);
    decoder.set_limits(allowed.clone())?;
    allowed.reserve(decoder.total_bytes())?;
    let (width, height) = decoder.dimensions();
    let length = usize::try_from(decoder.total_bytes());
    let (ColorType::Rgb8, Ok(length)) = (decoder.color_type(), length) else {
        return DynamicImage::from_decoder(decoder);
    };
    let mut pixels = scratch.pixels(length);
    decoder.read_image(&mut pixels)?;
    let picture = RgbImage::from_raw(width, height, pixels).ok_or_else(wrong_sides)?;
    Ok(DynamicImage::ImageRgb8(picture))
}

fn decoder_limits(limits: &DecodeLimits) -> Limits {
    let mut allowed = Limits::default();
    allowed.max_image_width = Some(limits.max_width);
    allowed.max_image_height = Some(limits.max_height);
    allowed.max_alloc = Some(limits.max_alloc);
    allowed
}

fn truncated(format: PictureFormat, bytes: &[u8]) -> DecodeError {
    DecodeError::Truncated {
        format,
        bytes: bytes.len(),
    }
}

/// What is wrong before a decoder could say it.
fn damaged(format: PictureFormat) -> DecodeError {
    DecodeError::Undecodable {
        format,
        source: wrong_sides(),
    }
}

fn wrong_sides() -> ImageError {
    ImageError::Parameter(ParameterError::from_kind(
        ParameterErrorKind::DimensionMismatch,
    ))
}

fn sides_within(width: u32, height: u32, limits: &DecodeLimits) -> Result<(), DecodeError> {
    within(Measure::Width, width.into(), limits.max_width.into())?;
    within(Measure::Height, height.into(), limits.max_height.into())
}

fn within(what: Measure, seen: u64, limit: u64) -> Result<(), DecodeError> {
    if seen <= limit {
        return Ok(());
    }
    Err(DecodeError::TooLarge { what, seen, limit })
}

#[cfg(test)]
mod tests;
