//! Log lines as the IoT Edge runtime writes and filters them, on standard output:
//! `<6> 2026-11-23 10:00:00.000 +00:00 [INF] - text key=value`.
//!
//! The number is the syslog severity; edgeAgent's log request filters on it (its
//! source: `doc/built-in-logs-pull.md` of Azure/iotedge). One event is one line,
//! whatever the text holds. What is logged is the caller's duty: never a token, a
//! key or a part of a picture.

mod recent;

use std::fmt::{self, Write as _};

use time::OffsetDateTime;
use time::macros::format_description;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::settings::Level;

pub use recent::{Line, Recent, recent};

/// Starts logging at `level`, to standard output as the module does.
///
/// # Errors
/// When a logger is already in place in this process.
pub fn start(level: Level) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    tracing_subscriber::fmt()
        .with_max_level(filter(level))
        .event_format(RuntimeLine)
        .try_init()
}

fn filter(level: Level) -> LevelFilter {
    match level {
        // tracing has no fatal level; what ends the process is logged as an error.
        Level::Fatal | Level::Error => LevelFilter::ERROR,
        Level::Warning => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Verbose => LevelFilter::TRACE,
    }
}

/// The syslog severity and the three letters of a level.
fn severity(level: tracing::Level) -> (u8, &'static str) {
    match level {
        tracing::Level::ERROR => (3, "ERR"),
        tracing::Level::WARN => (4, "WRN"),
        tracing::Level::INFO => (6, "INF"),
        tracing::Level::DEBUG => (7, "DBG"),
        tracing::Level::TRACE => (7, "VRB"),
    }
}

struct RuntimeLine;

impl<S, N> FormatEvent<S, N> for RuntimeLine
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (number, letters) = severity(*event.metadata().level());
        let now = OffsetDateTime::now_utc();
        let stamp = now
            .format(format_description!(
                "[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3] +00:00"
            ))
            .map_err(|_bad_format| fmt::Error)?;
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            if let Some(fields) = extensions.get::<FormattedFields<N>>()
                && !fields.is_empty()
            {
                write!(text, " {}", fields.fields)?;
            }
        }
        let text = one_line(&text);
        recent::written(*event.metadata().level(), now, &text);
        writeln!(writer, "<{number}> {stamp} [{letters}] - {text}")
    }
}

/// A line break inside an event would look like a second event.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines_of(level: Level, act: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(filter(level))
            .event_format(RuntimeLine)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, act);
        String::from_utf8(page.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn checklist_40_a_line_has_the_prefix_that_the_agent_filters_on() {
        let line = lines_of(Level::Info, || tracing::warn!(port = 8883, "refused"));
        assert!(line.starts_with("<4> 20"), "{line}");
        let (_, rest) = line.split_once(" +00:00 ").unwrap();
        assert_eq!(rest, "[WRN] - refused port=8883\n");
        assert_eq!(
            line.find('[').unwrap(),
            "<4> 2026-11-23 10:00:00.000 +00:00 ".len()
        );
    }

    #[test]
    fn an_event_with_line_breaks_stays_one_line() {
        let line = lines_of(Level::Info, || {
            tracing::info!("first\nsecond\r\n<3> forged");
        });
        assert_eq!(line.lines().count(), 1, "{line}");
    }

    #[test]
    fn a_span_adds_its_fields() {
        let line = lines_of(Level::Info, || {
            let _frame = tracing::info_span!("frame", camera = "cam-01").entered();
            tracing::info!("counted");
        });
        assert!(
            line.ends_with("[INF] - counted camera=\"cam-01\"\n"),
            "{line}"
        );
    }

    #[test]
    fn less_severe_events_than_the_level_are_left_out() {
        let page = lines_of(Level::Warning, || {
            tracing::info!("not this");
            tracing::error!("this");
        });
        assert!(page.contains("<3> ") && page.contains("this") && !page.contains("not this"));
    }
}
