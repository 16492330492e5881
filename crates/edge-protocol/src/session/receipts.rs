//! Has the hub our PUBACKs?
//!
//! Nothing answers a PUBACK. Where our words are lost on their way and the hub's are not, it sends a
//! message again each 30 s, and each repeat looks like another message. But the answer to a PINGREQ
//! says that the hub has read all that we wrote before. So a ping follows PUBACKs soon, and while it
//! has no answer for long, what is delivered may be a repeat.

use std::time::Duration;

use super::timings::Timings;
use crate::moment::Moment;

/// The PUBACKs of one connection that the hub may not have.
///
/// Of each group only when the oldest of its deliveries came: from there the hub's patience counts.
#[derive(Debug)]
pub(super) struct Receipts {
    ping_after: Duration,
    doubt_after: Duration,
    /// Those before the ping whose answer is awaited, or all, while none is.
    open: Option<Moment>,
    /// Those after it.
    since_ping: Option<Moment>,
    /// How many PINGRESPs there are to come until the one that is awaited.
    awaited: Option<u32>,
    pings_out: u32,
}

impl Receipts {
    pub(super) fn new(timings: &Timings) -> Self {
        Receipts {
            ping_after: timings.receipt.max(SHORTEST),
            doubt_after: timings.receipt_doubt,
            open: None,
            since_ping: None,
            awaited: None,
            pings_out: 0,
        }
    }

    /// A PUBACK went out for a delivery that came then.
    pub(super) fn acknowledged(&mut self, came: Moment) {
        let group = match self.awaited {
            Some(_) => &mut self.since_ping,
            None => &mut self.open,
        };
        *group = Some(group.map_or(came, |oldest| oldest.min(came)));
    }

    /// A PINGREQ went out.
    pub(super) fn pinged(&mut self) {
        self.pings_out = self.pings_out.saturating_add(1);
        self.awaited.get_or_insert(self.pings_out);
    }

    /// A PINGRESP came.
    pub(super) fn answered(&mut self) {
        self.pings_out = self.pings_out.saturating_sub(1);
        match self.awaited {
            Some(1) => {
                self.open = self.since_ping.take();
                self.awaited = None;
            }
            Some(more) => self.awaited = Some(more - 1),
            None => {}
        }
    }

    /// When a ping should ask; `None` while one does, or nothing is to be asked.
    pub(super) fn ping_due(&self) -> Option<Moment> {
        let oldest = self.open.filter(|_| self.awaited.is_none())?;
        Some(oldest + self.ping_after)
    }

    /// Whether the hub may have sent a message again because a PUBACK did not reach it.
    pub(super) fn are_doubtful(&self, now: Moment) -> bool {
        let oldest = self.open.or(self.since_ping);
        oldest.is_some_and(|oldest| now >= oldest + self.doubt_after)
    }
}

/// Least that is meant by [`Timings::receipt`], so that no answer is the cause of the next ping.
const SHORTEST: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::ORIGIN + Duration::from_secs(seconds)
    }

    fn receipts() -> Receipts {
        Receipts::new(&Timings::default())
    }

    #[test]
    fn a_ping_is_due_soon_after_a_puback_and_its_answer_ends_the_doubt() {
        let mut receipts = receipts();
        assert_eq!(receipts.ping_due(), None);
        receipts.acknowledged(at(5));
        receipts.acknowledged(at(7));
        assert_eq!(receipts.ping_due(), Some(at(15)));
        receipts.pinged();
        assert_eq!(receipts.ping_due(), None, "one asks already");
        assert!(!receipts.are_doubtful(at(29)));
        assert!(receipts.are_doubtful(at(30)));
        receipts.answered();
        assert!(!receipts.are_doubtful(at(1000)));
        assert_eq!(receipts.ping_due(), None);
    }

    #[test]
    fn an_answer_says_nothing_of_what_was_written_after_its_ping() {
        let mut receipts = receipts();
        receipts.pinged();
        receipts.acknowledged(at(1));
        receipts.answered();
        assert!(receipts.are_doubtful(at(26)));
        assert_eq!(receipts.ping_due(), Some(at(11)));
    }

    #[test]
    fn an_answer_to_an_earlier_ping_is_not_taken_for_that_of_a_later_one() {
        let mut receipts = receipts();
        receipts.pinged();
        receipts.pinged();
        // The first is the awaited one; the second is still out when the next asks.
        receipts.answered();
        receipts.acknowledged(at(1));
        receipts.pinged();
        receipts.answered();
        assert!(receipts.are_doubtful(at(26)), "that was the second's");
        receipts.answered();
        assert!(!receipts.are_doubtful(at(26)));
    }
}
