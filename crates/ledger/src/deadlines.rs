//! When open windows are due, as the writer holds it between commits.
//!
//! By length of window, since a deadline that is far away is right for a long window and a sign of a
//! wrong clock for a short one, see [`Windows::is_stranded`]. Windows of several lengths are open at
//! once after a change of length, and in an outage, where they are joined.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::Connection;
use time::OffsetDateTime;

use crate::window::{Windows, instant};

/// When a window of some length is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline {
    /// Of the window, in seconds.
    pub(crate) length: i64,
    /// In seconds since the epoch.
    pub(crate) due: i64,
}

/// The earliest deadline of the open windows of each length. Not more of them than windows are open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Deadlines(BTreeMap<i64, i64>);

impl Deadlines {
    /// As the last commit left them.
    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        connection
            .prepare_cached(
                "SELECT ends_at - starts_at AS length, min(due_at) FROM open_window GROUP BY length",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()
            .map(Self)
    }

    /// Takes in that of a window that was opened or counted into.
    pub(crate) fn add(&mut self, deadline: Deadline) {
        let earliest = self.0.entry(deadline.length).or_insert(deadline.due);
        *earliest = deadline.due.min(*earliest);
    }

    /// How long until there is something to seal or to put right; zero when it is overdue.
    pub(crate) fn next(&self, windows: Windows, now: OffsetDateTime) -> Option<Duration> {
        let earliest = *self.0.values().min()?;
        let mut all = self.0.iter().map(|(length, due)| Deadline {
            length: *length,
            due: *due,
        });
        if all.any(|deadline| windows.is_stranded(deadline, now)) {
            return Some(Duration::ZERO);
        }
        // Negative when it is overdue.
        Some(Duration::try_from(instant(earliest) - now).unwrap_or(Duration::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::StampLimits;

    #[test]
    fn a_stranded_window_is_seen_behind_a_longer_one_that_is_due_before_it() {
        let windows = Windows::new(Duration::from_secs(1), StampLimits::default()).unwrap();
        let now = instant(1_800_000_000);
        let mut deadlines = Deadlines::default();
        assert_eq!(deadlines.next(windows, now), None);
        let day = Deadline {
            length: 86_400,
            due: 1_800_003_600,
        };
        deadlines.add(day);
        assert_eq!(
            deadlines.next(windows, now),
            Some(Duration::from_secs(3600)),
            "far for a second, near for a day"
        );
        deadlines.add(Deadline {
            length: 1,
            due: 1_800_007_200,
        });
        assert_eq!(deadlines.next(windows, now), Some(Duration::ZERO));
    }
}
