//! One accepted connection: deliveries in, acknowledgements and publishes out, and the
//! question whether it is still alive and still wanted. It decides about itself only;
//! what follows its end is the session's business.
//!
//! What comes is sorted in [`packets`]; inputs, twin and method calls have a room each.
//! All that is published goes out at QoS 1, requests and answers too: their PUBACK is how
//! a planned reconnect or a shutdown knows that the hub has an answer before it leaves.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;

use super::acks::AckQueue;
use super::attention::Attention;
use super::common::Common;
use super::config::SessionConfig;
use super::event::{DeliveryId, Event, Leftovers, LinkId, PublishId, ReportFailure};
use super::keep_alive::KeepAlive;
use super::open_calls::OpenCalls;
use super::packet::Outbound;
use super::pause::Pause;
use super::receipts::Receipts;
use super::timings::{Timer, Timings};
use super::twin_requests::TwinRequests;
use super::window::{PublishWindow, Sent};
use crate::message::PreparedMessage;
use crate::moment::Moment;

mod deliveries;
mod methods;
mod packets;
mod twin;

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
    /// Where inputs are wanted.
    attention: Option<Attention>,
    acks: AckQueue,
    receipts: Receipts,
    window: PublishWindow,
    twin: TwinRequests,
    calls: OpenCalls,
    ordinals: HashMap<String, u64>,
    other_ordinals: u64,
    delivery_capacity: usize,
    /// Since when, as [`Live::mind_reading`] last found it.
    paused: Option<Moment>,
}

