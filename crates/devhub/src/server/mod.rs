//! The hub on the network: listener, TLS, one task that owns the [`Hub`] and carries out its
//! actions.
//!
//! Started by [`start`], which returns once the port is bound; ended by [`HubHandle::stop`], which
//! closes every connection and waits for the tasks. All that can wake the hub's task stands in one
//! `select!`. Connections talk to it over one bounded channel of `EVENTS` (64) packets: a hub that is
//! behind stops reading sockets, as edgeHub does.

mod connection;
mod event;
mod handle;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use serde_json::Value;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::ca::ServerCredentials;
use crate::clock::Clock;
use crate::hub::{
    Action, CallId, CloseReason, ConnectionId, Hub, MethodError, MethodOutcome, Settings,
};
use crate::identities::Identities;
use crate::journal::Journal;
use crate::routing::Routing;
use crate::store::{Entry, Store, StoreError};
use crate::upstream::{UpstreamMessage, UpstreamSink};

use connection::{OUTBOX, Outgoing};
use event::Event;

pub use connection::MAX_PACKET_BYTES;
pub use handle::{HubHandle, HubRemote, RemoteError, Stopped};

/// Packets of all connections that wait for the hub; each holds at most 256 KiB.
const EVENTS: usize = 64;
/// Connections at the same time; more are closed at once.
const MAX_CONNECTIONS: usize = 1000;
/// How long a stop waits for connections and for the last upstream message.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// All a hub is made of.
pub struct HubParts {
    /// Time-outs.
    pub settings: Settings,
    /// Who may connect.
    pub identities: Identities,
    /// Routes and time to live.
    pub routing: Routing,
    /// Queues, sessions, twins.
    pub store: Box<dyn Store>,
    /// Desired properties by module.
    pub desired: BTreeMap<String, Value>,
    /// Where upstream messages go; with none they are counted and gone.
    pub upstream: Vec<Box<dyn UpstreamSink>>,
    /// Where deliveries and confirmations are recorded, if anywhere.
    pub journal: Option<Journal>,
    /// What the listener presents.
    pub credentials: ServerCredentials,
}

