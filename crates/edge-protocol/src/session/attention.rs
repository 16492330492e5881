//! Does our own process get its time?
//!
//! edgeHub sends a message again when its PUBACK takes longer than 30 s. A process that is
//! frozen, swapped out or starved cannot see this in its own times: it reads the message and its
//! repeats one after the other, and acknowledges each at once. So a session asks to be called
//! now and then while deliveries can come; a call that comes much too late tells of a lapse.

use std::time::Duration;

use super::timings::{Timer, Timings};
use crate::moment::Moment;

/// What the hub sent in a lapse is read within so long after it.
const AFTERMATH: Duration = Duration::from_secs(30);

/// Least that is meant by [`Timings::attention`], so that no call is the cause of the next.
const SHORTEST: Duration = Duration::from_millis(100);

/// Watches one connection.
#[derive(Debug)]
pub(super) struct Attention {
    every: Duration,
    due: Moment,
    /// A lapse was noticed, and no delivery has come since; it is forgotten at this moment.
    lapse: Option<Moment>,
}

impl Attention {
    pub(super) fn new(timings: &Timings, now: Moment) -> Self {
        let every = timings.attention.max(SHORTEST);
        Attention {
            every,
            due: now + every,
            lapse: None,
        }
    }

    /// Something happens, so we have time. Late by as much as the calls are apart, it is a lapse:
    /// a lapse of twice that is never missed, and one that is shorter never taken for one.
    pub(super) fn paid(&mut self, now: Moment) {
        if now > self.due + self.every {
            self.lapse = Some(now + AFTERMATH);
        }
        self.due = now + self.every;
    }

    /// Whether a delivery that comes now is the first after a lapse.
    pub(super) fn take_lapse(&mut self, now: Moment) -> bool {
        self.lapse.take().is_some_and(|until| now <= until)
    }

    pub(super) fn timer(&self) -> (Timer, Moment) {
        (Timer::Attention, self.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::ORIGIN + Duration::from_secs(seconds)
    }

    fn watched() -> Attention {
        Attention::new(&Timings::default(), at(0))
    }

    #[test]
    fn calls_in_time_are_no_lapse_and_late_ones_are_up_to_twice_the_spell() {
        let mut attention = watched();
        for seconds in [3, 13, 23, 43] {
            attention.paid(at(seconds));
            assert!(!attention.take_lapse(at(seconds)), "{seconds}");
        }
        attention.paid(at(64));
        assert!(attention.take_lapse(at(64)));
    }

    #[test]
    fn a_lapse_is_told_to_one_delivery_and_to_none_that_comes_long_after() {
        let mut attention = watched();
        attention.paid(at(100));
        attention.paid(at(101));
        assert!(attention.take_lapse(at(101)));
        assert!(!attention.take_lapse(at(101)));
        attention.paid(at(200));
        assert!(!attention.take_lapse(at(231)));
    }

    #[test]
    fn an_interval_that_no_clock_can_hold_sees_no_lapse() {
        let timings = Timings {
            attention: Duration::MAX,
            ..Timings::default()
        };
        let mut attention = Attention::new(&timings, at(1));
        attention.paid(at(1_000_000));
        assert!(!attention.take_lapse(at(1_000_000)));
    }
}
