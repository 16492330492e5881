//! Messages that outlived their time where nobody looks at them: at a module that never comes
//! (sheet 6.4).
//!
//! As deliveries do, it looks at the front of each queue only, and at no message that was sent
//! before: that one is past the check of its time.

use std::time::Duration;

use super::session::Turn;
use super::{Hub, Settings};
use crate::clock::Now;
use crate::store::QueueId;

/// The shortest interval edgeHub takes.
const MIN_INTERVAL: Duration = Duration::from_secs(30);

/// The time between two looks.
pub(super) fn interval(settings: &Settings) -> Duration {
    settings.cleanup_interval.max(MIN_INTERVAL)
}

impl Hub {
    /// When queues are to be looked through; never while all are empty.
    pub(super) fn cleanup_due(&self) -> Option<Duration> {
        self.all_queues()
            .any(|queue| self.store.front_sequence(queue).is_some())
            .then_some(self.next_cleanup)
    }

    pub(super) fn clean_up(&mut self, now: Now) {
        if now.elapsed < self.next_cleanup {
            return;
        }
        self.next_cleanup = now.elapsed + interval(&self.settings);
        let queues: Vec<_> = self.all_queues().cloned().collect();
        for queue in queues {
            while let Some(sequence) = self.store.front_sequence(&queue) {
                if self.is_out(&queue, sequence) {
                    break;
                }
                match self.read_front(&queue, sequence) {
                    Some(entry) if entry.has_expired(now.wall) => self.drop_expired(&queue, &entry),
                    // A damaged one is gone by now.
                    None if self.store.front_sequence(&queue) != Some(sequence) => {}
                    Some(_) | None => break,
                }
            }
        }
    }

    fn all_queues(&self) -> impl Iterator<Item = &QueueId> {
        self.lanes.values().flatten().chain(&self.upstream.queues)
    }

    /// Whether a message was sent and is not acknowledged.
    fn is_out(&self, queue: &QueueId, sequence: u64) -> bool {
        let written = |(at, writing): &(QueueId, u64)| (at, *writing) == (queue, sequence);
        self.upstream.writing.as_ref().is_some_and(written)
            || self.clients.values().any(|client| match &client.turn {
                Turn::Idle => false,
                Turn::Again {
                    queue: at,
                    sequence: sent,
                    ..
                }
                | Turn::Out {
                    queue: at,
                    sequence: sent,
                    ..
                } => (at, *sent) == (queue, sequence),
            })
    }
}
