//! GIF by hand, after the GIF89a specification.

use crate::bits::LowFirst;

/// Codes of two bits of colour: clear, end; then the table's own.
const CLEAR: u32 = 4;
const END: u32 = 5;
const FIRST: u32 = 6;

/// A screen with a palette of four.
pub(crate) fn screen(width: u16, height: u16) -> Vec<u8> {
    let mut file = b"GIF89a".to_vec();
    file.extend(width.to_le_bytes());
    file.extend(height.to_le_bytes());
    file.extend([0x81, 0, 0]);
    file.extend([0, 0, 0, 90, 90, 40, 200, 180, 40, 255, 255, 255]);
    file
}

/// A picture with this place, these sides and this data.
pub(crate) fn picture(file: &mut Vec<u8>, place: (u16, u16), sides: (u16, u16), data: &[u8]) {
    file.push(0x2C);
    for number in [place.0, place.1, sides.0, sides.1] {
        file.extend(number.to_le_bytes());
    }
    file.extend([0, 2]);
    for part in data.chunks(255) {
        file.push(part.len() as u8);
        file.extend(part);
    }
    file.push(0);
}

/// A whole file of one picture.
pub(crate) fn file(screen_sides: (u16, u16), sides: (u16, u16), data: &[u8]) -> Vec<u8> {
    let mut file = screen(screen_sides.0, screen_sides.1);
    picture(&mut file, (0, 0), sides, data);
    file.push(0x3B);
    file
}

/// So many pixels of the first colour, in the fewest codes: each is one pixel longer than the last.
pub(crate) fn flat(pixels: u64) -> Vec<u8> {
    const MOST: u32 = 4096;
    let mut bits = LowFirst::default();
    let mut left = pixels;
    let mut width = 3;
    while left > 0 {
        bits.put(CLEAR, width);
        (width, left) = (3, left - 1);
        bits.put(0, width);
        let mut next = FIRST;
        while left > 0 && next < MOST {
            let run = u64::from(next - FIRST + 2).min(left);
            // The code that the table gets by this very one, or one that it has, or one pixel.
            let code = if run == 1 { 0 } else { FIRST - 2 + run as u32 };
            bits.put(code, width);
            left -= run;
            next += 1;
            width = (32 - next.leading_zeros()).clamp(3, 12);
        }
    }
    bits.put(END, width);
    bits.done()
}

/// Noise: a clear before each few pixels keeps the codes at three bits.
pub(crate) fn noise(pixels: u64, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bits = LowFirst::default();
    for at in 0..pixels {
        if at % 2 == 0 {
            bits.put(CLEAR, 3);
        }
        bits.put(random.u32(..4), 3);
    }
    bits.put(END, 3);
    bits.done()
}

/// So many bytes that clear the table and say nothing else.
pub(crate) fn clears(bytes: usize) -> Vec<u8> {
    let mut bits = LowFirst::default();
    for _ in 0..bytes * 8 / 3 {
        bits.put(CLEAR, 3);
    }
    bits.done()
}
