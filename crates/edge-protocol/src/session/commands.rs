//! What the application may ask of a session.

use std::time::Duration;

use super::Session;
use super::common::Common;
use super::config::SessionConfig;
use super::event::{Cause, DeliveryId, Event, Leftovers, PublishId};
use super::random::Random;
use super::state::{AfterParting, State};
use crate::message::PreparedMessage;
use crate::moment::Moment;

/// Commands from the application.
impl Session {
    /// Starts to dial at once. `seed` feeds the jitter; any number will do.
    #[must_use]
    pub fn new(config: SessionConfig, seed: u64, now: Moment) -> Self {
        let mut session = Session {
            config,
            state: State::Waiting { until: now },
            failures: 0,
            refusals: 0,
            missing_connacks: 0,
            connect_pause: Duration::ZERO,
            last_link: 0,
            random: Random::new(seed),
            common: Common::default(),
        };
        session.dial(now);
        session
    }

    /// Sends a message and names it; later [`Event::Confirmed`] or
    /// [`Event::Unconfirmed`] says how it went. `Err` gives the message back when
    /// [`Session::can_publish`] is false.
    ///
    /// # Errors
    ///
    /// The message itself, unsent.
    pub fn publish(
        &mut self,
        now: Moment,
        message: PreparedMessage,
    ) -> Result<PublishId, PreparedMessage> {
        match &mut self.state {
            State::Live(live) if live.can_publish() => {
                self.common.last_publish += 1;
                let id = PublishId(self.common.last_publish);
                live.publish(id, message, now, &mut self.common);
                Ok(id)
            }
            _ => Err(message),
        }
    }

    /// The application's result for a delivery is durable: its PUBACK goes out as soon as
    /// all earlier ones have theirs. False when the delivery's connection is gone or it
    /// was settled before; then nothing is sent, and the hub delivers it again.
    pub fn acknowledge(&mut self, now: Moment, delivery: DeliveryId) -> bool {
        let State::Live(live) = &mut self.state else {
            return false;
        };
        let known = live.settle(delivery, now, &mut self.common);
        self.depart_when_idle(now);
        known
    }

    /// The application dropped a delivery without a result. If the hub would wait for its
    /// PUBACK, the connection ends at once, unsent PUBACKs included: edgeHub matches them
    /// by order alone, so a later one would be taken for this delivery's.
    pub fn abandon(&mut self, now: Moment, delivery: DeliveryId) {
        let State::Live(live) = &mut self.state else {
            return;
        };
        match live.abandon(delivery, now, &mut self.common) {
            Ok(()) => self.depart_when_idle(now),
            Err(cause) => self.lose(now, cause),
        }
    }

    /// Closes the connection (with DISCONNECT, after PUBACKs already due) and stays away
    /// until [`Session::resume`]. For an application that cannot make results durable.
    pub fn hold(&mut self, now: Moment) {
        match &mut self.state {
            State::Live(live) if live.is_closing() => {}
            State::Live(_) => self.part(now, AfterParting::Hold, Some(Cause::Held)),
            State::Parting {
                next: AfterParting::Close(_) | AfterParting::Hold,
                ..
            }
            | State::Held
            | State::Closed => {}
            // A next attempt has been announced; it must be taken back.
            State::Parting { next, .. } => {
                *next = AfterParting::Hold;
                self.common.events.push_back(Event::Held);
            }
            State::Waiting { .. } => {
                self.state = State::Held;
                self.common.events.push_back(Event::Held);
            }
            State::Dialling { link, .. }
            | State::Pausing { link, .. }
            | State::AwaitingConnack { link, .. } => {
                let link = *link;
                self.hang_up(link);
                self.common.events.push_back(Event::Lost {
                    link,
                    cause: Cause::Held,
                    retry_in: None,
                });
                self.state = State::Held;
            }
        }
    }

    /// Ends a hold and dials at once; without effect otherwise.
    pub fn resume(&mut self, now: Moment) {
        match &mut self.state {
            State::Held => self.dial(now),
            State::Parting {
                next: next @ AfterParting::Hold,
                ..
            } => *next = AfterParting::Dial,
            State::Waiting { .. }
            | State::Dialling { .. }
            | State::Pausing { .. }
            | State::AwaitingConnack { .. }
            | State::Live(_)
            | State::Parting { .. }
            | State::Closed => {}
        }
    }

    /// Ends the session. A live connection first waits, for `grace` at most, for the
    /// PUBACKs of our publishes and for the application's word on the deliveries up to
    /// `last_taken`; later ones it has not seen and they are left to the hub. Then
    /// DISCONNECT, and [`Event::Closed`] says what was left.
    pub fn shut_down(&mut self, now: Moment, grace: Duration, last_taken: Option<DeliveryId>) {
        match &mut self.state {
            State::Live(live) => {
                live.close(now + grace, last_taken);
                self.common
                    .events
                    .retain(|event| !matches!(event, Event::Delivery(_)));
                self.depart_when_idle(now);
            }
            State::Parting {
                next: AfterParting::Close(_),
                ..
            }
            | State::Closed => {}
            State::Parting { next, .. } => *next = AfterParting::Close(Leftovers::default()),
            State::Waiting { .. } | State::Held => self.close(Leftovers::default()),
            State::Dialling { link, .. }
            | State::Pausing { link, .. }
            | State::AwaitingConnack { link, .. } => {
                let link = *link;
                self.hang_up(link);
                self.close(Leftovers::default());
            }
        }
    }
}
