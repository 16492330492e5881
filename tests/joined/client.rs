//! A client: its session, and the shell around it as the world keeps it. Whoever uses it, a
//! camera or the module's application, is its role.

use std::time::Duration;

use bytes::BytesMut;
use edge_protocol::Identity;
use edge_protocol::moment::Moment;
use edge_protocol::sas::{SharedKey, TokenRequest};
use edge_protocol::session::{Cause, LinkId, Pass, Session, SessionConfig, TwinFailure};

use crate::agenda::Instant;
use crate::application::{Application, Manner};
use crate::camera::Camera;
use crate::network::SocketId;

/// Everyone who can connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// The module.
    Module,
    /// A second process with the module's identity and the module's ledger.
    Rival,
    /// A leaf device.
    Camera(usize),
}

/// What a client is for.
#[derive(Debug)]
pub(crate) enum Role {
    Camera(Camera),
    Application(Application),
}

/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) config: SessionConfig,
    key: SharedKey,
    /// `None` while its process does not run.
    pub(crate) session: Option<Session>,
    /// Number of its process, so that nothing planned for an earlier one reaches a later one.
    pub(crate) life: u32,
    pub(crate) dialling: Option<LinkId>,
    pub(crate) line: Option<Line>,
    pub(crate) role: Role,
    pub(crate) manner: Manner,
    /// Until then its process gets no time from the machine.
    pub(crate) frozen_until: Instant,
    pub(crate) signs_with_a_wrong_key: bool,
    /// It has been told to end, and must have done so by then.
    pub(crate) closes_by: Option<Instant>,
    /// When it has ended, another process takes its place.
    pub(crate) starts_again: bool,
    /// When and why its connections and attempts ended.
    pub(crate) losses: Vec<(Instant, Cause)>,
    /// When and how the hub's word about the twin was none.
    pub(crate) twin_failures: Vec<(Instant, TwinFailure)>,
    /// When it dialled.
    pub(crate) dials: Vec<Instant>,
    pub(crate) is_subscribed: bool,
}

/// The client's end of a connection.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) link: LinkId,
    pub(crate) socket: SocketId,
    /// Bytes that have arrived and are not read.
    pub(crate) inbox: BytesMut,
    /// Nothing more will arrive.
    pub(crate) ended: bool,
}

impl Client {
    pub(crate) fn new(config: SessionConfig, key: SharedKey, role: Role) -> Self {
        Client {
            config,
            key,
            session: None,
            life: 0,
            dialling: None,
            line: None,
            role,
            manner: Manner::default(),
            frozen_until: Instant::ZERO,
            signs_with_a_wrong_key: false,
            closes_by: None,
            starts_again: false,
            losses: Vec::new(),
            twin_failures: Vec::new(),
            dials: Vec::new(),
            is_subscribed: false,
        }
    }

    /// A new process with nothing in its memory.
    pub(crate) fn start(&mut self, seed: u64, now: Instant) {
        self.life += 1;
        self.session = Some(Session::new(self.config.clone(), seed, moment(now)));
        self.closes_by = None;
        self.dials.clear();
    }

    /// The process is gone; gives the socket that the system closes for it.
    pub(crate) fn die(&mut self) -> Option<SocketId> {
        self.session = None;
        self.dialling = None;
        self.is_subscribed = false;
        if let Role::Application(application) = &mut self.role {
            *application = Application::default();
        }
        self.line.take().map(|line| line.socket)
    }

    /// A token made when the client's wall clock shows `unix`.
    pub(crate) fn pass(&self, identity: &Identity, unix: u64) -> Pass {
        let lifetime = self.config.timings.token_lifetime;
        let request = TokenRequest::new(identity, unix + lifetime.as_secs());
        let token = if self.signs_with_a_wrong_key {
            request.into_token(&self.key.sign_base64(b"something else"))
        } else {
            self.key.token(request)
        };
        Pass { token, lifetime }
    }

    /// When its session wants to be woken, and can be.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let deadline = self.session.as_ref()?.next_deadline()?;
        Some(deadline.since_origin().max(self.frozen_until))
    }

    pub(crate) fn camera(&mut self) -> Option<&mut Camera> {
        match &mut self.role {
            Role::Camera(camera) => Some(camera),
            Role::Application(_) => None,
        }
    }

    pub(crate) fn application(&mut self) -> Option<&mut Application> {
        match &mut self.role {
            Role::Application(application) => Some(application),
            Role::Camera(_) => None,
        }
    }

    /// Most dials within any minute of this process's life.
    pub(crate) fn dials_in_a_minute(&self) -> usize {
        let minute = Duration::from_secs(60);
        let within = |(place, end): (usize, &Instant)| {
            let earlier = self.dials[..=place].iter().rev();
            earlier.take_while(|at| **at + minute > *end).count()
        };
        self.dials.iter().enumerate().map(within).max().unwrap_or(0)
    }
}

/// Every session counts from the beginning of the world.
pub(crate) fn moment(now: Instant) -> Moment {
    Moment::after_origin(now)
}
