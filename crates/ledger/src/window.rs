//! Windows of time: which one a frame belongs to, and when it closes.
//!
//! Windows tumble: they follow one another without a gap and are aligned to the Unix epoch in UTC,
//! so that two boxes with the same length have the same windows. Pure: instants come in, windows
//! and deadlines go out. This room must never ask a clock, and never drop a frame because of a
//! time: every instant, however wrong, has a window.

use std::time::Duration;

use time::OffsetDateTime;

use crate::deadlines::Deadline;
use crate::error::LedgerError;

/// How far a camera's own stamp may lie from the arrival of its frame to be believed.
///
/// A stamp outside is taken for a wrong clock and the frame is counted by its arrival instead.
/// Both ends belong to the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StampLimits {
    /// How old a picture may be when it arrives. Default 24 h: the hub keeps pictures for 2 h by
    /// default, and a camera may have kept them before.
    pub behind: Duration,
    /// How far ahead of the box a camera's clock may run. Default 5 min.
    pub ahead: Duration,
}

impl Default for StampLimits {
    fn default() -> Self {
        Self {
            behind: Duration::from_secs(24 * 60 * 60),
            ahead: Duration::from_secs(5 * 60),
        }
    }
}

/// One window, in whole seconds since the Unix epoch. The start belongs to it, the end does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Window {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Window {
    /// The one of a length that holds an instant.
    fn around(at: i64, length: i64) -> Self {
        let start = at - at.rem_euclid(length);
        Self {
            start,
            end: start + length,
        }
    }

    /// Seconds.
    pub(crate) fn length(self) -> i64 {
        self.end - self.start
    }
}

/// The rule by which windows are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    /// Seconds, 1 to [`MAX_LENGTH`].
    length: i64,
    limits: StampLimits,
}

/// A day, in seconds.
const MAX_LENGTH: i64 = 24 * 60 * 60;

/// The first and last second that a stamp in a report can show (years 1970 and 9999); instants
/// outside are moved to the nearer one. The last leaves room for the end of the longest window.
const EARLIEST: i64 = 0;
const LATEST: i64 = 253_402_300_799 - 2 * 86_400;

impl Windows {
    /// The same with another length.
    pub(crate) fn with_length(self, length: Duration) -> Result<Self, LedgerError> {
        Self::new(length, self.limits)
    }

    /// Checks the length.
    pub(crate) fn new(length: Duration, limits: StampLimits) -> Result<Self, LedgerError> {
        let refused = || LedgerError::Argument {
            name: "window",
            seen: format!("{length:?}"),
            expected: "whole seconds from 1 s to 86400 s",
        };
        let whole = length.subsec_nanos() == 0;
        let seconds = i64::try_from(length.as_secs()).ok();
        let fits = seconds.filter(|seconds| whole && (1..=MAX_LENGTH).contains(seconds));
        Ok(Self {
            length: fits.ok_or_else(refused)?,
            limits,
        })
    }

    /// The window of a frame: by its own stamp where that is believable, else by its arrival.
    pub(crate) fn of_frame(
        &self,
        stamp: Option<OffsetDateTime>,
        arrival: OffsetDateTime,
    ) -> Window {
        let believed = stamp.filter(|stamp| {
            let earliest = arrival.saturating_sub(signed(self.limits.behind));
            let latest = arrival.saturating_add(signed(self.limits.ahead));
            (earliest..=latest).contains(stamp)
        });
        self.around(believed.unwrap_or(arrival))
    }

    /// The window that holds an instant.
    pub(crate) fn around(&self, at: OffsetDateTime) -> Window {
        Window::around(seconds(at), self.length)
    }

    /// The window that ended last.
    pub(crate) fn before(&self, now: OffsetDateTime) -> Window {
        let running = self.around(now);
        // Nothing ended before the first one that a report can show.
        let start = (running.start - self.length).max(EARLIEST);
        Window {
            start,
            end: start + self.length,
        }
    }

    /// When a frame's window is to be sealed, in seconds since the epoch: at its end, or for a late
    /// frame at the end of the window that was running when it arrived. All late frames of one
    /// window that arrive within one running window so share one report.
    pub(crate) fn due(&self, window: Window, arrival: OffsetDateTime) -> i64 {
        window.end.max(self.around(arrival).end)
    }

    /// Whether a deadline is so far away that only a wall clock that was set back explains it. A
    /// frame's window ends at most one length after its stamp, and its stamp is at most `ahead`
    /// after its arrival. The length is the window's own: of one that was opened before the length
    /// changed, the one in use says nothing.
    pub(crate) fn is_stranded(&self, deadline: Deadline, now: OffsetDateTime) -> bool {
        deadline.due > Window::around(self.latest_stamp(now), deadline.length).end
    }

    /// The latest stamp that is believed of a frame arriving now, in seconds since the epoch.
    /// Nothing that is due up to then is stranded.
    pub(crate) fn latest_stamp(&self, now: OffsetDateTime) -> i64 {
        seconds(now.saturating_add(signed(self.limits.ahead)))
    }
}

/// When a stranded window of this length is to be sealed instead, in seconds since the epoch: at the
/// end of the window of its length that is running. That is not stranded, whatever length is in use.
pub(crate) fn due_again(length: i64, now: OffsetDateTime) -> i64 {
    Window::around(seconds(now), length).end
}

/// The hour that holds an instant, both in seconds since the epoch.
pub(crate) fn hour(at: i64) -> i64 {
    at - at.rem_euclid(3600)
}

