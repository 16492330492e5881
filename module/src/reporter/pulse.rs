//! When a heartbeat is due: nothing was sealed for so long, by the monotonic clock.
//!
//! The first one comes one window after the start, so that a dashboard sees a module that has
//! nothing to count yet; not at once, so that one that starts over and over leaves no trail of
//! them. Pure: instants come in.

use std::time::{Duration, Instant};

/// The next heartbeat.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pulse {
    /// `None`: there are none.
    every: Option<Duration>,
    next: Instant,
}

impl Pulse {
    /// The first after `first`, or after `every` where that is shorter.
    pub(crate) fn new(every: Option<Duration>, first: Duration, now: Instant) -> Self {
        Pulse {
            every,
            next: now + every.map_or(first, |every| every.min(first)),
        }
    }

    /// From now on they come so often; where that is as before, nothing changes.
    pub(crate) fn set(&mut self, every: Option<Duration>, now: Instant) {
        if every == self.every {
            return;
        }
        let next = now + every.unwrap_or_default();
        // One that is due sooner comes as it would have, the first one above all.
        self.next = if self.every.is_some() && every.is_some() {
            next.min(self.next)
        } else {
            next
        };
        self.every = every;
    }

    /// Something was sealed, or a heartbeat was due and not needed.
    pub(crate) fn beat(&mut self, now: Instant) {
        self.next = now + self.every.unwrap_or_default();
    }

    /// Whether one is due.
    pub(crate) fn is_due(self, now: Instant) -> bool {
        self.every.is_some() && now >= self.next
    }

    /// How long until one is due.
    pub(crate) fn until_due(self, now: Instant) -> Option<Duration> {
        self.every.map(|_| self.next.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_first_heartbeat_follows_the_start_by_a_window_and_the_others_by_the_interval() {
        let start = Instant::now();
        let mut pulse = Pulse::new(Some(15 * MINUTE), MINUTE, start);
        assert!(!pulse.is_due(start + MINUTE - Duration::from_millis(1)));
        assert!(pulse.is_due(start + MINUTE));
        pulse.beat(start + MINUTE);
        assert_eq!(pulse.until_due(start + 2 * MINUTE), Some(14 * MINUTE));
        assert!(pulse.is_due(start + 16 * MINUTE));
    }

    #[test]
    fn whatever_is_sealed_puts_it_off() {
        let start = Instant::now();
        let mut pulse = Pulse::new(Some(15 * MINUTE), MINUTE, start);
        for minute in 1..100 {
            pulse.beat(start + minute * MINUTE);
            assert!(!pulse.is_due(start + (minute + 14) * MINUTE));
        }
    }

    #[test]
    fn another_interval_counts_from_when_it_is_set_and_puts_off_nothing_that_is_due_sooner() {
        let start = Instant::now();
        let mut pulse = Pulse::new(Some(15 * MINUTE), MINUTE, start);
        pulse.beat(start);
        pulse.set(Some(15 * MINUTE), start + MINUTE);
        assert!(pulse.is_due(start + 15 * MINUTE));
        pulse.set(Some(2 * MINUTE), start + MINUTE);
        assert_eq!(pulse.until_due(start + MINUTE), Some(2 * MINUTE));
        pulse.set(Some(60 * MINUTE), start + MINUTE);
        assert_eq!(pulse.until_due(start + MINUTE), Some(2 * MINUTE));
        pulse.set(None, start + 2 * MINUTE);
        assert!(!pulse.is_due(start + 100 * MINUTE));
        pulse.set(Some(MINUTE), start + 3 * MINUTE);
        assert!(pulse.is_due(start + 4 * MINUTE));
    }

    #[test]
    fn without_an_interval_there_is_none() {
        let start = Instant::now();
        let pulse = Pulse::new(None, MINUTE, start);
        assert!(!pulse.is_due(start + 10_000 * MINUTE));
        assert_eq!(pulse.until_due(start), None);
    }
}
