//! One accepted connection: deliveries in, acknowledgements and publishes out, and the
//! question whether it is still alive and still wanted. It decides about itself only;
//! what follows its end is the session's business.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::SessionConfig;
use super::acks::AckQueue;
use super::event::{Cause, Delivery, DeliveryId, Event, Leftovers, LinkId, PublishId};
use super::keep_alive::KeepAlive;
use super::packet::{Inbound, Outbound, UnexpectedPacket};
use super::timings::Timer;
use super::violation::Violation;
use super::window::PublishWindow;
use crate::message::PreparedMessage;
use crate::moment::Moment;
use crate::properties::Properties;
use crate::topics;

/// Inputs whose deliveries are numbered apart; those beyond share one count. Input names
/// come from routes, and nothing from outside may grow without bound.
const NUMBERED_INPUTS: usize = 256;

/// What a session hands out: packets, events, and names that are never given twice.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) packets: VecDeque<Outbound>,
    pub(super) events: VecDeque<Event>,
    pub(super) last_delivery: u64,
    pub(super) last_publish: u64,
}

/// When the token of a connection must be replaced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Renewal {
    /// From here on, as soon as nothing is outstanding.
    pub(super) at: Moment,
    /// Here, whatever is outstanding.
    pub(super) limit: Moment,
}

#[derive(Debug)]
enum Phase {
    /// All is well until the token gets old.
    Serving { renew_at: Moment },
    /// No new publishes; waiting for what is outstanding before a planned reconnect.
    Renewing,
    /// No new publishes, no new deliveries; waiting for what is outstanding before the
    /// end, until the deadline.
    Closing { deadline: Moment },
}

#[derive(Debug)]
enum Subscription {
    NotWanted,
    Awaited { packet_id: u16, deadline: Moment },
    Granted,
}

/// What a connection wants to leave for when nothing holds it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Departure {
    /// A new connection with a new token.
    Renew,
    /// The end of the session.
    Close,
}

#[derive(Debug)]
pub(super) struct Live {
    link: LinkId,
    connected_at: Moment,
    renewal_limit: Moment,
    phase: Phase,
    subscription: Subscription,
    keep_alive: KeepAlive,
    acks: AckQueue,
    window: PublishWindow,
    ordinals: HashMap<String, u64>,
    other_ordinals: u64,
    delivery_capacity: usize,
}

impl Live {
    /// The connection right after CONNACK 0; subscribes to the inputs if there are any.
    ///
    /// It subscribes again when the hub has kept the session, too: the kept one may be
    /// older than this version's filter, and edgeHub keeps the creation time of a
    /// subscription that is renewed, so nothing is lost by it.
    pub(super) fn new(
        link: LinkId,
        renewal: Renewal,
        config: &SessionConfig,
        now: Moment,
        out: &mut Output,
    ) -> Self {
        let timings = &config.timings;
        let mut live = Live {
            link,
            connected_at: now,
            renewal_limit: renewal.limit,
            phase: Phase::Serving {
                renew_at: renewal.at,
            },
            subscription: Subscription::NotWanted,
            keep_alive: KeepAlive::new(timings.keep_alive, timings.ping_deadline, now),
            acks: AckQueue::default(),
            window: PublishWindow::new(config.publish_window),
            ordinals: HashMap::new(),
            other_ordinals: 0,
            delivery_capacity: config.delivery_capacity.max(1),
        };
        if let Some(filter) = config.inputs_filter() {
            let packet_id = live.window.fresh_id();
            let deadline = now + timings.suback_deadline;
            live.subscription = Subscription::Awaited {
                packet_id,
                deadline,
            };
            out.packets
                .push_back(Outbound::Subscribe { packet_id, filter });
        }
        live
    }

    pub(super) fn link(&self) -> LinkId {
        self.link
    }

    pub(super) fn connected_at(&self) -> Moment {
        self.connected_at
    }

