//! From a PUBLISH to the queues (sheet 6.1): topic, properties, size gate, routes, store, and only
//! then PUBACK. What is dropped is acknowledged all the same, as edgeHub does, and said loudly,
//! which edgeHub does not: a wrong encoding must not pass a test in silence.

use std::sync::Arc;

use bytes::Bytes;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{LastWill, Packet, PubAck, Publish};

use super::faults::Pubacks;
use super::habits::{CaseTwins, SenderProperties};
use super::session::{CloseReason, Phase};
use super::{ConnectionId, Hub};
use crate::clock::Now;
use crate::identity::IdentityId;
use crate::journal;
use crate::message::{DUP_MARK, MAX_MESSAGE_SIZE, Message, RETAIN_MARK};
use crate::properties::{self, Pairs};
use crate::store::{Endpoint, StoreError};
use crate::topics::{self, Inbound, TopicError};

/// PUBACKs that a fault may hold back on one connection; beyond it is cut.
const MAX_LATE_PUBACKS: usize = 1000;

/// What became of a message.
enum Taken {
    /// Dropped on purpose, or no message for the queues: acknowledge it.
    Settled,
    /// In its queues, with this id: acknowledge it.
    Queued(Option<String>),
    /// The connection has to end, and nothing is acknowledged.
    Fatal(CloseReason),
}

/// A PUBLISH or a will, as telemetry sees it.
struct Incoming<'a> {
    topic: &'a str,
    body: Bytes,
    dup: bool,
    retain: bool,
    /// Routes can tell it by `$messageType` (sheet 6.1).
    is_will: bool,
}

