//! Randomness of a scene: one independent stream for each purpose.
//!
//! A stream depends on the seed, the index of the frame and its purpose, and on nothing else, so
//! that a frame can be drawn again on its own and a change in one room (say, one more leaf) does
//! not move what another room draws. The streams that choose light, ground and clutter never see
//! the truth of the frame; that is what keeps a threshold on the picture's colour from telling it.
//! Nothing here is secret or fit for secrets.

/// What a stream of numbers is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Which fruit, how many, where.
    Layout,
    /// Colours and marks of the fruit; the only stream that is used together with the truth.
    Skin,
    /// Where the light comes from and how strong it is.
    Light,
    /// What the fruit lies on.
    Ground,
    /// What else lies about.
    Clutter,
    /// Noise tables for textures.
    Texture,
    /// Exposure, blur, sensor noise, JPEG quality.
    Lens,
}

impl Purpose {
    /// A constant for each purpose, far apart in bits.
    fn salt(self) -> u64 {
        match self {
            Self::Layout => 0x9E37_79B9_7F4A_7C15,
            Self::Skin => 0xBF58_476D_1CE4_E5B9,
            Self::Light => 0x94D0_49BB_1331_11EB,
            Self::Ground => 0xD6E8_FEB8_6659_FD93,
            Self::Clutter => 0xA076_1D64_78BD_642F,
            Self::Texture => 0xE703_7ED1_A0B4_28DB,
            Self::Lens => 0x8EBC_6AF0_9C88_C6E3,
        }
    }
}

/// A stream of numbers with the few distributions that scenes are drawn from.
pub(crate) struct Stream(fastrand::Rng);

impl Stream {
    /// The stream of `purpose` for frame `index` of `seed`.
    pub(crate) fn of(seed: u64, index: u64, purpose: Purpose) -> Self {
        let mixed = scramble(scramble(seed ^ purpose.salt()).wrapping_add(index));
        Self(fastrand::Rng::with_seed(mixed))
    }

    /// Uniform in `low..high`.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.0.f32()
    }

    /// `centre` plus or minus up to `spread`, more often near the centre.
    pub(crate) fn around(&mut self, centre: f32, spread: f32) -> f32 {
        centre + spread * (self.0.f32() - self.0.f32())
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f32) -> bool {
        self.0.f32() < p
    }

    /// Uniform in `low..=high`.
    pub(crate) fn count(&mut self, low: usize, high: usize) -> usize {
        self.0.usize(low..=high)
    }

    /// An angle in radians, all directions alike.
    pub(crate) fn angle(&mut self) -> f32 {
        self.between(0.0, std::f32::consts::TAU)
    }

    /// One of `choices`, all alike. `choices` is never empty here: callers pass literals.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.usize(..choices.len())]
    }

    /// 64 random bits, for a cheaper generator in an inner loop.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.u64(..)
    }
}

/// The finaliser of splitmix64: every bit of the input reaches every bit of the output.
fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_repeats_for_the_same_seed_index_and_purpose() {
        let draw = |seed, index, purpose| Stream::of(seed, index, purpose).bits();
        assert_eq!(draw(7, 3, Purpose::Light), draw(7, 3, Purpose::Light));
        assert_ne!(draw(7, 3, Purpose::Light), draw(7, 3, Purpose::Ground));
        assert_ne!(draw(7, 3, Purpose::Light), draw(7, 4, Purpose::Light));
        assert_ne!(draw(7, 3, Purpose::Light), draw(8, 3, Purpose::Light));
    }

    #[test]
    fn draws_stay_in_their_ranges() {
        let mut stream = Stream::of(1, 2, Purpose::Layout);
        for _ in 0..10_000 {
            assert!((2.0..3.0).contains(&stream.between(2.0, 3.0)));
            assert!((4.0..=6.0).contains(&stream.around(5.0, 1.0)));
            assert!((1..=4).contains(&stream.count(1, 4)));
        }
    }
}
