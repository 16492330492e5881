//! Bits into bytes, in both orders.

/// The first bit is the highest of its byte: JPEG.
#[derive(Debug, Default)]
pub(crate) struct HighFirst {
    bytes: Vec<u8>,
    /// Bits that are not in `bytes` yet, the latest lowest.
    pending: u32,
    count: u32,
}

impl HighFirst {
    /// The lowest `count` bits of `value`, 16 at most. `FF` is followed by `00`, as in a JPEG.
    pub(crate) fn put(&mut self, value: u32, count: u32) {
        for at in (0..count).rev() {
            self.pending = self.pending << 1 | (value >> at & 1);
            self.count += 1;
            if self.count == 8 {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        let byte = (self.pending & 0xFF) as u8;
        self.bytes.push(byte);
        if byte == 0xFF {
            self.bytes.push(0);
        }
        (self.pending, self.count) = (0, 0);
    }

    /// The last byte is filled up with ones.
    pub(crate) fn done(mut self) -> Vec<u8> {
        while self.count > 0 {
            self.put(1, 1);
        }
        self.bytes
    }
}

/// The first bit is the lowest of its byte: deflate, GIF, lossless WebP.
#[derive(Debug, Default)]
pub(crate) struct LowFirst {
    bytes: Vec<u8>,
    pending: u64,
    count: u32,
}

impl LowFirst {
    /// The lowest `count` bits of `value`, 32 at most, the lowest first.
    pub(crate) fn put(&mut self, value: u32, count: u32) {
        self.pending |= u64::from(value) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push((self.pending & 0xFF) as u8);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// The last byte is filled up with zeros.
    pub(crate) fn done(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.bytes.push((self.pending & 0xFF) as u8);
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bit_is_the_highest_or_the_lowest() {
        let mut high = HighFirst::default();
        high.put(0b101, 3);
        high.put(0xFF, 8);
        assert_eq!(high.done(), [0b1011_1111, 0b1111_1111, 0]);
        let mut low = LowFirst::default();
        low.put(0b101, 3);
        low.put(0x1FF, 9);
        assert_eq!(low.done(), [0b1111_1101, 0b0000_1111]);
    }
}
