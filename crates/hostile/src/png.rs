//! PNG by hand, after the W3C's specification, and deflate after RFC 1951.

use crate::bits::LowFirst;

/// The colour types.
pub(crate) const GREY: u8 = 0;
pub(crate) const COLOUR: u8 = 2;
pub(crate) const PALETTE: u8 = 3;
pub(crate) const COLOUR_AND_ALPHA: u8 = 6;

/// A file in the making.
#[derive(Debug)]
pub(crate) struct Png(Vec<u8>);

impl Png {
    pub(crate) fn of(width: u32, height: u32, depth: u8, colour: u8, interlaced: bool) -> Self {
        let mut file = Png(b"\x89PNG\r\n\x1a\n".to_vec());
        let mut head = [width.to_be_bytes(), height.to_be_bytes()].concat();
        head.extend([depth, colour, 0, 0, u8::from(interlaced)]);
        file.chunk(b"IHDR", &head);
        file
    }

    pub(crate) fn chunk(&mut self, name: &[u8; 4], body: &[u8]) {
        self.0.extend((body.len() as u32).to_be_bytes());
        let start = self.0.len();
        self.0.extend(name);
        self.0.extend(body);
        let sum = crc(&self.0[start..]);
        self.0.extend(sum.to_be_bytes());
    }

    pub(crate) fn with(mut self, name: &[u8; 4], body: &[u8]) -> Self {
        self.chunk(name, body);
        self
    }

    pub(crate) fn end(self) -> Vec<u8> {
        self.with(b"IEND", b"").0
    }
}

/// A whole flat picture; black, or the palette's first colour. `each` are a pixel's bits.
pub(crate) fn flat(width: u32, height: u32, depth: u8, colour: u8, each: u64) -> Vec<u8> {
    let row = (u64::from(width) * each).div_ceil(8) + 1;
    let mut file = Png::of(width, height, depth, colour, false);
    if colour == PALETTE {
        file = file.with(b"PLTE", &[90, 90, 40]).with(b"tRNS", &[9]);
    }
    let pixels = zeros(row * u64::from(height));
    file.with(b"IDAT", &pixels).end()
}

/// The same in seven passes of ever more pixels.
pub(crate) fn interlaced(side: u32, depth: u8, colour: u8, each: u64) -> Vec<u8> {
    // Adam7: where each pass begins, and its steps.
    const PASSES: [(u32, u32, u32, u32); 7] = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let bytes = PASSES.iter().map(|(x, y, across, down)| {
        let width = u64::from((side - x).div_ceil(*across));
        ((width * each).div_ceil(8) + 1) * u64::from((side - y).div_ceil(*down))
    });
    let pixels = zeros(bytes.sum());
    Png::of(side, side, depth, colour, true)
        .with(b"IDAT", &pixels)
        .end()
}

/// So many zeros in a zlib stream, 258 of them in two bits.
pub(crate) fn zeros(count: u64) -> Vec<u8> {
    let mut bits = LowFirst::default();
    // The last block, with codes of its own: 29 and 257 lengths, 1 distance, 18 lengths of lengths.
    for (value, width) in [(1, 1), (2, 2), (29, 5), (0, 5), (14, 4)] {
        bits.put(value, width);
    }
    // In the order of RFC 1951, 3.2.7: 18 has 1 bit, 2 and 1 have two.
    for place in 0..18 {
        let length = match place {
            2 => 1,
            15 | 17 => 2,
            _ => 0,
        };
        bits.put(length, 3);
    }
    // Codes by value: 18 is 0; 1 is 10 and 2 is 11, the first bit first.
    let many = |bits: &mut LowFirst, zeros: u32| {
        bits.put(0, 1);
        bits.put(zeros - 11, 7);
    };
    let one = |bits: &mut LowFirst| bits.put(0b01, 2);
    let two = |bits: &mut LowFirst| bits.put(0b11, 2);
    two(&mut bits);
    many(&mut bits, 138);
    many(&mut bits, 117);
    two(&mut bits);
    many(&mut bits, 28);
    one(&mut bits);
    one(&mut bits);
    // Now 285, which is 258 bytes once more, is 0; a zero is 10; the end is 11; the distance 1 is 0.
    if count > 0 {
        bits.put(0b01, 2);
        let (many, single) = ((count - 1) / 258, (count - 1) % 258);
        for _ in 0..many {
            bits.put(0, 2);
        }
        for _ in 0..single {
            bits.put(0b01, 2);
        }
    }
    bits.put(0b11, 2);
    let mut stream = vec![0x78, 0x9C];
    stream.extend(bits.done());
    // Adler-32 of zeros.
    stream.extend((((count % 65_521) << 16 | 1) as u32).to_be_bytes());
    stream
}

/// These bytes in a zlib stream, as they are.
pub(crate) fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut parts = bytes.chunks(0xFFFF).peekable();
    while let Some(part) = parts.next() {
        let length = part.len() as u16;
        stream.push(u8::from(parts.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(part);
    }
    let (mut low, mut high) = (1, 0);
    for byte in bytes {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    stream.extend((high << 16 | low).to_be_bytes());
    stream
}

/// Makes the sums of all chunks right again, as far as their lengths lead.
pub(crate) fn mend_sums(file: &mut [u8]) {
    const SIGNATURE: usize = 8;
    let mut at = SIGNATURE;
    while let Some(length) = file.get(at..at + 4) {
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]);
        let end = at.saturating_add(8).saturating_add(length as usize);
        let Some(named) = file.get(at + 4..end) else {
            return;
        };
        let sum = crc(named).to_be_bytes();
        let Some(place) = file.get_mut(end..end + 4) else {
            return;
        };
        place.copy_from_slice(&sum);
        at = end + 4;
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = sum >> 1 ^ (0xEDB8_8320 & (sum & 1).wrapping_neg());
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_mended_and_those_of_a_whole_file_are_right() {
        // The sum of `IEND` is in every PNG.
        assert_eq!(crc(b"IEND"), 0xAE42_6082);
        let file = flat(9, 7, 8, COLOUR, 24);
        let mut mended = file.clone();
        mended[30] ^= 0x55;
        assert_ne!(mended, file);
        mend_sums(&mut mended);
        assert_eq!(mended, file);
    }
}
