//! `--chaos`: what goes wrong while the cameras send, and when.
//!
//! A [`Schedule`] is a value: it is told how late it is and says which orders are due. Every fault
//! comes once before any comes again, in an order that the seed gives; each one that lasts is taken
//! back before the next begins. Orders are words for `devhub fault`; the demo speaks them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::plan::derived;

/// From one fault to the next. Long enough for clients to come back between two.
const PERIOD: Duration = Duration::from_millis(2500);
/// How long a lasting fault lasts.
const LASTS: Duration = Duration::from_millis(1500);

/// A fault: its name in the summary, its beginning, and its end if it has one.
struct Fault {
    name: &'static str,
    begins: &'static [&'static str],
    ends: &'static [&'static str],
}

/// Each order is `devhub fault` with these words.
const FAULTS: [Fault; 10] = [
    once("dropConnections", &["drop-connections"]),
    once("dropModule", &["drop-connections FruitCounter"]),
    lasting("delayPubacks", &["pubacks 700ms"], &["pubacks at-once"]),
    // Who waits for a PUBACK that never comes sends again on the next connection.
    lasting(
        "withholdPubacks",
        &["pubacks withheld"],
        &["pubacks at-once", "drop-connections"],
    ),
    once("redeliver", &["redeliver 5"]),
    once("restart", &["restart"]),
    lasting("offline", &["offline on"], &["offline off"]),
    once("expireTokens", &["expire-tokens"]),
    lasting("fillQueues", &["full-queues on"], &["full-queues off"]),
    lasting(
        "wrongCertificate",
        &["certificate wrong-root", "drop-connections"],
        &["certificate right"],
    ),
];

const fn once(name: &'static str, begins: &'static [&'static str]) -> Fault {
    lasting(name, begins, &[])
}

const fn lasting(
    name: &'static str,
    begins: &'static [&'static str],
    ends: &'static [&'static str],
) -> Fault {
    Fault { name, begins, ends }
}

/// What goes wrong, and when.
pub(super) struct Schedule {
    seed: u64,
    /// Faults of the present round that are still to come.
    round: VecDeque<usize>,
    rounds: usize,
    next_at: Duration,
    /// What ends the fault in force, and when.
    ends: Option<(Duration, &'static [&'static str])>,
    done: BTreeMap<&'static str, u64>,
}

impl Schedule {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            round: VecDeque::new(),
            rounds: 0,
            next_at: PERIOD,
            ends: None,
            done: BTreeMap::new(),
        }
    }

    /// The orders that are due `elapsed` after the cameras began.
    pub(super) fn due(&mut self, elapsed: Duration) -> Vec<&'static str> {
        if let Some((at, orders)) = self.ends
            && at <= elapsed
        {
            self.ends = None;
            return orders.to_vec();
        }
        if self.next_at > elapsed {
            return Vec::new();
        }
        let fault = &FAULTS[self.draw()];
        *self.done.entry(fault.name).or_default() += 1;
        self.next_at = elapsed + PERIOD;
        self.ends = (!fault.ends.is_empty()).then_some((elapsed + LASTS, fault.ends));
        fault.begins.to_vec()
    }

    /// The orders that end what is in force; nothing is due afterwards.
    pub(super) fn calm(&mut self) -> Vec<&'static str> {
        self.next_at = Duration::MAX;
        self.ends
            .take()
            .map_or(Vec::new(), |(_, orders)| orders.to_vec())
    }

    /// How often each fault began.
    pub(super) fn done(&self) -> BTreeMap<String, u64> {
        self.done
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    }

    /// The next of a round; a round has each fault once, in an order of its own.
    fn draw(&mut self) -> usize {
        if self.round.is_empty() {
            let mut order: Vec<_> = (0..FAULTS.len()).collect();
            let round = self.rounds * FAULTS.len();
            order.sort_by_key(|fault| derived(self.seed, round + fault));
            self.rounds += 1;
            self.round = order.into();
        }
        self.round.pop_front().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every order within `seconds`, looked at ten times a second, and the last ones.
    fn orders(seed: u64, seconds: u64) -> (Vec<&'static str>, BTreeMap<String, u64>) {
        let mut schedule = Schedule::new(seed);
        let mut orders = Vec::new();
        for tick in 0..seconds * 10 {
            orders.extend(schedule.due(Duration::from_millis(tick * 100)));
        }
        orders.extend(schedule.calm());
        assert_eq!(
            schedule.due(Duration::from_secs(1 << 30)),
            Vec::<&str>::new()
        );
        (orders, schedule.done())
    }

    #[test]
    fn every_fault_comes_once_before_any_comes_again() {
        let (_, once) = orders(1, 26);
        assert_eq!(once.len(), FAULTS.len());
        assert!(once.values().all(|count| *count == 1), "{once:?}");
        let (_, twice) = orders(1, 51);
        assert!(twice.values().all(|count| *count == 2), "{twice:?}");
    }

    #[test]
    fn what_lasts_is_taken_back_before_the_next_and_at_the_end() {
        for seed in 0..50 {
            for seconds in 3..30 {
                let (orders, _) = orders(seed, seconds);
                let last = |word: &str| {
                    let mut words = orders.iter().filter(|order| order.starts_with(word));
                    words.next_back().copied()
                };
                for (word, calm) in [
                    ("pubacks", "pubacks at-once"),
                    ("offline", "offline off"),
                    ("full-queues", "full-queues off"),
                    ("certificate", "certificate right"),
                ] {
                    assert!(last(word).is_none_or(|order| order == calm), "{orders:?}");
                }
            }
        }
    }

    #[test]
    fn seeds_give_orders_of_their_own_and_repeat_them() {
        assert_eq!(orders(7, 26), orders(7, 26));
        assert_ne!(orders(7, 26).0, orders(8, 26).0);
    }
}
