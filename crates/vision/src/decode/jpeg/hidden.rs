//! Headers that a decoder might find where our walk over the segments sees none.
//!
//! Decoders differ in where a damaged segment ends, in what they pass over between segments, and in
//! which markers have a length. A file that is made for it can show one frame header to our walk and
//! another to the decoder, which then takes the memory of that one. So whatever could be read as a
//! frame header or as the start of a scan is counted, wherever it lies: in the thumbnail of an EXIF
//! segment, too, which is small. By chance such bytes are found in one of some hundred million files.

use super::{Frame, START_OF_SCAN, find_ff};
use crate::decode::DecodeLimits;

/// What might be found beside what was seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hidden {
    /// Bytes for a picture with the most expensive of the frame headers.
    pub(super) memory: u64,
    /// Blocks that one scan passes at most.
    pub(super) blocks: u64,
    /// Starts of scans, those that were seen among them.
    pub(super) scans: usize,
}

/// Looks at each place that could be a marker. `seen` is where the frame header begins that our walk
/// saw, with its length.
pub(super) fn look(bytes: &[u8], seen: Option<usize>, limits: &DecodeLimits) -> Hidden {
    let mut found = Hidden::default();
    let mut at = 2;
    while let Some(mark) = find_ff(bytes, at) {
        // Some decoders pass over zeros before a marker's code, which are stuffing in a scan.
        let fill = bytes[mark..]
            .iter()
            .take_while(|byte| matches!(byte, 0 | 0xFF));
        let code = mark + fill.count();
        at = code;
        match bytes.get(code) {
            Some(&START_OF_SCAN) if !bytes[mark..code].contains(&0) => found.scans += 1,
            Some(0xC0..=0xC2) if seen != Some(code + 1) => {
                if let Some(frame) = frame(bytes, code, limits) {
                    found.memory = found.memory.max(frame.memory(false, true));
                    found.blocks = found.blocks.max(frame.units(|_name| true));
                }
            }
            _ => {}
        }
    }
    found
}

/// The frame header whose code stands at `code`, if it has the length that all decoders ask for. Sides
/// beyond the limits are refused by the decoder.
fn frame<'a>(bytes: &'a [u8], code: usize, limits: &DecodeLimits) -> Option<Frame<'a>> {
    let [l1, l0, _precision, h1, h0, w1, w0, count] = bytes.get(code + 1..)?.first_chunk()?;
    let length = 8 + 3 * usize::from(*count);
    if *count == 0 || usize::from(u16::from_be_bytes([*l1, *l0])) != length {
        return None;
    }
    let side = |high, low, most: u32| {
        let most = u16::try_from(most).unwrap_or(u16::MAX);
        u16::from_be_bytes([high, low]).min(most)
    };
    Some(Frame {
        progressive: bytes[code] == 0xC2,
        width: side(*w1, *w0, limits.max_width),
        height: side(*h1, *h0, limits.max_height),
        components: bytes.get(code + 9..code + 1 + length)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::examine;
    use super::*;
    use crate::DecodeError;

    /// A frame header of three components without halves.
    fn header(code: u8, side: u16) -> Vec<u8> {
        let [high, low] = side.to_be_bytes();
        let mut bytes = vec![0xFF, code, 0, 17, 8, high, low, high, low, 3];
        for name in 1..=3 {
            bytes.extend([name, 0x11, 0]);
        }
        bytes
    }

    const SCAN: &[u8] = &[
        0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0, 0x12, 0xFF, 0x00, 0x34,
    ];

    fn file(parts: &[&[u8]]) -> Vec<u8> {
        let parts = parts.concat();
        [&[0xFF, 0xD8], &parts[..], SCAN, &[0xFF, 0xD9]].concat()
    }

    fn memory(file: &[u8]) -> Option<u64> {
        let limits = DecodeLimits {
            max_memory: u64::MAX,
            ..DecodeLimits::default()
        };
        examine(file, &limits).ok().map(|facts| facts.memory)
    }

    #[test]
    fn what_was_seen_counts_as_it_is() {
        let plain = file(&[&header(0xC0, 64)]);
        assert_eq!(memory(&plain), Some(64 * 64 * 4));
        let limits = DecodeLimits::default();
        let found = look(&plain, Some(4), &limits);
        assert_eq!(found.memory, 0);
        assert_eq!(found.scans, 1);
    }

    #[test]
    fn a_header_that_only_some_decoders_see_counts_as_well() {
        let shown = header(0xC0, 8);
        let hidden = header(0xC2, 2048);
        // Inside a comment; behind a restart marker, which some give a length; behind a marker with
        // zeros; in bytes between segments.
        let comment = [&[0xFF, 0xFE, 0, 21], &hidden[..]].concat();
        let restart = [&[0xFF, 0xD0, 0, 21], &shown[..]].concat();
        let zeros = [&[0xFF, 0, 0], &hidden[1..]].concat();
        let between = [&[0x12, 0xFF, 0xFF], &hidden[1..]].concat();
        let expensive = 2048 * 2048 * (3 + 2 * 3);
        for parts in [
            [&shown, &comment],
            [&restart, &hidden],
            [&shown, &zeros],
            [&shown, &between],
            [&comment, &shown],
        ] {
            let parts = parts.map(Vec::as_slice);
            assert_eq!(memory(&file(&parts)), Some(expensive), "{parts:?}");
        }
    }

    #[test]
    fn sides_beyond_the_limits_count_as_the_limits() {
        let file = file(&[
            &header(0xC0, 8),
            &[0xFF, 0xFE, 0, 21],
            &header(0xC0, 60_000),
        ]);
        assert_eq!(memory(&file), Some(4096 * 4096 * 9));
        let error = examine(&file, &DecodeLimits::default());
        // The sum is compared where it is known for all formats.
        assert!(error.is_ok_and(|facts| facts.memory > DecodeLimits::default().max_memory));
    }

    #[test]
    fn scans_in_what_our_walk_passes_count_as_well() {
        let mut comment = vec![0xFF, 0xFE, 0, 202];
        comment.extend([0xFF, 0xDA].repeat(100));
        let file = file(&[&header(0xC0, 8), &comment]);
        let error = examine(&file, &DecodeLimits::default()).unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge { .. }), "{error}");
    }
}
