//! The last warnings and errors, for whoever asks the module how it is (`getDiagnostics`).
//!
//! All are counted; the lines are those that were written to the log, so nothing is in them that may
//! not be in a log. There is one log in a process, so there is one list.

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

/// What happened since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recent {
    /// Warnings, whether written or left out.
    pub warnings: u64,
    /// Errors, whether written or left out.
    pub errors: u64,
    /// The last lines of both, oldest first, at most 20.
    pub lines: VecDeque<Line>,
    /// The last error, however many warnings came after it.
    pub last_error: Option<Line>,
}

static RECENT: Mutex<Recent> = Mutex::new(Recent {
    warnings: 0,
    errors: 0,
    lines: VecDeque::new(),
    last_error: None,
});

/// The last warnings and errors of this process.
#[must_use]
pub fn recent() -> Recent {
    RECENT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Counts an event.
pub(super) fn counted(level: Level) {
    RECENT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .count(level);
}

/// Keeps a line that is written; `text` is asked for one that is kept.
pub(super) fn written(level: Level, at: OffsetDateTime, text: impl FnOnce() -> String) {
    if level > Level::WARN {
        return;
    }
    let text = text();
    RECENT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .keep(level == Level::ERROR, at, &text);
}

impl Recent {
    fn count(&mut self, level: Level) {
        match level {
            Level::ERROR => self.errors += 1,
            Level::WARN => self.warnings += 1,
            _ => {}
        }
    }

    fn keep(&mut self, is_error: bool, at: OffsetDateTime, text: &str) {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        let line = Line {
            at,
            is_error,
            text: text.chars().take(LONGEST).collect(),
        };
        if is_error {
            self.last_error = Some(line.clone());
        }
        self.lines.push_back(line);
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
        recent.count(Level::INFO);
        assert_eq!(recent, Recent::default());
        for number in 0..30 {
            recent.count(Level::WARN);
            recent.keep(false, at, &format!("{number}{}", "x".repeat(1000)));
        }
        recent.count(Level::ERROR);
        recent.keep(true, at, "broken");
        recent.count(Level::ERROR);
        assert_eq!((recent.warnings, recent.errors), (30, 2));
        assert_eq!(recent.lines.len(), KEPT);
        let last = recent.lines.back().unwrap();
        assert!(last.is_error && last.text == "broken", "{last:?}");
        assert!(recent.lines.iter().all(|line| line.text.len() <= LONGEST));
        for _ in 0..KEPT {
            recent.keep(false, at, "a warning");
        }
        assert!(recent.lines.iter().all(|line| !line.is_error));
        assert_eq!(recent.last_error.unwrap().text, "broken");
    }
}
