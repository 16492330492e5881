//! A time in which nothing was read from a connection.

use std::time::Duration;

use crate::moment::Moment;

/// Nothing could arrive in it, so what the hub owes us is owed later.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    pub(super) since: Moment,
    pub(super) until: Moment,
}

/// What came in a long pause can be read before a deadline after it.
const TO_READ: Duration = Duration::from_secs(1);

impl Pause {
    /// A deadline that gives the hub so long: it stood still, or begins now if it was set in the
    /// pause. One that was set before does not begin anew, or many short pauses would put it off
    /// for ever.
    pub(super) fn postpone(self, deadline: Moment, within: Duration) -> Moment {
        let left = deadline.since(self.since).min(within);
        let to_read = self.until.since(self.since).min(TO_READ);
        self.until + left.max(to_read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(30);

    fn at(millis: u64) -> Moment {
        Moment::ORIGIN + Duration::from_millis(millis)
    }

    fn pause(since: u64, until: u64) -> Pause {
        Pause {
            since: at(since),
            until: at(until),
        }
    }

    #[test]
    fn a_deadline_stands_still_in_a_pause_however_many_there_are() {
        let mut deadline = at(30_000);
        for second in 1..5 {
            let pause = pause(second * 1000, second * 1000 + 500);
            deadline = pause.postpone(deadline, WITHIN);
            assert_eq!(deadline, at(30_000 + second * 500));
        }
    }

    #[test]
    fn one_that_was_set_in_the_pause_begins_with_its_end() {
        let set_at = 60_000;
        let deadline = at(set_at) + WITHIN;
        assert_eq!(pause(0, 600_000).postpone(deadline, WITHIN), at(630_000));
    }

    #[test]
    fn after_a_long_pause_there_is_time_to_read_and_a_short_one_gives_none() {
        assert_eq!(pause(1000, 9000).postpone(at(1001), WITHIN), at(10_000));
        assert_eq!(pause(1000, 1002).postpone(at(1001), WITHIN), at(1004));
    }
}
