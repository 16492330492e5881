//! Where lines are written: takes events as they come, asks the limits, and writes.
//!
//! The decisions are in `limit` and `line`; here are the clocks, the locks and a thread that waits
//! until a sum is due. Nothing is queued: a reader of the log that is slow holds up who writes.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use time::OffsetDateTime;
use tracing::callsite::Identifier;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::entry::{Collected, Entry, Fields, Value};
use super::limit::{Limits, Rate, Sum};
use super::line::{line, text};
use super::{EVERY_ONE, recent};
use crate::settings::LogFormat;

/// The log of a process.
pub(super) struct Page {
    format: LogFormat,
    limits: Mutex<Limits<Identifier, Entry>>,
    /// Tells the thread that the first sum is due at another time.
    left_out: Condvar,
    output: Mutex<Box<dyn Write + Send>>,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl Page {
    pub(super) fn new(format: LogFormat, rate: Rate, output: Box<dyn Write + Send>) -> Self {
        Page {
            format,
            limits: Mutex::new(Limits::new(rate)),
            left_out: Condvar::new(),
            output: Mutex::new(output),
        }
    }

    fn limits(&self) -> MutexGuard<'_, Limits<Identifier, Entry>> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an event, or keeps it for a sum.
    fn take(&self, place: Identifier, is_limited: bool, entry: Entry) {
        recent::counted(entry.level);
        let entry = if is_limited {
            let mut limits = self.limits();
            let due = limits.due();
            let entry = limits.take(place, entry, Instant::now());
            if limits.due() != due {
                self.left_out.notify_one();
            }
            entry
        } else {
            Some(entry)
        };
        if let Some(entry) = entry {
            self.write(&entry);
        }
    }

    fn write(&self, entry: &Entry) {
        recent::written(entry.level, entry.at, || text(entry));
        let line = line(entry, self.format);
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        // There is no better place to say that the log cannot be written.
        let _ = output.write_all(line.as_bytes());
    }

    /// Writes what was left out and not told yet.
    pub(super) fn write_last_sums(&self) {
        let sums = self.limits().last_sums();
        self.write_sums(sums);
    }

    fn write_sums(&self, sums: Vec<Sum<Entry>>) {
        for sum in sums {
            self.write(&told(&sum, OffsetDateTime::now_utc()));
        }
    }

    /// Waits for sums that are due and writes them, for ever.
    fn tell_sums(&self) {
        let mut limits = self.limits();
        loop {
            let now = Instant::now();
            let sums = limits.sums(now);
            if !sums.is_empty() {
                drop(limits);
                self.write_sums(sums);
                limits = self.limits();
                continue;
            }
            let poisoned = PoisonError::into_inner;
            limits = match limits.due() {
                None => self.left_out.wait(limits).unwrap_or_else(poisoned),
                Some(due) => {
                    let pause = due.saturating_duration_since(now);
                    let waited = self.left_out.wait_timeout(limits, pause);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// Starts the thread that tells what was left out. It lives as long as the process.
pub(super) fn start_telling(page: Arc<Page>) -> io::Result<()> {
    thread::Builder::new()
        .name("log-sums".to_owned())
        .spawn(move || page.tell_sums())
        .map(drop)
}

/// A sum as an entry.
fn told(sum: &Sum<Entry>, at: OffsetDateTime) -> Entry {
    Entry {
        at,
        level: sum.last.level,
        message: format!(
            "… {} more like this were left out in the last minute",
            sum.count
        ),
        fields: vec![
            ("left_out", Value::Natural(sum.count)),
            ("like", Value::Text(text(&sum.last))),
        ],
    }
}

/// Brings what is said in the code to the page.
pub(super) struct Lines(pub(super) Arc<Page>);

/// The fields of a span, kept beside it.
struct SpanFields(Fields);

impl<S> Layer<S> for Lines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut collected = Collected::default();
        attributes.record(&mut collected);
        span.extensions_mut().insert(SpanFields(collected.fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if let Some(SpanFields(fields)) = extensions.get_mut() {
            let mut collected = Collected {
                message: String::new(),
                fields: std::mem::take(fields),
            };
            values.record(&mut collected);
            *fields = collected.fields;
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut collected = Collected::default();
        event.record(&mut collected);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(SpanFields(fields)) = span.extensions().get() {
                collected.fields.extend(fields.iter().cloned());
            }
        }
        let metadata = event.metadata();
        let is_limited = *metadata.level() <= Level::WARN && metadata.target() != EVERY_ONE;
        let entry = Entry {
            at: OffsetDateTime::now_utc(),
            level: *metadata.level(),
            message: collected.message,
            fields: collected.fields,
        };
        self.0.take(metadata.callsite(), is_limited, entry);
    }
}
