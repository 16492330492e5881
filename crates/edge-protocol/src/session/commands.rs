//! What the application may ask of a session.

use std::time::Duration;

use super::Session;
use super::common::Common;
use super::config::SessionConfig;
use super::event::{CallId, Cause, DeliveryId, Event, Leftovers, PublishId, ReportId};
use super::state::{AfterParting, State};
use crate::message::PreparedMessage;
use crate::methods::MethodAnswer;
use crate::moment::Moment;
use crate::twin::ReportedPatch;

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
            common: Common::new(seed),
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
        let known = live.settle(delivery, now, &self.config, &mut self.common);
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
        match live.abandon(delivery, now, &self.config, &mut self.common) {
            Ok(()) => self.depart_when_idle(now),
            Err(cause) => self.lose(now, cause),
        }
    }

    /// Sends a checked report and names it; later [`Event::Reported`] says how it went.
    /// `Err` gives the patch back when [`Session::can_report`] is false.
    ///
    /// # Errors
    ///
    /// The patch itself, unsent.
    pub fn report(&mut self, now: Moment, patch: ReportedPatch) -> Result<ReportId, ReportedPatch> {
        match &mut self.state {
            State::Live(live) if live.can_report(&self.config) => {
                self.common.last_report += 1;
                let id = ReportId(self.common.last_report);
                live.report(id, &patch, now, &self.config, &mut self.common);
                Ok(id)
            }
            _ => Err(patch),
        }
    }

    /// Answers a method call. False when it has its answer already or when the connection
    /// it came on is gone; then nothing is sent.
    pub fn answer(&mut self, now: Moment, call: CallId, answer: &MethodAnswer) -> bool {
        let State::Live(live) = &mut self.state else {
            return false;
        };
        let known = live.answer(call, answer, now, &mut self.common);
        self.depart_when_idle(now);
        known
    }

    /// Answers in the application's place, with status 503, all open calls after
    /// `last_taken`; all of them when that is `None`. For a shell that is about to close
    /// and knows which calls the application has not seen.
    pub fn decline_calls_after(&mut self, now: Moment, last_taken: Option<CallId>) {
        if let State::Live(live) = &mut self.state {
            live.decline_after(last_taken, now, &mut self.common);
            self.depart_when_idle(now);
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
            | State::Held { .. }
            | State::Closed => {}
            // A next attempt has been announced; it must be taken back.
            State::Parting { next, .. } => {
                *next = AfterParting::Hold;
                self.common.events.push_back(Event::Held);
            }
            State::Waiting { until } => {
                let not_before = *until;
                self.state = State::Held { not_before };
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
                self.state = State::Held { not_before: now };
            }
        }
    }

    /// Ends a hold; without effect otherwise. Dials at once, or when the wait after a
    /// failure is over that the hold interrupted; then [`Event::Resumed`] says so.
    pub fn resume(&mut self, now: Moment) {
        match &mut self.state {
            State::Held { not_before } if *not_before > now => {
                let until = *not_before;
                let retry_in = until.since(now);
                self.state = State::Waiting { until };
                self.common.events.push_back(Event::Resumed { retry_in });
            }
            State::Held { .. } => self.dial(now),
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
    /// PUBACKs of our publishes, for the answers to reports and to method calls, and for
    /// the application's word on the deliveries up to `last_taken`; later ones it has not
    /// seen and they are left to the hub. Calls that come meanwhile are answered with
    /// status 503. Then DISCONNECT, and [`Event::Closed`] says what was left.
    pub fn shut_down(&mut self, now: Moment, grace: Duration, last_taken: Option<DeliveryId>) {
        match &mut self.state {
            State::Live(live) => {
                live.close(now, grace, last_taken, &self.config.timings);
                // Nobody is to see these any more.
                let mut unseen = Vec::new();
                self.common.events.retain(|event| match event {
                    Event::Delivery(_) => false,
                    Event::MethodCall(call) => {
                        unseen.push((call.id, MethodAnswer::closing(&call.name)));
                        false
                    }
                    _ => true,
                });
                for (call, answer) in unseen {
                    live.answer(call, &answer, now, &mut self.common);
                }
                self.depart_when_idle(now);
            }
            State::Parting {
                next: AfterParting::Close(_),
                ..
            }
            | State::Closed => {}
            State::Parting { next, .. } => *next = AfterParting::Close(Leftovers::default()),
            State::Waiting { .. } | State::Held { .. } => self.close(Leftovers::default()),
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
