//! The one task of a client: it waits for whatever comes first, tells the session, and
//! does what the session says. It decides nothing about the protocol.
//!
//! Everything that can wake it is a [`Wake`]; [`Driver::next_wake`] is the only place
//! that waits, [`Driver::handle`] the only one that dispatches. Reading goes on while
//! writing is blocked, because both are arms of the same wait.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use edge_protocol::moment::Moment;
use edge_protocol::session::{
    self, Cause, Event, LinkId, PUBLISH_WINDOW, PublishId, Session, SessionConfig,
};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::client::{CloseOutcome, Command, PublishError, PublishRequest};
use crate::config::ClientConfig;
use crate::delivery::{Board, DELIVERY_CAPACITY, Delivery, Received, Word};
use crate::dial::{DialError, Dialled, Dialler};
use crate::status::{ConnectionError, Status, StatusKeeper, chain};
use crate::wire::{self, Incoming, Outgoing, WireError};

type Dialling = Pin<Box<dyn Future<Output = Result<Dialled, DialError>> + Send>>;

pub(crate) struct Driver {
    config: Arc<ClientConfig>,
    dialler: Arc<Dialler>,
    session: Session,
    origin: Instant,
    publishes: mpsc::Receiver<PublishRequest>,
    commands: mpsc::Receiver<Command>,
    deliveries: mpsc::Sender<Delivery>,
    status: StatusKeeper,
    /// Publishes sent and not confirmed; the session bounds their number.
    unconfirmed: HashMap<PublishId, oneshot::Sender<Result<(), PublishError>>>,
    /// Deliveries that found the application's queue full (it may still hold those of an
    /// earlier connection); the session bounds their number.
    undelivered: VecDeque<Delivery>,
    news: Arc<Notify>,
    /// No handle is left that could give a command.
    abandoned: bool,
    dialling: Option<(LinkId, Dialling)>,
    connection: Option<Connection>,
    /// What the shell knows about the end the session is about to report.
    detail: Option<ConnectionError>,
    last_error: Option<ConnectionError>,
    outcome: CloseOutcome,
}

/// A connection that is up, from the end of the handshake on.
struct Connection {
    link: LinkId,
    incoming: Incoming,
    outgoing: Outgoing,
    read_at: Received,
    board: Arc<Board>,
}

/// Everything that can wake the task.
enum Wake {
    Dialled(LinkId, Result<Dialled, DialError>),
    Read(Result<(), WireError>),
    Wrote(Result<(), WireError>),
    Deadline,
    Publish(PublishRequest),
    /// The application left a word about a delivery.
    Word,
    /// The application's queue has room again.
    Room,
    Command(Command),
    /// Every handle is gone.
    Abandoned,
}

impl Driver {
    pub(crate) fn new(
        config: ClientConfig,
        publishes: mpsc::Receiver<PublishRequest>,
        commands: mpsc::Receiver<Command>,
        deliveries: mpsc::Sender<Delivery>,
        status: watch::Sender<Status>,
    ) -> Self {
        let session = Session::new(
            SessionConfig {
                identity: config.identity.clone(),
                product: config.product.clone(),
                receives_inputs: config.receives_inputs,
                publish_window: PUBLISH_WINDOW,
                delivery_capacity: DELIVERY_CAPACITY,
                timings: config.timings.clone(),
            },
            fastrand::u64(..),
            Moment::ORIGIN,
        );
        let config = Arc::new(config);
        Driver {
            dialler: Arc::new(Dialler::new(Arc::clone(&config))),
            config,
            session,
            origin: Instant::now(),
            publishes,
            commands,
            deliveries,
            status: StatusKeeper::new(status),
            unconfirmed: HashMap::new(),
            undelivered: VecDeque::new(),
            news: Arc::new(Notify::new()),
            abandoned: false,
            dialling: None,
            connection: None,
            detail: None,
            last_error: None,
            outcome: CloseOutcome::default(),
        }
    }

    pub(crate) async fn run(mut self) -> CloseOutcome {
        self.obey();
        while !self.session.is_closed() {
            let wake = self.next_wake().await;
            self.handle(wake);
            self.obey();
        }
        self.refuse_waiting_publishes();
        self.outcome
    }

    async fn next_wake(&mut self) -> Wake {
        let reading = !self.session.is_reading_paused();
        let publishing = self.session.can_publish();
        let deadline = self
            .session
            .next_deadline()
            .map(|at| self.origin + at.since_origin());
        let (incoming, outgoing) = match &mut self.connection {
            Some(connection) => (
                Some(&mut connection.incoming).filter(|_| reading),
                Some(&mut connection.outgoing).filter(|outgoing| outgoing.has_work()),
            ),
            None => (None, None),
        };
        tokio::select! {
            read = maybe(incoming.map(Incoming::read)) => Wake::Read(read),
            wrote = maybe(outgoing.map(Outgoing::write)) => Wake::Wrote(wrote),
            () = self.news.notified() => Wake::Word,
            (link, result) = maybe(self.dialling.as_mut().map(dialled)) => {
                Wake::Dialled(link, result)
            }
            Some(request) = self.publishes.recv(), if publishing => Wake::Publish(request),
            permit = self.deliveries.reserve(), if !self.undelivered.is_empty() => {
                drop(permit);
                Wake::Room
            }
            command = self.commands.recv(), if !self.abandoned => {
                command.map_or(Wake::Abandoned, Wake::Command)
            }
            () = maybe(deadline.map(tokio::time::sleep_until)) => Wake::Deadline,
        }
    }

