//! The hub's decisions, without sockets, clock or tasks.
//!
//! The shell tells it what happened ([`Hub::accepted`], [`Hub::received`], [`Hub::written`],
//! [`Hub::lost`], [`Hub::upstream_finished`]) and when ([`Now`]); it carries out the [`Action`]s of
//! [`Hub::poll_action`] in order, and calls [`Hub::tick`] at [`Hub::next_deadline`]. Nothing else
//! drives it, so the tests run hours in milliseconds.
//!
//! Rooms: `connect` (CONNECT and its refusals), `session` (what is known of a connection and of a
//! client), `packets` (what each packet is), `publish` (from PUBLISH to queues), `deliver` (from
//! queues to inputs and upstream), `cleanup` (what expires in them), `outgoing` (what is written,
//! which PUBACK is awaited), `twin_requests` and `methods`; `habits` (what is not certain about
//! edgeHub) and `faults` (what a test makes it do wrong). Storage sits behind [`Store`].
//!
//! What must never happen here: a PUBACK before every matched queue has the message; two
//! unacknowledged input messages at one module; a message out of its queue before it was
//! acknowledged, except by time to live or by a reason that is counted in [`Counters`].

mod action;
mod cleanup;
mod connect;
mod counters;
mod deliver;
mod faults;
mod habits;
mod methods;
mod outgoing;
mod packets;
mod publish;
mod restore;
mod session;
mod settings;
mod twin_requests;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use rumqttc::mqttbytes::v4::{ConnAck, ConnectReturnCode, Packet};

use crate::clock::Now;
use crate::identities::Identities;
use crate::identity::IdentityId;
use crate::journal;
use crate::routing::Routing;
use crate::store::{QueueId, Store};
use crate::twin::Twin;

pub use action::Action;
pub use counters::Counters;
pub use faults::{Connects, Fault, Faults, Pubacks, Twins};
pub use habits::{
    CaseTwins, Checkpoint, ConnectionLoss, Crowd, HabitError, Habits, PacketIds, Retry,
    SenderProperties, Unsubscribed,
};
use methods::Calls;
pub use methods::{CallId, MethodCall, MethodError, MethodOutcome};
pub use session::CloseReason;
use session::{Client, Connection, Phase};
pub use settings::Settings;
pub use twin_requests::DesiredError;

/// Number of a connection, given by the shell, never used twice.
pub type ConnectionId = u64;

/// Pause before a message that could not be written upstream is tried again.
const UPSTREAM_RETRY: Duration = Duration::from_secs(1);

/// The hub as a value.
pub struct Hub {
    settings: Settings,
    identities: Identities,
    routing: Routing,
    store: Box<dyn Store>,
    twins: HashMap<IdentityId, Twin>,
    /// In order, so that what falls due together is done in the same order every time.
    connections: BTreeMap<ConnectionId, Connection>,
    clients: BTreeMap<IdentityId, Client>,
    /// Queues by the module they lead to.
    lanes: BTreeMap<String, BTreeSet<QueueId>>,
    upstream: Upstream,
    next_delivery: u64,
    calls: Calls,
    faults: Faults,
    /// When queues are looked through for what has expired, if any holds something.
    next_cleanup: Duration,
    counters: Counters,
    actions: VecDeque<Action>,
}

/// The way to the outer world: one message at a time.
#[derive(Debug, Default)]
struct Upstream {
    queues: BTreeSet<QueueId>,
    writing: Option<(QueueId, u64)>,
    retry_at: Option<Duration>,
}

impl Hub {
    /// A connection has passed TLS.
    pub fn accepted(&mut self, connection: ConnectionId, now: Now) {
        self.counters.connections += 1;
        let deadline = now.elapsed + self.settings.connect_deadline;
        self.connections
            .insert(connection, Connection::new(deadline));
    }

    /// A CONNECT came that is not MQTT 3.1.1 (name `MQTT`, level 4): CONNACK 1 and close.
    pub fn wrong_protocol(&mut self, connection: ConnectionId, now: Now) {
        if let Some(Connection {
            phase: Phase::AwaitingConnect { .. },
        }) = self.connections.get(&connection)
        {
            self.counters.refused += 1;
            let refusal = ConnAck::new(ConnectReturnCode::RefusedProtocolVersion, false);
            self.send(connection, Packet::ConnAck(refusal), now);
        }
        self.close(connection, CloseReason::Refused, now);
    }

    /// The bytes of [`Action::Send::report_written`] have left.
    pub fn written(&mut self, connection: ConnectionId, delivery: u64, now: Now) {
        let Some(client) = self.client_of(connection) else {
            return;
        };
        self.delivered(&client, delivery, now);
    }

    /// A connection ended on its own, or by a packet the codec refused. One that was closed here
    /// before is no news.
    pub fn lost(&mut self, connection: ConnectionId, reason: CloseReason, now: Now) {
        self.close(connection, reason, now);
    }

