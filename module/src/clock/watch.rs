//! Whether the wall clock can be believed: the rule, as a value without a clock.
//!
//! In this order:
//!
//! 1. before the date of the build: no;
//! 2. the operator said [`Trust::Always`]: yes;
//! 3. the kernel says that a time server keeps the clock: yes;
//! 4. it stepped by more than 5 s against the clock since boot, and nothing explains that: no,
//!    until it is synchronised, or steps back to where it would stand; where the kernel cannot be
//!    asked, until a day has passed without a step. Leaving the time before the build, where the
//!    clock began, needs no explanation;
//! 5. the kernel says that nothing keeps the clock, and none did since the boot: no;
//! 6. else yes: it was synchronised in this boot, or the kernel cannot be asked.

use std::time::Duration;

use ledger::{Clock, Now};
use time::OffsetDateTime;

use super::kernel::Kernel;

/// How far the wall clock is trusted where no time server keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// As the kernel says.
    Kernel,
    /// Always, but for dates before the build: the box has a good clock of its own and no time
    /// server.
    Always,
}

/// The clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// The wall clock.
    pub wall: OffsetDateTime,
    /// Since boot, sleep included.
    pub monotonic: Duration,
    /// What vouches for the wall clock.
    pub kernel: Kernel,
}

/// Why the clock is believed, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Rule 1.
    BeforeBuild,
    /// Rule 5.
    NeverSynchronised,
    /// Rule 4.
    Stepped,
    /// Rule 2.
    Trusted,
    /// Rule 3.
    Synchronised,
    /// Rule 6, as the kernel said earlier in this boot.
    SynchronisedBefore,
    /// Rule 6, where the kernel cannot be asked.
    NotKnownWrong,
}

impl Reason {
    /// What is stamped.
    #[must_use]
    pub fn clock(self) -> Clock {
        match self {
            Reason::BeforeBuild | Reason::NeverSynchronised | Reason::Stepped => Clock::Unsure,
            Reason::Trusted
            | Reason::Synchronised
            | Reason::SynchronisedBefore
            | Reason::NotKnownWrong => Clock::Plausible,
        }
    }

    /// In words for a log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::BeforeBuild => "it is before this program was built",
            Reason::NeverSynchronised => {
                "the kernel says that no time server has set it since the boot; start one, or set \
                 FRUIT_COUNTER_CLOCK=trusted if the box keeps the time by itself"
            }
            Reason::Stepped => "it stepped and no time server explains that",
            Reason::Trusted => "FRUIT_COUNTER_CLOCK is trusted",
            Reason::Synchronised => "the kernel says that it is synchronised",
            Reason::SynchronisedBefore => "it was synchronised in this boot",
            Reason::NotKnownWrong => "nothing speaks against it, and the kernel cannot be asked",
        }
    }
}

/// Something to be said once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// What the clock would show without its step; `None` where it did not step.
    pub expected: Option<OffsetDateTime>,
    /// What it shows.
    pub seen: OffsetDateTime,
    /// What holds from now on.
    pub reason: Reason,
}

/// Remembers what readings came before.
#[derive(Debug)]
pub struct ClockWatch {
    trust: Trust,
    built_after: OffsetDateTime,
    /// Where the clock stood when it was synchronised; goes on without a step from there.
    synchronised: Option<Line>,
    last: Option<(Line, Reason)>,
    doubt: Option<Doubt>,
}

/// A wall clock that goes on from a moment without a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// What it showed.
    pub wall: OffsetDateTime,
    /// Since boot, sleep included.
    pub monotonic: Duration,
}

/// An unexplained step.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    /// Where the clock would stand without it.
    before: Line,
    /// The last step, by the clock since boot.
    stepped_at: Duration,
}

/// Less is a clock that is held to the right time, or a leap second.
const STEP: Duration = Duration::from_secs(5);
/// A quartz that nobody corrects runs wrong by less than one part in so many.
const DRIFT: u32 = 5000;
/// Where the clock stands is kept anew after so long, so that drift does not add up.
const LINE_LASTS: Duration = Duration::from_secs(86_400);
/// So long without a step makes a clock of which nothing is known plausible again.
const DOUBT_LASTS: Duration = Duration::from_secs(86_400);