    fn handle(&mut self, wake: Wake) {
        let now = self.now();
        match wake {
            Wake::Dialled(link, result) => self.dialled(now, link, result),
            Wake::Read(Ok(())) => {
                if let Some(connection) = &mut self.connection {
                    connection.read_at = Received::now();
                    self.session.handle_received(now, connection.link);
                }
            }
            Wake::Wrote(Ok(())) => {}
            Wake::Read(Err(error)) | Wake::Wrote(Err(error)) => self.broken(now, error),
            Wake::Deadline => self.session.handle_timeout(now),
            Wake::Publish(request) => self.publish(now, request),
            Wake::Word => self.hear(now),
            Wake::Room => self.hand_over(),
            Wake::Command(Command::Hold) => {
                self.hear(now);
                self.session.hold(now);
            }
            Wake::Command(Command::Resume) => self.session.resume(now),
            Wake::Command(Command::Close { grace }) => self.close(now, grace),
            Wake::Abandoned => {
                self.abandoned = true;
                self.close(now, Duration::ZERO);
            }
        }
    }

    /// Does everything the session asks for, and gives it the packets already read.
    fn obey(&mut self) {
        let mut busy = true;
        while busy {
            busy = false;
            while let Some(event) = self.session.poll_event() {
                self.on_event(event);
                busy = true;
            }
            busy |= self.write_packets();
            busy |= self.read_packet();
        }
        if self.session.is_parting()
            && let Some(connection) = &mut self.connection
        {
            connection.outgoing.end_when_written();
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Dial { link, attempt } => {
                self.dialling = Some((link, Box::pin(Arc::clone(&self.dialler).dial())));
                self.status.set(Status::Connecting {
                    attempt,
                    last_error: self.last_error.clone(),
                });
            }
            Event::HangUp { link } => {
                self.dialling.take_if(|(dialling, _)| *dialling == link);
                if let Some(connection) = self.connection.take_if(|open| open.link == link) {
                    connection.board.close();
                }
            }
            Event::Connected {
                link,
                session_present,
            } => {
                tracing::info!(
                    hub = %self.config.gateway_host,
                    connection = link.number(),
                    session_present,
                    "connected"
                );
                self.last_error = None;
                let since = std::time::Instant::now();
                self.status.set(Status::Connected {
                    since,
                    session_present,
                });
            }
            Event::Subscribed { link } => {
                tracing::debug!(connection = link.number(), "inputs subscribed");
            }
            Event::Delivery(delivery) => self.deliver(delivery),
            Event::Stray { topic } => {
                // The last level may hold properties, which are the sender's business.
                let topic = topic.rsplit_once('/').map_or("", |(levels, _)| levels);
                tracing::warn!(
                    topic,
                    "acknowledged a message for a topic that is not an input"
                );
            }
            Event::Confirmed { publish } => self.confirm(publish, Ok(())),
            Event::Unconfirmed { publish } => {
                self.confirm(publish, Err(PublishError::ConnectionLost));
            }
            Event::Lost {
                link,
                cause,
                retry_in,
            } => self.lost(link, cause, retry_in),
            Event::Held => {
                tracing::info!(hub = %self.config.gateway_host, "next attempt held back");
                self.status.set(Status::Held);
            }
            Event::Closed(leftovers) => {
                self.outcome = leftovers.into();
                tracing::info!(
                    unconfirmed_publishes = leftovers.unconfirmed_publishes,
                    unacknowledged_deliveries = leftovers.unacknowledged_deliveries,
                    "closed"
                );
            }
        }
    }

    fn lost(&mut self, link: LinkId, cause: Cause, retry_in: Option<Duration>) {
        // A parting connection stays open for its DISCONNECT, but takes no more words.
        if let Some(connection) = &self.connection
            && connection.link == link
        {
            connection.board.close();
        }
        let error = match cause {
            Cause::PeerClosed | Cause::DialFailed => self
                .detail
                .take()
                .unwrap_or(ConnectionError::Session(cause)),
            Cause::DialTimedOut { after } => {
                ConnectionError::Dial(Arc::new(self.dialler.timed_out(after)))
            }
            _ => ConnectionError::Session(cause),
        };
        let connection = link.number();
        let hub = &self.config.gateway_host;
        match cause {
            Cause::TokenRenewal => {
                tracing::info!(%hub, connection, "reconnecting with a new token");
            }
            Cause::Held => tracing::info!(%hub, connection, "connection held closed"),
            _ => {
                let reason = chain(&error);
                tracing::warn!(%hub, connection, ?retry_in, reason, "not connected");
            }
        }
        self.status.set(match retry_in {
            Some(_) => Status::Connecting {
                attempt: self.session.failures(),
                last_error: Some(error.clone()),
            },
            None => Status::Held,
        });
        self.last_error = Some(error);
    }

