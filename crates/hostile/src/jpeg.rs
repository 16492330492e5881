//! JPEG by hand, after ITU-T T.81: frames of any kind, and scans whose data is nearly nothing.
//!
//! The tables give the shortest code, a single zero bit, to what a flat picture needs: a difference
//! of nothing, the end of a block, or the end of 2^14 blocks. So the data of a flat scan is zeros.

use crate::bits::HighFirst;

pub(crate) const BASELINE: u8 = 0xC0;
pub(crate) const PROGRESSIVE: u8 = 0xC2;
pub(crate) const LOSSLESS: u8 = 0xC3;
pub(crate) const ARITHMETIC: u8 = 0xC9;

/// Colour as it is, with halved sides, and four colours; factors across and down.
pub(crate) const FULL: &[(u8, u8)] = &[(1, 1), (1, 1), (1, 1)];
pub(crate) const HALVED: &[(u8, u8)] = &[(2, 2), (1, 1), (1, 1)];
pub(crate) const GREY: &[(u8, u8)] = &[(1, 1)];
pub(crate) const FOUR: &[(u8, u8)] = &[(1, 1), (1, 1), (1, 1), (1, 1)];

/// A file in the making.
#[derive(Debug)]
pub(crate) struct Jpeg {
    bytes: Vec<u8>,
    width: u16,
    height: u16,
    factors: &'static [(u8, u8)],
}

/// What a scan brings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Band {
    /// The first and the last coefficient.
    pub(crate) from: u8,
    pub(crate) to: u8,
    /// The bit that came before, and the one that comes; both 0 for a whole one.
    pub(crate) high: u8,
    pub(crate) low: u8,
}

/// A sequential picture's only one.
pub(crate) const WHOLE: Band = Band {
    from: 0,
    to: 63,
    high: 0,
    low: 0,
};
/// The brightness of blocks alone, and bit 0 of it once more.
pub(crate) const MEANS: Band = Band { to: 0, ..WHOLE };
pub(crate) const MEANS_AGAIN: Band = Band {
    high: 1,
    low: 0,
    ..MEANS
};
/// All the rest, and bit 0 of it once more.
pub(crate) const DETAILS: Band = Band { from: 1, ..WHOLE };
pub(crate) const DETAILS_AGAIN: Band = Band {
    high: 1,
    low: 0,
    ..DETAILS
};

/// Codes of one bit: a difference of 0; the end of a block.
const NOTHING: u8 = 0;
/// The end of so many blocks: a code of one bit and 14 more bits, all zero here.
const MANY: u8 = 0xE0;
const MANY_BLOCKS: u64 = 1 << 14;

impl Jpeg {
    /// Up to the tables of numbers, without a frame.
    pub(crate) fn of(width: u16, height: u16, factors: &'static [(u8, u8)]) -> Self {
        let mut file = Jpeg {
            bytes: vec![0xFF, 0xD8],
            width,
            height,
            factors,
        };
        file.segment(0xDB, &[&[0][..], &[1; 64]].concat());
        file
    }

    pub(crate) fn segment(&mut self, marker: u8, body: &[u8]) {
        let length = (body.len() + 2) as u16;
        self.bytes.extend([0xFF, marker]);
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend(body);
    }

    /// Bytes so far.
    pub(crate) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// The turn that this number stands for.
    pub(crate) fn turned(mut self, turn: u8) -> Self {
        let tag = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, turn, 0, 0, 0, 0, 0, 0];
        let body = [&b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x01"[..], &tag].concat();
        self.segment(0xE1, &body);
        self
    }

    /// The frame header.
    pub(crate) fn frame(mut self, kind: u8) -> Self {
        let precision = 8;
        let mut body = vec![precision];
        body.extend(self.height.to_be_bytes());
        body.extend(self.width.to_be_bytes());
        body.push(self.factors.len() as u8);
        for (name, (across, down)) in (1..).zip(self.factors) {
            body.extend([name, across << 4 | down, 0]);
        }
        self.segment(kind, &body);
        self.table(0, &[NOTHING]);
        self.table(0x10, &[NOTHING]);
        self.table(0x11, &[MANY]);
        self
    }

