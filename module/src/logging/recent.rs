//! The last warnings and errors, for whoever asks the module how it is (`getDiagnostics`).
//!
//! As they were written to the log, so nothing is in them that may not be in a log. There is one log
//! in a process, so there is one list.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;
use tracing::Level;

/// So many lines are kept.
pub(super) const KEPT: usize = 20;

/// Longest text of a line, in characters.
const LONGEST: usize = 300;

/// A warning or an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, by the wall clock.
    pub at: OffsetDateTime,
    /// Whether it was an error; else a warning.
    pub is_error: bool,
    /// Its text with its fields, cut short.
    pub text: String,
}

/// What was written since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recent {
    /// Warnings.
    pub warnings: u64,
    /// Errors.
    pub errors: u64,
    /// The last of both, oldest first, at most 20.
    pub lines: VecDeque<Line>,
}

static RECENT: Mutex<Recent> = Mutex::new(Recent {
    warnings: 0,
    errors: 0,
    lines: VecDeque::new(),
});

/// The last warnings and errors of this process.
#[must_use]
pub fn recent() -> Recent {
    RECENT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Notes a line that is written.
pub(super) fn written(level: Level, at: OffsetDateTime, text: &str) {
    RECENT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .note(level, at, text);
}

impl Recent {
    fn note(&mut self, level: Level, at: OffsetDateTime, text: &str) {
        let is_error = match level {
            Level::ERROR => true,
            Level::WARN => false,
            _ => return,
        };
        if is_error {
            self.errors += 1;
        } else {
            self.warnings += 1;
        }
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(Line {
            at,
            is_error,
            text: text.chars().take(LONGEST).collect(),
        });
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_last_warnings_and_errors_are_kept_and_all_are_counted() {
        let at = datetime!(2026-11-23 10:00 UTC);
        let mut recent = Recent::default();
        recent.note(Level::INFO, at, "said");
        assert_eq!(recent, Recent::default());
        for number in 0..30 {
            recent.note(Level::WARN, at, &format!("{number}{}", "x".repeat(1000)));
        }
        recent.note(Level::ERROR, at, "broken");
        assert_eq!((recent.warnings, recent.errors), (30, 1));
        assert_eq!(recent.lines.len(), KEPT);
        let last = recent.lines.back().unwrap();
        assert!(last.is_error && last.text == "broken", "{last:?}");
        assert!(recent.lines.iter().all(|line| line.text.len() <= LONGEST));
    }
}