    pub(super) fn can_publish(&self) -> bool {
        matches!(self.phase, Phase::Serving { .. }) && self.window.has_room()
    }

    /// As many deliveries are out as the application may hold.
    pub(super) fn is_reading_paused(&self) -> bool {
        self.acks.outstanding() >= self.delivery_capacity
    }

    pub(super) fn leftovers(&self) -> Leftovers {
        Leftovers {
            unconfirmed_publishes: self.window.len(),
            unacknowledged_deliveries: self.acks.unsettled(),
        }
    }

    /// Where to go now that nothing is outstanding; `None` while something is, or while
    /// there is no reason to go.
    pub(super) fn departure(&self) -> Option<Departure> {
        let idle = self.window.len() == 0 && self.acks.outstanding() == 0;
        match self.phase {
            Phase::Renewing if idle => Some(Departure::Renew),
            Phase::Closing { .. } if idle => Some(Departure::Close),
            Phase::Serving { .. } | Phase::Renewing | Phase::Closing { .. } => None,
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing { .. })
    }

    pub(super) fn received(&mut self, now: Moment) {
        self.keep_alive.received(now);
    }

    /// Sends `message`; the caller has asked [`Live::can_publish`].
    pub(super) fn publish(
        &mut self,
        publish: PublishId,
        message: PreparedMessage,
        now: Moment,
        out: &mut Output,
    ) {
        self.keep_alive.sent(now);
        let packet_id = self.window.admit(publish);
        let (topic, payload) = message.into_parts();
        out.packets.push_back(Outbound::Publish {
            packet_id,
            topic,
            payload,
        });
    }

    /// Settles a delivery and lets every PUBACK out whose turn has come.
    pub(super) fn settle(&mut self, id: DeliveryId, now: Moment, out: &mut Output) -> bool {
        let was_paused = self.is_reading_paused();
        let known = self.acks.settle(id);
        while let Some(packet_id) = self.acks.release() {
            self.keep_alive.sent(now);
            out.packets.push_back(Outbound::PubAck { packet_id });
        }
        if was_paused && !self.is_reading_paused() {
            self.keep_alive.restart_answer(now);
        }
        known
    }

    /// The application has dropped a delivery unused. Gives the cause to end the
    /// connection for, if it must end.
    pub(super) fn abandon(
        &mut self,
        id: DeliveryId,
        now: Moment,
        out: &mut Output,
    ) -> Result<(), Cause> {
        if !self.acks.guards(id) {
            self.settle(id, now, out);
            return Ok(());
        }
        self.acks.truncate_at(id);
        // While closing, what came before it may still be acknowledged; nothing after it.
        if self.is_closing() {
            Ok(())
        } else {
            Err(Cause::DeliveryDropped)
        }
    }

    /// Stops taking new work; `last_taken` is the last delivery the application has seen.
    pub(super) fn close(&mut self, deadline: Moment, last_taken: Option<DeliveryId>) {
        let deadline = match self.phase {
            Phase::Closing { deadline: earlier } => earlier.min(deadline),
            Phase::Serving { .. } | Phase::Renewing => deadline,
        };
        self.phase = Phase::Closing { deadline };
        let first_untaken = DeliveryId(last_taken.map_or(0, |id| id.0.saturating_add(1)));
        self.acks.truncate_at(first_untaken);
    }

    /// Voids what is bound to this connection.
    pub(super) fn void(mut self, out: &mut Output) {
        out.events.extend(
            self.window
                .drain()
                .map(|publish| Event::Unconfirmed { publish }),
        );
        let link = self.link;
        out.events.retain(|event| match event {
            Event::Delivery(delivery) => {
                delivery.link != link || !delivery.repeats_until_acknowledged
            }
            _ => true,
        });
    }

