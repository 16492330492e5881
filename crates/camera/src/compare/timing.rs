//! Percentiles of measured times.

use serde::Serialize;
use std::time::Duration;

/// Times of one side, in milliseconds; by nearest rank, so that each was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Timing {
    /// How many were measured.
    pub samples: u64,
    /// Half took at most this.
    pub p50: f64,
    /// Nine tenths took at most this.
    pub p90: f64,
    /// Of a hundred, 99 took at most this; with fewer than a hundred samples it is the longest.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Timing {
    /// The percentiles of these times; zeros if there are none.
    #[must_use]
    pub fn of(times: &[Duration]) -> Self {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        Self {
            samples: sorted.len() as u64,
            p50: milliseconds(at(&sorted, 50)),
            p90: milliseconds(at(&sorted, 90)),
            p99: milliseconds(at(&sorted, 99)),
            max: milliseconds(at(&sorted, 100)),
        }
    }
}

/// The smallest time that `percent` of all do not exceed.
fn at(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    let found = sorted.get(rank.saturating_sub(1));
    found.copied().unwrap_or_default()
}

/// To the microsecond, which is what a clock of a network is good for.
pub(super) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times = |last: u64| -> Vec<_> { (1..=last).rev().map(Duration::from_millis).collect() };
        let cases = [
            (0, [0.0, 0.0, 0.0, 0.0]),
            (1, [1.0, 1.0, 1.0, 1.0]),
            (2, [1.0, 2.0, 2.0, 2.0]),
            (10, [5.0, 9.0, 10.0, 10.0]),
            (99, [50.0, 90.0, 99.0, 99.0]),
            (100, [50.0, 90.0, 99.0, 100.0]),
            (1000, [500.0, 900.0, 990.0, 1000.0]),
        ];
        for (last, expected) in cases {
            let timing = Timing::of(&times(last));
            let found = [timing.p50, timing.p90, timing.p99, timing.max];
            assert_eq!((timing.samples, found), (last, expected), "{last}");
        }
    }
}
