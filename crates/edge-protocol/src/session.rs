//! The life of a client's connection as a value: no socket, no clock, no task.
//!
//! A [`Session`] lives through many connections, one at a time:
//!
//! ```text
//! Waiting ─► Dialling ─► Pausing ─► AwaitingConnack ─► Live ─► Parting ─┐
//!    ▲           │           │             │            │              ├─► Dialling (new token)
//!    └───────────┴───────────┴─────────────┴────────────┘ lost         ├─► Held ─► Dialling
//!                                                                      └─► Closed
//! ```
//!
//! Its methods fall into four families, to be called in this order after anything
//! happens: `handle_*` and commands take in what happened; then [`Session::poll_event`]
//! and [`Session::poll_packet`] until both are empty; then wait until
//! [`Session::next_deadline`] for the next thing to happen, and call
//! [`Session::handle_timeout`] if nothing did.
//!
//! What it must never do: send a PUBACK out of order, twice, on another connection than
//! its delivery's, or after a delivery received earlier was dropped unused; reset its
//! count of failures because a hub merely accepted it; give up for good.
//!
//! Twin and method topics will join the deliveries here; nothing in the states depends on
//! inputs being the only subscription.

use std::time::Duration;

mod acks;
mod event;
mod keep_alive;
mod live;
mod packet;
mod random;
mod timings;
mod transitions;
mod violation;
mod window;

#[cfg(test)]
mod tests;

pub use event::{Cause, Delivery, DeliveryId, Event, Leftovers, LinkId, PublishId};
pub use packet::{Connect, Inbound, Outbound, Refusal, UnexpectedPacket};
pub use timings::Timings;
pub use violation::Violation;

use live::{Live, Output, Renewal};
use random::Random;

use crate::identity::Identity;
use crate::message::PreparedMessage;
use crate::moment::Moment;
use crate::sas::SasToken;
use crate::topics;

/// Publishes without PUBACK at most, by default. edgeHub stops reading at about 100 and
/// works one at a time, so more than a few gain nothing and only hold back our PUBACKs.
pub const PUBLISH_WINDOW: usize = 8;

/// Deliveries in the application's hands at most, by default; then reading pauses until
/// one is settled. edgeHub sends one, or two after its 30 s timeout; other brokers 20.
pub const DELIVERY_CAPACITY: usize = 32;

/// What a session needs to know once.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Who we are.
    pub identity: Identity,
    /// Name of the client software, for `DeviceClientType`.
    pub product: String,
    /// Whether to subscribe to the module's inputs. Without effect for a leaf device.
    pub receives_inputs: bool,
    /// Publishes without PUBACK at most; see [`PUBLISH_WINDOW`]. Zero counts as one.
    pub publish_window: usize,
    /// Deliveries not settled at most; see [`DELIVERY_CAPACITY`]. Zero counts as one.
    pub delivery_capacity: usize,
    /// All durations.
    pub timings: Timings,
}

impl SessionConfig {
    fn inputs_filter(&self) -> Option<String> {
        self.receives_inputs
            .then(|| topics::inputs_filter(&self.identity))
            .flatten()
    }
}

/// What the shell brings from dialling: the token to connect with.
#[derive(Debug, Clone)]
pub struct Pass {
    /// The token.
    pub token: SasToken,
    /// How long it is good from now on, by the monotonic clock.
    pub lifetime: Duration,
}

/// The session. See the module documentation for how to drive it.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    state: State,
    /// Failures since the last healthy connection.
    failures: u32,
    /// CONNACK 4 or 5 since the last healthy connection.
    refusals: u32,
    /// Missing CONNACKs in a row.
    missing_connacks: u32,
    /// Pause between handshake and CONNECT that this hub seems to need.
    connect_pause: Duration,
    last_link: u64,
    random: Random,
    out: Output,
}

#[derive(Debug)]
enum State {
    Waiting {
        until: Moment,
    },
    Dialling {
        link: LinkId,
        deadline: Moment,
    },
    Pausing {
        link: LinkId,
        until: Moment,
        pass: Pass,
        renewal: Renewal,
    },
    AwaitingConnack {
        link: LinkId,
        deadline: Moment,
        after: Duration,
        renewal: Renewal,
    },
    Live(Box<Live>),
    Parting {
        link: LinkId,
        until: Moment,
        next: AfterParting,
    },
    Held,
    Closed,
}

#[derive(Debug, Clone, Copy)]
enum AfterParting {
    Dial,
    Hold,
    Close(Leftovers),
}

/// Getters.
impl Session {
    /// True when a message may be published now: connected, room in the window, no planned
    /// reconnect and no shutdown ahead.
    #[must_use]
    pub fn can_publish(&self) -> bool {
        matches!(&self.state, State::Live(live) if live.can_publish())
    }

