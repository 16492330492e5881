//! What the codes of a lossless WebP stream take in memory, found by reading them ahead.
//!
//! A stream may say that its blocks use up to 65 536 groups of five Huffman codes, used or not. The
//! decoder makes tables of all of them: 20 KB for 60 bytes of the file, and more than a gigabyte
//! before the first pixel. It also takes codes for complete that are not. So the part of the
//! stream before the pixels is read here first, and kept only as far as it is needed to read on.
//!
//! Facts from RFC 9649, sections 3.4 to 3.7: bits come from the lowest of each byte on. Transforms
//! first, some with small pictures of their own; then perhaps the size of a cache of colours, and
//! perhaps a small picture that says which group each block uses; then the groups; then pixels.
//! The small pictures are coded as the large one is, with one group. The work is bounded by the
//! file and three small pictures of a sixteenth of the pixels each.

mod bits;

use bits::{Bits, Code};

/// Why the pixels are not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The stream ends first.
    Cut,
    /// It is against the rules.
    Broken,
    /// The codes take at least so many bytes, and that is too much.
    TooMuch(u64),
}

/// Green with lengths of copies, red, blue, alpha, distances of copies.
const ALPHABETS: [u16; 5] = [256 + LENGTHS, 256, 256, 256, 40];

/// Symbols that stand for the length of a copy, behind those for a value of green.
const LENGTHS: u16 = 24;

/// A group in the decoder's list: five codes of 56 bytes; the list doubles when it is full, with
/// the old one beside the new.
const GROUP_BYTES: u64 = 5 * 56 * 3;

/// Bytes that the decoder's tables take for the picture in `stream`, which begins behind the sides.
/// Gives up when it is more than `most`.
pub(super) fn codes(stream: &[u8], sides: (u32, u32), most: u64) -> Result<u64, Fault> {
    let mut bits = Bits::new(stream);
    let width = transforms(&mut bits, sides)?;
    let cache = cache_size(&mut bits)?;
    let mut groups = 1;
    if bits.flag()? {
        let block = bits.take(3)? + 2;
        let small = picture(&mut bits, blocks((width, sides.1), block))?;
        let highest = small.iter().map(|[red, green, ..]| [*red, *green]).max();
        groups = 1 + u32::from(u16::from_be_bytes(highest.ok_or(Fault::Broken)?));
    }
    let mut memory = 0;
    for _ in 0..groups {
        memory += GROUP_BYTES;
        for code in group(&mut bits, cache)? {
            memory += code.table_bytes();
        }
        if memory > most {
            return Err(Fault::TooMuch(memory));
        }
    }
    Ok(memory)
}

/// Passes the transforms; answers the width that is left by the last.
fn transforms(bits: &mut Bits<'_>, (mut width, height): (u32, u32)) -> Result<u32, Fault> {
    const SUBTRACT_GREEN: u32 = 2;
    const PALETTE: u32 = 3;
    let mut seen = [false; 4];
    while bits.flag()? {
        let kind = bits.take(2)?;
        if std::mem::replace(&mut seen[kind as usize], true) {
            return Err(Fault::Broken);
        }
        match kind {
            SUBTRACT_GREEN => {}
            PALETTE => {
                let colours = bits.take(8)? + 1;
                picture(bits, (colours, 1))?;
                // Few colours: several pixels in one.
                let packed = match colours {
                    0..=2 => 3,
                    3..=4 => 2,
                    5..=16 => 1,
                    _ => 0,
                };
                width = width.div_ceil(1 << packed);
            }
            // The predictors or the colour factors of blocks.
            _ => {
                let block = bits.take(3)? + 2;
                picture(bits, blocks((width, height), block))?;
            }
        }
    }
    Ok(width)
}

fn blocks((width, height): (u32, u32), bits: u32) -> (u32, u32) {
    (width.div_ceil(1 << bits), height.div_ceil(1 << bits))
}

/// Colours in the cache; 0 for none.
fn cache_size(bits: &mut Bits<'_>) -> Result<u16, Fault> {
    if !bits.flag()? {
        return Ok(0);
    }
    match bits.take(4)? {
        size @ 1..=11 => Ok(1 << size),
        _ => Err(Fault::Broken),
    }
}

