//! The records of a run while it runs: the hub's journal, the module's log and the ledger, each
//! read as it grows, and held against each other whenever the module is dead.

use std::collections::BTreeMap;

use super::journal::{Frame, Journal};
use super::site::Ground;
use super::witness::{Held, Witness};
use super::words::{self, Outcomes, Words};
use crate::rig::upstream::Tail;

/// What is known so far.
pub(super) struct Records {
    pub(super) journal: Journal,
    journal_tail: Tail,
    pub(super) outcomes: Words,
    words_tail: Tail,
    /// Outcomes by camera: the sums of `outcomes`.
    known: BTreeMap<String, Outcomes>,
    pub(super) witness: Witness,
    /// Commits of killed modules that their logs do not have.
    pub(super) silent: u64,
    /// Pictures that were handed over and not committed when the module was killed, and how often.
    killed: BTreeMap<Frame, u32>,
    /// Where the records contradict each other.
    pub(super) wrong: Vec<String>,
}

/// What the death of a module left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// Every commit has its line in the log.
    Said,
    /// One has not: the module died between the commit and the line.
    Silent,
}

impl Records {
    pub(super) fn new(ground: &Ground) -> anyhow::Result<Self> {
        Ok(Self {
            journal: Journal::default(),
            journal_tail: Tail::new(ground.journal()),
            outcomes: Words::new(),
            words_tail: Tail::new(ground.log("module")),
            known: BTreeMap::new(),
            witness: Witness::open(&ground.ledger())?,
            silent: 0,
            killed: BTreeMap::new(),
            wrong: Vec::new(),
        })
    }

    /// Reads what has been written.
    pub(super) fn read(&mut self) -> anyhow::Result<()> {
        for line in self.journal_tail.lines()? {
            self.journal.take(&line)?;
        }
        for line in self.words_tail.lines()? {
            if let Some((frame, outcomes)) = words::outcome(&line)? {
                self.add(frame, outcomes);
            }
        }
        Ok(())
    }

    /// The hub is dead: what it left of a line is nothing.
    pub(super) fn hub_has_died(&mut self) -> anyhow::Result<()> {
        self.read()?;
        self.journal_tail.forget_half_a_line();
        Ok(())
    }

    fn add(&mut self, frame: Frame, more: Outcomes) {
        for outcomes in [
            self.known.entry(frame.0.clone()).or_default(),
            self.outcomes.entry(frame).or_default(),
        ] {
            outcomes.counted += more.counted;
            outcomes.duplicate += more.duplicate;
        }
    }

    /// Pictures that the hub has and the module has not counted.
    pub(super) fn backlog(&self) -> usize {
        self.journal
            .pictures
            .len()
            .saturating_sub(self.outcomes.len())
    }

    /// Outcomes of one picture.
    pub(super) fn committed(&self, frame: &Frame) -> u64 {
        self.outcomes.get(frame).copied().unwrap_or_default().all()
    }

    /// The module was killed with this picture perhaps in its hands.
    pub(super) fn note_killed(&mut self, frame: Frame) {
        if self.committed(&frame) == 0 {
            *self.killed.entry(frame).or_default() += 1;
        }
    }

    /// Whether a picture that is not committed has seen two such kills.
    pub(super) fn is_tender(&self) -> bool {
        let tender = self.killed.iter().filter(|(_, kills)| **kills >= 2);
        let mut tender = tender.map(|(frame, _)| self.committed(frame));
        tender.any(|committed| committed == 0)
    }

    /// The module is dead and its log is read: the ledger has what the log says, and at most one
    /// outcome more, of a delivery that was handed over last and not acknowledged.
    pub(super) fn module_has_died(&mut self) -> anyhow::Result<Last> {
        self.read()?;
        self.words_tail.forget_half_a_line();
        let mut silent = None;
        for (camera, held) in self.witness.cameras()? {
            let known = self.known.get(&camera).copied().unwrap_or_default();
            match beyond(held, known) {
                Ok(None) => {}
                Ok(Some(outcome)) if silent.is_none() => silent = Some((camera, outcome)),
                Ok(Some(_)) => self.wrong.push(format!(
                    "{camera}: a second outcome in the ledger of a killed module that its log lacks"
                )),
                Err(text) => self.wrong.push(format!("{camera}: {text}")),
            }
        }
        let Some((camera, outcome)) = silent else {
            return Ok(Last::Said);
        };
        match self.journal.handed_last.get(&camera) {
            Some(id) => {
                self.silent += 1;
                self.add((camera, id.clone()), outcome);
            }
            None => self.wrong.push(format!(
                "{camera}: an outcome in the ledger, but nothing was ever handed over"
            )),
        }
        Ok(Last::Silent)
    }
}

/// The one outcome that the ledger has beyond the log, or how they differ otherwise.
fn beyond(held: Held, known: Outcomes) -> Result<Option<Outcomes>, String> {
    let counted = held.received.saturating_sub(held.duplicate);
    if held.remembered != counted {
        return Err(format!(
            "the ledger counted {counted} pictures and remembers {}",
            held.remembered
        ));
    }
    let one = |counted, duplicate| Some(Outcomes { counted, duplicate });
    match (
        counted.checked_sub(known.counted),
        held.duplicate.checked_sub(known.duplicate),
    ) {
        (Some(0), Some(0)) => Ok(None),
        (Some(1), Some(0)) => Ok(one(1, 0)),
        (Some(0), Some(1)) => Ok(one(0, 1)),
        _ => Err(format!(
            "a killed module's ledger has {counted} counted and {} duplicate, its log {} and {}",
            held.duplicate, known.counted, known.duplicate
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_ledger_may_be_one_outcome_ahead_of_its_log_and_no_other_way_different() {
        let held = |received, duplicate, remembered| Held {
            received,
            duplicate,
            remembered,
        };
        let known = Outcomes {
            counted: 2,
            duplicate: 1,
        };
        let one = |counted, duplicate| Ok(Some(Outcomes { counted, duplicate }));
        assert_eq!(beyond(held(3, 1, 2), known), Ok(None));
        assert_eq!(beyond(held(4, 1, 3), known), one(1, 0));
        assert_eq!(beyond(held(4, 2, 2), known), one(0, 1));
        for other in [
            held(2, 1, 1),
            held(5, 1, 4),
            held(5, 2, 3),
            held(3, 1, 1),
            held(2, 0, 2),
        ] {
            assert!(beyond(other, known).is_err(), "{other:?}");
        }
    }
}
