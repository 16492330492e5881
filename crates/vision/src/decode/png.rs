//! What the outside of a PNG says: its size and whether it reaches its end.
//!
//! Chunk lengths are read, chunk contents are not. Facts from the PNG
//! specification (W3C, third edition), section 5: an eight-byte signature, then
//! chunks of length, type, data and CRC; `IHDR` is first, `IEND` is last.

use super::error::{DecodeError, Measure};
use super::format::PictureFormat;
use super::{DecodeLimits, Facts, sides_within, truncated, within};

/// The eight bytes every PNG begins with.
pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Most bytes that the decoder keeps of texts and the like, as they are counted here.
const MAX_TEXTS: u64 = 8 << 20;

/// What the decoder is allowed beside pixels: the texts, the longest of them once more, and a colour
/// profile. A longer profile it leaves out, which changes nothing here.
pub(super) const MAX_BESIDE: u64 = 2 * MAX_TEXTS;

/// What a walk over the chunks found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Outline {
    /// Width and height of the header chunk.
    size: Option<(u32, u32)>,
    /// Bytes of one value: 1, or 2 for depths above 8.
    depth: u64,
    /// Red, green, blue and not only grey.
    coloured: bool,
    /// Each pixel has a transparency, or the decoder gives it one.
    transparent: bool,
    /// There is EXIF, which may have a turn.
    has_exif: bool,
    /// Bytes for texts and EXIF.
    texts: u64,
    /// Bytes that the colour profiles can inflate to.
    profile: u64,
    /// The end chunk is there, whole.
    complete: bool,
}

pub(super) fn examine(bytes: &[u8], limits: &DecodeLimits) -> Result<Facts, DecodeError> {
    let outline = outline(bytes);
    let (width, height) = outline.size.unwrap_or_default();
    sides_within(width, height, limits)?;
    if !outline.complete {
        return Err(truncated(PictureFormat::Png, bytes));
    }
    within(Measure::TextBytes, outline.texts, MAX_TEXTS)?;
    let memory = outline.memory(u64::from(width) * u64::from(height));
    Ok(Facts { memory, turn: None })
}

impl Outline {
    /// As decoded beside what else the file has; then, without that, in three bytes a pixel unless it
    /// is so already; then perhaps turned.
    fn memory(&self, pixels: u64) -> u64 {
        let decoded = pixels * self.pixel();
        let beside = self.texts + self.profile.min(MAX_BESIDE);
        let is_rgb8 = self.coloured && self.pixel() == 3;
        let converted = if is_rgb8 { 0 } else { decoded + pixels * 3 };
        let turned = if self.has_exif { pixels * 6 } else { 0 };
        (decoded + beside).max(converted).max(turned)
    }

    /// Bytes of one decoded pixel.
    fn pixel(&self) -> u64 {
        let colours = if self.coloured { 3 } else { 1 };
        (colours + u64::from(self.transparent)) * self.depth
    }
}

/// Walks `bytes`, which begin with [`SIGNATURE`]. Bytes after the end chunk
/// are not looked at.
fn outline(bytes: &[u8]) -> Outline {
    let mut found = Outline::default();
    let mut at = SIGNATURE.len();
    while let Some((kind, body, after)) = chunk(bytes, at) {
        match kind {
            b"IHDR" => {
                if let (None, [w3, w2, w1, w0, h3, h2, h1, h0, depth, colour, ..]) =
                    (found.size, body)
                {
                    let width = u32::from_be_bytes([*w3, *w2, *w1, *w0]);
                    let height = u32::from_be_bytes([*h3, *h2, *h1, *h0]);
                    found.size = Some((width, height));
                    // Types are 0 for grey and 3 for a palette; 2 is colour, 4 transparency.
                    found.depth = depth.div_ceil(8).into();
                    found.coloured = colour & 2 != 0;
                    found.transparent = colour & 4 != 0;
                }
            }
            b"tRNS" => found.transparent = true,
            // Each becomes UTF-8, in lists that grow by doubling.
            b"tEXt" | b"zTXt" | b"iTXt" | b"eXIf" => {
                const EACH: u64 = 256;
                found.texts += 2 * body.len() as u64 + EACH;
                found.has_exif |= kind == b"eXIf";
            }
            // Deflate gives 1032 bytes for one at most.
            b"iCCP" => found.profile += body.len() as u64 * 1032,
            b"IEND" => {
                found.complete = true;
                return found;
            }
            _ => {}
        }
        at = after;
    }
    found
}

/// The chunk at `at`, its body and the position behind its CRC; nothing when
/// the file ends inside it.
fn chunk(bytes: &[u8], at: usize) -> Option<(&[u8], &[u8], usize)> {
    const CRC: usize = 4;
    let head = bytes.get(at..at + 8)?;
    let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
    let start = at + 8;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    let after = end.checked_add(CRC)?;
    bytes.get(start..after)?;
    Some((&head[4..8], &bytes[start..end], after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Vec<u8> {
        let mut file = SIGNATURE.to_vec();
        for (kind, body) in [
            (b"IHDR", &[0, 0, 1, 0, 0, 0, 0, 7, 8, 2, 0, 0, 0][..]),
            (b"IDAT", b"IEND"),
            (b"IEND", b""),
        ] {
            file.extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
            file.extend_from_slice(kind);
            file.extend_from_slice(body);
            file.extend_from_slice(&[0; 4]);
        }
        file
    }

    #[test]
    fn a_whole_file_is_outlined() {
        let found = outline(&file());
        assert_eq!(found.size, Some((256, 7)));
        assert_eq!(found.pixel(), 3);
        assert!(found.complete);
    }

    #[test]
    fn texts_and_profiles_count_while_the_pixels_are_decoded() {
        let rgb = Outline {
            depth: 1,
            coloured: true,
            ..Outline::default()
        };
        let check = |texts, profile, expected| {
            let found = Outline {
                texts,
                profile,
                ..rgb
            };
            assert_eq!(found.memory(1000), expected);
        };
        check(0, 0, 3000);
        check(2000, 1000, 6000);
        check(0, u64::MAX, 3000 + MAX_BESIDE);
        let turned = Outline {
            has_exif: true,
            ..rgb
        };
        assert_eq!(turned.memory(1000), 6000);
        let transparent = Outline {
            transparent: true,
            ..rgb
        };
        assert_eq!(transparent.memory(1000), 7000);
        let grey = Outline {
            coloured: false,
            ..rgb
        };
        assert_eq!(grey.memory(1000), 4000);
        // Grey with transparency in 16 bits has four bytes, and so has no colour that could be left.
        let deep = Outline {
            coloured: false,
            transparent: true,
            depth: 2,
            ..rgb
        };
        assert_eq!(deep.memory(1000), 7000);
    }

    #[test]
    fn no_prefix_of_a_file_is_complete() {
        let file = file();
        for end in SIGNATURE.len()..file.len() {
            assert!(!outline(&file[..end]).complete, "complete at {end} bytes");
        }
    }

    #[test]
    fn a_length_beyond_the_file_is_not_followed() {
        let mut file = SIGNATURE.to_vec();
        file.extend_from_slice(&[0xFF; 8]);
        assert_eq!(outline(&file), Outline::default());
    }
}
