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
use edge_protocol::session::{LinkId, PUBLISH_WINDOW, PublishId, ReportId, Session, SessionConfig};
use edge_protocol::twin::DesiredState;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::client::{CloseOutcome, Command, PublishError, PublishRequest};
use crate::config::ClientConfig;
use crate::delivery::{DELIVERY_CAPACITY, Delivery, Received};
use crate::dial::{DialError, Dialled, Dialler};
use crate::methods::MethodCall;
use crate::report::{ReportRequest, ReportResult};
use crate::status::{ConnectionError, Status, StatusKeeper, TwinStatus};
use crate::vitals::Vitals;
use crate::wire::{Incoming, Outgoing, WireError};

mod connection;
mod handover;
mod news;

use connection::Connection;

/// Longest single wait for a deadline. A session may name one that no clock can hold; asked
/// too early it does nothing.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

type Dialling = Pin<Box<dyn Future<Output = Result<Dialled, DialError>> + Send>>;

pub(crate) struct Driver {
    config: Arc<ClientConfig>,
    dialler: Arc<Dialler>,
    session: Session,
    origin: Instant,
    publishes: mpsc::Receiver<PublishRequest>,
    reports: mpsc::Receiver<ReportRequest>,
    commands: mpsc::Receiver<Command>,
    deliveries: mpsc::Sender<Delivery>,
    calls: mpsc::Sender<MethodCall>,
    desired: watch::Sender<Option<DesiredState>>,
    status: StatusKeeper,
    /// Publishes sent and not confirmed; the session bounds their number.
    unconfirmed: HashMap<PublishId, oneshot::Sender<Result<(), PublishError>>>,
    /// Reports sent and not answered; the session bounds their number.
    unanswered: HashMap<ReportId, oneshot::Sender<ReportResult>>,
    /// Deliveries that found the application's queue full (it may still hold those of an
    /// earlier connection). The session bounds those of this connection,
    /// [`Driver::close_board`] what is left of earlier ones.
    undelivered: VecDeque<Delivery>,
    news: Arc<Notify>,
    /// No handle is left that could give a command.
    abandoned: bool,
    dialling: Option<(LinkId, Dialling)>,
    connection: Option<Connection>,
    /// What the shell knows about the end the session is about to report.
    detail: Option<ConnectionError>,
    vitals: Arc<Vitals>,
    last_error: Option<ConnectionError>,
    outcome: CloseOutcome,
}

/// The task's ends of all channels between it and the application.
pub(crate) struct Ends {
    pub(crate) publishes: mpsc::Receiver<PublishRequest>,
    pub(crate) reports: mpsc::Receiver<ReportRequest>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) deliveries: mpsc::Sender<Delivery>,
    pub(crate) calls: mpsc::Sender<MethodCall>,
    pub(crate) desired: watch::Sender<Option<DesiredState>>,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) twin_status: watch::Sender<TwinStatus>,
    pub(crate) vitals: Arc<Vitals>,
}

/// Everything that can wake the task.
enum Wake {
    Dialled(LinkId, Result<Dialled, DialError>),
    Read(Result<(), WireError>),
    Wrote(Result<(), WireError>),
    Deadline,
    Publish(PublishRequest),
    Report(ReportRequest),
    /// The application left a word about a delivery or a call.
    Word,
    /// The application's queue has room again.
    Room,
    Command(Command),
    /// Every handle is gone.
    Abandoned,
}

impl Driver {
    pub(crate) fn new(config: ClientConfig, ends: Ends) -> Self {
        let session = Session::new(
            SessionConfig {
                identity: config.identity.clone(),
                product: config.product.clone(),
                model_id: config.model_id.clone(),
                receives_inputs: config.receives_inputs,
                follows_twin: config.follows_twin,
                takes_methods: config.takes_methods,
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
            publishes: ends.publishes,
            reports: ends.reports,
            commands: ends.commands,
            deliveries: ends.deliveries,
            calls: ends.calls,
            desired: ends.desired,
            status: StatusKeeper::new(ends.status, ends.twin_status),
            unconfirmed: HashMap::new(),
            unanswered: HashMap::new(),
            undelivered: VecDeque::new(),
            news: Arc::new(Notify::new()),
            abandoned: false,
            dialling: None,
            connection: None,
            detail: None,
            vitals: ends.vitals,
            last_error: None,
            outcome: CloseOutcome::default(),
        }
    }

    pub(crate) async fn run(mut self) -> CloseOutcome {
        self.obey();
        while !self.session.is_closed() {
            self.step().await;
        }
        self.refuse_waiting();
        self.outcome
    }

    /// Waits for one thing to happen and does what follows from it. Dropping the future
    /// loses nothing.
    pub(crate) async fn step(&mut self) {
        let wake = self.next_wake().await;
        self.handle(wake);
        self.obey();
    }

    /// Deliveries that wait outside the application's queue.
    #[cfg(test)]
    pub(crate) fn undelivered(&self) -> usize {
        self.undelivered.len()
    }

    async fn next_wake(&mut self) -> Wake {
        let reading = !self.session.is_reading_paused();
        let publishing = self.session.can_publish();
        let reporting = self.session.can_report();
        let now = self.now();
        let deadline = self
            .session
            .next_deadline()
            .map(|at| Instant::now() + at.since(now).min(LONGEST_WAIT));
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
            Some(request) = self.reports.recv(), if reporting => Wake::Report(request),
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
            Wake::Report(request) => self.report(now, request),
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
    pub(crate) fn obey(&mut self) {
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
