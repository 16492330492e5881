//! Spans of time, as people and programs ask for them.
//!
//! A window belongs to the span that its start is in. The start of a span belongs to it, the end to
//! the next one, so that the counts of following spans add up. Pure.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

/// From when to when; either end may be open. Made by [`Span::new`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// The first second of the span, since the Unix epoch.
    pub(super) from: Option<i64>,
    /// The first second after it.
    pub(super) to: Option<i64>,
}

/// A span or an instant that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// The text is no instant.
    #[error(
        "{seen:?} is no time, expected RFC 3339 such as 2026-11-23T10:00:00Z, or a date such as \
         2026-11-23, which is its midnight in UTC"
    )]
    NoTime {
        /// What was seen, cut short.
        seen: String,
    },
    /// The end is not after the start.
    #[error(
        "from is {} and to is {}, expected from before to: `to` is the first moment that does not \
         belong to the span",
        shown(*from),
        shown(*to)
    )]
    Backwards {
        /// The start.
        from: OffsetDateTime,
        /// The end.
        to: OffsetDateTime,
    },
}

fn shown(at: OffsetDateTime) -> String {
    // Only a year that has more than four digits cannot be written.
    at.format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}

impl Span {
    /// All of time.
    pub const ALWAYS: Span = Span {
        from: None,
        to: None,
    };

    /// A span from its ends.
    ///
    /// # Errors
    /// `Backwards`.
    pub fn new(
        from: Option<OffsetDateTime>,
        to: Option<OffsetDateTime>,
    ) -> Result<Self, SpanError> {
        match (from, to) {
            (Some(from), Some(to)) if from >= to => Err(SpanError::Backwards { from, to }),
            (from, to) => Ok(Self {
                from: from.map(whole_seconds),
                to: to.map(whole_seconds),
            }),
        }
    }

    /// Whether all of time is asked for.
    #[must_use]
    pub fn is_always(&self) -> bool {
        *self == Self::ALWAYS
    }

    /// Whether a window that starts at this second belongs to the span.
    pub(super) fn has(&self, start: i64) -> bool {
        let (first, end) = self.bounds();
        (first..end).contains(&start)
    }

    /// First second and end, for the store.
    pub(super) fn bounds(&self) -> (i64, i64) {
        (self.from.unwrap_or(i64::MIN), self.to.unwrap_or(i64::MAX))
    }
}

/// Windows start at whole seconds: the first at or after an instant is at its second, rounded up.
fn whole_seconds(at: OffsetDateTime) -> i64 {
    at.unix_timestamp() + i64::from(at.nanosecond() > 0)
}

/// Reads RFC 3339 with any offset, or a date, which is its midnight in UTC.
///
/// # Errors
/// `NoTime`.
pub fn parse_instant(text: &str) -> Result<OffsetDateTime, SpanError> {
    let date = || Date::parse(text, format_description!("[year]-[month]-[day]"));
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| date().map(|date| date.midnight().assume_utc()))
        .ok()
        .ok_or_else(|| SpanError::NoTime {
            seen: text.chars().take(60).collect(),
        })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_date_is_its_midnight_in_utc_and_an_offset_is_heeded() {
        let midnight = datetime!(2026-11-23 00:00 UTC);
        for text in [
            "2026-11-23",
            "2026-11-23T00:00:00Z",
            "2026-11-23T13:00:00+13:00",
        ] {
            assert_eq!(parse_instant(text), Ok(midnight), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_the_text_cut_short() {
        for text in ["", "yesterday", "2026-11", "2026-02-30", "10:00"] {
            let said = parse_instant(text).unwrap_err().to_string();
            assert!(said.starts_with(&format!("{text:?} is no time")), "{said}");
        }
        assert!(
            parse_instant(&"9".repeat(5000))
                .unwrap_err()
                .to_string()
                .len()
                < 300
        );
    }

    #[test]
    fn following_spans_share_no_window_and_leave_none_out() {
        let cut = Some(datetime!(2026-11-23 00:00:00.5 UTC));
        let (before, after) = (Span::new(None, cut).unwrap(), Span::new(cut, None).unwrap());
        let second = datetime!(2026-11-23 00:00 UTC).unix_timestamp();
        for start in [i64::MIN, second - 1, second, second + 1, second + 2] {
            assert!(before.has(start) != after.has(start), "{start}");
        }
        assert!(before.has(second) && after.has(second + 1));
    }

    #[test]
    fn a_span_without_a_moment_in_it_is_refused() {
        let day = datetime!(2026-11-23 00:00 UTC);
        let said = Span::new(Some(day), Some(day)).unwrap_err().to_string();
        let day = "2026-11-23T00:00:00Z";
        let expected = format!("from is {day} and to is {day}, expected from before to");
        assert!(said.starts_with(&expected), "{said}");
    }
}
