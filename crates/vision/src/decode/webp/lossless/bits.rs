//! Bits of a stream, and the Huffman codes that stand in it.

use super::Fault;

/// A stream, read from the lowest bit of each byte on.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// Bits that are read.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Bits { bytes, at: 0 }
    }

    pub(super) fn flag(&mut self) -> Result<bool, Fault> {
        Ok(self.take(1)? == 1)
    }

    /// A number of so many bits, 24 at most.
    pub(super) fn take(&mut self, count: u32) -> Result<u32, Fault> {
        let end = self.at + count as usize;
        if end > self.bytes.len() * 8 {
            return Err(Fault::Cut);
        }
        let mut word = [0; 4];
        let rest = &self.bytes[(self.at / 8).min(self.bytes.len())..];
        let length = rest.len().min(word.len());
        word[..length].copy_from_slice(&rest[..length]);
        let number = u32::from_le_bytes(word) >> (self.at % 8) & ((1 << count) - 1);
        self.at = end;
        Ok(number)
    }
}

/// Bits of the longest code.
const LONGEST: usize = 15;

/// Bits that the decoder looks up in one table; longer codes go on in a tree.
const TABLE_BITS: usize = 10;

/// A Huffman code, complete.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// One symbol, of no bits.
    One(u16),
    /// Two of one bit.
    Two([u16; 2]),
    /// How many symbols have codes of each length, and the symbols in the order of their codes.
    Many {
        counts: [u16; LONGEST + 1],
        symbols: Vec<u16>,
    },
}

impl Code {
    /// Reads what stands in the stream for a code of so many symbols.
    pub(super) fn read(bits: &mut Bits<'_>, alphabet: u16) -> Result<Self, Fault> {
        if bits.flag()? {
            return Self::read_simple(bits, alphabet);
        }
        const ORDER: [usize; 19] = [
            17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        ];
        let mut lengths = [0; ORDER.len()];
        let count = 4 + bits.take(4)? as usize;
        for at in ORDER.iter().take(count) {
            lengths[*at] = bits.take(3)? as u8;
        }
        let of_lengths = Self::from_lengths(&lengths)?;
        Self::from_lengths(&lengths_of(bits, &of_lengths, alphabet)?)
    }

    fn read_simple(bits: &mut Bits<'_>, alphabet: u16) -> Result<Self, Fault> {
        let has_two = bits.flag()?;
        let width = if bits.flag()? { 8 } else { 1 };
        let mut symbol = |width| match bits.take(width)? as u16 {
            symbol if symbol < alphabet => Ok(symbol),
            _ => Err(Fault::Broken),
        };
        let first = symbol(width)?;
        if has_two {
            Ok(Self::Two([first, symbol(8)?]))
        } else {
            Ok(Self::One(first))
        }
    }

    /// The code whose symbols have codes of these lengths; 0 for symbols without one.
    fn from_lengths(lengths: &[u8]) -> Result<Self, Fault> {
        let mut counts = [0; LONGEST + 1];
        let mut used = Vec::new();
        for (symbol, length) in (0..).zip(lengths) {
            if *length > 0 {
                counts[usize::from(*length)] += 1;
                used.push((*length, symbol));
            }
        }
        if let [(_, only)] = used[..] {
            return Ok(Self::One(only));
        }
        // Each length has its share of the whole; a code that is complete has all of it, no more.
        let whole = 1_u32 << LONGEST;
        let shares = used.iter().map(|(length, _)| whole >> length);
        if shares.sum::<u32>() != whole {
            return Err(Fault::Broken);
        }
        used.sort_unstable();
        let symbols = used.into_iter().map(|(_, symbol)| symbol).collect();
        Ok(Self::Many { counts, symbols })
    }

