//! What a packet is to the hub: the one place that dispatches them.

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, SubAck, SubscribeReasonCode, UnsubAck};

use super::session::{CloseReason, Phase};
use super::{ConnectionId, Hub};
use crate::clock::Now;
use crate::identity::IdentityId;
use crate::topics::Feature;

/// Filters one client may have. The SDKs have four.
const MAX_SUBSCRIPTIONS: usize = 100;

impl Hub {
    /// A packet came in. Packets of a connection that was closed here are ignored.
    pub fn received(&mut self, connection: ConnectionId, packet: Packet, now: Now) {
        let Some(known) = self.connections.get_mut(&connection) else {
            return;
        };
        let serving = match &mut known.phase {
            Phase::Serving(serving) => serving,
            Phase::Ignored { last_activity, .. } => {
                *last_activity = now.elapsed;
                return;
            }
            Phase::AwaitingConnect { .. } => {
                match packet {
                    Packet::Connect(connect) => self.connect(connection, connect, now),
                    _ => self.close(connection, CloseReason::NotConnectFirst, now),
                }
                return;
            }
        };
        serving.last_activity = now.elapsed;
        let client = serving.client.clone();
        match packet {
            Packet::Connect(_) => self.close(connection, CloseReason::SecondConnect, now),
            Packet::Publish(publish) => self.published(connection, &client, &publish, now),
            Packet::PubAck(ack) => self.acknowledged(connection, &client, ack.pkid, now),
            Packet::Subscribe(subscribe) => {
                let codes = subscribe
                    .filters
                    .iter()
                    .map(|filter| SubscribeReasonCode::Success(capped(filter.qos)))
                    .collect();
                let mut changed = false;
                for filter in subscribe.filters {
                    changed |= self.subscribed(&client, filter.path, capped(filter.qos));
                }
                let held = self.clients.get(&client).map(|c| c.subscriptions.len());
                if held.is_some_and(|held| held > MAX_SUBSCRIPTIONS) {
                    self.close(connection, CloseReason::TooManySubscriptions, now);
                    return;
                }
                self.note_features(connection, &client, now);
                if changed {
                    self.persist_session(&client);
                }
                self.send(
                    connection,
                    Packet::SubAck(SubAck::new(subscribe.pkid, codes)),
                    now,
                );
                self.pump(&client, now);
            }
            Packet::Unsubscribe(unsubscribe) => {
                if let Some(client) = self.clients.get_mut(&client) {
                    for filter in &unsubscribe.topics {
                        client.subscriptions.remove(filter);
                    }
                }
                self.persist_session(&client);
                self.send(
                    connection,
                    Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid)),
                    now,
                );
            }
            Packet::PingReq => self.send(connection, Packet::PingResp, now),
            Packet::Disconnect => {
                serving.will = None;
                self.close(connection, CloseReason::Disconnected, now);
            }
            Packet::ConnAck(_)
            | Packet::SubAck(_)
            | Packet::UnsubAck(_)
            | Packet::PingResp
            | Packet::PubRec(_)
            | Packet::PubRel(_)
            | Packet::PubComp(_) => {
                self.close(connection, CloseReason::UnexpectedPacket, now);
            }
        }
    }

    /// What a client's subscriptions, new or kept, bring about.
    pub(super) fn note_features(&mut self, connection: ConnectionId, id: &IdentityId, now: Now) {
        let wants = |feature| {
            self.clients
                .get(id)
                .is_some_and(|client| client.wants(feature))
        };
        let (inputs, methods) = (wants(Feature::Inputs), wants(Feature::Methods));
        if let Some(serving) = self.serving(connection) {
            serving.had_inputs |= inputs;
        }
        if methods {
            self.methods_subscribed(id, now);
        }
    }

    /// Notes a subscription; says whether it is a new one.
    fn subscribed(&mut self, id: &IdentityId, filter: String, qos: QoS) -> bool {
        if crate::topics::feature(&filter).is_none() {
            tracing::warn!(client = %id, filter, "subscription granted, but edgeHub sends nothing on this filter");
        }
        let qos = qos as u8;
        let before = self
            .clients
            .get_mut(id)
            .map(|client| client.subscriptions.insert(filter, qos));
        before.is_some_and(|before| before != Some(qos))
    }
}

/// SUBACK grants at most QoS 1 (sheet 5.2).
fn capped(qos: QoS) -> QoS {
    match qos {
        QoS::AtMostOnce => QoS::AtMostOnce,
        QoS::AtLeastOnce | QoS::ExactlyOnce => QoS::AtLeastOnce,
    }
}
