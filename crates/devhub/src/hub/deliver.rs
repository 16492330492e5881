//! From the queues to module inputs and upstream (sheet 6.3 and 6.4).
//!
//! One unacknowledged message per module over all its inputs. Within an endpoint the smallest
//! priority number goes first; between endpoints of one module the oldest message does. What was
//! sent and not acknowledged goes again before anything else.

use std::time::Duration;

use rumqttc::mqttbytes::QoS;

use super::habits::{Retry, Unsubscribed};
use super::outgoing::Outgoing;
use super::session::{Awaited, Phase, Turn};
use super::{Action, ConnectionId, Hub};
use crate::clock::Now;
use crate::identity::IdentityId;
use crate::journal;
use crate::message::Message;
use crate::store::{Endpoint, Entry, QueueId, StoreError};
use crate::topics::{self, Feature};

/// Longest topic MQTT can carry, in bytes.
const MAX_TOPIC_BYTES: usize = 65_535;

/// Application property by which a message chooses the QoS of its delivery.
const QOS_CHOICE: &str = "mqtt-qos";
/// Pause before a message that could not be read from the store is tried again.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// A message whose turn it is.
struct Next {
    connection: ConnectionId,
    queue: QueueId,
    sequence: u64,
    /// Failed attempts, when it was sent before.
    attempt: Option<u32>,
}

/// What the head of a lane turned out to be.
enum Head {
    /// Sent; or nothing can be sent now.
    Done,
    /// Removed without being sent: look again.
    Removed,
}

impl Hub {
    /// Sends the next input message to a module if it may have one.
    pub(super) fn pump(&mut self, id: &IdentityId, now: Now) {
        while let Some(next) = self.next_for(id, now) {
            match self.offer(id, &next, now) {
                Head::Done => break,
                Head::Removed => {}
            }
        }
    }

    /// The next message for a module, if it may have one now.
    fn next_for(&mut self, id: &IdentityId, now: Now) -> Option<Next> {
        if id.device_id() != self.identities.hosts().edge_device {
            return None;
        }
        let lane = self.lanes.get(id.module_id()?)?;
        let client = self.clients.get_mut(id)?;
        let connection = client.connection?;
        if client.wait_until.is_some_and(|until| until > now.elapsed) {
            return None;
        }
        if !client.wants(Feature::Inputs) {
            // The endpoint may still know the connection as one that had asked.
            let drops = self.settings.habits.unsubscribed == Unsubscribed::Drop;
            let had = matches!(&self.connections.get(&connection)?.phase,
                Phase::Serving(serving) if serving.had_inputs);
            if !(drops && had) {
                return None;
            }
        }
        match &client.turn {
            Turn::Out { .. } => return None,
            Turn::Again {
                queue,
                sequence,
                attempt,
            } => {
                if self.store.front_sequence(queue) == Some(*sequence) {
                    return Some(Next {
                        connection,
                        queue: queue.clone(),
                        sequence: *sequence,
                        attempt: Some(*attempt),
                    });
                }
                client.turn = Turn::Idle;
            }
            Turn::Idle => {}
        }
        let mut best: Option<(&QueueId, u64)> = None;
        let mut served: Option<&Endpoint> = None;
        for queue in lane {
            // Queues come in order of endpoint, then priority: the first that holds something
            // stands for its endpoint.
            if served == Some(&queue.endpoint) {
                continue;
            }
            let Some(sequence) = self.store.front_sequence(queue) else {
                continue;
            };
            served = Some(&queue.endpoint);
            if best.is_none_or(|(_, oldest)| sequence < oldest) {
                best = Some((queue, sequence));
            }
        }
        best.map(|(queue, sequence)| Next {
            connection,
            queue: queue.clone(),
            sequence,
            attempt: None,
        })
    }