    /// A table of codes: 0 and up for means, 16 and up for details. The n-th symbol has a code of
    /// n bits, ones with a zero at the end; 16 symbols at most.
    pub(crate) fn table(&mut self, place: u8, symbols: &[u8]) {
        let mut body = vec![place];
        body.extend((0..16).map(|length| u8::from(length < symbols.len())));
        body.extend(symbols);
        self.segment(0xC4, &body);
    }

    /// A restart marker after so many units.
    pub(crate) fn restarts(mut self, units: u16) -> Self {
        self.segment(0xDD, &units.to_be_bytes());
        self
    }

    /// A scan of these components, by number from 0, and this data; details by table `table`.
    pub(crate) fn scan(mut self, components: &[u8], band: Band, table: u8, data: &[u8]) -> Self {
        let mut body = vec![components.len() as u8];
        for component in components {
            body.extend([component + 1, table]);
        }
        body.extend([band.from, band.to, band.high << 4 | band.low]);
        self.segment(0xDA, &body);
        self.bytes.extend(data);
        self
    }

    /// A scan in which every block is there and empty: so many bits each.
    pub(crate) fn flat(self, components: &[u8], band: Band, bits: u64) -> Self {
        let data = vec![0; (self.blocks(components) * bits).div_ceil(8) as usize];
        self.scan(components, band, 0, &data)
    }

    /// A scan of one component that says that many blocks end in a few bytes.
    pub(crate) fn skipped(self, component: u8, band: Band) -> Self {
        let symbols = self.blocks(&[component]).div_ceil(MANY_BLOCKS);
        let data = vec![0; (symbols * 15).div_ceil(8) as usize];
        self.scan(&[component], band, 1, &data)
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.bytes.extend([0xFF, 0xD9]);
        self.bytes
    }

    /// Blocks of 8x8 in a scan of these.
    fn blocks(&self, components: &[u8]) -> u64 {
        let most = |factor: fn(&(u8, u8)) -> u8| {
            u64::from(self.factors.iter().map(factor).max().unwrap_or(1))
        };
        let (across, down) = (most(|factors| factors.0), most(|factors| factors.1));
        let (width, height) = (u64::from(self.width), u64::from(self.height));
        if let [alone] = components {
            let (own_across, own_down) = self.factors[usize::from(*alone)];
            return (width * u64::from(own_across)).div_ceil(8 * across)
                * (height * u64::from(own_down)).div_ceil(8 * down);
        }
        let blocks: u64 = self
            .factors
            .iter()
            .map(|(across, down)| u64::from(across * down))
            .sum();
        width.div_ceil(8 * across) * height.div_ceil(8 * down) * blocks
    }

    /// A scan of noise: differences and details of all kinds in every block.
    pub(crate) fn noise(mut self, components: &[u8], random: &mut fastrand::Rng) -> Self {
        /// Categories of a mean's difference.
        const MEANS: [u8; 5] = [0, 1, 2, 3, 4];
        /// How many zeros come before, and the category of what comes.
        const DETAILS: [u8; 8] = [NOTHING, 0x01, 0x11, 0x02, 0x21, 0x03, 0xF0, 0x51];
        self.table(2, &MEANS);
        self.table(0x12, &DETAILS);
        let mut bits = HighFirst::default();
        let mut symbol = |symbols: &[u8], last: usize| {
            let index = random.usize(..last);
            bits.put((1 << (index + 1)) - 2, index as u32 + 1);
            let category = u32::from(symbols[index] & 15);
            bits.put(random.u32(..) & ((1 << category) - 1), category);
            symbols[index]
        };
        for _ in 0..self.blocks(components) {
            symbol(&MEANS, MEANS.len());
            let mut at = 1;
            // 15 zeros and one more are as long as any; so none reaches beyond the block.
            while at + 16 < 64 {
                match symbol(&DETAILS, DETAILS.len()) {
                    NOTHING => break,
                    detail => at += usize::from(detail >> 4) + 1,
                }
            }
            if at + 16 >= 64 {
                symbol(&[NOTHING], 1);
            }
        }
        let data = bits.done();
        self.scan(components, WHOLE, 0x22, &data)
    }
}
