//! Windows bitmaps by hand, after "Bitmap Storage".

/// Compressions.
pub(crate) const PLAIN: u32 = 0;
pub(crate) const RUNS_OF_BYTES: u32 = 1;

/// A whole file; up to 8 bits a pixel have a palette of 256 or fewer.
pub(crate) fn file(width: u32, height: i32, bits: u16, coding: u32, pixels: &[u8]) -> Vec<u8> {
    let colours = if bits <= 8 { 1_u32 << bits } else { 0 };
    let start = 14 + 40 + colours * 4;
    let mut file = b"BM".to_vec();
    let mut word = |number: u32| file.extend(number.to_le_bytes());
    word(start + pixels.len() as u32);
    word(0);
    word(start);
    word(40);
    word(width);
    word(u32::from_le_bytes(height.to_le_bytes()));
    word(u32::from(bits) << 16 | 1);
    word(coding);
    for number in [0, 0, 0, colours, 0] {
        word(number);
    }
    for colour in 0..colours {
        word((colour * 0x0001_0203) & 0x00FF_FFFF);
    }
    file.extend(pixels);
    file
}

/// Runs of the first colour for every row.
pub(crate) fn runs(width: u32, height: u32) -> Vec<u8> {
    let mut row: Vec<u8> = Vec::new();
    let mut left = width;
    while left > 0 {
        let run = left.min(255);
        row.extend([run as u8, 0]);
        left -= run;
    }
    row.extend([0, 0]);
    let mut pixels = row.repeat(height as usize);
    pixels.extend([0, 1]);
    pixels
}
