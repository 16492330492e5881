//! From a PUBLISH to the queues (sheet 6.1): topic, properties, size gate, routes, store, and only
//! then PUBACK. What is dropped is acknowledged all the same, as edgeHub does, and said loudly,
//! which edgeHub does not: a wrong encoding must not pass a test in silence.

use std::sync::Arc;

use bytes::Bytes;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{LastWill, Packet, PubAck, Publish};

use super::session::CloseReason;
use super::{ConnectionId, Hub};
use crate::clock::Now;
use crate::identity::IdentityId;
use crate::message::{DUP_MARK, MAX_MESSAGE_SIZE, Message, RETAIN_MARK};
use crate::properties;
use crate::store::{Endpoint, StoreError};
use crate::topics::{self, Inbound, TopicError};

/// What became of a message.
enum Taken {
    /// Queued or dropped on purpose: acknowledge it.
    Settled,
    /// The connection has to end, and nothing is acknowledged.
    Fatal(CloseReason),
}

/// A PUBLISH or a will, as telemetry sees it.
struct Incoming<'a> {
    topic: &'a str,
    body: Bytes,
    dup: bool,
    retain: bool,
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
                tracing::info!(%client, status, rid, "method response without a call");
                Taken::Settled
            }
            Ok(Inbound::Telemetry { .. }) | Err(TopicError::Unknown(_)) => {
                let incoming = Incoming {
                    topic: &topic,
                    body: publish.payload.clone(),
                    dup: publish.dup,
                    retain: publish.retain,
                };
                self.take_telemetry(client, incoming, now)
            }
            Err(error @ TopicError::TwinRequest(_)) => {
                Taken::Fatal(CloseReason::TwinRequest(error.to_string()))
            }
        };
        match (taken, publish.qos) {
            (Taken::Fatal(reason), _) => self.close(connection, reason, now),
            (Taken::Settled, QoS::AtMostOnce) => {}
            (Taken::Settled, QoS::AtLeastOnce) => {
                self.send(connection, Packet::PubAck(PubAck::new(publish.pkid)), now);
            }
            // Taken, never confirmed, closed: the sender will send it twice (sheet 6.1).
            (Taken::Settled, QoS::ExactlyOnce) => {
                self.close(connection, CloseReason::ExactlyOnce, now);
            }
        }
    }

    /// A will becomes telemetry of the client that left it.
    pub(super) fn publish_will(&mut self, client: &IdentityId, will: &LastWill, now: Now) {
        let incoming = Incoming {
            topic: &will.topic,
            body: will.message.clone(),
            dup: false,
            retain: will.retain,
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
        for (mark, set) in [(DUP_MARK, incoming.dup), (RETAIN_MARK, incoming.retain)] {
            if set {
                pairs.retain(|(key, _)| key != mark);
                pairs.push((mark.to_owned(), Some("true".to_owned())));
            }
        }
        let message = Message::telemetry(client, pairs, incoming.body, now.wall);
        let size = message.size();
        if size > MAX_MESSAGE_SIZE {
            self.counters.dropped_too_large += 1;
            tracing::warn!(%client, size, limit = MAX_MESSAGE_SIZE, "message dropped though acknowledged: it is too large");
            return Taken::Settled;
        }
        match self.enqueue(message, now) {
            Ok(0) => {
                self.counters.dropped_no_route += 1;
                tracing::warn!(%client, topic, "message dropped though acknowledged: no route takes it");
                Taken::Settled
            }
            Ok(_) => Taken::Settled,
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
        for destination in &destinations {
            self.store
                .append(&destination.queue, &message, destination.expires_at)?;
            self.counters.queued += 1;
            self.note_queue(&destination.queue);
        }
        for destination in &destinations {
            match &destination.queue.endpoint {
                Endpoint::Upstream => self.pump_upstream(now),
                Endpoint::Input { module, .. } => {
                    let module = self.identities.module_id(module);
                    self.pump(&module, now);
                }
            }
        }
        Ok(destinations.len())
    }
}
