//! Is the other side still there, and does it still hear us?
//!
//! Any byte says that it is there. Only an answer says that it hears us: a hub whose words
//! arrive while ours are lost delivers again and again, and takes none of our PUBACKs. So
//! a PINGREQ goes out after a spell without bytes, without a packet of ours, or without an
//! answer, and two deadlines follow it.
//!
//! While the shell does not read, nothing can arrive and neither deadline runs; pings go
//! out all the same, because the hub counts what we send. [MQTT-3.1.2-23]

use std::time::Duration;

use super::pause::Pause;
use super::timings::{Timer, Timings};
use crate::moment::Moment;

/// Activity on one connection.
#[derive(Debug)]
pub(super) struct KeepAlive {
    interval: Duration,
    byte_within: Duration,
    answer_within: Duration,
    last_received: Moment,
    last_sent: Moment,
    last_answer: Moment,
    last_ping: Option<Moment>,
    byte_due: Option<Moment>,
    answer_due: Option<Moment>,
}

impl KeepAlive {
    /// Right after CONNACK, which is the first answer.
    pub(super) fn new(timings: &Timings, now: Moment) -> Self {
        KeepAlive {
            interval: timings.keep_alive_in_use(),
            byte_within: timings.ping_deadline,
            answer_within: timings.answer_deadline,
            last_received: now,
            last_sent: now,
            last_answer: now,
            last_ping: None,
            byte_due: None,
            answer_due: None,
        }
    }

    /// Any byte came.
    pub(super) fn received(&mut self, now: Moment) {
        self.last_received = now;
        self.byte_due = None;
    }

    /// A packet came that the hub sends only because it has one of ours.
    pub(super) fn answered(&mut self, now: Moment) {
        self.received(now);
        self.last_answer = now;
        self.answer_due = None;
    }

    /// A packet went out.
    pub(super) fn sent(&mut self, now: Moment) {
        self.last_sent = now;
    }

    /// PINGREQ goes out: from here on the hub owes us a byte and an answer, unless it owes
    /// us them already.
    pub(super) fn pinged(&mut self, now: Moment) {
        self.last_sent = now;
        self.last_ping = Some(now);
        self.byte_due.get_or_insert(now + self.byte_within);
        self.answer_due.get_or_insert(now + self.answer_within);
    }

    /// Reading goes on after a spell without.
    pub(super) fn resumed(&mut self, pause: Pause) {
        self.byte_due = self
            .byte_due
            .map(|due| pause.postpone(due, self.byte_within));
        self.answer_due = self
            .answer_due
            .map(|due| pause.postpone(due, self.answer_within));
    }

    /// The timers that run: what the hub owes us if it could reach us, and the next ping.
    pub(super) fn timers(&self, is_reading: bool) -> impl Iterator<Item = (Timer, Moment)> {
        let silent_since = self
            .last_received
            .min(self.last_sent)
            .min(self.last_answer)
            .max(self.last_ping.unwrap_or(Moment::ORIGIN));
        let byte = self.byte_due.map(|at| (Timer::PingAnswer, at));
        let answer = self.answer_due.map(|at| (Timer::PingIgnored, at));
        let owed = [byte, answer].into_iter().flatten();
        owed.filter(move |_| is_reading)
            .chain([(Timer::PingDue, silent_since + self.interval)])
    }
}
