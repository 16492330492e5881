//! How long to wait between probe writes while the ledger takes nothing.
//!
//! Pure: whoever holds the connection closed waits, writes the probe and says what came of it.

use std::time::Duration;

/// First and longest pause between probe writes.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// The wait for the ledger; it is over when a probe write succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    pause: Duration,
}

impl Default for Holding {
    fn default() -> Self {
        Holding { pause: PAUSES.0 }
    }
}

impl Holding {
    /// How long until the next probe write: 0.5 s at first, 10 s at most.
    #[must_use]
    pub fn pause(self) -> Duration {
        self.pause
    }

    /// The probe failed: the next one comes later.
    #[must_use]
    pub fn failed(self) -> Self {
        Holding {
            pause: (self.pause * 2).min(PAUSES.1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_come_at_half_a_second_and_then_ever_later_up_to_ten_seconds() {
        let mut holding = Holding::default();
        let mut pauses = Vec::new();
        for _ in 0..7 {
            pauses.push(holding.pause().as_secs_f32());
            holding = holding.failed();
        }
        assert_eq!(pauses, [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]);
    }
}
