//! Where words go: results to stdout, or to stderr when stdout is kept for JSON;
//! progress to stderr always.
//!
//! On a terminal the progress is one line that is written over; elsewhere it is
//! a line every few seconds, so that a log shows life without filling up.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often progress is written where it cannot be written over.
const PLAIN: Duration = Duration::from_secs(5);

/// What the person or the log sees.
pub(crate) struct Screen {
    json: bool,
    terminal: bool,
    /// A progress line stands on the terminal and has no end yet.
    open: bool,
    last: Option<Instant>,
}

impl Screen {
    /// `json` keeps stdout for the result.
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            terminal: io::stderr().is_terminal(),
            open: false,
            last: None,
        }
    }

    /// A line that stays.
    ///
    /// A reader that went away (`| head`) must not stop the demo before it has
    /// stopped its processes, so errors of writing are let go here.
    pub(crate) fn line(&mut self, text: &str) {
        self.close();
        let _ = if self.json {
            writeln!(io::stderr(), "{text}")
        } else {
            writeln!(io::stdout(), "{text}")
        };
    }

    /// Progress, as often as the caller likes.
    pub(crate) fn progress(&mut self, text: &str) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[2K{text}");
            let _ = io::stderr().flush();
            self.open = true;
        } else if self.last.is_none_or(|last| last.elapsed() >= PLAIN) {
            let _ = writeln!(io::stderr(), "{text}");
            self.last = Some(Instant::now());
        }
    }

    fn close(&mut self) {
        if self.open {
            let _ = write!(io::stderr(), "\r\x1b[2K");
            let _ = io::stderr().flush();
            self.open = false;
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.close();
    }
}
