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
//! count of failures because a hub merely accepted it; give up for good; answer a method
//! call twice or on another connection than its own; end a connection over its twin.
//!
//! On a live connection everything wanted is subscribed in one packet. After its SUBACK
//! the twin is asked for, on every connection anew; inputs and calls do not wait for it.

use std::time::Duration;

mod acks;
mod attention;
mod commands;
mod common;
mod config;
mod event;
mod keep_alive;
mod live;
mod open_calls;
mod packet;
mod pause;
mod random;
mod receipts;
mod state;
mod timings;
mod transitions;
mod twin_requests;
mod violation;
mod window;

#[cfg(test)]
mod tests;

pub use config::{
    DELIVERY_CAPACITY, METHOD_CAPACITY, PUBLISH_WINDOW, Pass, REPORT_WINDOW, SessionConfig,
};
pub use event::{
    CallId, Cause, Delivery, DeliveryId, Event, Leftovers, LinkId, MethodCall, PublishId,
    ReportFailure, ReportId, TwinFailure,
};
pub use packet::{Connect, Inbound, Outbound, Refusal, TopicFilter, UnexpectedPacket};
pub use timings::Timings;
pub use violation::Violation;

use common::Common;
use state::State;

use crate::moment::Moment;
use crate::twin::DesiredState;

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
    common: Common,
}
/// Getters.
impl Session {
    /// True when a message may be published now: connected, room in the window, no planned
    /// reconnect and no shutdown ahead.
    #[must_use]
    pub fn can_publish(&self) -> bool {
        matches!(&self.state, State::Live(live) if live.can_publish())
    }

    /// True when a report may be sent now: as [`Session::can_publish`], with a granted
    /// subscription to the answer and fewer than [`REPORT_WINDOW`] reports without one.
    #[must_use]
    pub fn can_report(&self) -> bool {
        matches!(&self.state, State::Live(live) if live.can_report(&self.config))
    }

    /// The last desired properties known, whatever became of the connection since.
    #[must_use]
    pub fn desired(&self) -> Option<&DesiredState> {
        self.common.desired.state()
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
                match live.handle_packet(now, packet, &self.config, &mut self.common) {
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
            State::Waiting { .. } | State::Dialling { .. } | State::Held { .. } | State::Closed => {
            }
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
        self.common.events.pop_front()
    }

    /// The next packet for the current connection.
    pub fn poll_packet(&mut self) -> Option<Outbound> {
        self.common.packets.pop_front()
    }

    /// When to call [`Session::handle_timeout`]; `None` when only the outside can move
    /// things (held or closed).
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.next_timer().map(|(_, at)| at)
    }
}