    fn offer(&mut self, id: &IdentityId, next: &Next, now: Now) -> Head {
        let (queue, sequence) = (&next.queue, next.sequence);
        let again = next.attempt.is_some();
        let Some(entry) = self.read_front(queue, sequence) else {
            if self.store.front_sequence(queue) != Some(sequence) {
                return Head::Removed;
            }
            // Nothing else may ever bring this queue up again.
            if let Some(client) = self.clients.get_mut(id) {
                client.wait_until = Some(now.elapsed + STORE_RETRY);
            }
            return Head::Done;
        };
        // What was sent once is past the check of its time (sheet 6.4).
        if !again && entry.has_expired(now.wall) {
            self.drop_expired(queue, &entry);
            return Head::Removed;
        }
        let Endpoint::Input { module, input } = &queue.endpoint else {
            return Head::Done;
        };
        let properties = entry.message.delivery_properties();
        let topic = topics::input_delivery(id.device_id(), module, input, &properties);
        let granted = self
            .clients
            .get(id)
            .and_then(|client| client.granted(&topic));
        let Some(qos) = granted.filter(|_| topic.len() <= MAX_TOPIC_BYTES) else {
            self.counters.dropped_undeliverable += 1;
            tracing::error!(client = %id, endpoint = %queue.endpoint, topic_bytes = topic.len(),
                "message dropped: no subscription covers its topic, or the topic is too long");
            self.pop(queue, sequence);
            return Head::Removed;
        };
        let qos = delivery_qos(&entry.message, qos);
        let delivery = self.next_delivery;
        self.next_delivery += 1;
        if again {
            self.counters.redelivered += 1;
        }
        let turn = Turn::Out {
            queue: queue.clone(),
            sequence,
            delivery,
            due: now.elapsed + self.settings.ack_timeout,
            attempt: next.attempt.unwrap_or(0),
        };
        if let Some(client) = self.clients.get_mut(id) {
            client.turn = turn;
        }
        self.record(|| journal::Event::Handed {
            delivery,
            client: id.to_string(),
            connection: next.connection,
            from: entry.message.sender().to_string(),
            id: entry.message.id().map(str::to_owned),
        });
        let out = Outgoing {
            topic,
            qos,
            body: entry.message.body.clone(),
            what: Awaited::Delivery(delivery),
            again,
        };
        self.send_publish(next.connection, out, now);
        Head::Done
    }

    /// A PUBACK.
    pub(super) fn acknowledged(
        &mut self,
        connection: ConnectionId,
        client: &IdentityId,
        packet_id: u16,
        now: Now,
    ) {
        match self.match_puback(connection, packet_id) {
            Some(Awaited::Delivery(delivery)) => {
                self.record(|| journal::Event::Acknowledged { delivery });
                self.delivered(client, delivery, now);
            }
            Some(Awaited::Notice) => {}
            None => {
                self.counters.stray_acknowledgements += 1;
                tracing::warn!(%client, packet_id, "PUBACK ignored: nothing with this id waits for one");
            }
        }
    }

    /// A delivery is complete, if it is the one that is out; one sent before the last time-out
    /// acknowledges nothing (sheet 6.3).
    pub(super) fn delivered(&mut self, client: &IdentityId, delivery: u64, now: Now) {
        let Some(known) = self.clients.get_mut(client) else {
            return;
        };
        match std::mem::take(&mut known.turn) {
            Turn::Out {
                queue,
                sequence,
                delivery: out,
                attempt,
                ..
            } if out == delivery => {
                self.counters.delivered += 1;
                if let Some(left) = self.faults.redeliver.checked_sub(1) {
                    self.faults.redeliver = left;
                    known.turn = Turn::Again {
                        queue,
                        sequence,
                        attempt,
                    };
                } else {
                    self.pop(&queue, sequence);
                }
                self.pump(client, now);
            }
            other @ (Turn::Out { .. } | Turn::Again { .. } | Turn::Idle) => {
                known.turn = other;
                self.counters.stray_acknowledgements += 1;
                tracing::warn!(%client, "PUBACK came after its time and is for a delivery that was given up");
            }
        }
    }

