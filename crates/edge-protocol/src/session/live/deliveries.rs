//! Deliveries on one connection: in, numbered, and settled in order.

use super::Live;
use super::packets::Arrival;
use crate::moment::Moment;
use crate::properties::Properties;
use crate::session::SessionConfig;
use crate::session::common::Common;
use crate::session::event::{Cause, Delivery, DeliveryId, Event};
use crate::session::packet::Outbound;

/// Inputs whose deliveries are numbered apart; those beyond share one count. Input names
/// come from routes, and nothing from outside may grow without bound.
const NUMBERED_INPUTS: usize = 256;

impl Live {
    /// Settles a delivery and lets every PUBACK out whose turn has come.
    pub(in crate::session) fn settle(
        &mut self,
        id: DeliveryId,
        now: Moment,
        config: &SessionConfig,
        common: &mut Common,
    ) -> bool {
        let known = self.acks.settle(id);
        while let Some((packet_id, came)) = self.acks.release() {
            self.keep_alive.sent(now);
            self.receipts.acknowledged(came);
            common.packets.push_back(Outbound::PubAck { packet_id });
        }
        self.mind_reading(now, &config.timings);
        known
    }

    /// The application has dropped a delivery unused. Gives the cause to end the
    /// connection for, if it must end.
    pub(in crate::session) fn abandon(
        &mut self,
        id: DeliveryId,
        now: Moment,
        config: &SessionConfig,
        common: &mut Common,
    ) -> Result<(), Cause> {
        if !self.acks.guards(id) {
            self.settle(id, now, config, common);
            return Ok(());
        }
        self.acks.truncate_at(id);
        self.mind_reading(now, &config.timings);
        // While closing, what came before it may still be acknowledged; nothing after it.
        if self.is_closing() {
            Ok(())
        } else {
            Err(Cause::DeliveryDropped)
        }
    }

    /// Hands a delivery to the application.
    pub(super) fn deliver(
        &mut self,
        input: &str,
        segment: &str,
        arrival: &Arrival,
        now: Moment,
        config: &SessionConfig,
        common: &mut Common,
    ) {
        common.last_delivery += 1;
        let id = DeliveryId(common.last_delivery);
        let repeats_until_acknowledged = arrival.qos == 1;
        let after_lapse = self.attention.as_mut().is_some_and(|it| it.take_lapse(now));
        let is_unheard = self.receipts.are_doubtful(now);
        let after_timeout =
            repeats_until_acknowledged && (after_lapse || is_unheard || self.acks.owes());
        if repeats_until_acknowledged {
            self.acks.receive(id, arrival.packet_id, now);
        } else {
            self.acks.receive_unguarded(id);
        }
        self.mind_reading(now, &config.timings);
        let (properties, properties_error) = match Properties::decode(segment) {
            Ok(properties) => (properties, None),
            Err(error) => (Properties::new(), Some(error)),
        };
        let ordinal = self.number(input);
        common.events.push_back(Event::Delivery(Delivery {
            id,
            link: self.link,
            input: input.to_owned(),
            properties,
            properties_error,
            payload: arrival.payload.clone(),
            ordinal,
            after_timeout,
            repeats_until_acknowledged,
        }));
    }

    fn number(&mut self, input: &str) -> u64 {
        let count = if let Some(count) = self.ordinals.get_mut(input) {
            count
        } else if self.ordinals.len() < NUMBERED_INPUTS {
            self.ordinals.entry(input.to_owned()).or_default()
        } else {
            &mut self.other_ordinals
        };
        *count += 1;
        *count
    }
}