fn group(bits: &mut Bits<'_>, cache: u16) -> Result<[Code; 5], Fault> {
    let [green, red, blue, alpha, distance] = ALPHABETS;
    Ok([
        Code::read(bits, green + cache)?,
        Code::read(bits, red)?,
        Code::read(bits, blue)?,
        Code::read(bits, alpha)?,
        Code::read(bits, distance)?,
    ])
}

type Pixel = [u8; 4];

/// A small picture: red, green, blue, alpha.
fn picture(bits: &mut Bits<'_>, (width, height): (u32, u32)) -> Result<Vec<Pixel>, Fault> {
    let size = cache_size(bits)?;
    let mut cache = vec![[0; 4]; usize::from(size)];
    let [greens, reds, blues, alphas, distances] = group(bits, size)?;
    let near = near();
    let length = width as usize * height as usize;
    let mut pixels: Vec<Pixel> = Vec::with_capacity(length);
    while pixels.len() < length {
        let symbol = greens.symbol(bits)?;
        if let Ok(green) = u8::try_from(symbol) {
            let [red, blue, alpha] = [&reds, &blues, &alphas].map(|code| code.symbol(bits));
            // These alphabets end at 255.
            let pixel = [red? as u8, green, blue? as u8, alpha? as u8];
            remember(&mut cache, pixel);
            pixels.push(pixel);
        } else if symbol < ALPHABETS[0] {
            let copied = count(bits, symbol - 256)? as usize;
            let symbol = distances.symbol(bits)?;
            let back = pixels_back(count(bits, symbol)?, &near, width);
            let from = pixels.len().checked_sub(back).ok_or(Fault::Broken)?;
            if copied > length - pixels.len() {
                return Err(Fault::Broken);
            }
            for at in from..from + copied {
                let pixel = pixels[at];
                remember(&mut cache, pixel);
                pixels.push(pixel);
            }
        } else {
            let at = usize::from(symbol - ALPHABETS[0]);
            pixels.push(*cache.get(at).ok_or(Fault::Broken)?);
        }
    }
    Ok(pixels)
}

fn remember(cache: &mut [Pixel], pixel: Pixel) {
    if cache.is_empty() {
        return;
    }
    let [red, green, blue, alpha] = pixel;
    let colour = u32::from_be_bytes([alpha, red, green, blue]);
    let hash = 0x1E35_A7BD_u32.wrapping_mul(colour);
    cache[(hash >> (32 - cache.len().ilog2())) as usize] = pixel;
}

/// A length or a distance, from its symbol and the bits behind it.
fn count(bits: &mut Bits<'_>, symbol: u16) -> Result<u32, Fault> {
    let symbol = u32::from(symbol);
    if symbol < 4 {
        return Ok(symbol + 1);
    }
    let extra = (symbol - 2) / 2;
    Ok(((2 + symbol % 2) << extra) + bits.take(extra)? + 1)
}

/// How many pixels back a distance means: the first 120 are the pixels nearby in two dimensions.
fn pixels_back(distance: u32, near: &[(i32, i32)], width: u32) -> usize {
    let distance = distance as usize;
    let Some((left, up)) = near.get(distance - 1) else {
        return distance - near.len();
    };
    let back = i64::from(*left) + i64::from(*up) * i64::from(width);
    usize::try_from(back).unwrap_or(0).max(1)
}

/// Pixels to the left and up that have numbers of their own. The specification lists them; they
/// are those that come before this one, up to 7 rows up, 8 to the left and 7 to the right, the
/// nearest first, of equally near ones that in the nearest column, then the left one.
fn near() -> Vec<(i32, i32)> {
    let all = (0..=7).flat_map(|up| (-7..=8).map(move |left| (left, up)));
    let mut near: Vec<_> = all.filter(|(left, up)| *up > 0 || *left > 0).collect();
    near.sort_by_key(|&(left, up): &(i32, i32)| (left * left + up * up, left.abs(), -left));
    near
}

#[cfg(test)]
mod tests;