impl ClockWatch {
    /// `synchronised`: where the clock stood when it was last known to be so in this boot. A step
    /// since then is noticed, also one that nobody saw.
    #[must_use]
    pub fn new(trust: Trust, built_after: OffsetDateTime, synchronised: Option<Line>) -> Self {
        ClockWatch {
            trust,
            built_after,
            synchronised,
            last: synchronised.map(|line| (line, Reason::SynchronisedBefore)),
            doubt: None,
        }
    }

    /// Takes a reading; gives what to stamp with, and what is to be said.
    pub fn read(&mut self, reading: Reading) -> (Now, Option<Change>) {
        let line = Line {
            wall: reading.wall,
            monotonic: reading.monotonic,
        };
        let stepped_from = self
            .last
            .filter(|(last, _)| !last.leads_to(line))
            .map(|(last, reason)| (last.at(line.monotonic), reason));
        if let Some((_, reason)) = stepped_from {
            self.note_step(line, reason);
        }
        self.settle(line, reading.kernel, stepped_from.is_some());
        let reason = self.judge(&reading);
        let said = self.last.map(|(_, said)| said);
        self.last = Some((line, reason));

        let change = (stepped_from.is_some() || said != Some(reason)).then_some(Change {
            expected: stepped_from.map(|(expected, _)| expected),
            seen: reading.wall,
            reason,
        });
        let now = Now {
            wall: reading.wall,
            clock: reason.clock(),
        };
        (now, change)
    }

    /// Where the clock stood when it was synchronised in this boot, as far as is known. Another
    /// value only after a step or a day.
    #[must_use]
    pub fn synchronised(&self) -> Option<Line> {
        self.synchronised
    }

    /// Why the last reading was believed or not.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.last.map(|(_, reason)| reason)
    }

    fn note_step(&mut self, line: Line, before: Reason) {
        // Away from a time that cannot be right is no wrong way, unless a step led there.
        if before == Reason::BeforeBuild && self.doubt.is_none() {
            return;
        }
        let before = match (self.doubt, self.last) {
            (Some(doubt), _) => doubt.before,
            (None, Some((last, _))) => last,
            (None, None) => return,
        };
        self.doubt = Some(Doubt {
            before,
            stepped_at: line.monotonic,
        });
    }

    /// Whether a doubt is over. Only a step leads back: a small one must not be taken for drift
    /// after some days.
    fn settle(&mut self, line: Line, kernel: Kernel, stepped: bool) {
        if kernel == Kernel::Synchronised {
            self.synchronised = self
                .synchronised
                .filter(|known| known.leads_to(line) && !known.is_older(LINE_LASTS, line))
                .or(Some(line));
            self.doubt = None;
        }
        self.doubt = self.doubt.filter(|doubt| {
            let outlived = kernel == Kernel::Unknown
                && line.monotonic.saturating_sub(doubt.stepped_at) >= DOUBT_LASTS;
            let taken_back = stepped && doubt.before.leads_to(line);
            !outlived && !taken_back
        });
    }

    fn judge(&self, reading: &Reading) -> Reason {
        if reading.wall < self.built_after {
            return Reason::BeforeBuild;
        }
        if self.trust == Trust::Always {
            return Reason::Trusted;
        }
        match reading.kernel {
            Kernel::Synchronised => Reason::Synchronised,
            Kernel::Unsynchronised | Kernel::Unknown if self.doubt.is_some() => Reason::Stepped,
            Kernel::Unsynchronised if self.synchronised.is_none() => Reason::NeverSynchronised,
            Kernel::Unsynchronised => Reason::SynchronisedBefore,
            Kernel::Unknown => Reason::NotKnownWrong,
        }
    }
}

impl Line {
    /// What the wall clock shows later, if it goes on.
    fn at(self, monotonic: Duration) -> OffsetDateTime {
        let passed = monotonic.saturating_sub(self.monotonic);
        self.wall
            .saturating_add(time::Duration::try_from(passed).unwrap_or(time::Duration::MAX))
    }

    fn is_older(self, age: Duration, later: Line) -> bool {
        later.monotonic.saturating_sub(self.monotonic) >= age
    }

    /// Whether a later reading is explained by time going on.
    fn leads_to(self, later: Line) -> bool {
        let passed = later.monotonic.saturating_sub(self.monotonic);
        let off = (later.wall - self.at(later.monotonic)).unsigned_abs();
        off <= STEP + passed / DRIFT
    }
}

#[cfg(test)]
mod tests;