impl Live {
    /// The connection right after CONNACK 0; subscribes to what is wanted.
    ///
    /// It subscribes again when the hub has kept the session, too: the kept one may be
    /// older than this version's filter, and edgeHub keeps the creation time of a
    /// subscription that is renewed, so nothing is lost by it.
    pub(super) fn new(
        link: LinkId,
        renewal: Renewal,
        config: &SessionConfig,
        now: Moment,
        common: &mut Common,
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
            keep_alive: KeepAlive::new(timings, now),
            attention: config.takes_inputs().then(|| Attention::new(timings, now)),
            acks: AckQueue::default(),
            receipts: Receipts::new(timings),
            window: PublishWindow::new(config.publish_window),
            twin: TwinRequests::default(),
            calls: OpenCalls::default(),
            ordinals: HashMap::new(),
            other_ordinals: 0,
            delivery_capacity: config.delivery_capacity.max(1),
            paused: None,
        };
        common.desired.start_over();
        let filters = config.filters();
        if !filters.is_empty() {
            let packet_id = live.window.fresh_id();
            let deadline = now + timings.suback_deadline;
            live.subscription = Subscription::Awaited {
                packet_id,
                deadline,
            };
            common
                .packets
                .push_back(Outbound::Subscribe { packet_id, filters });
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

    /// To be called after every change of the deliveries that are out. Nothing the hub owes
    /// us can arrive while reading is paused, so its deadlines stand still.
    fn mind_reading(&mut self, now: Moment, timings: &Timings) {
        if self.is_reading_paused() {
            self.paused.get_or_insert(now);
        } else if let Some(since) = self.paused.take() {
            let pause = Pause { since, until: now };
            self.keep_alive.resumed(pause);
            if let Subscription::Awaited { deadline, .. } = &mut self.subscription {
                *deadline = pause.postpone(*deadline, timings.suback_deadline);
            }
            self.twin.resumed(pause, timings.twin_deadline);
        }
    }

    pub(super) fn leftovers(&self) -> Leftovers {
        Leftovers {
            unconfirmed_publishes: self.window.messages(),
            unacknowledged_deliveries: self.acks.unsettled(),
            unanswered_reports: self.twin.reports(),
            unanswered_calls: self.calls.len() + self.window.method_answers(),
        }
    }

    /// Where to go now that nothing is outstanding; `None` while something is, or while
    /// there is no reason to go.
    pub(super) fn departure(&self) -> Option<Departure> {
        let idle = self.acks.outstanding() == 0 && self.is_all_answered();
        match self.phase {
            Phase::Renewing if idle => Some(Departure::Renew),
            Phase::Closing { .. } if idle => Some(Departure::Close),
            Phase::Serving { .. } | Phase::Renewing | Phase::Closing { .. } => None,
        }
    }

    /// No message, report, call or answer waits for the other side. A question for the
    /// twin may: the next connection asks again.
    fn is_all_answered(&self) -> bool {
        self.window.messages() == 0
            && self.window.method_answers() == 0
            && self.twin.reports() == 0
            && self.calls.len() == 0
    }

    pub(super) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing { .. })
    }

    pub(super) fn received(&mut self, now: Moment) {
        self.pay_attention(now);
        self.keep_alive.received(now);
    }

    /// Our process has time: it was called.
    pub(super) fn pay_attention(&mut self, now: Moment) {
        if let Some(attention) = &mut self.attention {
            attention.paid(now);
        }
    }

    /// Sends `message`; the caller has asked [`Live::can_publish`].
    pub(super) fn publish(
        &mut self,
        publish: PublishId,
        message: PreparedMessage,
        now: Moment,
        common: &mut Common,
    ) {
        let (topic, payload) = message.into_parts();
        self.send(Sent::Message(publish), topic, payload, now, common);
    }

    fn send(
        &mut self,
        sent: Sent,
        topic: String,
        payload: Bytes,
        now: Moment,
        common: &mut Common,
    ) {
        self.keep_alive.sent(now);
        let packet_id = self.window.admit(sent);
        common.packets.push_back(Outbound::Publish {
            packet_id,
            topic,
            payload,
        });
    }

    /// Stops taking new work; `last_taken` is the last delivery the application has seen.
    pub(super) fn close(
        &mut self,
        now: Moment,
        grace: Duration,
        last_taken: Option<DeliveryId>,
        timings: &Timings,
    ) {
        let deadline = now + grace;
        let deadline = match self.phase {
            Phase::Closing { deadline: earlier } => earlier.min(deadline),
            Phase::Serving { .. } | Phase::Renewing => deadline,
        };
        self.phase = Phase::Closing { deadline };
        self.twin.stop_asking();
        let first_untaken = DeliveryId(last_taken.map_or(0, |id| id.0.saturating_add(1)));
        self.acks.truncate_at(first_untaken);
        self.mind_reading(now, timings);
    }

    /// Voids what is bound to this connection.
    pub(super) fn void(mut self, common: &mut Common) {
        common.events.extend(
            self.window
                .drain()
                .map(|publish| Event::Unconfirmed { publish }),
        );
        let reports = self.twin.drain_reports();
        common.events.extend(reports.map(|report| Event::Reported {
            report,
            result: Err(ReportFailure::ConnectionLost),
        }));
        let link = self.link;
        common.events.retain(|event| match event {
            Event::Delivery(delivery) => {
                delivery.link != link || !delivery.repeats_until_acknowledged
            }
            // Nobody can answer it any more.
            Event::MethodCall(call) => call.id.link != link,
            _ => true,
        });
    }

    /// The timers that run on this connection. What waits for a word of the hub waits
    /// without end while reading is paused.
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
        let is_reading = !self.is_reading_paused();
        std::iter::once(phase)
            .chain(suback.filter(|_| is_reading))
            .chain(self.keep_alive.timers(is_reading))
            .chain(self.receipts.ping_due().map(|at| (Timer::PingDue, at)))
            .chain(self.twin.timers(is_reading))
            .chain(self.attention.as_ref().map(Attention::timer))
    }

    /// The token gets old.
    pub(super) fn renew(&mut self) {
        self.phase = Phase::Renewing;
    }

    /// One direction was silent, or nothing was answered.
    pub(super) fn ping(&mut self, now: Moment, common: &mut Common) {
        self.keep_alive.pinged(now);
        self.receipts.pinged();
        common.packets.push_back(Outbound::PingReq);
    }
}