    /// Whether an [`Action::Upstream`] arrived. Without success it is offered again in a second.
    pub fn upstream_finished(&mut self, sequence: u64, success: bool, now: Now) {
        let Some((queue, writing)) = self.upstream.writing.take() else {
            return;
        };
        if writing != sequence {
            self.upstream.writing = Some((queue, writing));
            return;
        }
        if success {
            self.counters.upstream += 1;
            self.pop(&queue, sequence);
        } else {
            self.upstream.retry_at = Some(now.elapsed + UPSTREAM_RETRY);
        }
        self.pump_upstream(now);
    }

    /// The next thing to do, in order.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Hub::tick`] is due, as [`Now::elapsed`]; `None` when nothing waits for time.
    pub fn next_deadline(&self) -> Option<Duration> {
        let connections = self.connections.values().map(Connection::deadline);
        let turns = self
            .clients
            .values()
            .flat_map(|client| [client.turn.deadline(), client.wait_until]);
        connections
            .chain(turns.flatten())
            .chain(self.upstream.retry_at)
            .chain(self.cleanup_due())
            .chain(self.calls.deadline())
            .min()
    }

    /// Does what time demands: closes the silent, sends again what was not acknowledged.
    pub fn tick(&mut self, now: Now) {
        let overdue: Vec<_> = self
            .connections
            .iter()
            .filter_map(|(id, connection)| Some((*id, connection.overdue(now.elapsed)?)))
            .collect();
        for (connection, reason) in overdue {
            self.close(connection, reason, now);
        }
        let late: Vec<_> = self
            .clients
            .iter()
            .filter(|(_, client)| client.turn.deadline().is_some_and(|due| due <= now.elapsed))
            .map(|(id, _)| id.clone())
            .collect();
        for id in late {
            self.acknowledgement_timed_out(&id, now);
        }
        let mut rested = Vec::new();
        for (id, client) in &mut self.clients {
            if client
                .wait_until
                .take_if(|until| *until <= now.elapsed)
                .is_some()
            {
                rested.push(id.clone());
            }
        }
        for id in rested {
            self.pump(&id, now);
        }
        self.tick_calls(now);
        self.send_late_pubacks(now);
        self.clean_up(now);
        if self.upstream.retry_at.is_some_and(|due| due <= now.elapsed) {
            self.upstream.retry_at = None;
            self.pump_upstream(now);
        }
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether a message is on its way to the outer world.
    pub fn is_writing_upstream(&self) -> bool {
        self.upstream.writing.is_some()
    }

    /// Every queue and the number of messages in it.
    pub fn queues(&self) -> Vec<(QueueId, usize)> {
        self.store.queues()
    }

    /// Clients that are connected now, in order.
    pub fn connected(&self) -> Vec<IdentityId> {
        self.clients
            .iter()
            .filter(|(_, client)| client.connection.is_some())
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// The IoT Plug and Play models that clients which are connected now have announced. The real
    /// hub passes them on to the cloud; the twin that a client asks for does not have them.
    pub fn models(&self) -> BTreeMap<IdentityId, String> {
        let connected = self
            .clients
            .iter()
            .filter(|(_, client)| client.connection.is_some());
        connected
            .filter_map(|(id, client)| Some((id.clone(), client.model_id.clone()?)))
            .collect()
    }

    /// The twin of an identity.
    pub fn twin(&self, id: &IdentityId) -> Option<&Twin> {
        self.twins.get(id)
    }

    /// Ends a connection: its will is published unless it said goodbye, and what it had not
    /// acknowledged waits for the next one.
    fn close(&mut self, connection: ConnectionId, reason: CloseReason, now: Now) {
        let Some(ended) = self.connections.remove(&connection) else {
            return;
        };
        if let Phase::Serving(serving) = ended.phase {
            tracing::info!(client = %serving.client, connection, %reason, "connection closed");
            if let Some(client) = self.clients.get_mut(&serving.client)
                && client.connection == Some(connection)
            {
                client.connection = None;
                client.away_since = now.elapsed;
                let waits_out = self.settings.habits.connection_loss
                    == ConnectionLoss::AfterTimeout
                    && reason != CloseReason::TakenOver;
                client.wait_until = client.turn.deadline().filter(|_| waits_out);
                client.turn.interrupt();
                if !client.persistent {
                    client.subscriptions.clear();
                }
            }
            if let Some(will) = serving.will {
                self.publish_will(&serving.client, &will, now);
            }
        } else {
            tracing::info!(connection, %reason, "connection closed before it was accepted");
        }
        self.record(|| journal::Event::Closed { connection });
        self.actions.push_back(Action::Close { connection, reason });
    }

    /// Has the shell write an event down, if anybody wants to know.
    fn record(&mut self, event: impl FnOnce() -> journal::Event) {
        if self.settings.journal {
            self.actions.push_back(Action::Record(event()));
        }
    }

    fn client_of(&self, connection: ConnectionId) -> Option<IdentityId> {
        match &self.connections.get(&connection)?.phase {
            Phase::Serving(serving) => Some(serving.client.clone()),
            Phase::AwaitingConnect { .. } | Phase::Ignored { .. } => None,
        }
    }

    fn pop(&mut self, queue: &QueueId, sequence: u64) {
        if let Err(error) = self.store.pop(queue, sequence) {
            tracing::error!(endpoint = %queue.endpoint, error = &error as &dyn std::error::Error,
                "a delivered message may come again after a restart");
        }
    }
}
