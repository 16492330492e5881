//! GIF: a walk over the blocks up to the end of the first picture, then the decoder.
//!
//! Facts from the GIF89a specification: a header of six bytes, the screen's sides and palette;
//! then blocks. An extension and a picture's pixels are chains of sub-blocks, each of a length
//! byte and as many bytes; a length of zero ends the chain.
//!
//! The first picture is laid on the screen; where it does not cover it the screen is black.
//! Whatever comes after it is not looked at, so an animation costs what its first picture costs.

use super::error::DecodeError;
use super::format::PictureFormat;
use super::{DecodeLimits, Facts, sides_within, truncated};

/// How every GIF begins; then `7a` or `9a`.
pub(super) const SIGNATURE: &[u8] = b"GIF8";

pub(super) fn examine(bytes: &[u8], limits: &DecodeLimits) -> Result<Facts, DecodeError> {
    let outline = outline(bytes);
    for (width, height) in [outline.screen, outline.picture].into_iter().flatten() {
        sides_within(width.into(), height.into(), limits)?;
    }
    if let End::Cut = outline.end {
        return Err(truncated(PictureFormat::Gif, bytes));
    }
    let memory = outline.memory();
    Ok(Facts { memory, turn: None })
}

/// What a walk over the blocks found.
#[derive(Debug, PartialEq, Eq)]
struct Outline {
    screen: Option<(u16, u16)>,
    picture: Option<(u16, u16)>,
    /// Where it lies on the screen, from the left and from the top.
    place: (u16, u16),
    end: End,
}

/// Where the walk ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Behind the first picture.
    Whole,
    /// At the end of the file, inside what comes before that.
    Cut,
    /// At a block that has no business there; the decoder has a word for it.
    Strange,
}

impl Outline {
    /// Rows as long as the screen's are written to it at once.
    fn is_decoded_in_place(&self) -> bool {
        let (Some((across, down)), Some((wide, high))) = (self.screen, self.picture) else {
            return false;
        };
        let (left, top) = self.place;
        left == 0 && wide == across && u32::from(top) + u32::from(high) <= u32::from(down)
    }

    /// The screen in four bytes a pixel; beside it the picture's numbers of colours in one, and the
    /// picture in four where it is laid on the screen; or in the end the screen in three.
    fn memory(&self) -> u64 {
        let area = |sides: Option<(u16, u16)>| {
            sides.map_or(0, |(width, height)| u64::from(width) * u64::from(height))
        };
        let (screen, picture) = (area(self.screen), area(self.picture));
        let laid = if self.is_decoded_in_place() { 1 } else { 5 };
        screen * 4 + (picture * laid).max(screen * 3)
    }
}

fn outline(bytes: &[u8]) -> Outline {
    let mut found = Outline {
        screen: None,
        picture: None,
        place: (0, 0),
        end: End::Cut,
    };
    if let Some(end) = walk(bytes, &mut found) {
        found.end = end;
    }
    found
}

/// Nothing when the file ends first.
fn walk(bytes: &[u8], found: &mut Outline) -> Option<End> {
    const EXTENSION: u8 = 0x21;
    const PICTURE: u8 = 0x2C;
    let mut rest = Rest(bytes.get(SIGNATURE.len() + 2..)?);
    let screen = rest.take(7)?;
    found.screen = Some(sides(&screen[..4]));
    rest.palette(screen[4])?;
    loop {
        match rest.take(1)? {
            [EXTENSION] => {
                rest.take(1)?;
                rest.chain()?;
            }
            [PICTURE] => {
                let head = rest.take(9)?;
                found.place = sides(&head[..4]);
                found.picture = Some(sides(&head[4..8]));
                rest.palette(head[8])?;
                // The width of the first codes.
                rest.take(1)?;
                rest.chain()?;
                return Some(End::Whole);
            }
            _ => return Some(End::Strange),
        }
    }
}

fn sides(four: &[u8]) -> (u16, u16) {
    let side = |at| u16::from_le_bytes([four[at], four[at + 1]]);
    (side(0), side(2))
}

/// What the walk has not passed yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// Passes the palette that these flags announce.
    fn palette(&mut self, flags: u8) -> Option<()> {
        if flags & 0x80 != 0 {
            self.take(3 << ((flags & 7) + 1))?;
        }
        Some(())
    }

    /// Passes sub-blocks and the zero behind them.
    fn chain(&mut self) -> Option<()> {
        loop {
            match self.take(1)? {
                [0] => return Some(()),
                length => self.take(usize::from(length[0]))?,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A screen of 5 by 4 with a palette of two, a comment, a picture of 3 by 2, the trailer.
    const SMALL: &[u8] = b"GIF89a\x05\0\x04\0\x80\0\0rgbRGB\x21\xFE\x02hi\0\
        \x2C\0\0\0\0\x03\0\x02\0\0\x02\x02ab\x01c\0\x3B";

    #[test]
    fn a_file_is_outlined_and_no_part_of_it_is_whole() {
        let whole = SMALL.len() - 1;
        for end in 6..=SMALL.len() {
            let found = outline(&SMALL[..end]);
            assert_eq!(found.end == End::Whole, end >= whole, "at {end}");
        }
        let found = outline(SMALL);
        assert_eq!(found.screen, Some((5, 4)));
        assert_eq!(found.picture, Some((3, 2)));
    }

    #[test]
    fn an_end_before_any_picture_is_strange() {
        let file = [&SMALL[..19], &b"\x3B"[..]].concat();
        assert_eq!(outline(&file).end, End::Strange);
    }
}
