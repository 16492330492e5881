//! What the outside of a JPEG says, before anything is decoded: its size, its
//! turn, its number of scans, and whether it reaches its end.
//!
//! The decoder behind `image` fills the missing part of a cut JPEG with grey
//! and reports success, so a picture that was cut on the way would be judged
//! as if it were whole. This walk finds the end marker itself. It reads marker
//! lengths and skips entropy-coded data; it never allocates, never decodes,
//! and touches each byte at most once.
//!
//! Facts from ITU-T T.81, annex B: a marker is `FF` and a byte that is neither
//! `00` nor `FF`; inside entropy-coded data `FF 00` is a data byte and `FF D0`
//! to `FF D7` are restart markers; `FF D9` ends the image.

mod hidden;

use image::metadata::Orientation;

use super::error::{DecodeError, Measure};
use super::format::PictureFormat;
use super::{DecodeLimits, Facts, MAX_BLOCKS, MAX_SCANS, sides_within, truncated, within};

/// What a walk over the markers found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outline<'a> {
    /// The first frame header.
    frame: Option<Frame<'a>>,
    /// Where that begins, with its length.
    frame_at: Option<usize>,
    /// The TIFF part of the first EXIF segment.
    exif: Option<&'a [u8]>,
    /// Start-of-scan markers up to the end of the image.
    scans: usize,
    /// Components in the first scan.
    first_scan: u8,
    /// Blocks of 8x8 that all scans together pass.
    blocks: u64,
    /// Bytes of Huffman tables.
    tables: u64,
    /// The end-of-image marker is there, after at least one scan.
    complete: bool,
}

/// What a frame header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame<'a> {
    /// Its coefficients come in several scans, each a little more exact.
    progressive: bool,
    /// In pixels as stored.
    width: u16,
    height: u16,
    /// Three bytes each: a name, the factors of sampling, a table.
    components: &'a [u8],
}

pub(super) fn examine(bytes: &[u8], limits: &DecodeLimits) -> Result<Facts, DecodeError> {
    let outline = outline(bytes);
    if let Some(frame) = outline.frame {
        sides_within(frame.width.into(), frame.height.into(), limits)?;
    }
    let hidden = hidden::look(bytes, outline.frame_at, limits);
    let unseen = hidden.scans.saturating_sub(outline.scans) as u64;
    let scans = outline.scans.max(hidden.scans) as u64;
    within(Measure::Scans, scans, MAX_SCANS as u64)?;
    let blocks = unseen * hidden.blocks.max(outline.blocks_of_all());
    within(Measure::Blocks, outline.blocks + blocks, MAX_BLOCKS)?;
    within(Measure::TableBytes, outline.tables, MAX_TABLES)?;
    if !outline.complete {
        return Err(truncated(PictureFormat::Jpeg, bytes));
    }
    // The decoder would parse all headers once more to answer this.
    let turn = outline.exif.and_then(Orientation::from_exif_chunk);
    let is_turned = turn.is_some_and(|turn| QUARTERS.contains(&turn));
    Ok(Facts {
        memory: outline.memory(is_turned).max(hidden.memory),
        turn,
    })
}

impl Outline<'_> {
    /// See [`Frame::memory`].
    fn memory(&self, is_turned: bool) -> u64 {
        self.frame.map_or(0, |frame| {
            let in_one_go = usize::from(self.first_scan) == frame.components.len() / 3;
            frame.memory(in_one_go && !frame.progressive, is_turned)
        })
    }

    /// Blocks of a scan with all components.
    fn blocks_of_all(&self) -> u64 {
        self.frame.map_or(0, |frame| frame.units(|_name| true))
    }
}

impl Frame<'_> {
    /// Bytes for all buffers: three colours (or grey, and then three), beside them all coefficients
    /// where they do not come in one go, or in the end all pixels once more where they are turned.
    fn memory(&self, in_one_go: bool, is_turned: bool) -> u64 {
        let pixels = u64::from(self.width) * u64::from(self.height);
        let coefficients = if in_one_go { 0 } else { self.coefficients() };
        let after = pixels * if is_turned { 3 } else { 1 };
        pixels * 3 + coefficients.max(after)
    }

    /// Bytes of all coefficients, two each.
    fn coefficients(&self) -> u64 {
        self.units(|_name| true) * 64 * 2
    }

    /// Blocks that a scan with this body passes.
    fn blocks(&self, scan: &[u8]) -> u64 {
        let [count, listed @ ..] = scan else {
            return 0;
        };
        // Two bytes each: a name and its tables.
        let listed = || listed.chunks_exact(2).take(usize::from(*count));
        self.units(|name| listed().any(|component| component[0] == name))
    }

    /// Blocks of 8x8 of the components that are `wanted` by their names. A component has so many in
    /// each unit as its factors say, and a unit is as large as the largest factors.
    fn units(&self, wanted: impl Fn(u8) -> bool) -> u64 {
        let factors = |component: &[u8]| {
            let both = component[1];
            (u64::from(both >> 4), u64::from(both & 15))
        };
        let all = self.components.chunks_exact(3);
        let across = all.clone().map(|one| factors(one).0).max().unwrap_or(1);
        let down = all.clone().map(|one| factors(one).1).max().unwrap_or(1);
        let units = u64::from(self.width).div_ceil(8 * across.max(1))
            * u64::from(self.height).div_ceil(8 * down.max(1));
        let wanted = all.filter(|component| wanted(component[0])).map(factors);
        units * wanted.map(|(across, down)| across * down).sum::<u64>()
    }
}

