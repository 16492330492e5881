//! The order of the stages of one frame, as values: what is to be done next, and what comes of
//! its answer.
//!
//! look up ─► (crashes ─► begin ─► look ─► forget) ─► record ─► acknowledge
//!
//! Pure, so that a world in virtual time can walk the very same way and stop between any two
//! stages, as a kill does. A frame that is dropped on its way, because the ledger failed or the
//! process ended, was not acknowledged; edgeHub delivers it again.

use ledger::{
    AttemptKey, AttemptLog, FrameKey, FrameRecord, LedgerErrorKind, Outcome, Recorded, RejectReason,
};

use crate::frame::Frame;

/// What is to be done next with a frame.
#[derive(Debug)]
pub enum Stage {
    /// Ask the ledger whether it is counted already.
    LookUp(LookUp),
    /// Ask the notes how often it has ended the process.
    Crashes(Crashes),
    /// Note that an attempt begins; if that fails, go on all the same.
    Begin(Begin),
    /// Decode and classify it.
    Look(Look),
    /// Take the note of the attempt away; if that fails, go on all the same.
    Forget(Forget),
    /// Make its outcome durable. When the ledger cannot, give the delivery back.
    Record(Record),
    /// It is durable: acknowledge its delivery.
    Acknowledge(Recorded),
}

impl Stage {
    /// The first stage.
    #[must_use]
    pub fn of(frame: Frame) -> Self {
        Stage::LookUp(LookUp(frame))
    }
}

/// See [`Stage::LookUp`].
#[derive(Debug)]
pub struct LookUp(Frame);

impl LookUp {
    /// Which frame.
    #[must_use]
    pub fn key(&self) -> &FrameKey {
        &self.0.key
    }

    /// Whether it is counted already. Such a one needs no second look at its pixels: the ledger
    /// finds it a duplicate again in the commit, whatever outcome comes with it.
    #[must_use]
    pub fn answer(self, is_duplicate: bool) -> Stage {
        if is_duplicate {
            Record::of(&self.0, Outcome::Ignored)
        } else {
            Stage::Crashes(Crashes(self.0))
        }
    }
}

/// See [`Stage::Crashes`].
#[derive(Debug)]
pub struct Crashes(Frame);

impl Crashes {
    /// Under which name the notes know it.
    #[must_use]
    pub fn attempt(&self) -> AttemptKey {
        AttemptKey::from(&self.0.key)
    }

    /// How often it has ended the process; from [`AttemptLog::CRASH_LIMIT`] on it is not looked at.
    #[must_use]
    pub fn answer(self, crashes: u32) -> Stage {
        if crashes >= AttemptLog::CRASH_LIMIT {
            Record::of(&self.0, Outcome::Rejected(RejectReason::Crashed))
        } else {
            Stage::Begin(Begin(self.0))
        }
    }
}

/// See [`Stage::Begin`].
#[derive(Debug)]
pub struct Begin(Frame);

impl Begin {
    /// What is to be noted.
    #[must_use]
    pub fn attempt(&self) -> AttemptKey {
        AttemptKey::from(&self.0.key)
    }

    /// It is noted, or cannot be.
    #[must_use]
    pub fn begun(self) -> Stage {
        Stage::Look(Look(self.0))
    }
}

/// See [`Stage::Look`].
#[derive(Debug)]
pub struct Look(Frame);

impl Look {
    /// What was seen.
    #[must_use]
    pub fn answer(self, outcome: Outcome) -> Stage {
        Stage::Forget(Forget {
            attempt: AttemptKey::from(&self.0.key),
            then: Box::new(Record::of(&self.0, outcome)),
        })
    }
}

/// See [`Stage::Forget`].
#[derive(Debug)]
pub struct Forget {
    attempt: AttemptKey,
    then: Box<Stage>,
}

impl Forget {
    /// Which note is to go.
    #[must_use]
    pub fn attempt(&self) -> AttemptKey {
        self.attempt
    }

    /// It is gone, or stays.
    #[must_use]
    pub fn forgotten(self) -> Stage {
        *self.then
    }
}

/// See [`Stage::Record`].
#[derive(Debug)]
pub struct Record(FrameRecord);

impl Record {
    fn of(frame: &Frame, outcome: Outcome) -> Stage {
        Stage::Record(Record(FrameRecord {
            key: frame.key.clone(),
            stamp: frame.stamp,
            arrival: frame.arrival.wall,
            clock: frame.arrival.clock,
            outcome,
            // edgeHub is answered with an acknowledgement and nothing else.
            reply: None,
        }))
    }

    /// What is to be made durable.
    #[must_use]
    pub fn record(&self) -> &FrameRecord {
        &self.0
    }

    /// It is durable. The crashes of a frame that was rejected for them are then forgotten, and
    /// not before, or a kill in between would try it again.
    #[must_use]
    pub fn answer(self, recorded: Recorded) -> Stage {
        let acknowledge = Stage::Acknowledge(recorded);
        if self.0.outcome == Outcome::Rejected(RejectReason::Crashed) {
            Stage::Forget(Forget {
                attempt: AttemptKey::from(&self.0.key),
                then: Box::new(acknowledge),
            })
        } else {
            acknowledge
        }
    }
}

/// What follows when the ledger failed and the delivery was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setback {
    /// Hold the connection closed until a probe write succeeds.
    Hold,
    /// End: a new process sets the file aside and begins another ledger.
    End,
}

impl Setback {
    /// By the kind of failure.
    #[must_use]
    pub fn after(kind: LedgerErrorKind) -> Self {
        if kind == LedgerErrorKind::Damaged {
            Setback::End
        } else {
            Setback::Hold
        }
    }
}

#[cfg(test)]
mod tests;
