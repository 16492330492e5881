//! Packets that come on one connection, each to its place.

use super::{Live, Subscription};
use crate::moment::Moment;
use crate::session::SessionConfig;
use crate::session::common::Common;
use crate::session::event::{Cause, Event};
use crate::session::packet::{Inbound, UnexpectedPacket};
use crate::session::violation::Violation;

impl Live {
    pub(in crate::session) fn handle_packet(
        &mut self,
        now: Moment,
        packet: Inbound,
        config: &SessionConfig,
        common: &mut Common,
    ) -> Result<(), Cause> {
        self.received(now);
        match packet {
            Inbound::Publish {
                topic,
                qos,
                packet_id,
                payload,
            } => self.deliver(&topic, qos, packet_id, payload, now, config, common),
            Inbound::PubAck { packet_id } => {
                let publish = self
                    .window
                    .confirm(packet_id)
                    .ok_or(Violation::UnknownPuback { packet_id })?;
                common.events.push_back(Event::Confirmed { publish });
                Ok(())
            }
            Inbound::SubAck { packet_id, granted } => self.subscribed(packet_id, &granted, common),
            Inbound::PingResp => Ok(()),
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

    fn subscribed(
        &mut self,
        packet_id: u16,
        granted: &[Option<u8>],
        common: &mut Common,
    ) -> Result<(), Cause> {
        match self.subscription {
            Subscription::Awaited {
                packet_id: asked, ..
            } if asked == packet_id => {}
            Subscription::NotWanted | Subscription::Granted | Subscription::Awaited { .. } => {
                return Err(Violation::UnknownSuback { packet_id }.into());
            }
        }
        match granted {
            [Some(1)] => {
                self.subscription = Subscription::Granted;
                common
                    .events
                    .push_back(Event::Subscribed { link: self.link });
                Ok(())
            }
            [other] => Err(Cause::SubscriptionRefused { granted: *other }),
            _ => Err(Violation::SubackCodes {
                codes: granted.len(),
            }
            .into()),
        }
    }
}
