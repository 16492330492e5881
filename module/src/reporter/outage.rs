//! Since when sending is tried in vain: the age of an outage, by the monotonic clock.
//!
//! An outage begins when the oldest report that waits is first tried, and ends with the first
//! confirmation. A start forgets it, so that a module that is started again in an outage takes it
//! for a young one. Pure: instants come in.

use std::time::{Duration, Instant};

/// Whether something is being sent, and since when without success.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trying {
    since: Option<Instant>,
}

impl Trying {
    /// A report is handed to the client. Gives whether that begins the trying.
    pub fn begin(&mut self, now: Instant) -> bool {
        let begins = self.since.is_none();
        self.since.get_or_insert(now);
        begins
    }

    /// The hub confirmed a report, or it will never be sent. Gives whether that ended the trying.
    pub fn end(&mut self) -> bool {
        self.since.take().is_some()
    }

    /// Whether the outage outlasts an age; one without an age never does.
    #[must_use]
    pub fn outlasts(self, age: Option<Duration>, now: Instant) -> bool {
        match (self.since, age) {
            (Some(since), Some(age)) => now.saturating_duration_since(since) > age,
            (None, _) | (_, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Option<Duration> = Some(Duration::from_secs(10));

    #[test]
    fn an_outage_is_as_old_as_the_first_try_in_vain() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut trying = Trying::default();
        assert!(!trying.outlasts(AGE, at(100)), "nothing waits");
        assert!(trying.begin(at(100)));
        assert!(!trying.begin(at(108)), "the same one again");
        assert!(!trying.outlasts(AGE, at(110)));
        assert!(trying.outlasts(AGE, at(111)));
        assert!(!trying.outlasts(None, at(10_000)), "never, by setting");
    }

    #[test]
    fn a_confirmation_ends_an_outage() {
        let start = Instant::now();
        let mut trying = Trying::default();
        trying.begin(start);
        assert!(trying.end());
        assert!(!trying.end());
        let later = start + Duration::from_secs(1000);
        assert!(!trying.outlasts(AGE, later));
        trying.begin(later);
        assert!(!trying.outlasts(AGE, later + Duration::from_secs(10)));
    }
}
