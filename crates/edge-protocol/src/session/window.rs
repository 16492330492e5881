//! Our own publishes on one connection: a bounded number without PUBACK, each with a
//! packet id of its own.

use super::event::PublishId;

/// Publishes in flight and the ids they use.
#[derive(Debug)]
pub(super) struct PublishWindow {
    capacity: usize,
    last_id: u16,
    in_flight: Vec<(u16, PublishId)>,
}

impl PublishWindow {
    /// A window for `capacity` publishes, at least one.
    pub(super) fn new(capacity: usize) -> Self {
        PublishWindow {
            capacity: capacity.max(1),
            last_id: 0,
            in_flight: Vec::new(),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.in_flight.len() < self.capacity
    }

    pub(super) fn len(&self) -> usize {
        self.in_flight.len()
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
    pub(super) fn admit(&mut self, publish: PublishId) -> u16 {
        let packet_id = self.fresh_id();
        self.in_flight.push((packet_id, publish));
        packet_id
    }

    /// The publish that PUBACK `packet_id` confirms.
    pub(super) fn confirm(&mut self, packet_id: u16) -> Option<PublishId> {
        let place = self.in_flight.iter().position(|(id, _)| *id == packet_id)?;
        Some(self.in_flight.remove(place).1)
    }

    /// Empties the window; the hub may or may not have these.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = PublishId> {
        self.in_flight.drain(..).map(|(_, publish)| publish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_in_use_is_not_given_again_when_the_count_wraps() {
        let mut window = PublishWindow::new(8);
        let first = window.admit(PublishId(0));
        for n in 1..=u64::from(u16::MAX) {
            let id = window.admit(PublishId(n));
            assert_ne!(id, first, "publish {n}");
            assert_eq!(window.confirm(id), Some(PublishId(n)));
        }
        assert_eq!(window.confirm(first), Some(PublishId(0)));
    }

    #[test]
    fn confirmations_match_in_any_order_and_once() {
        let mut window = PublishWindow::new(2);
        let (a, b) = (window.admit(PublishId(1)), window.admit(PublishId(2)));
        assert!(!window.has_room());
        assert_eq!(window.confirm(b), Some(PublishId(2)));
        assert_eq!(window.confirm(b), None);
        assert_eq!(window.confirm(a), Some(PublishId(1)));
        assert_eq!(window.len(), 0);
    }
}
