//! Streams written by hand, bit by bit.

use super::*;

/// Bits to be written.
#[derive(Default)]
struct Stream(Vec<bool>);

impl Stream {
    fn put(&mut self, number: u32, count: u32) -> &mut Self {
        self.0.extend((0..count).map(|bit| number >> bit & 1 == 1));
        self
    }

    /// A code of one symbol.
    fn one(&mut self, symbol: u32) -> &mut Self {
        self.put(1, 1).put(0, 1).put(1, 1).put(symbol, 8)
    }

    /// The longest table for the fewest bits: codes of 1 to 9 bits and two of 10.
    fn chain(&mut self) -> &mut Self {
        // Lengths 0 to 15 are coded in four bits each.
        self.put(0, 1).put(15, 4).put(0, 3).put(0, 3);
        for at in 2..19 {
            self.put(if at == 8 { 0 } else { 4 }, 3);
        }
        // Twelve lengths are coded.
        self.put(1, 1).put(1, 3).put(9, 4);
        for length in (1..=10).chain([10]) {
            let reversed = (0..4).fold(0, |all, bit| all << 1 | length >> bit & 1);
            self.put(reversed, 4);
        }
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            bits.iter()
                .rev()
                .fold(0, |all, bit| all << 1 | u8::from(*bit))
        };
        self.0.chunks(8).map(byte).collect()
    }
}

/// No transforms and no cache, blocks of 4x4, and a small picture of one colour that names the
/// last group.
fn with_groups(groups: u32) -> Stream {
    let [red, green] = [(groups - 1) >> 8, (groups - 1) & 255];
    let mut stream = Stream::default();
    stream.put(0, 1).put(0, 1).put(1, 1).put(0, 3).put(0, 1);
    stream.one(green).one(red).one(0).one(0).one(0);
    stream
}

#[test]
fn one_group_of_single_symbols_takes_little() {
    let mut stream = Stream::default();
    stream.put(0, 1).put(0, 1).put(0, 1);
    stream.one(7).one(7).one(7).one(7).one(7);
    assert_eq!(
        codes(&stream.bytes(), (4096, 4096), 1 << 20),
        Ok(GROUP_BYTES)
    );
    let end = stream.bytes().len() - 1;
    let cut = codes(&stream.bytes()[..end], (4096, 4096), 1 << 20);
    assert_eq!(cut, Err(Fault::Cut));
}

#[test]
fn groups_of_long_tables_are_added_up() {
    let mut stream = with_groups(3);
    for _ in 0..3 * 5 {
        stream.chain();
    }
    let expected = 3 * (GROUP_BYTES + 5 * (32 + 4096));
    let found = codes(&stream.bytes(), (64, 64), 1 << 20);
    assert_eq!(found, Ok(expected));
}

/// All 65536 groups would take 1.4 GB.
#[test]
fn groups_without_end_are_left_at_the_limit() {
    let mut stream = with_groups(1 << 16);
    for _ in 0..600 * 5 {
        stream.chain();
    }
    let found = codes(&stream.bytes(), (64, 64), 10 << 20);
    let Err(Fault::TooMuch(seen)) = found else {
        panic!("{found:?}");
    };
    assert!((10 << 20..11 << 20).contains(&seen), "{seen}");
}

#[test]
fn a_transform_comes_once() {
    let mut stream = Stream::default();
    stream.put(1, 1).put(2, 2).put(1, 1).put(2, 2);
    let found = codes(&stream.bytes(), (64, 64), 1 << 20);
    assert_eq!(found, Err(Fault::Broken));
}

#[test]
fn pixels_nearby_have_the_numbers_of_the_specification() {
    let near = near();
    assert_eq!(near.len(), 120);
    assert_eq!(near[..6], [(0, 1), (1, 0), (1, 1), (-1, 1), (0, 2), (2, 0)]);
    let around_five = [(0, 5), (3, 4), (-3, 4), (4, 3), (-4, 3), (5, 0)];
    assert!(near.windows(6).any(|six| six == around_five));
    assert_eq!(near[117..], [(-7, 7), (8, 6), (8, 7)]);
    assert_eq!(pixels_back(1, &near, 10), 10);
    assert_eq!(pixels_back(4, &near, 10), 9);
    assert_eq!(pixels_back(4, &near, 1), 1);
    assert_eq!(pixels_back(121, &near, 10), 1);
}

#[test]
fn a_copy_repeats_pixels_and_fills_the_cache() {
    // A cache of two colours. Green: 5, or a copy of 1, or the first colour of the cache.
    let mut stream = Stream::default();
    stream.put(1, 1).put(1, 4);
    // Lengths: 0 has the code 0, 18 has 10, 1 has 110, 2 has 111.
    let order = [(18, 2), (0, 1), (1, 3), (2, 3)];
    stream.put(0, 1).put(1, 4);
    for at in [17, 18, 0, 1, 2] {
        let length = order.iter().find(|(symbol, _)| *symbol == at);
        stream.put(length.map_or(0, |(_, length)| *length), 3);
    }
    let zeros = |stream: &mut Stream, count: u32| {
        stream.put(0b01, 2).put(count - 11, 7);
    };
    stream.put(0, 1);
    // Five zeros, 5 of one bit, up to 256 zeros, 256 of two, 23 zeros, 280 of two, one zero.
    for _ in 0..5 {
        stream.put(0, 1);
    }
    stream.put(0b011, 3);
    zeros(&mut stream, 138);
    zeros(&mut stream, 112);
    stream.put(0b111, 3);
    zeros(&mut stream, 23);
    stream.put(0b111, 3).put(0, 1);
    stream.one(1).one(2).one(3).one(1);
    // 5, a copy of it from the left, and twice what the cache has.
    stream.put(0, 1).put(0b01, 2).put(0b11, 2).put(0, 1);
    let found = picture(&mut Bits::new(&stream.bytes()), (4, 1));
    let five = [1, 5, 2, 3];
    let pixels = found.unwrap();
    assert_eq!(pixels[..2], [five, five]);
    assert_eq!(pixels[3], five);
    let mut cache = [[0; 4]; 2];
    remember(&mut cache, five);
    assert_eq!(pixels[2], cache[0]);
}