/// Most bytes of Huffman tables. A scan needs eight of 273 bytes at most, and a decoder builds each.
const MAX_TABLES: u64 = 256 << 10;

const HUFFMAN_TABLES: u8 = 0xC4;
const START_OF_IMAGE: u8 = 0xD8;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const APP1: u8 = 0xE1;
const EXIF_HEADER: &[u8] = b"Exif\0\0";

/// Turns that need all pixels a second time.
const QUARTERS: [Orientation; 4] = [
    Orientation::Rotate90,
    Orientation::Rotate270,
    Orientation::Rotate90FlipH,
    Orientation::Rotate270FlipH,
];

/// Walks `bytes`, which begin with the start-of-image marker.
///
/// Bytes after the end of the image are not looked at: cameras pad with zeros
/// and append previews, and both are harmless.
fn outline(bytes: &[u8]) -> Outline<'_> {
    let mut found = Outline::default();
    let mut at = 2;
    while let Some((marker, after)) = next_marker(bytes, at) {
        at = after;
        match marker {
            END_OF_IMAGE => {
                found.complete = found.scans > 0;
                return found;
            }
            // Markers without a length: a temporary one, restarts, and a
            // second start of image, which some cameras write.
            0x01 | 0xD0..=START_OF_IMAGE => {}
            _ => {
                let Some(body) = segment(bytes, at) else {
                    return found;
                };
                read_segment(marker, body, &mut found);
                if found.frame.is_some() {
                    found.frame_at.get_or_insert(at);
                }
                at += 2 + body.len();
            }
        }
    }
    found
}

fn read_segment<'a>(marker: u8, body: &'a [u8], found: &mut Outline<'a>) {
    match marker {
        START_OF_SCAN => {
            if found.scans == 0 {
                found.first_scan = body.first().copied().unwrap_or_default();
            }
            found.scans += 1;
            found.blocks += found.frame.map_or(0, |frame| frame.blocks(body));
        }
        // Frame headers: precision, height, width, components. C4, C8 and CC
        // lie in the same range and are tables.
        0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
            if let (None, [_, h1, h0, w1, w0, _count, components @ ..]) = (found.frame, body) {
                found.frame = Some(Frame {
                    // C2, C6, CA and CE.
                    progressive: marker & 3 == 2,
                    width: u16::from_be_bytes([*w1, *w0]),
                    height: u16::from_be_bytes([*h1, *h0]),
                    components,
                });
            }
        }
        HUFFMAN_TABLES => found.tables += body.len() as u64,
        APP1 if found.exif.is_none() => found.exif = body.strip_prefix(EXIF_HEADER),
        _ => {}
    }
}

/// The body of the segment whose two length bytes stand at `at`; nothing when
/// the file ends inside it or the length is impossible.
fn segment(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length = bytes.get(at..at + 2)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    bytes.get(at + 2..at + length)
}

/// The next marker at or after `at`, and the position behind it. Everything
/// between markers is entropy-coded data or stray bytes, which decoders skip
/// too.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at = find_ff(bytes, at)?;
        while bytes.get(at) == Some(&0xFF) {
            at += 1;
        }
        let code = *bytes.get(at)?;
        at += 1;
        if code != 0 {
            return Some((code, at));
        }
    }
}

