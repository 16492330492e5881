//! Numbers that a seed repeats.

use std::time::Duration;

use fastrand::Rng;

/// Streams of one seed with different names have nothing in common.
pub(super) fn stream(seed: u64, name: u64) -> Rng {
    Rng::with_seed(seed ^ name.wrapping_mul(0xD6E8_FEB8_6659_FD93))
}

/// From `low` to `high` milliseconds, both included.
pub(super) fn millis(random: &mut Rng, low: u64, high: u64) -> Duration {
    Duration::from_millis(random.u64(low..=high))
}
