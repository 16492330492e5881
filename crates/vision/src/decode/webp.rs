//! WebP: a walk over the chunks, what the picture will take in memory, then the decoder.
//!
//! Facts from the container specification (RFC 9649): `RIFF`, the length of the rest, `WEBP`, then
//! chunks of a name, a length and a body that is padded to even. The first is the picture itself,
//! `VP8 ` (lossy) or `VP8L` (lossless), or `VP8X` with the canvas and flags; then the picture
//! follows, its transparency in `ALPH` and its turn in `EXIF`. An animation's pictures are chunks
//! inside `ANMF` chunks, which say where on the canvas each lies.
//!
//! The decoder behind `image` believes what chunks say of their lengths and lossless pictures of
//! their codes, and has no limit of its own. So nothing reaches it that does not pass here: it is
//! given the file up to the end that the container states, all sides are compared with the limits,
//! all codes are read ahead ([`lossless`]), and what its buffers take together is added up first.
//!
//! Of an animation the first picture is taken; where it does not cover the canvas that is black.
//! The chunks of the others are passed by their lengths.

mod lossless;

use image::metadata::Orientation;

use super::error::{DecodeError, Measure};
use super::format::PictureFormat;
use super::{DecodeLimits, Facts, damaged, sides_within, truncated, within};

/// The length of `RIFF`, the length and `WEBP`.
pub(super) const HEAD: usize = 12;

/// And the file up to the end that it states.
pub(super) fn examine<'a>(
    bytes: &'a [u8],
    limits: &DecodeLimits,
) -> Result<(Facts, &'a [u8]), DecodeError> {
    let format = PictureFormat::WebP;
    let bytes = container(bytes).ok_or_else(|| truncated(format, bytes))?;
    let outline = outline(bytes).map_err(|fault| fault.named(bytes))?;
    let Outline { canvas, frame, .. } = &outline;
    for (width, height) in [*canvas, frame.sides, frame.coded] {
        sides_within(width, height, limits)?;
    }
    if frame.coded != frame.sides {
        return Err(damaged(format));
    }
    let most = limits.max_memory;
    let pixels = outline.memory();
    within(Measure::MemoryBytes, pixels, most)?;
    let codes = frame.codes(most - pixels).map_err(|fault| match fault {
        lossless::Fault::TooMuch(codes) => DecodeError::TooLarge {
            what: Measure::MemoryBytes,
            seen: pixels.saturating_add(codes),
            limit: most,
        },
        lossless::Fault::Cut => truncated(format, bytes),
        lossless::Fault::Broken => damaged(format),
    })?;
    let facts = Facts {
        memory: pixels.saturating_add(codes),
        turn: outline.exif.and_then(Orientation::from_exif_chunk),
    };
    Ok((facts, bytes))
}

/// The file up to the end that it states; nothing when it does not reach so far.
fn container(bytes: &[u8]) -> Option<&[u8]> {
    let length = usize::try_from(word(bytes.get(4..8)?)).ok()?;
    bytes.get(..length.checked_add(8)?)
}

/// What a walk over the chunks found.
struct Outline<'a> {
    canvas: (u32, u32),
    is_animated: bool,
    frame: Frame<'a>,
    exif: Option<&'a [u8]>,
}

/// The first picture.
#[derive(Clone, Copy)]
struct Frame<'a> {
    /// As the container has it.
    sides: (u32, u32),
    /// As the picture itself has it.
    coded: (u32, u32),
    coding: Coding<'a>,
}

#[derive(Clone, Copy)]
enum Coding<'a> {
    Lossy { alpha: Option<&'a [u8]> },
    Lossless(&'a [u8]),
}

/// Why there is no outline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The file ends first.
    Cut,
    /// A chunk is missing, or is where it must not be, or is none of a still picture's.
    Broken,
}

impl Fault {
    fn named(self, bytes: &[u8]) -> DecodeError {
        match self {
            Fault::Cut => truncated(PictureFormat::WebP, bytes),
            Fault::Broken => damaged(PictureFormat::WebP),
        }
    }
}

fn outline(bytes: &[u8]) -> Result<Outline<'_>, Fault> {
    let mut chunks = Chunks(bytes.get(HEAD..).ok_or(Fault::Cut)?);
    let (name, body) = chunks.next()?.ok_or(Fault::Cut)?;
    if name != b"VP8X" {
        let frame = Frame::simple(name, body)?;
        return Ok(Outline {
            canvas: frame.coded,
            is_animated: false,
            frame,
            exif: None,
        });
    }
    let is_animated = body.first().ok_or(Fault::Broken)? & 2 != 0;
    let canvas = (side(body, 4)?, side(body, 7)?);
    // The first of each counts, for the decoder too.
    let (mut picture, mut alpha, mut exif, mut animated) = (None, None, None, None);
    while let Some((name, body)) = chunks.next()? {
        match name {
            b"VP8 " | b"VP8L" if picture.is_none() => picture = Some((name, body)),
            // The decoder would have to choose.
            b"VP8 " | b"VP8L" if picture.is_some_and(|(first, _)| first != name) => {
                return Err(Fault::Broken);
            }
            b"ALPH" if alpha.is_none() => alpha = Some(body),
            b"EXIF" if exif.is_none() => exif = Some(body),
            b"ANMF" if animated.is_none() => animated = Some(body),
            _ => {}
        }
    }
    let frame = match (is_animated, animated, picture) {
        (true, Some(body), _) => Frame::animated(body)?,
        (false, None, Some((name, body))) => Frame::with_sides(canvas, name, body, alpha)?,
        _ => return Err(Fault::Broken),
    };
    let exif = exif.map(|exif| exif.strip_prefix(b"Exif\0\0").unwrap_or(exif));
    Ok(Outline {
        canvas,
        is_animated,
        frame,
        exif,
    })
}

