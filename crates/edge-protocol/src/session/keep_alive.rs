//! Is the other side still there? Any byte from it says yes.

use std::time::Duration;

use super::timings::Timer;
use crate::moment::Moment;

/// Activity on one connection.
#[derive(Debug)]
pub(super) struct KeepAlive {
    interval: Duration,
    answer_within: Duration,
    last_received: Moment,
    last_sent: Moment,
    answer_due: Option<Moment>,
}

impl KeepAlive {
    pub(super) fn new(interval: Duration, answer_within: Duration, now: Moment) -> Self {
        KeepAlive {
            interval,
            answer_within,
            last_received: now,
            last_sent: now,
            answer_due: None,
        }
    }

    /// Any byte came.
    pub(super) fn received(&mut self, now: Moment) {
        self.last_received = now;
        self.answer_due = None;
    }

    /// A packet went out.
    pub(super) fn sent(&mut self, now: Moment) {
        self.last_sent = now;
    }

    /// PINGREQ goes out: from here on the hub owes us a byte.
    pub(super) fn pinged(&mut self, now: Moment) {
        self.last_sent = now;
        self.answer_due = Some(now + self.answer_within);
    }

    /// Gives the hub the full time again, after a spell in which we did not read.
    pub(super) fn restart_answer(&mut self, now: Moment) {
        if self.answer_due.is_some() {
            // At least a little later, so that a zero time cannot make the timer spin.
            self.answer_due = Some(now + self.answer_within.max(Duration::from_millis(1)));
        }
    }

    /// The timer that runs: silence in one direction, or a missing answer.
    pub(super) fn timer(&self) -> (Timer, Moment) {
        match self.answer_due {
            Some(due) => (Timer::PingAnswer, due),
            None => (
                Timer::PingDue,
                self.last_received.min(self.last_sent) + self.interval,
            ),
        }
    }
}
