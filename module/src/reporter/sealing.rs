//! When what is sealed, as values: one round of the sealer, and what it remembers between rounds.
//!
//! windows of other models and lots ─► windows that are due (or joined, in a long outage) ─► a heartbeat
//!
//! Pure: instants come in, and the ledger is lent for each step. A round that
//! breaks off, because the ledger failed or the process ended, is simply forgotten: what was
//! sealed stays sealed, and the next round begins anew.

use std::time::{Duration, Instant};

use ledger::{Ledger, LedgerError, Now};

use super::outage::Trying;
use super::pulse::Pulse;
use super::{PAUSE, Reporting};

/// Shortest wait, so that a window which is due in no time does not keep a core busy.
pub(super) const LEAST: Duration = Duration::from_millis(50);

/// What the sealer remembers from one round to the next; new with each process.
#[derive(Debug)]
pub struct Rhythm {
    pulse: Pulse,
    merge_after: Option<Duration>,
    merges: bool,
}

impl Rhythm {
    /// The sealer of a process that starts now.
    #[must_use]
    pub fn new(reporting: &Reporting, now: Instant) -> Self {
        Rhythm {
            pulse: Pulse::new(reporting.heartbeat, reporting.window, now),
            merge_after: reporting.merge_after,
            merges: false,
        }
    }

    /// From now on heartbeats come so often; `None`: there are none.
    pub fn set_heartbeat(&mut self, every: Option<Duration>, now: Instant) {
        self.pulse.set(every, now);
    }

    /// Begins a round.
    pub fn begin(&mut self, trying: Trying, now: Instant) -> Round {
        let merges = trying.outlasts(self.merge_after, now);
        let turned = merges != self.merges;
        self.merges = merges;
        Round {
            began: now,
            merges,
            turned,
            beats: self.pulse.is_due(now),
            reports: 0,
            next: Some(Seal::Others),
        }
    }

    /// Ends a round that came to its end; `closing` is how long until the next window is due.
    /// Gives how long to wait before the next round.
    pub fn end(&mut self, round: &Round, closing: Option<Duration>) -> Duration {
        if round.reports > 0 || round.beats {
            self.pulse.beat(round.began);
        }
        // Joined windows are due already.
        let closing = closing.filter(|_| !round.merges).unwrap_or(PAUSE);
        let beat = self.pulse.until_due(round.began).unwrap_or(PAUSE);
        closing.min(beat).clamp(LEAST, PAUSE)
    }
}

/// One call of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// [`Ledger::seal_others`]
    Others,
    /// [`Ledger::seal_due`]
    Due,
    /// [`Ledger::merge_due`]
    Joined,
    /// [`Ledger::seal_heartbeat`]
    Heartbeat,
}

impl Seal {
    /// Has a ledger do it. Gives the number of reports.
    ///
    /// # Errors
    /// The ledger's.
    pub fn on(
        self,
        ledger: &mut Ledger,
        reporting: &Reporting,
        now: Now,
    ) -> Result<usize, LedgerError> {
        let Reporting {
            software, model, ..
        } = reporting;
        match self {
            Seal::Others => ledger.seal_others(model, now, software),
            Seal::Due => ledger.seal_due(now, software),
            Seal::Joined => ledger.merge_due(now, software),
            Seal::Heartbeat => ledger.seal_heartbeat(model, now, software).map(usize::from),
        }
    }
}

/// One round.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    began: Instant,
    merges: bool,
    turned: bool,
    beats: bool,
    reports: usize,
    next: Option<Seal>,
}

impl Round {
    /// What to do next; `None` at the end of the round.
    #[must_use]
    pub fn next(&self) -> Option<Seal> {
        self.next
    }

    /// That was done, and came to so many reports.
    pub fn sealed(&mut self, reports: usize) {
        self.reports += reports;
        let due = if self.merges { Seal::Joined } else { Seal::Due };
        self.next = match self.next {
            Some(Seal::Others) => Some(due),
            // Whatever else was sealed is a sign of life as good.
            Some(Seal::Due | Seal::Joined) if self.beats && self.reports == 0 => {
                Some(Seal::Heartbeat)
            }
            Some(Seal::Due | Seal::Joined | Seal::Heartbeat) | None => None,
        };
    }

    /// Reports that this round has sealed.
    #[must_use]
    pub fn reports(&self) -> usize {
        self.reports
    }

    /// Whether windows are joined from this round on, or no longer; `None` when that is as before.
    #[must_use]
    pub fn turned(&self) -> Option<bool> {
        self.turned.then_some(self.merges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reporting() -> Reporting {
        Reporting {
            software: ledger::Software {
                version: "0.1.0".into(),
            },
            model: ledger::ModelInfo {
                name: "bundled".into(),
                version: "1".into(),
                sha256: String::new(),
            },
            window: Duration::from_secs(60),
            heartbeat: Some(Duration::from_secs(900)),
            merge_after: Some(Duration::from_secs(600)),
        }
    }

    /// The steps of a round in which each comes to so many reports.
    fn steps(mut round: Round, reports: usize) -> Vec<Seal> {
        let mut steps = Vec::new();
        while let Some(step) = round.next() {
            steps.push(step);
            round.sealed(reports);
        }
        steps
    }

    #[test]
    fn a_heartbeat_follows_only_where_nothing_else_was_sealed() {
        let start = Instant::now();
        let mut rhythm = Rhythm::new(&reporting(), start);
        let later = start + Duration::from_secs(60);
        let early = rhythm.begin(Trying::default(), start);
        assert_eq!(steps(early, 0), [Seal::Others, Seal::Due]);
        let due = rhythm.begin(Trying::default(), later);
        assert_eq!(steps(due, 0), [Seal::Others, Seal::Due, Seal::Heartbeat]);
        assert_eq!(steps(due, 1), [Seal::Others, Seal::Due]);
    }

    #[test]
    fn windows_are_joined_while_an_outage_outlasts_its_age_and_each_turn_is_told_once() {
        let start = Instant::now();
        let mut rhythm = Rhythm::new(&reporting(), start);
        let mut trying = Trying::default();
        trying.begin(start);
        let long = start + Duration::from_secs(601);
        let round = rhythm.begin(trying, long);
        assert_eq!(round.turned(), Some(true));
        assert!(steps(round, 1).contains(&Seal::Joined));
        assert_eq!(rhythm.begin(trying, long).turned(), None);
        trying.end();
        let round = rhythm.begin(trying, long);
        assert_eq!(round.turned(), Some(false));
        assert!(steps(round, 1).contains(&Seal::Due));
    }

    #[test]
    fn the_wait_ends_when_a_window_closes_and_is_never_shorter_than_50_ms_or_longer_than_2_s() {
        let start = Instant::now();
        let mut rhythm = Rhythm::new(&reporting(), start);
        let round = rhythm.begin(Trying::default(), start);
        let millis = Duration::from_millis;
        for (closing, wait) in [(0, 50), (700, 700), (30_000, 2000)] {
            assert_eq!(rhythm.end(&round, Some(millis(closing))), millis(wait));
        }
        assert_eq!(rhythm.end(&round, None), PAUSE);
    }
}
