//! Packets that come on one connection, each to its place.

use bytes::Bytes;

use super::{Live, Subscription};
use crate::moment::Moment;
use crate::session::SessionConfig;
use crate::session::common::Common;
use crate::session::event::{Cause, DeliveryId, Event};
use crate::session::packet::{Inbound, UnexpectedPacket};
use crate::session::violation::Violation;
use crate::session::window::Sent;
use crate::topics;

/// A PUBLISH from the hub.
pub(super) struct Arrival {
    pub(super) topic: String,
    pub(super) qos: u8,
    pub(super) packet_id: u16,
    pub(super) payload: Bytes,
}

/// Whether the hub sends this only because a packet of ours has reached it.
fn is_answer(packet: &Inbound) -> bool {
    match packet {
        Inbound::ConnAck { .. }
        | Inbound::PubAck { .. }
        | Inbound::SubAck { .. }
        | Inbound::PingResp => true,
        Inbound::Publish { .. } | Inbound::Unexpected(_) => false,
    }
}

impl Live {
    pub(in crate::session) fn handle_packet(
        &mut self,
        now: Moment,
        packet: Inbound,
        config: &SessionConfig,
        common: &mut Common,
    ) -> Result<(), Cause> {
        self.received(now);
        if is_answer(&packet) {
            self.keep_alive.answered(now);
        }
        match packet {
            Inbound::Publish {
                topic,
                qos,
                packet_id,
                payload,
            } => {
                let arrival = Arrival {
                    topic,
                    qos,
                    packet_id,
                    payload,
                };
                self.arrived(arrival, now, config, common)
            }
            Inbound::PubAck { packet_id } => {
                let sent = self
                    .window
                    .confirm(packet_id)
                    .ok_or(Violation::UnknownPuback { packet_id })?;
                match sent {
                    Sent::Message(publish) => {
                        common.events.push_back(Event::Confirmed { publish });
                    }
                    // A request waits for its answer, which says more.
                    Sent::TwinRequest | Sent::MethodAnswer => {}
                }
                Ok(())
            }
            Inbound::SubAck { packet_id, granted } => {
                self.subscribed(packet_id, &granted, config, now, common)
            }
            Inbound::PingResp => {
                self.receipts.answered();
                Ok(())
            }
            Inbound::ConnAck { .. } => Err(Violation::SecondConnack.into()),
            Inbound::Unexpected(UnexpectedPacket::UnsubAck) => {
                Err(Violation::UnexpectedUnsuback.into())
            }
            Inbound::Unexpected(UnexpectedPacket::QosTwo) => {
                Err(Violation::UnexpectedQosTwoPacket.into())
            }
            Inbound::Unexpected(UnexpectedPacket::FromClient) => {
                Err(Violation::ClientPacket.into())
            }
        }
    }

    /// Sorts by topic. Only an input's delivery waits for the application before its
    /// PUBACK; anything else gets it in its turn at once.
    fn arrived(
        &mut self,
        arrival: Arrival,
        now: Moment,
        config: &SessionConfig,
        common: &mut Common,
    ) -> Result<(), Cause> {
        match (arrival.qos, arrival.packet_id) {
            (0, _) => {}
            (1, 0) => return Err(Violation::PacketIdZero.into()),
            (1, _) => {}
            _ => return Err(Violation::QosAboveGranted.into()),
        }
        if let Some((input, segment)) = topics::parse_input(&config.identity, &arrival.topic) {
            // While closing nothing new is taken on; without its PUBACK it comes again.
            if !self.is_closing() {
                self.deliver(input, segment, &arrival, now, config, common);
            }
            return Ok(());
        }
        self.acknowledge_at_once(&arrival, now, config, common);
        let topic = arrival.topic.as_str();
        if let Some(twin) = topics::twin::parse(topic).filter(|_| config.follows_twin) {
            self.twin_told(twin, &arrival.payload, now, config, common);
        } else if let Some(method) = topics::methods::parse(topic) {
            self.called(method, &arrival.payload, now, config, common);
        } else {
            common.events.push_back(Event::Stray {
                topic: arrival.topic,
            });
        }
        Ok(())
    }

    fn acknowledge_at_once(
        &mut self,
        arrival: &Arrival,
        now: Moment,
        config: &SessionConfig,
        common: &mut Common,
    ) {
        // While closing, deliveries the application has not seen have no PUBACK to come,
        // and a later one must not go out in their place.
        if arrival.qos == 0 || self.is_closing() {
            return;
        }
        common.last_delivery += 1;
        let id = DeliveryId(common.last_delivery);
        self.acks.receive(id, arrival.packet_id, now);
        self.settle(id, now, config, common);
    }

    fn subscribed(
        &mut self,
        packet_id: u16,
        granted: &[Option<u8>],
        config: &SessionConfig,
        now: Moment,
        common: &mut Common,
    ) -> Result<(), Cause> {
        match self.subscription {
            Subscription::Awaited {
                packet_id: expected,
                ..
            } if expected == packet_id => {}
            Subscription::NotWanted | Subscription::Granted | Subscription::Awaited { .. } => {
                return Err(Violation::UnknownSuback { packet_id }.into());
            }
        }
        let filters = config.filters();
        if granted.len() != filters.len() {
            let codes = granted.len();
            return Err(Violation::SubackCodes { codes }.into());
        }
        for (granted, filter) in granted.iter().copied().zip(&filters) {
            let asked = filter.qos;
            // More than asked for is no harm: what comes at QoS 1 is acknowledged.
            if !granted.is_some_and(|granted| (asked..=1).contains(&granted)) {
                return Err(Cause::SubscriptionRefused { granted, asked });
            }
        }
        self.subscription = Subscription::Granted;
        let link = self.link;
        common.events.push_back(Event::Subscribed { link });
        if config.follows_twin && !self.is_closing() {
            self.twin.ask_now(now);
            self.ask(now, config, common);
        }
        Ok(())
    }
}
