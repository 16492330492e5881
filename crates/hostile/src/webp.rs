//! WebP by hand: the container after RFC 9649, lossless pictures too, lossy ones after RFC 6386.
//!
//! A lossy picture is coded by probabilities, and any bytes are one. Zeros say no to every
//! question: no segments, no filter, blocks that are predicted and have no details.

use crate::bits::LowFirst;

/// A chunk of a name and a body.
pub(crate) fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let padding = &[0][..body.len() & 1];
    [name, &(body.len() as u32).to_le_bytes()[..], body, padding].concat()
}

/// A whole file.
pub(crate) fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk(b"RIFF", &[b"WEBP".to_vec(), chunks.concat()].concat())
}

fn three(number: u32) -> [u8; 3] {
    let [low, middle, high, _] = number.to_le_bytes();
    [low, middle, high]
}

/// The head of a file with more than a picture.
pub(crate) fn canvas(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let sides = [three(width - 1), three(height - 1)].concat();
    chunk(b"VP8X", &[&[flags, 0, 0, 0], &sides[..]].concat())
}

/// A picture of an animation, in the upper left.
pub(crate) fn animated(width: u32, height: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    let sides = [three(width - 1), three(height - 1)].concat();
    let head = [vec![0; 6], sides, vec![100, 0, 0, 0]].concat();
    chunk(b"ANMF", &[head, chunks.concat()].concat())
}

/// A lossy picture whose modes and details are coded in these bytes.
pub(crate) fn lossy(width: u16, height: u16, modes: &[u8], details: &[u8]) -> Vec<u8> {
    // A picture that stands alone, to be shown; then the length of the modes.
    let head = 0x10 | (modes.len() as u32) << 5;
    let mut body = three(head).to_vec();
    body.extend([0x9D, 0x01, 0x2A]);
    body.extend(width.to_le_bytes());
    body.extend(height.to_le_bytes());
    body.extend(modes);
    body.extend(details);
    chunk(b"VP8 ", &body)
}

/// What comes before a lossless picture's pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Before {
    /// Nothing.
    Nothing,
    /// Each pixel is guessed from its neighbours in the way that costs most, after two more changes.
    Changes,
}

/// The bits of a lossless picture: flat, each pixel in no bits at all.
fn flat(bits: &mut LowFirst, before: Before) {
    if let Before::Changes = before {
        // Guessing (0) by way 11 and factors of colour (1), for blocks of 4x4; then (2).
        for (kind, green) in [(0, 11), (1, 3)] {
            bits.put(1, 1);
            bits.put(kind, 2);
            bits.put(0, 3);
            bits.put(0, 1);
            codes(bits, green);
        }
        bits.put(1, 1);
        bits.put(2, 2);
    }
    // No more changes, no cache, one set of codes.
    bits.put(0, 3);
    codes(bits, 90);
}

/// Five codes of one symbol each: green is this, and the others are nothing.
fn codes(bits: &mut LowFirst, green: u32) {
    // Simple, one symbol, in eight bits.
    bits.put(0b101, 3);
    bits.put(green, 8);
    for _ in 0..4 {
        // Simple, one symbol, in one bit, 0.
        bits.put(0b0001, 4);
    }
}

/// A flat lossless picture in a few bytes.
pub(crate) fn lossless(side: u32, before: Before) -> Vec<u8> {
    let mut bits = head(side, side);
    flat(&mut bits, before);
    chunk(b"VP8L", &bits.done())
}

fn head(width: u32, height: u32) -> LowFirst {
    let mut bits = LowFirst::default();
    bits.put(0x2F, 8);
    bits.put(width - 1, 14);
    bits.put(height - 1, 14);
    bits.put(0, 4);
    bits
}

/// A lossless picture of noise: two shades of each colour.
pub(crate) fn noise(width: u32, height: u32, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bits = head(width, height);
    bits.put(0, 3);
    for first in [40, 90, 10] {
        // Simple, two symbols, the first in eight bits.
        bits.put(0b111, 3);
        bits.put(first, 8);
        bits.put(first + 100, 8);
    }
    for _ in 0..2 {
        bits.put(0b0001, 4);
    }
    for _ in 0..width * height {
        bits.put(random.u32(..8), 3);
    }
    chunk(b"VP8L", &bits.done())
}

/// Transparency of a lossy picture, coded like a lossless one: flat.
pub(crate) fn alpha(before: Before) -> Vec<u8> {
    let mut bits = LowFirst::default();
    // Flags: coded, not filtered.
    bits.put(1, 8);
    flat(&mut bits, before);
    chunk(b"ALPH", &bits.done())
}
