//! How long to wait before the next attempt: exponential, capped, with jitter.
//!
//! A value with a checked constructor. Which attempt it is, and what resets the count,
//! is the caller's to say ([`crate::session`] resets after a stated time of health, not
//! when a connection is accepted); randomness comes in as an argument.

use std::time::Duration;

use thiserror::Error;

/// Delays that double from `first` to `longest`, each shortened by a random part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// The share of a delay, in percent, that jitter may take away. Half, so that a crowd
    /// of clients that lost one hub together does not come back together, and still no
    /// attempt comes at once.
    pub const JITTER_PERCENT: u32 = 50;

    /// Delays from `first` (for attempt 0) doubling up to `longest`.
    ///
    /// # Errors
    ///
    /// [`BackoffError`] when `first` is zero (that would be hammering) or longer than
    /// `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Result<Self, BackoffError> {
        if first.is_zero() {
            return Err(BackoffError::FirstIsZero);
        }
        if first.as_nanos() > longest.as_nanos() {
            return Err(BackoffError::FirstOverLongest { first, longest });
        }
        Ok(Backoff { first, longest })
    }

    /// Whole milliseconds that the caller states; zero counts as one and `longest` as at
    /// least `first`, so that a constant needs no error path.
    pub(crate) const fn of_millis(first: u64, longest: u64) -> Self {
        let first = if first == 0 { 1 } else { first };
        let longest = if longest < first { first } else { longest };
        Backoff {
            first: Duration::from_millis(first),
            longest: Duration::from_millis(longest),
        }
    }

    /// The delay before attempt number `attempt`, counted from 0, without jitter:
    /// `min(longest, first × 2^attempt)`.
    #[must_use]
    pub fn ceiling(&self, attempt: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempt).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }

    /// The delay with jitter: between half of the ceiling and all of it. `random` is any
    /// uniformly drawn number.
    #[must_use]
    pub fn delay(&self, attempt: u32, random: u64) -> Duration {
        let ceiling = self.ceiling(attempt);
        let most_taken = ceiling / 100 * Self::JITTER_PERCENT;
        // The upper half of the draw as a fraction of 2^32.
        let share =
            f64::from(u32::try_from(random >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX);
        ceiling - most_taken.mul_f64(share).min(most_taken)
    }
}

/// Why two durations are not a backoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BackoffError {
    /// No first delay.
    #[error("the first delay is zero, expected more")]
    FirstIsZero,
    /// The bounds are the wrong way round.
    #[error("the first delay {first:?} is longer than the longest {longest:?}")]
    FirstOverLongest {
        /// The first delay.
        first: Duration,
        /// The longest delay.
        longest: Duration,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(15)).unwrap();
        let seen: Vec<u128> = (0..8).map(|n| backoff.ceiling(n).as_millis()).collect();
        assert_eq!(seen, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
        assert_eq!(backoff.ceiling(u32::MAX), Duration::from_secs(15));
    }

    #[test]
    fn bounds_that_hammer_or_cross_are_refused() {
        let second = Duration::from_secs(1);
        assert_eq!(
            Backoff::new(Duration::ZERO, second),
            Err(BackoffError::FirstIsZero)
        );
        assert!(Backoff::new(second * 2, second).is_err());
    }

    proptest! {
        #[test]
        fn a_delay_lies_between_half_of_its_ceiling_and_all_of_it(
            first in 1_u64..100_000, extra in 0_u64..1_000_000, attempt: u32, random: u64
        ) {
            let first = Duration::from_millis(first);
            let backoff = Backoff::new(first, first + Duration::from_millis(extra)).unwrap();
            let delay = backoff.delay(attempt, random);
            prop_assert!(delay <= backoff.ceiling(attempt));
            prop_assert!(delay * 2 >= backoff.ceiling(attempt));
            prop_assert!(delay > Duration::ZERO);
        }

        #[test]
        fn ceilings_never_shrink_and_never_pass_the_longest(
            first in 1_u64..10_000, extra in 0_u64..1_000_000, attempt in 0_u32..100
        ) {
            let first = Duration::from_millis(first);
            let longest = first + Duration::from_millis(extra);
            let backoff = Backoff::new(first, longest).unwrap();
            prop_assert!(backoff.ceiling(attempt) <= backoff.ceiling(attempt + 1));
            prop_assert!(backoff.ceiling(attempt) <= longest);
        }
    }
}