impl Outline<'_> {
    /// Bytes that the decoder's pixels take at once, at most.
    fn memory(&self) -> u64 {
        let (width, height) = self.frame.coded;
        let (canvas, frame) = (area(self.canvas), area(self.frame.coded));
        // A lossless one beside what is given: all pixels once more; for blocks of 4x4 at least the
        // codes to use, the predictors and the colour factors in four bytes, the codes in two more.
        let once_more = frame * 4 + area((width.div_ceil(4), height.div_ceil(4))) * 14;
        // A lossy one has brightness and two colours of half the sides, in blocks of 16x16.
        let planes = area((width.next_multiple_of(16), height.next_multiple_of(16))) * 3 / 2;
        let coded = match self.frame.coding {
            Coding::Lossless(_) => once_more,
            Coding::Lossy { alpha: None } => planes,
            Coding::Lossy { alpha: Some(_) } => planes + frame + once_more,
        };
        // The canvas, and the picture that is laid on it.
        let laid = match self.frame.coding {
            _ if !self.is_animated => 0,
            // Those are all its pixels once more.
            Coding::Lossless(_) => canvas * 4,
            Coding::Lossy { .. } => canvas * 4 + frame * 4,
        };
        // In the end the canvas once more in three bytes a pixel, without transparency.
        canvas * 4 + (coded + laid).max(canvas * 3)
    }
}

impl<'a> Frame<'a> {
    fn simple(name: &[u8], body: &'a [u8]) -> Result<Self, Fault> {
        let coded = coded_sides(name, body)?;
        Self::with_sides(coded, name, body, None)
    }

    fn with_sides(
        sides: (u32, u32),
        name: &[u8],
        body: &'a [u8],
        alpha: Option<&'a [u8]>,
    ) -> Result<Self, Fault> {
        Ok(Frame {
            sides,
            coded: coded_sides(name, body)?,
            coding: if name == b"VP8L" {
                Coding::Lossless(body)
            } else {
                Coding::Lossy { alpha }
            },
        })
    }

    /// The picture in an animation's chunk.
    fn animated(body: &'a [u8]) -> Result<Self, Fault> {
        /// Its place, its sides, its time and its flags.
        const HEAD: usize = 16;
        let sides = (side(body, 6)?, side(body, 9)?);
        // The container is whole, so that what ends early here is not cut but wrong.
        let mut chunks = Chunks(body.get(HEAD..).ok_or(Fault::Broken)?);
        let mut next = || chunks.next().ok().flatten().ok_or(Fault::Broken);
        match next()? {
            (b"ALPH", alpha) => {
                let (name, body) = next()?;
                Self::with_sides(sides, name, body, Some(alpha))
            }
            (name, body) => Self::with_sides(sides, name, body, None),
        }
    }

    /// Bytes that the codes of lossless parts take in the decoder; more than `most` is a fault.
    fn codes(&self, most: u64) -> Result<u64, lossless::Fault> {
        /// Behind a lossless picture's signature and sides.
        const STREAM: usize = 5;
        match self.coding {
            Coding::Lossless(body) => lossless::codes(&body[STREAM..], self.coded, most),
            // One byte of flags, whose last two bits say that it is coded.
            Coding::Lossy {
                alpha: Some([flags, stream @ ..]),
            } if flags & 3 == 1 => lossless::codes(stream, self.coded, most),
            Coding::Lossy { .. } => Ok(0),
        }
    }
}

/// The sides that a picture's own header has.
fn coded_sides(name: &[u8], body: &[u8]) -> Result<(u32, u32), Fault> {
    match (name, body) {
        // Three bytes with flags, of which the last bit is not set for a picture that stands alone.
        (b"VP8 ", [flags, _, _, 0x9D, 0x01, 0x2A, w0, w1, h0, h1, ..]) if flags & 1 == 0 => {
            let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
            Ok((side(*w0, *w1), side(*h0, *h1)))
        }
        (b"VP8L", [0x2F, head @ ..]) if head.len() >= 4 => {
            let head = word(head);
            Ok(((head & 0x3FFF) + 1, (head >> 14 & 0x3FFF) + 1))
        }
        _ => Err(Fault::Broken),
    }
}

/// A chunk's name and body.
type Chunk<'a> = (&'a [u8], &'a [u8]);

/// Chunks one after the other.
struct Chunks<'a>(&'a [u8]);

impl<'a> Chunks<'a> {
    /// `None` at the end, where fewer bytes may stand than a chunk's head has.
    fn next(&mut self) -> Result<Option<Chunk<'a>>, Fault> {
        const HEAD: usize = 8;
        let Some((head, rest)) = self.0.split_at_checked(HEAD) else {
            return Ok(None);
        };
        let length = usize::try_from(word(&head[4..])).map_err(|_beyond_memory| Fault::Cut)?;
        let (body, rest) = rest.split_at_checked(length).ok_or(Fault::Cut)?;
        // The last one's padding is often left out.
        self.0 = rest.get(length & 1..).unwrap_or_default();
        Ok(Some((&head[..4], body)))
    }
}

/// A side less one in three bytes.
fn side(bytes: &[u8], at: usize) -> Result<u32, Fault> {
    let three = bytes.get(at..at + 3).ok_or(Fault::Broken)?;
    Ok(u32::from_le_bytes([three[0], three[1], three[2], 0]) + 1)
}

/// The first four bytes; there are as many.
fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn area((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

#[cfg(test)]
mod tests;
