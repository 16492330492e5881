//! The one place that reads the wall clock for counting.
//!
//! A box without a battery starts in the past until it finds a time server, and people set clocks.
//! What is stamped while nothing vouches for the clock is marked `unsure`; `watch` has the rule.
//! This file reads the three clocks and says each change of mind once. There is one wall clock in
//! a process, so there is one watch.

mod kernel;
mod note;
#[cfg(test)]
mod steps;
mod watch;

use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ledger::{Clock, Now};
use rustix::time::{ClockId, clock_gettime};
use time::OffsetDateTime;
use time::macros::datetime;
use tracing::{info, warn};

pub use kernel::Kernel;
use note::SynchronisedNote;
pub use watch::{Change, ClockWatch, Line, Reading, Reason, Trust};

/// No release of this program is older; moved forward with each release.
const RELEASED_AFTER: OffsetDateTime = datetime!(2026-11-01 00:00:00 UTC);

/// When the source was, in seconds since the epoch: reproducible builds set it to the commit's date.
const SOURCE_DATE: Option<&str> = option_env!("SOURCE_DATE_EPOCH");

static CLOCK: OnceLock<Mutex<Shell>> = OnceLock::new();

#[derive(Debug)]
struct Shell {
    watch: ClockWatch,
    note: Option<SynchronisedNote>,
}

/// Says once, before the first [`now`], how far the clock is trusted, and the folder in which it is
/// kept when it was synchronised in this boot; later calls change nothing.
pub fn start(trust: Trust, folder: &Path, boot_id: &str) {
    let note = SynchronisedNote::read(folder, boot_id);
    let watch = ClockWatch::new(trust, built_after(SOURCE_DATE), note.line());
    let shell = Shell {
        watch,
        note: Some(note),
    };
    // Somebody asked for the time before: the watch that answered goes on.
    let _ = CLOCK.set(Mutex::new(shell));
}

/// The wall clock's reading and whether it can be believed. Costs a microsecond.
#[must_use]
pub fn now() -> Now {
    let shell = CLOCK.get_or_init(|| {
        Mutex::new(Shell {
            watch: ClockWatch::new(Trust::Kernel, built_after(SOURCE_DATE), None),
            note: None,
        })
    });
    let mut shell = shell.lock().unwrap_or_else(PoisonError::into_inner);
    let (now, change) = shell.watch.read(Reading {
        wall: OffsetDateTime::now_utc(),
        monotonic: since_boot(),
        kernel: kernel::state(),
    });
    let synchronised = shell.watch.synchronised();
    if let Some(note) = &mut shell.note {
        note.leave(synchronised);
    }
    if let Some(change) = change {
        say(&change);
    }
    now
}

/// Why the last [`now`] was believed or not; `None` before the first.
#[must_use]
pub fn reason() -> Option<Reason> {
    let shell = CLOCK.get()?.lock().unwrap_or_else(PoisonError::into_inner);
    shell.watch.reason()
}

/// The monotonic clock that also counts while the machine sleeps.
fn since_boot() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}

fn built_after(source_date: Option<&str>) -> OffsetDateTime {
    let source_date = source_date
        .and_then(|text| text.parse().ok())
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    source_date.map_or(RELEASED_AFTER, |date| date.max(RELEASED_AFTER))
}

fn say(change: &Change) {
    let (wall, reason) = (change.seen, change.reason.as_str());
    match (change.expected, change.reason.clock()) {
        (Some(expected), clock) => warn!(
            %expected, seen = %wall, clock = clock.as_str(), reason,
            "the wall clock stepped"
        ),
        (None, Clock::Unsure) => warn!(
            %wall, reason,
            "the wall clock is not believed: counts are marked unsure"
        ),
        (None, Clock::Plausible) => info!(%wall, reason, "the wall clock is believed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_the_source_moves_the_earliest_date_forward_and_never_back() {
        assert_eq!(built_after(None), RELEASED_AFTER);
        assert_eq!(built_after(Some("no date")), RELEASED_AFTER);
        assert_eq!(built_after(Some("0")), RELEASED_AFTER);
        let later = RELEASED_AFTER + time::Duration::DAY;
        assert_eq!(
            built_after(Some(&later.unix_timestamp().to_string())),
            later
        );
    }

    #[test]
    fn the_clock_since_boot_does_not_go_back() {
        let first = since_boot();
        assert!(first > Duration::ZERO);
        assert!(since_boot() >= first);
    }
}