/// Position of the first `FF` at or after `from`. Blocks of fixed size let the
/// compiler compare many bytes at once: most of a JPEG is searched by this.
fn find_ff(bytes: &[u8], from: usize) -> Option<usize> {
    const BLOCK: usize = 64;
    let rest = bytes.get(from..)?;
    let mut skipped = 0;
    for block in rest.chunks_exact(BLOCK) {
        if block.iter().fold(false, |hit, byte| hit | (*byte == 0xFF)) {
            break;
        }
        skipped += BLOCK;
    }
    let within = rest[skipped..].iter().position(|byte| *byte == 0xFF)?;
    Some(from + skipped + within)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame header of 8 by 4 pixels, one scan with a stuffed byte and a
    /// restart marker, and the end.
    const SMALL: &[u8] = &[
        0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 4, 0, 8, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 4, 1, 1, 0x12,
        0xFF, 0x00, 0x34, 0xFF, 0xD0, 0x56, 0xFF, 0xD9,
    ];

    fn size(found: &Outline<'_>) -> Option<(u16, u16)> {
        found.frame.map(|frame| (frame.width, frame.height))
    }

    #[test]
    fn a_whole_file_is_outlined() {
        let found = outline(SMALL);
        assert_eq!(size(&found), Some((8, 4)));
        assert_eq!(found.scans, 1);
        assert!(found.complete);
    }

    #[test]
    fn coefficients_are_kept_where_they_do_not_come_in_one_go() {
        let check = |progressive, first_scan, components: &[u8], expected: u64| {
            let file = Outline {
                frame: Some(Frame {
                    progressive,
                    width: 100,
                    height: 40,
                    components,
                }),
                first_scan,
                ..Outline::default()
            };
            let pixels = 100 * 40;
            assert_eq!(
                file.memory(false),
                pixels * 3 + expected.max(pixels),
                "{components:?}"
            );
            assert_eq!(
                file.memory(true),
                pixels * 3 + expected.max(pixels * 3),
                "{components:?}"
            );
        };
        let full = [1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1];
        let halved = [1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];
        check(false, 3, &full, 0);
        // 13 blocks across and 5 down.
        check(false, 1, &full, 13 * 5 * 3 * 128);
        check(true, 3, &full, 13 * 5 * 3 * 128);
        // Units of two blocks: 7 across and 3 down, of 4 + 1 + 1 blocks.
        check(true, 3, &halved, 7 * 3 * 6 * 128);
        // Impossible factors are the decoder's to refuse.
        check(true, 1, &[1, 0, 0], 0);
    }

    #[test]
    fn each_scan_passes_the_blocks_of_its_components() {
        let frame = Frame {
            progressive: true,
            width: 100,
            height: 40,
            components: &[1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1],
        };
        let check = |scan: &[u8], expected: u64| assert_eq!(frame.blocks(scan), expected);
        // 7 units across and 3 down.
        check(&[3, 1, 0, 2, 0, 3, 0, 0, 0, 0], 21 * 6);
        check(&[1, 1, 0, 1, 63, 0], 21 * 4);
        check(&[1, 3, 0, 1, 63, 0], 21);
        // The two bytes behind the last one are no component, and one that there is not has no blocks.
        check(&[1, 9, 0, 1, 0, 0], 0);
        check(&[], 0);
    }

    #[test]
    fn no_prefix_of_a_file_is_complete() {
        for end in 2..SMALL.len() {
            assert!(!outline(&SMALL[..end]).complete, "complete at {end} bytes");
        }
    }

    #[test]
    fn bytes_after_the_end_do_not_matter() {
        let mut padded = SMALL.to_vec();
        padded.extend_from_slice(&[0, 0, 0xFF, 0xDA, 0, 2, 7]);
        assert_eq!(outline(&padded), outline(SMALL));
    }

    #[test]
    fn an_end_marker_inside_a_segment_does_not_count() {
        let mut file = vec![0xFF, 0xD8, 0xFF, 0xE1, 0, 12];
        file.extend_from_slice(b"Exif\0\0MM\xFF\xD9");
        file.extend_from_slice(&SMALL[2..SMALL.len() - 2]);
        let found = outline(&file);
        assert!(!found.complete);
        assert_eq!(found.exif, Some(&b"MM\xFF\xD9"[..]));
        assert_eq!(size(&found), Some((8, 4)));
    }

    #[test]
    fn an_end_without_a_scan_is_not_a_picture() {
        assert!(!outline(&[0xFF, 0xD8, 0xFF, 0xD9]).complete);
    }

    #[test]
    fn fill_bytes_before_a_marker_are_skipped() {
        let mut file = SMALL[..SMALL.len() - 2].to_vec();
        file.extend_from_slice(&[0xFF, 0xFF, 0xFF, 0xD9]);
        assert!(outline(&file).complete);
    }

    #[test]
    fn the_search_finds_a_mark_at_every_offset() {
        for length in 0..200 {
            for mark in 0..length {
                let mut bytes = vec![0xFE; length];
                bytes[mark] = 0xFF;
                assert_eq!(find_ff(&bytes, 0), Some(mark));
                assert_eq!(find_ff(&bytes, mark + 1), None);
            }
        }
    }
}