    pub(super) fn handle_packet(
        &mut self,
        now: Moment,
        packet: Inbound,
        config: &SessionConfig,
        out: &mut Output,
    ) -> Result<(), Cause> {
        self.received(now);
        match packet {
            Inbound::Publish {
                topic,
                qos,
                packet_id,
                payload,
            } => self.deliver(&topic, qos, packet_id, payload, now, config, out),
            Inbound::PubAck { packet_id } => {
                let publish = self
                    .window
                    .confirm(packet_id)
                    .ok_or(Violation::UnknownPuback { packet_id })?;
                out.events.push_back(Event::Confirmed { publish });
                Ok(())
            }
            Inbound::SubAck { packet_id, granted } => self.subscribed(packet_id, &granted, out),
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

    #[expect(
        clippy::too_many_arguments,
        reason = "the fields of one packet and the usual two"
    )]
    fn deliver(
        &mut self,
        topic: &str,
        qos: u8,
        packet_id: u16,
        payload: Bytes,
        now: Moment,
        config: &SessionConfig,
        out: &mut Output,
    ) -> Result<(), Cause> {
        match (qos, packet_id) {
            (0, _) => {}
            (1, 0) => return Err(Violation::PacketIdZero.into()),
            (1, _) => {}
            _ => return Err(Violation::QosAboveGranted.into()),
        }
        // While closing nothing new is taken on; without its PUBACK it comes again.
        if self.is_closing() {
            return Ok(());
        }
        out.last_delivery += 1;
        let id = DeliveryId(out.last_delivery);
        let repeats_until_acknowledged = qos == 1;
        if repeats_until_acknowledged {
            self.acks.receive(id, packet_id);
        } else {
            self.acks.receive_unguarded(id);
        }
        let Some((input, segment)) = topics::parse_input(&config.identity, topic) else {
            out.events.push_back(Event::Stray {
                topic: topic.to_owned(),
            });
            self.settle(id, now, out);
            return Ok(());
        };
        let (properties, properties_error) = match Properties::decode(segment) {
            Ok(properties) => (properties, None),
            Err(error) => (Properties::new(), Some(error)),
        };
        let ordinal = self.number(input);
        out.events.push_back(Event::Delivery(Delivery {
            id,
            link: self.link,
            input: input.to_owned(),
            properties,
            properties_error,
            payload,
            ordinal,
            repeats_until_acknowledged,
        }));
        Ok(())
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

    fn subscribed(
        &mut self,
        packet_id: u16,
        granted: &[Option<u8>],
        out: &mut Output,
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
                out.events.push_back(Event::Subscribed { link: self.link });
                Ok(())
            }
            [other] => Err(Cause::SubscriptionRefused { granted: *other }),
            _ => Err(Violation::SubackCodes {
                codes: granted.len(),
            }
            .into()),
        }
    }

    /// The timers that run on this connection.
    pub(super) fn timers(&self) -> impl Iterator<Item = (Timer, Moment)> {
        let phase = match self.phase {
            Phase::Serving { renew_at } => (Timer::Renewal, renew_at.min(self.renewal_limit)),
            Phase::Renewing => (Timer::RenewalLimit, self.renewal_limit),
            Phase::Closing { deadline } => (Timer::Grace, deadline),
        };
        let suback = match self.subscription {
            Subscription::Awaited { deadline, .. } => Some((Timer::Suback, deadline)),
            Subscription::NotWanted | Subscription::Granted => None,
        };
        [Some(phase), suback, Some(self.keep_alive.timer())]
            .into_iter()
            .flatten()
    }

    /// The token gets old.
    pub(super) fn renew(&mut self) {
        self.phase = Phase::Renewing;
    }

    /// One direction was silent.
    pub(super) fn ping(&mut self, now: Moment, out: &mut Output) {
        self.keep_alive.pinged(now);
        out.packets.push_back(Outbound::PingReq);
    }

    /// The answer to a ping is late. That says nothing while we do not read; then the
    /// hub gets its time again.
    pub(super) fn is_dead(&mut self, now: Moment) -> bool {
        if self.is_reading_paused() {
            self.keep_alive.restart_answer(now);
            return false;
        }
        true
    }
}