    /// The same message goes first again, on the same connection.
    pub(super) fn acknowledgement_timed_out(&mut self, id: &IdentityId, now: Now) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        client.turn.interrupt();
        if let Turn::Again { attempt, .. } = client.turn
            && self.settings.habits.retry == Retry::Backoff
        {
            client.wait_until = Some(now.elapsed + backoff(attempt.saturating_sub(1)));
        }
        tracing::warn!(client = %id, seconds = self.settings.ack_timeout.as_secs_f64(), "no PUBACK in time, sending again");
        self.pump(id, now);
    }

    /// Offers the next message to the outer world unless one is on its way.
    pub(super) fn pump_upstream(&mut self, now: Now) {
        let resting = self.upstream.writing.is_some() || self.upstream.retry_at.is_some();
        if resting || self.faults.offline {
            return;
        }
        loop {
            let next = self
                .upstream
                .queues
                .iter()
                .find_map(|queue| Some((queue.clone(), self.store.front_sequence(queue)?)));
            let Some((queue, sequence)) = next else {
                return;
            };
            let Some(entry) = self.read_front(&queue, sequence) else {
                if self.store.front_sequence(&queue) == Some(sequence) {
                    self.upstream.retry_at = Some(now.elapsed + STORE_RETRY);
                    return;
                }
                continue;
            };
            if entry.has_expired(now.wall) {
                self.drop_expired(&queue, &entry);
                continue;
            }
            self.upstream.writing = Some((queue, sequence));
            self.actions.push_back(Action::Upstream(entry));
            return;
        }
    }

    pub(super) fn drop_expired(&mut self, queue: &QueueId, entry: &Entry) {
        self.counters.dropped_expired += 1;
        tracing::warn!(endpoint = %queue.endpoint, sequence = entry.sequence, "message dropped: its time to live has passed");
        self.pop(queue, entry.sequence);
    }

    /// Reads the oldest message back; one that is damaged is dropped, or it would block its queue
    /// for ever.
    pub(super) fn read_front(&mut self, queue: &QueueId, sequence: u64) -> Option<Entry> {
        match self.store.front(queue) {
            Ok(entry) => entry,
            Err(error) => {
                tracing::error!(endpoint = %queue.endpoint, error = &error as &dyn std::error::Error, "queued message unreadable");
                if matches!(error, StoreError::Damaged { .. }) {
                    self.counters.storage_failures += 1;
                    self.pop(queue, sequence);
                }
                None
            }
        }
    }
}

/// The QoS a message is delivered at: its own choice, but not above that of the subscription
/// (sheet 5.4). No choice, and one that is no QoS, mean 1.
fn delivery_qos(message: &Message, granted: QoS) -> QoS {
    let choice = message
        .application
        .iter()
        .find(|(key, _)| key == QOS_CHOICE)
        .map(|(_, value)| value.as_deref());
    match choice {
        Some(Some("0")) => QoS::AtMostOnce,
        // No subscription is granted more than 1.
        None | Some(Some("1" | "2")) => granted,
        Some(value) => {
            tracing::warn!(sender = %message.sender(), value, "{QOS_CHOICE} ignored: expected 0, 1 or 2");
            granted
        }
    }
}

/// edgeHub's pause after so many failed attempts: 1 s doubling to 60 s (sheet 6.3).
fn backoff(attempt: u32) -> Duration {
    Duration::from_secs(60.min(1_u64.checked_shl(attempt).unwrap_or(u64::MAX)))
}

/// The first moment after `now` at which a queue that has been tried since `since` is tried again.
pub(super) fn next_retry(since: Duration, now: Duration) -> Duration {
    let mut at = since;
    for attempt in 0.. {
        at += backoff(attempt);
        if at > now || attempt == 6 {
            break;
        }
    }
    // From here on it is one a minute.
    let late = now.saturating_sub(at).as_secs();
    if at > now {
        at
    } else {
        at + Duration::from_secs(60 * (late / 60 + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_tried_at_1_3_7_15_31_63_then_each_minute() {
        let next = |now| next_retry(Duration::ZERO, Duration::from_secs(now)).as_secs();
        assert_eq!(
            [0, 1, 2, 3, 14, 30, 62, 63, 122, 123, 3600].map(next),
            [1, 3, 3, 7, 15, 31, 63, 123, 123, 183, 3603]
        );
    }
}