    /// True while the shell should not read from the connection, because the application
    /// holds as many deliveries as it may.
    #[must_use]
    pub fn is_reading_paused(&self) -> bool {
        matches!(&self.state, State::Live(live) if live.is_reading_paused())
    }

    /// True between our DISCONNECT and the end of the connection: once the shell has sent
    /// everything, it should end its sending side.
    #[must_use]
    pub fn is_parting(&self) -> bool {
        matches!(self.state, State::Parting { .. })
    }

    /// True after [`Event::Closed`].
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Failures since the last healthy connection.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

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
            out: Output::default(),
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
                self.out.last_publish += 1;
                let id = PublishId(self.out.last_publish);
                live.publish(id, message, now, &mut self.out);
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
        let known = live.settle(delivery, now, &mut self.out);
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
        match live.abandon(delivery, now, &mut self.out) {
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
                self.out.events.push_back(Event::Held);
            }
            State::Waiting { .. } => {
                self.state = State::Held;
                self.out.events.push_back(Event::Held);
            }
            State::Dialling { link, .. }
            | State::Pausing { link, .. }
            | State::AwaitingConnack { link, .. } => {
                let link = *link;
                self.hang_up(link);
                self.out.events.push_back(Event::Lost {
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
                self.out
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

/// What happened outside.
impl Session {
    /// The shell has a connection (handshake finished and flushed) and a token.
    pub fn handle_dialled(&mut self, now: Moment, link: LinkId, pass: Pass) {
        match self.state {
            State::Dialling { link: current, .. } if current == link => {
                let renewal = self.plan_renewal(now, pass.lifetime);
                if self.connect_pause.is_zero() {
                    self.connect(now, link, pass, renewal);
                } else {
                    let until = now + self.connect_pause;
                    self.state = State::Pausing {
                        link,
                        until,
                        pass,
                        renewal,
                    };
                }
            }
            _ => {}
        }
    }

    /// The shell could not get a connection or a token.
    pub fn handle_dial_failed(&mut self, now: Moment, link: LinkId) {
        match self.state {
            State::Dialling { link: current, .. } if current == link => {
                self.lose(now, Cause::DialFailed);
            }
            _ => {}
        }
    }

    /// Bytes came, perhaps not yet a packet: the hub is alive.
    pub fn handle_received(&mut self, now: Moment, link: LinkId) {
        match &mut self.state {
            State::Live(live) if live.link() == link => live.received(now),
            _ => {}
        }
    }

    /// A packet came.
    pub fn handle_packet(&mut self, now: Moment, link: LinkId, packet: Inbound) {
        match &mut self.state {
            State::AwaitingConnack {
                link: current,
                renewal,
                ..
            } if *current == link => {
                let renewal = *renewal;
                match packet {
                    Inbound::ConnAck {
                        session_present,
                        code: Ok(()),
                    } => {
                        self.accepted(now, link, session_present, renewal);
                    }
                    Inbound::ConnAck {
                        code: Err(refusal), ..
                    } => {
                        self.missing_connacks = 0;
                        self.lose(now, Cause::Refused { refusal });
                    }
                    _ => self.lose(now, Violation::BeforeConnack.into()),
                }
            }
            State::Pausing { link: current, .. } if *current == link => {
                self.lose(now, Violation::BeforeConnack.into());
            }
            State::Live(live) if live.link() == link => {
                match live.handle_packet(now, packet, &self.config, &mut self.out) {
                    Ok(()) => self.depart_when_idle(now),
                    Err(cause) => self.lose(now, cause),
                }
            }
            // Another link's packet, or one that crossed our DISCONNECT.
            _ => {}
        }
    }

    /// The connection ended, by the other side or by an error on the way.
    pub fn handle_closed(&mut self, now: Moment, link: LinkId) {
        if self.link() != Some(link) {
            return;
        }
        match self.state {
            State::Parting { .. } => self.parted(now),
            State::Pausing { .. } | State::AwaitingConnack { .. } | State::Live(_) => {
                self.lose(now, Cause::PeerClosed);
            }
            State::Waiting { .. } | State::Dialling { .. } | State::Held | State::Closed => {}
        }
    }

    /// Fires every timer whose moment has come. Calling it early does nothing.
    pub fn handle_timeout(&mut self, now: Moment) {
        while let Some((timer, at)) = self.next_timer() {
            if at > now {
                return;
            }
            self.fire(timer, now);
        }
    }
}

/// What must go out.
impl Session {
    /// The next order or piece of news.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.out.events.pop_front()
    }

    /// The next packet for the current connection.
    pub fn poll_packet(&mut self) -> Option<Outbound> {
        self.out.packets.pop_front()
    }

    /// When to call [`Session::handle_timeout`]; `None` when only the outside can move
    /// things (held or closed).
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.next_timer().map(|(_, at)| at)
    }
}
