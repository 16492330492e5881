//! Damage: a picture changed as lines, disks and enemies change them.

use std::fmt;

use crate::Seed;
use crate::png;

/// Makes damaged pictures out of whole ones; the same ones for the same number.
#[derive(Debug)]
pub struct Mutator {
    seeds: Vec<Seed>,
    random: fastrand::Rng,
}

/// What was done to a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Damage {
    /// One to eight bits were turned.
    Bits,
    /// The end is missing.
    Cut,
    /// The beginning of one and the end of another of the same format.
    Splice,
    /// Two or four bytes have become a small, a large or a slightly different number: lengths and
    /// sides are such.
    Number,
    /// A stretch is there several times.
    Repeat,
}

impl Damage {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::Bits,
        Self::Cut,
        Self::Splice,
        Self::Number,
        Self::Repeat,
    ];
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bits => "bits",
            Self::Cut => "cut",
            Self::Splice => "splice",
            Self::Number => "number",
            Self::Repeat => "repeat",
        })
    }
}

/// A damaged picture.
#[derive(Debug, Clone)]
pub struct Mutated {
    /// What it was before.
    pub format: &'static str,
    /// What was done last.
    pub damage: Damage,
    /// What is left, 64 KiB at most.
    pub bytes: Vec<u8>,
}

/// Longest damaged picture.
const MOST: usize = 64 << 10;

impl Mutator {
    /// Out of these seeds, of which there is one at least for each format in them.
    #[must_use]
    pub fn new(seeds: Vec<Seed>, number: u64) -> Self {
        Mutator {
            seeds,
            random: fastrand::Rng::with_seed(number),
        }
    }

    fn damaged(&mut self, bytes: &mut Vec<u8>, other: &[u8], damage: Damage) {
        let random = &mut self.random;
        if bytes.is_empty() {
            return;
        }
        let at = random.usize(..bytes.len());
        match damage {
            Damage::Bits => {
                for _ in 0..random.usize(1..=8) {
                    let at = random.usize(..bytes.len());
                    bytes[at] ^= 1 << random.u8(..8);
                }
            }
            Damage::Cut => bytes.truncate(at),
            Damage::Splice => {
                let from = random.usize(..other.len());
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            Damage::Number => {
                // Where the formats have theirs: in the first few hundred bytes.
                let at = at.min(random.usize(..256));
                let length = random.choice([2, 4]).unwrap_or(2).min(bytes.len() - at);
                let number = match random.u8(..4) {
                    0 => u32::MAX >> random.u32(..32),
                    1 => random.u32(..16),
                    2 => 4096 - random.u32(..2),
                    _ => random.u32(..),
                };
                let number = if random.bool() {
                    number.to_le_bytes()
                } else {
                    number.rotate_right(8 * length as u32).to_be_bytes()
                };
                bytes[at..at + length].copy_from_slice(&number[..length]);
            }
            Damage::Repeat => {
                let end = random.usize(at..bytes.len()).min(at + 4096);
                let stretch = bytes[at..end].repeat(random.usize(1..=16));
                bytes.splice(at..at, stretch);
            }
        }
        bytes.truncate(MOST);
    }
}

/// Without an end.
impl Iterator for Mutator {
    type Item = Mutated;

    fn next(&mut self) -> Option<Mutated> {
        let seed = self.random.choice(&self.seeds)?.clone();
        let same = |other: &&Seed| other.format == seed.format;
        let others = self.seeds.iter().filter(same).count();
        let other = self
            .seeds
            .iter()
            .filter(same)
            .nth(self.random.usize(..others))?;
        let other = other.bytes.clone();
        let mut bytes = seed.bytes;
        let mut damage = Damage::Bits;
        // Most often once, sometimes on top of another.
        for _ in 0..self.random.u8(1..=6).saturating_sub(3).max(1) {
            damage = self.random.choice(Damage::ALL)?;
            self.damaged(&mut bytes, &other, damage);
        }
        // Else damaged chunks would be all that is seen of a PNG.
        if seed.format == "png" && self.random.u8(..4) > 0 {
            png::mend_sums(&mut bytes);
        }
        Some(Mutated {
            format: seed.format,
            damage,
            bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::seeds;

    #[test]
    fn a_number_gives_the_same_damage_again_and_all_kinds_of_it() {
        let made = |number| Mutator::new(seeds(), number).take(2000);
        let bytes: Vec<_> = made(7).map(|one| one.bytes).collect();
        assert!(made(7).map(|one| one.bytes).eq(bytes.iter().cloned()));
        assert!(bytes.iter().all(|bytes| bytes.len() <= MOST));
        let kinds: BTreeSet<_> = made(7).map(|one| (one.format, one.damage)).collect();
        assert_eq!(kinds.len(), 5 * Damage::ALL.len());
    }
}
