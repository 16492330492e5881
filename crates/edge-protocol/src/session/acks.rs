//! Acknowledgements: the application gives them in any order, the wire carries them in
//! the order of receipt.
//!
//! edgeHub takes the first PUBACK for the first delivery, whatever ids they carry (they
//! are all 1), and MQTT asks for the same order [MQTT-4.6.0-2]. So a PUBACK waits here
//! until every delivery received before it has its own.

use std::collections::{BTreeSet, VecDeque};

use super::event::DeliveryId;
use crate::moment::Moment;

/// The deliveries of one connection that have no PUBACK yet.
#[derive(Debug, Default)]
pub(super) struct AckQueue {
    in_order: VecDeque<Entry>,
    /// QoS 0 deliveries in the application's hands; nothing goes on the wire for them.
    unguarded: BTreeSet<DeliveryId>,
}

#[derive(Debug)]
struct Entry {
    id: DeliveryId,
    packet_id: u16,
    came: Moment,
    settled: bool,
}

impl AckQueue {
    /// Notes a QoS 1 delivery. Equal packet ids are separate deliveries.
    pub(super) fn receive(&mut self, id: DeliveryId, packet_id: u16, now: Moment) {
        self.in_order.push_back(Entry {
            id,
            packet_id,
            came: now,
            settled: false,
        });
    }

    /// Notes a QoS 0 delivery.
    pub(super) fn receive_unguarded(&mut self, id: DeliveryId) {
        self.unguarded.insert(id);
    }

    /// The application is done with `id`. False when it is not (or no longer) ours.
    pub(super) fn settle(&mut self, id: DeliveryId) -> bool {
        if self.unguarded.remove(&id) {
            return true;
        }
        match self.in_order.iter_mut().find(|entry| entry.id == id) {
            Some(entry) => !std::mem::replace(&mut entry.settled, true),
            None => false,
        }
    }

    /// True while `id` must still be settled and would come again if it is not.
    pub(super) fn guards(&self, id: DeliveryId) -> bool {
        self.in_order
            .iter()
            .any(|entry| entry.id == id && !entry.settled)
    }

    /// The packet id of the next PUBACK that may go out, and when its delivery came.
    pub(super) fn release(&mut self) -> Option<(u16, Moment)> {
        self.in_order.front().filter(|entry| entry.settled)?;
        let entry = self.in_order.pop_front()?;
        Some((entry.packet_id, entry.came))
    }

    /// Forgets `id` and everything received after it: none of them can be acknowledged
    /// on this connection any more.
    pub(super) fn truncate_at(&mut self, id: DeliveryId) {
        while self.in_order.back().is_some_and(|entry| entry.id >= id) {
            self.in_order.pop_back();
        }
        self.unguarded.split_off(&id);
    }

    /// A QoS 1 delivery has no PUBACK yet.
    pub(super) fn owes(&self) -> bool {
        !self.in_order.is_empty()
    }

    /// Deliveries the application has not settled, or whose PUBACK waits for an earlier
    /// one.
    pub(super) fn outstanding(&self) -> usize {
        self.in_order.len() + self.unguarded.len()
    }

    /// Deliveries the application has not settled.
    pub(super) fn unsettled(&self) -> usize {
        self.in_order.iter().filter(|entry| !entry.settled).count() + self.unguarded.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn released(queue: &mut AckQueue) -> Vec<u16> {
        std::iter::from_fn(|| queue.release().map(|(id, _)| id)).collect()
    }

    #[test]
    fn acknowledgements_leave_in_order_of_receipt() {
        let mut queue = AckQueue::default();
        for (id, packet_id) in [(1, 7), (2, 7), (3, 9)] {
            queue.receive(DeliveryId(id), packet_id, Moment::ORIGIN);
        }
        assert!(queue.settle(DeliveryId(3)));
        assert!(queue.settle(DeliveryId(2)));
        assert!(released(&mut queue).is_empty());
        assert!(queue.settle(DeliveryId(1)));
        assert_eq!(released(&mut queue), [7, 7, 9]);
        assert_eq!(queue.outstanding(), 0);
    }

    #[test]
    fn a_second_acknowledgement_of_one_delivery_is_refused() {
        let mut queue = AckQueue::default();
        queue.receive(DeliveryId(1), 1, Moment::ORIGIN);
        queue.receive(DeliveryId(2), 1, Moment::ORIGIN);
        assert!(queue.settle(DeliveryId(2)));
        assert!(!queue.settle(DeliveryId(2)));
        assert!(!queue.settle(DeliveryId(5)));
        assert!(released(&mut queue).is_empty());
    }

    #[test]
    fn deliveries_without_guarantee_hold_nothing_back() {
        let mut queue = AckQueue::default();
        queue.receive_unguarded(DeliveryId(1));
        queue.receive(DeliveryId(2), 4, Moment::ORIGIN);
        assert!(queue.settle(DeliveryId(2)));
        assert_eq!(released(&mut queue), [4]);
        assert_eq!(queue.outstanding(), 1);
        assert!(!queue.guards(DeliveryId(1)));
        assert!(queue.settle(DeliveryId(1)));
        assert_eq!(queue.outstanding(), 0);
    }

    #[test]
    fn truncating_keeps_what_came_before() {
        let mut queue = AckQueue::default();
        for id in 1..=4 {
            queue.receive(DeliveryId(id), 1, Moment::ORIGIN);
        }
        queue.truncate_at(DeliveryId(3));
        assert_eq!(queue.outstanding(), 2);
        assert!(!queue.settle(DeliveryId(3)));
        assert!(queue.settle(DeliveryId(1)));
        assert_eq!(released(&mut queue), [1]);
        assert_eq!(queue.unsettled(), 1);
    }
}
