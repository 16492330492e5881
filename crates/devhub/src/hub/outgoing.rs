//! What the hub writes to its clients, and which PUBACK it then waits for.
//!
//! Every PUBLISH of edgeHub has packet id 1 and DUP 0, the first and the tenth time alike, so
//! PUBACKs can only be matched in order (sheet 6.3). With [`PacketIds::Rising`] the hub does as
//! a plain broker does instead.

use bytes::Bytes;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, Publish};

use super::habits::PacketIds;
use super::session::{Awaited, CloseReason, Phase, Serving};
use super::{Action, ConnectionId, Hub};
use crate::clock::Now;

/// Packets that may wait for one client's PUBACKs. A client that means to acknowledge has a handful.
const MAX_AWAITED: usize = 1000;

/// A PUBLISH to a client.
pub(super) struct Outgoing {
    pub(super) topic: String,
    pub(super) qos: QoS,
    pub(super) body: Bytes,
    /// What its PUBACK is for, or its writing at QoS 0.
    pub(super) what: Awaited,
    /// Whether the same was sent before.
    pub(super) again: bool,
}

impl Hub {
    /// Sends a packet that nobody waits for.
    pub(super) fn send(&mut self, connection: ConnectionId, packet: Packet, now: Now) {
        self.send_and_report(connection, packet, None, now);
    }

    /// Sends a PUBLISH that is no input delivery: its PUBACK, if any, means nothing.
    pub(super) fn send_notice(
        &mut self,
        connection: ConnectionId,
        topic: String,
        qos: QoS,
        body: Bytes,
        now: Now,
    ) {
        let notice = Outgoing {
            topic,
            qos,
            body,
            what: Awaited::Notice,
            again: false,
        };
        self.send_publish(connection, notice, now);
    }

    pub(super) fn send_publish(&mut self, connection: ConnectionId, out: Outgoing, now: Now) {
        let mut publish = Publish::from_bytes(out.topic, out.qos, out.body);
        let mut report_written = None;
        if out.qos == QoS::AtMostOnce {
            // At QoS 0 a message is complete when it is written.
            if let Awaited::Delivery(delivery) = out.what {
                report_written = Some(delivery);
            }
        } else {
            let rising = self.settings.habits.packet_ids == PacketIds::Rising;
            publish.dup = rising && out.again;
            publish.pkid = 1;
            if let Some(serving) = self.serving(connection) {
                if serving.awaited.len() >= MAX_AWAITED {
                    self.close(connection, CloseReason::NotAcknowledging, now);
                    return;
                }
                if rising {
                    publish.pkid = serving.next_packet_id();
                }
                serving.awaited.push_back((publish.pkid, out.what));
            }
        }
        self.send_and_report(connection, Packet::Publish(publish), report_written, now);
    }

    /// What the next PUBACK with this id is for: the oldest packet that waits for one, whichever
    /// the client meant; a plain broker looks for the id.
    pub(super) fn match_puback(
        &mut self,
        connection: ConnectionId,
        packet_id: u16,
    ) -> Option<Awaited> {
        let rising = self.settings.habits.packet_ids == PacketIds::Rising;
        let awaited = &mut self.serving(connection)?.awaited;
        let position = if rising {
            awaited.iter().position(|(id, _)| *id == packet_id)?
        } else if packet_id == 1 {
            0
        } else {
            return None;
        };
        awaited.remove(position).map(|(_, what)| what)
    }

    pub(super) fn serving(&mut self, connection: ConnectionId) -> Option<&mut Serving> {
        match &mut self.connections.get_mut(&connection)?.phase {
            Phase::Serving(serving) => Some(serving),
            Phase::AwaitingConnect { .. } | Phase::Ignored { .. } => None,
        }
    }

    fn send_and_report(
        &mut self,
        connection: ConnectionId,
        packet: Packet,
        report_written: Option<u64>,
        now: Now,
    ) {
        // The hub's own writes count as life too (sheet 4.4).
        if let Some(serving) = self.serving(connection) {
            serving.last_activity = now.elapsed;
        }
        self.actions.push_back(Action::Send {
            connection,
            packet,
            report_written,
        });
    }
}
