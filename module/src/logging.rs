//! The log on standard output: one event, one line, whatever the text holds.
//!
//! As the IoT Edge runtime writes and filters them,
//! `<6> 2026-11-23 10:00:00.000 +00:00 [INF] - text key=value`, or as JSON objects. The number is the
//! syslog severity; edgeAgent's log request filters on it (its source: `doc/built-in-logs-pull.md` of
//! Azure/iotedge). What one place in the code may say of warnings and errors is limited; what is left
//! out is counted and told. What is logged is the caller's duty: never a token, a key or a part of a
//! picture. In words: `docs/logs.md`.
//!
//! - `entry`: an event as a value; `line`: that value as a line
//! - `limit`: how much a place may say
//! - `page`: the shell around both, with clock, locks and a thread
//! - `recent`: the last warnings and errors, for whoever asks the module

mod entry;
mod limit;
mod line;
mod page;
mod recent;

use std::io;
use std::sync::Arc;

use tracing::Subscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Registry, reload};

use crate::settings::{Level, LogFormat};
use page::{Lines, Page};

pub use recent::{Line, Recent, recent};

/// The target of events of which every single one is written, however many there are: those that are
/// said once, in a row, and end by themselves.
pub const EVERY_ONE: &str = "every-one";

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Something else is told what happens in this process.
    #[error("another logger is in place in this process")]
    Taken(#[source] TryInitError),
    /// The thread that tells what was left out.
    #[error("the thread log-sums cannot be started")]
    Thread(#[source] io::Error),
}

/// Changes the log while it is written.
#[derive(Debug, Clone)]
pub struct LogControl {
    level: reload::Handle<LevelFilter, Registry>,
    page: Arc<Page>,
}

impl LogControl {
    /// Writes what is at least as severe as `level` from now on, in all threads.
    pub fn set_level(&self, level: Level) {
        // Fails where the log is gone, and then there is nothing to set.
        let _ = self.level.reload(filter(level));
    }

    /// Tells now what was left out since the last sums: nothing waits for their time when the process
    /// ends.
    pub fn write_last_sums(&self) {
        self.page.write_last_sums();
    }
}

/// Starts logging at `level`, to standard output as the module does.
///
/// Its one thread lives as long as the process.
///
/// # Errors
/// When a logger is already in place in this process, or the thread cannot be started.
pub fn start(level: Level, format: LogFormat) -> Result<LogControl, LogError> {
    let page = Page::new(format, limit::OF_A_PLACE, Box::new(io::stdout()));
    let (subscriber, control) = assemble(level, page);
    subscriber.try_init().map_err(LogError::Taken)?;
    page::start_telling(Arc::clone(&control.page)).map_err(LogError::Thread)?;
    Ok(control)
}

fn assemble(level: Level, page: Page) -> (impl Subscriber + Send + Sync, LogControl) {
    let page = Arc::new(page);
    let (filter, handle) = reload::Layer::new(filter(level));
    let subscriber = tracing_subscriber::registry()
        .with(filter)
        .with(Lines(Arc::clone(&page)));
    let control = LogControl {
        level: handle,
        page,
    };
    (subscriber, control)
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

#[cfg(test)]
mod tests;