    fn dialled(&mut self, now: Moment, link: LinkId, result: Result<Dialled, DialError>) {
        self.dialling = None;
        match result {
            Ok((stream, pass)) => {
                let (incoming, outgoing) = wire::split(*stream);
                let board = Arc::new(Board::new(Arc::clone(&self.news)));
                let read_at = Received::now();
                self.connection = Some(Connection {
                    link,
                    incoming,
                    outgoing,
                    read_at,
                    board,
                });
                self.session.handle_dialled(now, link, pass);
            }
            Err(error) => {
                self.detail = Some(ConnectionError::Dial(Arc::new(error)));
                self.session.handle_dial_failed(now, link);
            }
        }
    }

    fn broken(&mut self, now: Moment, error: WireError) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        connection.board.close();
        self.detail = Some(ConnectionError::Wire(Arc::new(error)));
        self.session.handle_closed(now, connection.link);
    }

    /// Takes the session's packets; false when there were none.
    fn write_packets(&mut self) -> bool {
        let mut any = false;
        while let Some(packet) = self.session.poll_packet() {
            any = true;
            let Some(connection) = &mut self.connection else {
                continue;
            };
            if let Err(error) = connection.outgoing.encode(packet) {
                let now = self.now();
                self.broken(now, error);
            }
        }
        any
    }

    /// Gives one packet to the session; false when there is none to give.
    fn read_packet(&mut self) -> bool {
        if self.session.is_reading_paused() {
            return false;
        }
        let now = self.now();
        let Some(connection) = &mut self.connection else {
            return false;
        };
        match connection.incoming.decode() {
            Ok(Some(packet)) => {
                self.session.handle_packet(now, connection.link, packet);
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.broken(now, error);
                true
            }
        }
    }

    fn publish(&mut self, now: Moment, request: PublishRequest) {
        // A caller that went away does not want it sent any more.
        if request.result.is_closed() {
            return;
        }
        match self.session.publish(now, request.message) {
            Ok(id) => {
                self.unconfirmed.insert(id, request.result);
            }
            // Only asked for when the session can publish; if it could not, nothing was
            // sent, and "send again" is the right word to the caller.
            Err(_unsent) => {
                request.result.send(Err(PublishError::ConnectionLost)).ok();
            }
        }
    }

    fn confirm(&mut self, publish: PublishId, result: Result<(), PublishError>) {
        if let Some(waiting) = self.unconfirmed.remove(&publish) {
            // The caller may have stopped waiting.
            waiting.send(result).ok();
        }
    }

    fn deliver(&mut self, delivery: session::Delivery) {
        let Some(connection) = &self.connection else {
            return;
        };
        if let Some(error) = &delivery.properties_error {
            tracing::warn!(input = %delivery.input, %error, "delivery with unreadable properties");
        }
        let board = Arc::clone(&connection.board);
        self.undelivered
            .push_back(Delivery::new(delivery, connection.read_at, board));
        self.hand_over();
    }

    fn hand_over(&mut self) {
        while let Some(delivery) = self.undelivered.pop_front() {
            match self.deliveries.try_send(delivery) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(delivery)) => {
                    self.undelivered.push_front(delivery);
                    return;
                }
                // Nobody takes deliveries: dropping it here says so to the session.
                Err(mpsc::error::TrySendError::Closed(delivery)) => drop(delivery),
            }
        }
    }

    /// Passes the application's words on to the session.
    fn hear(&mut self, now: Moment) {
        let Some(connection) = &self.connection else {
            return;
        };
        for (id, word) in connection.board.words() {
            match word {
                Word::Acknowledged => {
                    self.session.acknowledge(now, id);
                }
                Word::Dropped => self.session.abandon(now, id),
            }
        }
    }

    fn close(&mut self, now: Moment, grace: Duration) {
        self.refuse_waiting_publishes();
        let last_taken = self
            .connection
            .as_ref()
            .and_then(|open| open.board.begin_closing());
        self.hear(now);
        self.session.shut_down(now, grace, last_taken);
    }

    fn refuse_waiting_publishes(&mut self) {
        self.publishes.close();
        while let Ok(request) = self.publishes.try_recv() {
            request.result.send(Err(PublishError::Closed)).ok();
        }
    }

    fn now(&self) -> Moment {
        Moment::after_origin(self.origin.elapsed())
    }
}

/// Waits for ever when there is nothing to wait for.
async fn maybe<F: Future>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn dialled(dialling: &mut (LinkId, Dialling)) -> (LinkId, Result<Dialled, DialError>) {
    (dialling.0, dialling.1.as_mut().await)
}