    /// The next symbol of the stream.
    pub(super) fn symbol(&self, bits: &mut Bits<'_>) -> Result<u16, Fault> {
        let (counts, symbols) = match self {
            Self::One(symbol) => return Ok(*symbol),
            Self::Two(symbols) => return Ok(symbols[usize::from(bits.flag()?)]),
            Self::Many { counts, symbols } => (counts, symbols),
        };
        // Codes of one length follow each other; those of the next begin behind them, doubled.
        let (mut code, mut first, mut before) = (0_usize, 0, 0);
        for count in &counts[1..] {
            let count = usize::from(*count);
            code |= usize::from(bits.flag()?);
            if code < first + count {
                return Ok(symbols[before + code - first]);
            }
            before += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(Fault::Broken)
    }

    /// Bytes of the decoder's tables for it, at most: four for each entry of the table, and 16 for
    /// each of two nodes of the tree for each symbol that is not in it.
    pub(super) fn table_bytes(&self) -> u64 {
        /// What the allocator needs for two pieces.
        const PIECES: u64 = 32;
        match self {
            Self::One(_) => 0,
            Self::Two(_) => PIECES + 2 * 4 + 3 * 16,
            Self::Many { counts, .. } => {
                let longest = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
                let table = 4 << longest.min(TABLE_BITS);
                let beyond = counts[TABLE_BITS + 1..].iter();
                let beyond: u64 = beyond.map(|count| u64::from(*count)).sum();
                PIECES + table + beyond * 2 * 16
            }
        }
    }
}

/// The lengths of a code's codes, which are coded themselves: 0 to 15 are lengths, 16 repeats the
/// last that was not 0, 17 and 18 repeat 0.
fn lengths_of(bits: &mut Bits<'_>, code: &Code, alphabet: u16) -> Result<Vec<u8>, Fault> {
    let mut coded = alphabet;
    if bits.flag()? {
        let width = 2 + 2 * bits.take(3)?;
        coded = match 2 + bits.take(width)? {
            coded if coded <= alphabet.into() => coded as u16,
            _ => return Err(Fault::Broken),
        };
    }
    let mut lengths = Vec::with_capacity(alphabet.into());
    let mut last = 8;
    for _ in 0..coded {
        if lengths.len() >= alphabet.into() {
            break;
        }
        let (length, times) = match code.symbol(bits)? as u8 {
            16 => (last, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            length => (length, 1),
        };
        if length > 0 {
            last = length;
        }
        lengths.extend(std::iter::repeat_n(length, times as usize));
        if lengths.len() > alphabet.into() {
            return Err(Fault::Broken);
        }
    }
    Ok(lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_from_the_lowest_on_and_come_to_an_end() {
        let mut bits = Bits::new(&[0b1010_0110, 0xFF, 0x01]);
        assert_eq!(bits.take(3), Ok(0b110));
        assert_eq!(bits.take(13), Ok(0b1_1111_1111_0100));
        assert_eq!(bits.take(8), Ok(1));
        assert_eq!(bits.take(0), Ok(0));
        assert_eq!(bits.flag(), Err(Fault::Cut));
    }

    #[test]
    fn shorter_codes_come_first() {
        // d is 0, b is 10, a is 110, c is 111: each code begins with its highest bit.
        let code = Code::from_lengths(&[3, 2, 3, 1]).unwrap();
        let mut bits = Bits::new(&[0b1111_0011, 0b0]);
        let read: Vec<_> = (0..4).map(|_| code.symbol(&mut bits).unwrap()).collect();
        assert_eq!(read, [0, 3, 2, 1]);
    }

    #[test]
    fn a_code_must_be_complete_and_no_more() {
        let broken = Err(Fault::Broken);
        assert_eq!(Code::from_lengths(&[]), broken);
        assert_eq!(Code::from_lengths(&[2, 2, 2]), broken);
        assert_eq!(Code::from_lengths(&[1, 1, 1]), broken);
        assert_eq!(Code::from_lengths(&[0, 9, 0]), Ok(Code::One(1)));
        // Twice too much: 16 bits cannot tell it from nothing missing.
        let mut twice = vec![1, 1, 1];
        twice.extend(2..=15);
        twice.push(15);
        assert_eq!(Code::from_lengths(&twice), broken);
    }

    #[test]
    fn tables_are_counted_as_the_decoder_makes_them() {
        let of = |lengths: &[u8]| Code::from_lengths(lengths).unwrap().table_bytes();
        assert_eq!(of(&[1]), 0);
        assert_eq!(of(&[1, 1]), 32 + 4 * 2);
        let chain: Vec<u8> = (1..=12).chain([12]).collect();
        assert_eq!(of(&chain), 32 + 4 * 1024 + 3 * 32);
    }
}
