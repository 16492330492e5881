//! The story of a run, for whoever has to understand a failure. It costs nothing when nobody
//! asked for it.

use std::collections::VecDeque;

use crate::agenda::Instant;

/// How many of the last lines are told.
const LINES: usize = 150;

/// The last lines of a story.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    wanted: bool,
    lines: VecDeque<String>,
}

impl Trace {
    pub(crate) fn new(wanted: bool) -> Self {
        Trace {
            wanted,
            lines: VecDeque::new(),
        }
    }

    /// Adds a line, which is not even made when nobody wants it.
    pub(crate) fn note(&mut self, now: Instant, line: impl FnOnce() -> String) {
        if !self.wanted {
            return;
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines
            .push_back(format!("{:>12.6} {}", now.as_secs_f64(), line()));
    }

    /// The story so far.
    pub(crate) fn tell(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}
