//! Picture bytes to upright pixels, within limits.
//!
//! The formats that the limits name are taken, by content and not by name. Sizes
//! are read and compared with the limits before anything is allocated; the
//! decoder then runs under the same limits. Bad bytes cost a bounded time and end
//! in a [`DecodeError`]; nothing here panics, writes a log, or keeps a picture.
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

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::error::{ParameterError, ParameterErrorKind};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, Limits};

pub use error::{DecodeError, DecodeErrorKind, Found, Measure};
pub use format::{Formats, PictureFormat};

use crate::Pixels;

/// What a picture may cost.
///
/// With the defaults one decode holds at most about 180 MiB beside the file: a
/// progressive JPEG of 4096x4096 keeps its coefficients (two bytes each) and
/// its pixels at the same time. Bound the number of decodes that run at once.
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
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            formats: Formats::CAMERAS,
            max_bytes: 4 << 20,
            max_width: 4096,
            max_height: 4096,
            max_alloc: 64 << 20,
        }
    }
}

impl DecodeLimits {
    /// Most memory for all buffers of a decoder that has several and no limit of
    /// its own, in bytes: with the default 176 MiB.
    fn most_at_once(&self) -> u64 {
        (self.max_alloc / 4).saturating_mul(11)
    }
}

/// Most scans of one JPEG. Ordinary progressive pictures have about ten; each
/// scan passes over the whole picture, so without a bound a small file can keep
/// a core busy for half a minute.
pub const MAX_SCANS: usize = 100;

/// Decodes one picture.
///
/// Costs about 1 ms for a 640x480 JPEG on a current core, and in the worst case
/// that the default limits allow a few hundred milliseconds. It cannot be
/// cancelled, so run it on a thread that may be late.
///
/// # Errors
/// The reason, see [`DecodeError`]; [`DecodeError::kind`] names it.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Pixels, DecodeError> {
    if bytes.is_empty() {
        let expected = limits.formats;
        return Err(DecodeError::Empty { expected });
    }
    within(
        Measure::EncodedBytes,
        bytes.len() as u64,
        limits.max_bytes as u64,
    )?;
    match sniff::found(bytes) {
        Found::Picture(format) if limits.formats.contains(format) => match format {
            PictureFormat::Jpeg => decode_jpeg(bytes, limits),
            PictureFormat::Png => decode_png(bytes, limits),
            PictureFormat::Bmp => bmp::decode(bytes, limits),
            PictureFormat::Gif => gif::decode(bytes, limits),
            PictureFormat::WebP => webp::decode(bytes, limits),
        },
        found => Err(DecodeError::UnsupportedFormat {
            found,
            expected: limits.formats,
        }),
    }
}

fn decode_jpeg(bytes: &[u8], limits: &DecodeLimits) -> Result<Pixels, DecodeError> {
    let format = PictureFormat::Jpeg;
    let outline = jpeg::outline(bytes);
    if let Some((width, height)) = outline.size {
        sides_within(width.into(), height.into(), limits)?;
    }
    within(Measure::Scans, outline.scans as u64, MAX_SCANS as u64)?;
    if !outline.complete {
        return Err(truncated(format, bytes));
    }
    let refused = |error| refusal(format, bytes.len(), error, limits);
    let decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(refused)?;
    // The decoder would parse all headers once more to answer this.
    let turn = outline.exif.and_then(Orientation::from_exif_chunk);
    let picture = read_picture(decoder, limits).map_err(refused)?;
    upright(picture, turn, format)
}

fn decode_png(bytes: &[u8], limits: &DecodeLimits) -> Result<Pixels, DecodeError> {
    let format = PictureFormat::Png;
    let outline = png::outline(bytes);
    if let Some((width, height)) = outline.size {
        sides_within(width, height, limits)?;
    }
    if !outline.complete {
        return Err(truncated(format, bytes));
    }
    let refused = |error| refusal(format, bytes.len(), error, limits);
    let mut decoder =
        PngDecoder::with_limits(Cursor::new(bytes), decoder_limits(limits)).map_err(refused)?;
    let turn = decoder.orientation().map_err(refused)?;
    let picture = read_picture(decoder, limits).map_err(refused)?;
    upright(picture, Some(turn), format)
}

fn read_picture(
    mut decoder: impl ImageDecoder,
    limits: &DecodeLimits,
) -> Result<DynamicImage, ImageError> {
    let mut allowed = decoder_limits(limits);
    decoder.set_limits(allowed.clone())?;
    allowed.reserve(decoder.total_bytes())?;
    DynamicImage::from_decoder(decoder)
}

fn decoder_limits(limits: &DecodeLimits) -> Limits {
    let mut allowed = Limits::default();
    allowed.max_image_width = Some(limits.max_width);
    allowed.max_image_height = Some(limits.max_height);
    allowed.max_alloc = Some(limits.max_alloc);
    allowed
}

fn upright(
    mut picture: DynamicImage,
    turn: Option<Orientation>,
    format: PictureFormat,
) -> Result<Pixels, DecodeError> {
    if let Some(turn) = turn {
        picture.apply_orientation(turn);
    }
    // Drops transparency and maps 16 bits to 8; for RGB8 it moves the buffer.
    let rgb = picture.into_rgb8();
    let (width, height) = rgb.dimensions();
    Pixels::from_rgb8(width, height, rgb.into_raw()).ok_or_else(|| damaged(format))
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
        source: ImageError::Parameter(ParameterError::from_kind(
            ParameterErrorKind::DimensionMismatch,
        )),
    }
}

/// Sorts a decoder's error into ours.
fn refusal(
    format: PictureFormat,
    bytes: usize,
    error: ImageError,
    limits: &DecodeLimits,
) -> DecodeError {
    match error {
        // The sides were compared before, so what is left is memory.
        ImageError::Limits(_) => DecodeError::TooLarge {
            what: Measure::MemoryBytes,
            seen: limits.max_alloc.saturating_add(1),
            limit: limits.max_alloc,
        },
        ImageError::IoError(source) if source.kind() == std::io::ErrorKind::UnexpectedEof => {
            DecodeError::Truncated { format, bytes }
        }
        source => DecodeError::Undecodable { format, source },
    }
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