/// Seconds since the epoch, rounded down and moved into the range that a report can show.
pub(crate) fn seconds(at: OffsetDateTime) -> i64 {
    at.unix_timestamp().clamp(EARLIEST, LATEST)
}

/// The other way round. Total: values that no window of ours has become the epoch.
pub(crate) fn instant(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn signed(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    fn minutes() -> Windows {
        Windows::new(Duration::from_secs(60), StampLimits::default()).unwrap()
    }

    #[test]
    fn windows_are_aligned_to_utc_whatever_the_offset() {
        let window = minutes().around(datetime!(2026-11-23 12:34:56.999 +02:00));
        assert_eq!(instant(window.start), datetime!(2026-11-23 10:34:00 UTC));
        assert_eq!(instant(window.end), datetime!(2026-11-23 10:35:00 UTC));
    }

    #[test]
    fn the_start_belongs_to_a_window_and_the_end_to_the_next() {
        let start = datetime!(2026-11-23 10:34:00 UTC);
        assert_eq!(instant(minutes().around(start).start), start);
        let end = datetime!(2026-11-23 10:35:00 UTC);
        assert_eq!(instant(minutes().around(end).start), end);
    }

    #[test]
    fn a_believable_stamp_decides_and_an_unbelievable_one_does_not() {
        let arrival = datetime!(2026-11-23 10:34:56 UTC);
        let by_arrival = minutes().around(arrival);
        let of = |stamp| minutes().of_frame(Some(stamp), arrival);
        assert_eq!(minutes().of_frame(None, arrival), by_arrival);
        assert_eq!(
            of(arrival - time::Duration::DAY).end,
            by_arrival.end - 86_400
        );
        assert_eq!(of(arrival - time::Duration::seconds(86_401)), by_arrival);
        assert_eq!(
            of(arrival + time::Duration::minutes(5)).end,
            by_arrival.end + 300
        );
        assert_eq!(of(arrival + time::Duration::seconds(301)), by_arrival);
        assert_eq!(of(datetime!(1970-01-01 0:00 UTC)), by_arrival);
        assert_eq!(of(datetime!(9999-12-31 23:59:59 UTC)), by_arrival);
    }

    #[test]
    fn late_frames_are_due_when_the_running_window_closes() {
        let windows = minutes();
        let arrival = datetime!(2026-11-23 10:34:56 UTC);
        let late = windows.of_frame(Some(arrival - time::Duration::HOUR), arrival);
        assert_eq!(
            instant(windows.due(late, arrival)),
            datetime!(2026-11-23 10:35:00 UTC)
        );
        let early = windows.of_frame(Some(arrival + time::Duration::minutes(3)), arrival);
        assert_eq!(
            instant(windows.due(early, arrival)),
            datetime!(2026-11-23 10:38:00 UTC)
        );
    }

    #[test]
    fn lengths_outside_the_range_are_refused() {
        for length in [
            Duration::ZERO,
            Duration::from_millis(1500),
            Duration::from_secs(86_401),
        ] {
            assert!(
                Windows::new(length, StampLimits::default()).is_err(),
                "{length:?}"
            );
        }
        assert!(Windows::new(Duration::from_secs(86_400), StampLimits::default()).is_ok());
    }

    proptest! {
        #[test]
        fn every_instant_has_one_window_that_a_report_can_show(
            at in i64::MIN..i64::MAX,
            length in 1..=MAX_LENGTH,
        ) {
            let windows = Windows::new(Duration::from_secs(length.unsigned_abs()), StampLimits::default()).unwrap();
            let at = instant(at % 377_705_116_799);
            let window = windows.around(at);
            prop_assert!((window.start..window.end).contains(&seconds(at)));
            prop_assert_eq!(window.start.rem_euclid(length), 0);
            for stamp in [window.start, window.end] {
                let text = instant(stamp).format(&time::format_description::well_known::Rfc3339);
                prop_assert!(text.is_ok());
            }
        }

        #[test]
        fn no_frame_is_stranded_while_the_clock_stands(
            arrival in 0_i64..4_000_000_000,
            off in -400_000_i64..400_000,
            length in 1..=MAX_LENGTH,
        ) {
            let windows = Windows::new(Duration::from_secs(length.unsigned_abs()), StampLimits::default()).unwrap();
            let arrival = instant(arrival);
            let window = windows.of_frame(Some(arrival + time::Duration::seconds(off)), arrival);
            // Whatever the length is later.
            for in_use in [1, 7, length, MAX_LENGTH] {
                let later = Windows { length: in_use, ..windows };
                let deadline = Deadline { length: window.length(), due: windows.due(window, arrival) };
                prop_assert!(!later.is_stranded(deadline, arrival));
            }
        }

        #[test]
        fn a_window_that_is_brought_back_is_not_stranded_any_more(
            now in 0_i64..4_000_000_000,
            length in 1..=MAX_LENGTH,
            in_use in 1..=MAX_LENGTH,
        ) {
            let windows = Windows::new(Duration::from_secs(in_use.unsigned_abs()), StampLimits::default()).unwrap();
            let now = instant(now);
            let deadline = Deadline { length, due: due_again(length, now) };
            prop_assert!(!windows.is_stranded(deadline, now));
            prop_assert!(deadline.due > seconds(now) && deadline.due <= seconds(now) + length);
        }
    }
}
