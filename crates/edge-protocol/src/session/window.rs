//! Our own publishes on one connection, each with a packet id of its own.
//!
//! Messages have a window. Requests about the twin and answers to method calls share the
//! ids and nothing else: each kind is bounded by itself, so a burst of one neither
//! starves the others nor waits for them.

use super::event::PublishId;

/// What a publish without PUBACK is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// A message of the application.
    Message(PublishId),
    /// A question about the twin, or a report.
    TwinRequest,
    /// An answer to a method call.
    MethodAnswer,
}

/// Messages in flight at most, whatever the configuration says. Far more than edgeHub
/// reads ahead, and few enough that a free packet id is always found, and soon.
const LARGEST_WINDOW: usize = 1024;

/// Publishes in flight and the ids they use.
#[derive(Debug)]
pub(super) struct PublishWindow {
    capacity: usize,
    last_id: u16,
    in_flight: Vec<(u16, Sent)>,
}

impl PublishWindow {
    /// A window for `capacity` messages, at least one and at most [`LARGEST_WINDOW`].
    pub(super) fn new(capacity: usize) -> Self {
        PublishWindow {
            capacity: capacity.clamp(1, LARGEST_WINDOW),
            last_id: 0,
            in_flight: Vec::new(),
        }
    }

    /// True while another message may go out.
    pub(super) fn has_room(&self) -> bool {
        self.messages() < self.capacity
    }

    /// Messages without PUBACK.
    pub(super) fn messages(&self) -> usize {
        self.count(|sent| matches!(sent, Sent::Message(_)))
    }

    /// Requests about the twin without PUBACK.
    pub(super) fn twin_requests(&self) -> usize {
        self.count(|sent| *sent == Sent::TwinRequest)
    }

    /// Answers to method calls without PUBACK.
    pub(super) fn method_answers(&self) -> usize {
        self.count(|sent| *sent == Sent::MethodAnswer)
    }

    fn count(&self, is_meant: impl Fn(&Sent) -> bool) -> usize {
        let meant = self.in_flight.iter().filter(|(_, sent)| is_meant(sent));
        meant.count()
    }

    /// A packet id that no publish in flight uses. Ids rise and wrap, so a PUBACK that is
    /// late for some reason does not meet a young namesake.
    pub(super) fn fresh_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.in_flight.iter().any(|(id, _)| *id == self.last_id) {
                return self.last_id;
            }
        }
    }

    /// Takes a publish in and gives its packet id.
    pub(super) fn admit(&mut self, sent: Sent) -> u16 {
        let packet_id = self.fresh_id();
        self.in_flight.push((packet_id, sent));
        packet_id
    }

    /// The publish that PUBACK `packet_id` confirms.
    pub(super) fn confirm(&mut self, packet_id: u16) -> Option<Sent> {
        let place = self.in_flight.iter().position(|(id, _)| *id == packet_id)?;
        Some(self.in_flight.remove(place).1)
    }

    /// Empties the window and gives its messages; the hub may or may not have these.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = PublishId> {
        self.in_flight.drain(..).filter_map(|(_, sent)| match sent {
            Sent::Message(publish) => Some(publish),
            Sent::TwinRequest | Sent::MethodAnswer => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(n: u64) -> Sent {
        Sent::Message(PublishId(n))
    }

    #[test]
    fn requests_and_answers_take_no_room_from_messages() {
        let mut window = PublishWindow::new(1);
        let request = window.admit(Sent::TwinRequest);
        let answer = window.admit(Sent::MethodAnswer);
        assert!(window.has_room() && request != answer);
        window.admit(message(1));
        assert!(!window.has_room());
        assert_eq!(window.confirm(answer), Some(Sent::MethodAnswer));
        assert_eq!((window.twin_requests(), window.method_answers()), (1, 0));
        assert_eq!(window.drain().collect::<Vec<_>>(), [PublishId(1)]);
    }

    #[test]
    fn an_id_in_use_is_not_given_again_when_the_count_wraps() {
        let mut window = PublishWindow::new(8);
        let first = window.admit(message(0));
        for n in 1..=u64::from(u16::MAX) {
            let id = window.admit(message(n));
            assert_ne!(id, first, "publish {n}");
            assert_eq!(window.confirm(id), Some(message(n)));
        }
        assert_eq!(window.confirm(first), Some(message(0)));
    }

    #[test]
    fn a_window_without_limit_still_leaves_ids_free() {
        let mut window = PublishWindow::new(usize::MAX);
        let mut sent = 0;
        while window.has_room() {
            window.admit(message(sent));
            sent += 1;
        }
        assert_eq!(sent, 1024);
        assert_ne!(window.admit(Sent::TwinRequest), 0);
    }

    #[test]
    fn confirmations_match_in_any_order_and_once() {
        let mut window = PublishWindow::new(2);
        let (a, b) = (window.admit(message(1)), window.admit(message(2)));
        assert!(!window.has_room());
        assert_eq!(window.confirm(b), Some(message(2)));
        assert_eq!(window.confirm(b), None);
        assert_eq!(window.confirm(a), Some(message(1)));
        assert_eq!(window.messages(), 0);
    }
}