impl Hub {
    pub(super) fn published(
        &mut self,
        connection: ConnectionId,
        client: &IdentityId,
        publish: &Publish,
        now: Now,
    ) {
        // The codec has checked it.
        let topic = String::from_utf8_lossy(&publish.topic).into_owned();
        let taken = match topics::parse(&topic) {
            Ok(Inbound::TwinGet { rid }) => {
                self.twin_get(connection, client, rid, now);
                Taken::Settled
            }
            Ok(Inbound::ReportedPatch { rid }) => {
                self.reported_patch(connection, client, rid, &publish.payload, now);
                Taken::Settled
            }
            Ok(Inbound::MethodResponse { status, rid }) => {
                // Acknowledged even when nobody waits for it (sheet 9.2).
                self.method_answered(client, status, rid, &publish.payload);
                Taken::Settled
            }
            Ok(Inbound::Telemetry { .. }) | Err(TopicError::Unknown(_)) => {
                let incoming = Incoming {
                    topic: &topic,
                    body: publish.payload.clone(),
                    dup: publish.dup,
                    retain: publish.retain,
                    is_will: false,
                };
                self.take_telemetry(client, incoming, now)
            }
            Err(error @ TopicError::TwinRequest(_)) => {
                Taken::Fatal(CloseReason::TwinRequest(error.to_string()))
            }
        };
        match taken {
            Taken::Fatal(reason) => return self.close(connection, reason, now),
            Taken::Settled => {}
            Taken::Queued(id) => self.record(|| journal::Event::Took {
                client: client.to_string(),
                connection,
                packet: publish.pkid,
                id,
            }),
        }
        match publish.qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => self.confirm(connection, publish.pkid, now),
            // Taken, never confirmed, closed: the sender will send it twice (sheet 6.1).
            QoS::ExactlyOnce => self.close(connection, CloseReason::ExactlyOnce, now),
        }
    }

    /// Sends a PUBACK, now or when a fault says so; later ones never overtake it.
    fn confirm(&mut self, connection: ConnectionId, packet_id: u16, now: Now) {
        let fault = self.faults.pubacks;
        let Some(serving) = self.serving(connection) else {
            return;
        };
        let last = serving.late_pubacks.back().map(|(_, due)| *due);
        let due = match fault {
            Pubacks::AtOnce => last,
            Pubacks::Delayed(delay) => Some(now.elapsed + delay).max(last),
            Pubacks::Withheld => return,
        };
        match due {
            Some(_) if serving.late_pubacks.len() >= MAX_LATE_PUBACKS => {
                self.close(connection, CloseReason::OnDemand, now);
            }
            Some(due) => serving.late_pubacks.push_back((packet_id, due)),
            None => self.send_puback(connection, packet_id, now),
        }
    }

    pub(super) fn send_late_pubacks(&mut self, now: Now) {
        let waiting: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, connection)| match &connection.phase {
                Phase::Serving(serving) => !serving.late_pubacks.is_empty(),
                Phase::AwaitingConnect { .. } | Phase::Ignored { .. } => false,
            })
            .map(|(id, _)| *id)
            .collect();
        for connection in waiting {
            while let Some((packet_id, _)) = self.serving(connection).and_then(|serving| {
                serving
                    .late_pubacks
                    .pop_front_if(|(_, due)| *due <= now.elapsed)
            }) {
                self.send_puback(connection, packet_id, now);
            }
        }
    }

    fn send_puback(&mut self, connection: ConnectionId, packet: u16, now: Now) {
        self.record(|| journal::Event::Confirmed { connection, packet });
        self.send(connection, Packet::PubAck(PubAck::new(packet)), now);
    }

    /// A will becomes telemetry of the client that left it.
    pub(super) fn publish_will(&mut self, client: &IdentityId, will: &LastWill, now: Now) {
        let incoming = Incoming {
            topic: &will.topic,
            body: will.message.clone(),
            dup: false,
            retain: will.retain,
            is_will: true,
        };
        if let Taken::Fatal(reason) = self.take_telemetry(client, incoming, now) {
            tracing::error!(%client, %reason, "will lost");
        }
    }

    fn take_telemetry(&mut self, client: &IdentityId, incoming: Incoming<'_>, now: Now) -> Taken {
        self.counters.received += 1;
        let topic = incoming.topic;
        let Ok(Inbound::Telemetry {
            device,
            module,
            properties,
        }) = topics::parse(topic)
        else {
            self.counters.dropped_unknown_topic += 1;
            tracing::error!(%client, topic, "message dropped though acknowledged: edgeHub has no template for this topic");
            return Taken::Settled;
        };
        if device != client.device_id() || module != client.module_id() {
            return Taken::Fatal(CloseReason::ForeignTopic(topic.to_owned()));
        }
        let mut pairs = match properties::decode(properties) {
            Ok(pairs) => pairs,
            Err(error) => {
                self.counters.dropped_bad_properties += 1;
                tracing::error!(%client, topic, %error, "message dropped though acknowledged");
                return Taken::Settled;
            }
        };
        if self.settings.habits.case_twins == CaseTwins::Drop
            && let Some(key) = case_twin(&pairs)
        {
            self.counters.dropped_case_twins += 1;
            tracing::error!(%client, key, "message dropped though acknowledged: a second key differs from this one in case only");
            return Taken::Settled;
        }
        let sender = match self.settings.habits.sender_properties {
            SenderProperties::Replace => replaced_sender(client, &mut pairs),
            SenderProperties::Keep => client.clone(),
        };
        for (mark, set) in [(DUP_MARK, incoming.dup), (RETAIN_MARK, incoming.retain)] {
            if set {
                pairs.retain(|(key, _)| key != mark);
                pairs.push((mark.to_owned(), Some("true".to_owned())));
            }
        }
        let mut message = Message::telemetry(&sender, pairs, incoming.body, now.wall);
        if incoming.is_will {
            let kind = ("messageType".to_owned(), Some("Will".to_owned()));
            message.system.push(kind);
        }
        let size = message.size();
        if size > MAX_MESSAGE_SIZE {
            self.counters.dropped_too_large += 1;
            tracing::warn!(%client, size, limit = MAX_MESSAGE_SIZE, "message dropped though acknowledged: it is too large");
            return Taken::Settled;
        }
        let id = message.id().map(str::to_owned);
        match self.enqueue(message, now) {
            Ok(0) => {
                self.counters.dropped_no_route += 1;
                tracing::warn!(%client, topic, "message dropped though acknowledged: no route takes it");
                Taken::Settled
            }
            Ok(_) => Taken::Queued(id),
            Err(error) => {
                self.counters.storage_failures += 1;
                tracing::error!(%client, error = &error as &dyn std::error::Error, "message not kept and not acknowledged");
                Taken::Fatal(CloseReason::StorageFailure)
            }
        }
    }

    /// Puts a message into every queue that wants it and returns their number.
    pub(super) fn enqueue(&mut self, message: Message, now: Now) -> Result<usize, StoreError> {
        let destinations = self.routing.destinations(&message);
        let message = Arc::new(message);
        let mut queued = 0;
        let mut refused = None;
        for destination in &destinations {
            let appended = if self.faults.full_queues {
                Err(StoreError::Full {
                    held: 0,
                    wanted: message.size() as u64,
                    limit: 0,
                })
            } else {
                self.store
                    .append(&destination.queue, &message, destination.expires_at)
            };
            if let Err(error) = appended {
                refused = Some(error);
                break;
            }
            queued += 1;
            self.counters.queued += 1;
            self.note_queue(&destination.queue);
        }
        // What some queue took is delivered, also when the next one refused: the sender will send it
        // again, and that queue has it twice, as edgeHub's would.
        for destination in &destinations[..queued] {
            match &destination.queue.endpoint {
                Endpoint::Upstream => self.pump_upstream(now),
                Endpoint::Input { module, .. } => {
                    let module = self.identities.module_id(module);
                    self.pump(&module, now);
                }
            }
        }
        match refused {
            Some(error) => Err(error),
            None => Ok(queued),
        }
    }
}

/// A key of which another one differs in case only.
fn case_twin(pairs: &Pairs) -> Option<&str> {
    let mut seen = std::collections::HashSet::new();
    pairs
        .iter()
        .map(|(key, _)| key.as_str())
        .find(|key| !seen.insert(key.to_lowercase()))
}

/// The sender that properties named like parameters of the topic put in place of the true one.
fn replaced_sender(client: &IdentityId, pairs: &mut Pairs) -> IdentityId {
    let mut take = |name: &str| {
        let at = pairs.iter().position(|(key, _)| key == name)?;
        pairs.remove(at).1
    };
    let (device, module) = (take("deviceId"), take("moduleId"));
    if device.is_none() && module.is_none() {
        return client.clone();
    }
    tracing::error!(%client, ?device, ?module,
        "the properties deviceId and moduleId take the place of the sender; do not use these names");
    let device = device.unwrap_or_else(|| client.device_id().to_owned());
    match module.or_else(|| client.module_id().map(str::to_owned)) {
        Some(module) => IdentityId::module(device, module),
        None => IdentityId::device(device),
    }
}