/// Why a hub does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The certificate and key do not fit, or are of an unknown kind.
    #[error("the server certificate cannot be used")]
    Tls(#[source] rustls::Error),
    /// What is kept cannot be read.
    #[error("the hub's store cannot be read")]
    Store(#[from] StoreError),
    /// The listener has no address, or no thread could be made.
    #[error("cannot start the listener")]
    Io(#[from] io::Error),
}

/// Starts a hub on a bound listener. Must be called within a tokio runtime.
///
/// # Errors
/// [`StartError`].
pub fn start(listener: TcpListener, parts: HubParts) -> Result<HubHandle, StartError> {
    let address = listener.local_addr()?;
    let tls = acceptor(parts.credentials)?;
    let clock = Clock::start();
    let settings = Settings {
        journal: parts.journal.is_some(),
        ..parts.settings
    };
    let hub = Hub::new(
        settings,
        parts.identities,
        parts.routing,
        parts.store,
        &parts.desired,
        clock.now(),
    )?;
    let (events, inbox) = mpsc::channel(EVENTS);
    let upstream = spawn_upstream(parts.upstream, events.clone())?;
    let stop = CancellationToken::new();
    let server = Server {
        hub,
        clock,
        listener,
        tls,
        events: events.clone(),
        upstream,
        journal: parts.journal,
        outboxes: HashMap::new(),
        callers: HashMap::new(),
        tasks: JoinSet::new(),
        next_connection: 1,
    };
    let task = tokio::spawn(server.run(inbox, stop.clone()));
    Ok(HubHandle::new(address, events, stop, task))
}

fn acceptor(credentials: ServerCredentials) -> Result<TlsAcceptor, StartError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(StartError::Tls)?
        .with_no_client_auth()
        .with_single_cert(credentials.chain, credentials.key)
        .map_err(StartError::Tls)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The thread that writes upstream messages: files and pipes may block.
fn spawn_upstream(
    mut sinks: Vec<Box<dyn UpstreamSink>>,
    events: mpsc::Sender<Event>,
) -> io::Result<mpsc::Sender<Entry>> {
    // The hub offers one at a time.
    let (entries, mut inbox) = mpsc::channel::<Entry>(1);
    std::thread::Builder::new()
        .name("devhub-upstream".into())
        .spawn(move || {
            while let Some(entry) = inbox.blocking_recv() {
                let message = UpstreamMessage::new(&entry.message);
                let written = sinks.iter_mut().try_for_each(|sink| sink.write(&message));
                if let Err(error) = &written {
                    tracing::error!(%error, "upstream message not written, trying again");
                }
                let (sequence, success) = (entry.sequence, written.is_ok());
                if events
                    .blocking_send(Event::UpstreamFinished { sequence, success })
                    .is_err()
                {
                    break;
                }
            }
        })?;
    Ok(entries)
}

/// The way to one connection.
struct Outbox {
    sender: mpsc::Sender<Outgoing>,
    task: AbortHandle,
}

struct Server {
    hub: Hub,
    clock: Clock,
    listener: TcpListener,
    tls: TlsAcceptor,
    events: mpsc::Sender<Event>,
    upstream: mpsc::Sender<Entry>,
    journal: Option<Journal>,
    outboxes: HashMap<ConnectionId, Outbox>,
    callers: HashMap<CallId, oneshot::Sender<Result<MethodOutcome, MethodError>>>,
    tasks: JoinSet<()>,
    next_connection: ConnectionId,
}

impl Server {
    async fn run(mut self, mut inbox: mpsc::Receiver<Event>, stop: CancellationToken) {
        self.act();
        loop {
            let due = self.hub.next_deadline().map(|at| self.clock.instant(at));
            tokio::select! {
                () = stop.cancelled() => break,
                Some(event) = inbox.recv() => self.handle(event),
                accepted = self.listener.accept() => self.accept(accepted).await,
                () = sleep_until(due) => {
                    let now = self.clock.now();
                    self.hub.tick(now);
                }
                Some(ended) = self.tasks.join_next() => {
                    if let Err(error) = ended && error.is_panic() {
                        tracing::error!(%error, "a connection's task failed");
                    }
                }
            }
            self.act();
        }
        self.shut_down(inbox).await;
    }

    fn handle(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Accepted(connection) => self.hub.accepted(connection, now),
            Event::Packet(connection, packet) => self.hub.received(connection, packet, now),
            Event::WrongProtocol(connection) => self.hub.wrong_protocol(connection, now),
            Event::Lost(connection, reason) => {
                self.hub.lost(connection, reason, now);
                self.outboxes.remove(&connection);
            }
            Event::Written(connection, delivery) => self.hub.written(connection, delivery, now),
            Event::UpstreamFinished { sequence, success } => {
                self.hub.upstream_finished(sequence, success, now);
            }
            Event::Ask(question) => question(&mut self.hub, now),
            Event::Call(call, caller) => match self.hub.invoke(call, now) {
                Ok(id) => {
                    self.callers.insert(id, caller);
                }
                Err(error) => {
                    let _gone = caller.send(Err(error));
                }
            },
            Event::Present(credentials, asker) => {
                let presented = acceptor(credentials).map(|tls| self.tls = tls);
                let _gone = asker.send(presented);
            }
        }
    }

    async fn accept(&mut self, accepted: io::Result<(tokio::net::TcpStream, SocketAddr)>) {
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file handles, most likely; waiting keeps the loop from spinning.
                tracing::error!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                return;
            }
        };
        if self.outboxes.len() >= MAX_CONNECTIONS {
            tracing::error!(%peer, limit = MAX_CONNECTIONS, "connection closed: too many are open");
            return;
        }
        let id = self.next_connection;
        self.next_connection += 1;
        let (sender, outbox) = mpsc::channel(OUTBOX);
        let task = connection::serve(
            id,
            socket,
            peer,
            self.tls.clone(),
            self.events.clone(),
            outbox,
        );
        let task = self.tasks.spawn(task);
        self.outboxes.insert(id, Outbox { sender, task });
    }

    /// Carries out what the hub has decided.
    fn act(&mut self) {
        while let Some(action) = self.hub.poll_action() {
            match action {
                Action::Send {
                    connection,
                    packet,
                    report_written,
                } => {
                    let outgoing = Outgoing::Packet {
                        packet,
                        report_written,
                    };
                    if let Some(outbox) = self.outboxes.get(&connection)
                        && outbox.sender.try_send(outgoing).is_err()
                    {
                        let now = self.clock.now();
                        self.hub.lost(connection, CloseReason::NotReading, now);
                    }
                }
                Action::Close { connection, reason } => self.close(connection, &reason),
                Action::MethodFinished { call, outcome } => {
                    if let Some(caller) = self.callers.remove(&call) {
                        let _gone = caller.send(Ok(outcome));
                    }
                }
                Action::Record(event) => {
                    if let Some(journal) = &mut self.journal
                        && let Err(error) = journal.write(&event)
                    {
                        tracing::error!(%error, "the journal lacks an event");
                    }
                }
                Action::Upstream(entry) => {
                    let sequence = entry.sequence;
                    if self.upstream.try_send(entry).is_err() {
                        let now = self.clock.now();
                        self.hub.upstream_finished(sequence, false, now);
                    }
                }
            }
        }
    }

    fn close(&mut self, connection: ConnectionId, reason: &CloseReason) {
        let Some(outbox) = self.outboxes.remove(&connection) else {
            return;
        };
        let cut = matches!(reason, CloseReason::Killed | CloseReason::NotReading);
        if cut || outbox.sender.try_send(Outgoing::Close).is_err() {
            outbox.task.abort();
        }
    }

    async fn shut_down(mut self, mut inbox: mpsc::Receiver<Event>) {
        let deadline = tokio::time::Instant::now() + STOP_GRACE;
        let open: Vec<_> = self.outboxes.keys().copied().collect();
        for connection in open {
            let now = self.clock.now();
            self.hub.lost(connection, CloseReason::Stopping, now);
        }
        self.act();
        // What never reached the hub (a TLS handshake) is only told to go.
        for outbox in self.outboxes.values() {
            outbox.task.abort();
        }
        while self.hub.is_writing_upstream() || !self.tasks.is_empty() {
            let next = tokio::time::timeout_at(deadline, async {
                tokio::select! {
                    Some(event) = inbox.recv() => Some(event),
                    Some(_) = self.tasks.join_next() => None,
                }
            });
            match next.await {
                Ok(Some(event)) => self.handle(event),
                Ok(None) => {}
                Err(_late) => {
                    tracing::warn!(
                        connections = self.tasks.len(),
                        "stopped without waiting longer"
                    );
                    break;
                }
            }
            self.act();
        }
        self.hub.checkpoint();
    }
}

async fn sleep_until(due: Option<std::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
