//! What people see while pictures are sent: a bar on a terminal, a line now and then elsewhere.

use camera::send::report::Tally;
use camera::send::sender::Event;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, Instant};

/// From one line to the next where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Progress of one run.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Lines instead of a bar; absent when quiet or on a terminal.
    next_line: Option<Instant>,
    quiet: bool,
    confirmed: u64,
    given_up: u64,
    again: u64,
    total: Option<u64>,
}

impl Progress {
    /// Progress towards `total` pictures, if the number is known.
    pub(crate) fn new(total: Option<u64>, quiet: bool) -> Self {
        let terminal = io::stderr().is_terminal();
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::no_length(),
        };
        if quiet || !terminal {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let template = match total {
            Some(_) => "{bar:30} {pos}/{len} confirmed, {per_sec}, {eta} left {msg}",
            None => "{spinner} {pos} confirmed, {per_sec} {msg}",
        };
        // The templates are literals; were one wrong, the default style would do.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let next_line = (!quiet && !terminal).then(|| Instant::now() + LINE_EVERY);
        Self {
            bar,
            next_line,
            quiet,
            confirmed: 0,
            given_up: 0,
            again: 0,
            total,
        }
    }

    /// Where log lines go, so that they do not run into the bar.
    pub(crate) fn screen(&self) -> Screen {
        Screen(self.bar.clone())
    }

    /// Shows an event.
    pub(crate) fn show(&mut self, event: &Event) {
        match event {
            Event::Confirmed(_) => {
                self.confirmed += 1;
                self.bar.inc(1);
            }
            Event::Skipped(skipped) => self.say(&in_one_line(skipped)),
            Event::Reencoded(picture) => {
                if let (Some(note), Some((width, height))) = (picture.reencoded, picture.size) {
                    let (from_width, from_height) = note.from_size;
                    self.say(&format!(
                        "{}: {} bytes of {from_width}x{from_height} do not fit into a message, \
                         encoded again: {} bytes of {width}x{height} at quality {}",
                        picture.origin,
                        note.from_bytes,
                        picture.bytes.len(),
                        note.quality,
                    ));
                }
            }
            Event::SentAgain { message_id } => {
                self.again += 1;
                self.say(&format!("{message_id}: connection lost, sent again"));
            }
            Event::GivenUp { line, reason } => {
                self.given_up += 1;
                let why = reason.as_ref().map_or_else(
                    || "not acknowledged in time".to_owned(),
                    ToString::to_string,
                );
                self.say(&format!("{}: given up, {why}", line.message_id));
            }
            Event::Stopping { in_flight: 0 } => {}
            Event::Stopping { in_flight } => {
                self.say(&format!(
                    "stopping; waiting for {in_flight} frames to be acknowledged"
                ));
            }
        }
        self.line_if_due();
    }

    /// Ends the bar and says what became of all frames.
    pub(crate) fn finish(&self, tally: Tally) {
        self.bar.finish_and_clear();
        if !self.quiet {
            eprintln!(
                "sent {}, confirmed {}, sent again {}, encoded again {}, left out {}",
                tally.sent, tally.confirmed, self.again, tally.reencoded, tally.skipped
            );
        }
    }

    fn line_if_due(&mut self) {
        let now = Instant::now();
        if self.next_line.is_some_and(|due| now >= due) {
            self.next_line = Some(now + LINE_EVERY);
            let of = self
                .total
                .map_or_else(String::new, |total| format!(" of {total}"));
            eprintln!(
                "confirmed {}{of}, given up {}",
                self.confirmed, self.given_up
            );
        }
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| eprintln!("{text}"));
        }
    }
}

/// An error and its sources in one line.
fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        source = error.source();
    }
    text.trim_end().to_owned()
}

/// Standard error beside a progress bar.
#[derive(Clone)]
pub(crate) struct Screen(ProgressBar);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
