//! How much one place in the code may say: a fault that comes back a thousand times a minute must not
//! fill a disk or hide all else.
//!
//! Decides only; whoever asks brings the time, writes, and asks again for the sums when they are due.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// So many lines within so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) lines: usize,
    pub(super) within: Duration,
}

/// What a place may write of its warnings and errors.
pub(super) const OF_A_PLACE: Rate = Rate {
    lines: 10,
    within: Duration::from_secs(60),
};

/// What was left out of one place since its last sum.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sum<L> {
    pub(super) count: u64,
    /// The last of them.
    pub(super) last: L,
}

/// The places that have said something, as many as the program has at most, and what of theirs was
/// left out.
#[derive(Debug)]
pub(super) struct Limits<P, L> {
    rate: Rate,
    places: HashMap<P, Place<L>>,
}

#[derive(Debug)]
struct Place<L> {
    /// When its last lines were written, oldest first, at most as many as the rate has.
    written: VecDeque<Instant>,
    left_out: Option<(Instant, Sum<L>)>,
}

impl<P: Eq + Hash, L> Limits<P, L> {
    pub(super) fn new(rate: Rate) -> Self {
        Limits {
            rate,
            places: HashMap::new(),
        }
    }

    /// Gives the line back if it may be written now, else keeps and counts it.
    pub(super) fn take(&mut self, place: P, line: L, now: Instant) -> Option<L> {
        let place = self.places.entry(place).or_insert_with(|| Place {
            written: VecDeque::new(),
            left_out: None,
        });
        let within = self.rate.within;
        let is_over = |at: &Instant| now.saturating_duration_since(*at) >= within;
        while place.written.front().is_some_and(is_over) {
            place.written.pop_front();
        }
        if place.written.len() < self.rate.lines {
            place.written.push_back(now);
            return Some(line);
        }
        let count = place.left_out.as_ref().map_or(0, |(_, sum)| sum.count) + 1;
        let since = place.left_out.as_ref().map_or(now, |(since, _)| *since);
        place.left_out = Some((since, Sum { count, last: line }));
        None
    }

    /// When the next sum is due: so long after the first line that was left out, whether more came or
    /// not.
    pub(super) fn due(&self) -> Option<Instant> {
        let left_out = self.places.values().filter_map(|p| p.left_out.as_ref());
        left_out.map(|(since, _)| *since + self.rate.within).min()
    }

    /// Takes the sums that are due.
    pub(super) fn sums(&mut self, now: Instant) -> Vec<Sum<L>> {
        let within = self.rate.within;
        self.take_sums(|since| now.saturating_duration_since(since) >= within)
    }

    /// Takes all sums: nothing is written after them.
    pub(super) fn last_sums(&mut self) -> Vec<Sum<L>> {
        self.take_sums(|_since| true)
    }

    /// The oldest first.
    fn take_sums(&mut self, which: impl Fn(Instant) -> bool) -> Vec<Sum<L>> {
        let places = self.places.values_mut();
        let mut sums: Vec<(Instant, Sum<L>)> = places
            .filter_map(|place| place.left_out.take_if(|(since, _)| which(*since)))
            .collect();
        sums.sort_by_key(|(since, _)| *since);
        sums.into_iter().map(|(_, sum)| sum).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits<&'static str, u64> {
        Limits::new(OF_A_PLACE)
    }

    #[test]
    fn ten_lines_a_minute_of_a_place_are_written_and_the_rest_is_summed() {
        let (mut limits, start) = (limits(), Instant::now());
        let written: Vec<u64> = (0..67)
            .filter_map(|n| limits.take("disk", n, start))
            .collect();
        assert_eq!(written, (0..10).collect::<Vec<u64>>());
        assert_eq!(limits.due(), Some(start + 60 * SECOND));
        assert_eq!(limits.sums(start + 59 * SECOND), []);
        let sum = Sum {
            count: 57,
            last: 66,
        };
        assert_eq!(limits.sums(start + 60 * SECOND), [sum]);
        assert_eq!(limits.due(), None);
        assert_eq!(limits.take("disk", 99, start + 60 * SECOND), Some(99));
    }

    #[test]
    fn a_place_that_says_too_much_leaves_the_others_their_lines() {
        let (mut limits, start) = (limits(), Instant::now());
        for number in 0..20 {
            limits.take("disk", number, start);
        }
        assert_eq!(limits.take("hub", 7, start), Some(7));
        assert_eq!(limits.take("disk", 20, start), None);
    }

    #[test]
    fn the_sum_of_a_lasting_fault_comes_each_minute() {
        let (mut limits, start) = (limits(), Instant::now());
        let (mut written, mut summed, mut sums) = (0, 0, 0);
        for second in 0..=600 {
            let now = start + second * SECOND;
            for sum in limits.sums(now) {
                summed += sum.count;
                sums += 1;
            }
            written += u64::from(limits.take("disk", 1, now).is_some());
        }
        assert_eq!(written + summed, 601 - limits.last_sums()[0].count);
        assert!((9..=10).contains(&sums), "{sums}");
        assert!((100..=110).contains(&written), "{written}");
    }

    #[test]
    fn at_the_end_the_sums_come_before_they_are_due() {
        let (mut limits, start) = (limits(), Instant::now());
        for number in 0..12 {
            limits.take("disk", number, start + SECOND);
            limits.take("hub", number, start);
        }
        let counts: Vec<u64> = limits.last_sums().iter().map(|sum| sum.count).collect();
        assert_eq!(counts, [2, 2]);
        assert_eq!(limits.last_sums(), []);
    }

    proptest! {
        #[test]
        fn no_minute_has_more_than_ten_lines_of_a_place_and_none_is_forgotten(
            pauses in prop::collection::vec(0_u64..20_000, 1..300),
        ) {
            let mut limits = limits();
            let mut now = Instant::now();
            let (mut written, mut left_out) = (Vec::new(), 0);
            for pause in &pauses {
                now += Duration::from_millis(*pause);
                left_out += limits.sums(now).iter().map(|sum| sum.count).sum::<u64>();
                if limits.take("disk", 0, now).is_some() {
                    written.push(now);
                }
            }
            for eleven in written.windows(OF_A_PLACE.lines + 1) {
                prop_assert!(*eleven.last().unwrap() - eleven[0] >= OF_A_PLACE.within);
            }
            left_out += limits.last_sums().iter().map(|sum| sum.count).sum::<u64>();
            prop_assert_eq!(written.len() as u64 + left_out, pauses.len() as u64);
        }
    }
}
