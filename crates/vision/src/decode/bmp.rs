//! Windows bitmaps: what the header says of the size and the length, then the decoder.
//!
//! Facts from the Windows documentation ("Bitmap Storage"): a file header of 14 bytes with the
//! place of the pixels at 10; then an info header, whose first word is its length. The oldest has
//! 12 bytes and 16-bit sides; later ones have 32-bit sides, a height below zero for rows from the
//! top. Rows are padded to four bytes. Run-length coded rows say no length: the decoder finds it.
//!
//! The work is bounded by the sides and the file: each run of a run-length coded picture takes two
//! bytes of the file at least, and nothing is written outside the rows.

use super::error::DecodeError;
use super::format::PictureFormat;
use super::{DecodeLimits, Facts, sides_within, truncated};

pub(super) fn examine(bytes: &[u8], limits: &DecodeLimits) -> Result<Facts, DecodeError> {
    let format = PictureFormat::Bmp;
    let Some(outline) = outline(bytes) else {
        return Err(truncated(format, bytes));
    };
    sides_within(outline.width, outline.height, limits)?;
    if outline.end > bytes.len() as u64 {
        return Err(truncated(format, bytes));
    }
    // With transparency four bytes a pixel, and then three more without it.
    let memory = u64::from(outline.width) * u64::from(outline.height) * 7;
    Ok(Facts { memory, turn: None })
}

/// What the headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outline {
    width: u32,
    height: u32,
    /// Where the pixels end at the earliest; 0 where only the decoder can tell.
    end: u64,
}

/// Nothing when the file ends inside what is read of its headers.
fn outline(bytes: &[u8]) -> Option<Outline> {
    const OLDEST: u32 = 12;
    /// Compressions whose rows have a fixed length: none, and none with masks.
    const FIXED: [u32; 2] = [0, 3];
    let start = word(bytes, 10)?;
    let (width, height, bits, compression) = if word(bytes, 14)? == OLDEST {
        let sides = (half(bytes, 18)?, half(bytes, 20)?);
        (sides.0.into(), sides.1.into(), half(bytes, 24)?, 0)
    } else {
        // A height below zero is in two's complement.
        let height = i32::from_le_bytes(word(bytes, 22)?.to_le_bytes());
        let sides = (word(bytes, 18)?, height.unsigned_abs());
        (sides.0, sides.1, half(bytes, 28)?, word(bytes, 30)?)
    };
    let row = (u64::from(width) * u64::from(bits)).div_ceil(32) * 4;
    let end = if FIXED.contains(&compression) {
        row.saturating_mul(height.into())
            .saturating_add(start.into())
    } else {
        0
    };
    Some(Outline { width, height, end })
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    let (half, _) = bytes.get(at..)?.split_first_chunk()?;
    Some(u16::from_le_bytes(*half))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let (word, _) = bytes.get(at..)?.split_first_chunk()?;
    Some(u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &[u8], expected: Option<Outline>) {
        let mut file = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0".to_vec();
        file.extend_from_slice(header);
        assert_eq!(outline(&file), expected, "{header:?}");
    }

    #[test]
    fn both_kinds_of_header_are_read() {
        let (width, height) = (3, 2);
        let end = 0x36 + 2 * 12;
        let known = Outline { width, height, end };
        check(b"\x0C\0\0\0\x03\0\x02\0\x01\0\x18\0", Some(known));
        let rest = b"\x01\0\x18\0\0\0\0\0";
        let upwards = [&b"\x28\0\0\0\x03\0\0\0\x02\0\0\0"[..], rest].concat();
        check(&upwards, Some(known));
        let downwards = [&b"\x28\0\0\0\x03\0\0\0\xFE\xFF\xFF\xFF"[..], rest].concat();
        check(&downwards, Some(known));
        check(&downwards[..19], None);
    }

    #[test]
    fn sides_of_any_length_are_only_numbers() {
        let mut header = b"\x28\0\0\0".to_vec();
        header.extend_from_slice(&[0xFF; 3]);
        header.extend_from_slice(b"\xFF\0\0\0\x80\x01\0\xFF\xFF\0\0\0\0");
        let (width, height, end) = (u32::MAX, 1 << 31, u64::MAX);
        check(&header, Some(Outline { width, height, end }));
    }
}
