//! The network between clients and hub: sockets whose two directions keep their order, take
//! their time, and fail in the ways that TCP lets a program see.
//!
//! A connection that is cut loses what is under way, and both ends are told a while later. A
//! direction that swallows tells nobody anything, until TCP gives up on whoever wrote into
//! it. The network knows no packets.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::BytesMut;
use devhub::hub::ConnectionId;

use crate::agenda::Instant;
use crate::client::Who;

/// The hub's number of a connection serves as the socket's.
pub(crate) type SocketId = ConnectionId;

/// How long TCP sends again what nobody acknowledges: Linux, `tcp_retries2` 15.
pub(crate) const TCP_GIVES_UP: Duration = Duration::from_secs(924);

/// Direction of travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the client to the hub.
    Up,
    /// From the hub to the client.
    Down,
}

impl Way {
    fn place(self) -> usize {
        match self {
            Way::Up => 0,
            Way::Down => 1,
        }
    }
}

/// What becomes of a client's dialling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Dialling {
    #[default]
    Works,
    Fails,
    Hangs,
}

/// What the network does to one client, until told otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Conditions {
    pub(crate) dialling: Dialling,
    /// Added to every packet's way up and down.
    pub(crate) delay: [Duration; 2],
    /// New connections never hear from the hub: it has lost the CONNECT.
    pub(crate) connect_is_lost: bool,
    /// The hub drops a connection as soon as it has accepted it.
    pub(crate) drops_accepted: bool,
}

/// One TCP connection, from the end of its handshake until both sides know its end.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) who: Who,
    /// Whether the hub's side is open: it has neither closed it nor learned of its end.
    pub(crate) hub_side: bool,
    /// Bytes that have arrived at the hub and are no whole packet yet.
    pub(crate) hub_inbox: BytesMut,
    /// What is under way is lost, and nothing more gets through.
    pub(crate) cut: bool,
    pub(crate) swallows: [bool; 2],
    last_arrival: [Instant; 2],
    giving_up: bool,
}

/// What becomes of bytes that are written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// They arrive then.
    Arrives(Instant),
    /// Nobody will see them.
    Lost,
    /// Nobody will see them, and TCP begins to send again: both sides learn of it then.
    LostUntil(Instant),
}

/// All links and sockets.
#[derive(Debug, Default)]
pub(crate) struct Network {
    conditions: BTreeMap<Who, Conditions>,
    sockets: BTreeMap<SocketId, Socket>,
    last_socket: SocketId,
}

impl Network {
    pub(crate) fn conditions(&mut self, who: Who) -> &mut Conditions {
        self.conditions.entry(who).or_default()
    }

    /// Every client has a good connection to dial again; what is half-open stays so.
    pub(crate) fn heal(&mut self) {
        self.conditions.clear();
    }

    pub(crate) fn open(&mut self, who: Who, now: Instant) -> SocketId {
        self.last_socket += 1;
        let lost = self.conditions(who).connect_is_lost;
        let socket = Socket {
            who,
            hub_side: true,
            hub_inbox: BytesMut::new(),
            cut: false,
            swallows: [lost, false],
            last_arrival: [now, now],
            giving_up: false,
        };
        self.sockets.insert(self.last_socket, socket);
        self.last_socket
    }

    pub(crate) fn socket(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.sockets.get_mut(&id)
    }

    /// Sockets whose side at the hub is open.
    pub(crate) fn hub_sides(&self) -> Vec<SocketId> {
        self.sockets
            .iter()
            .filter(|(_, socket)| socket.hub_side)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Bytes, or the word that there are no more, are given to a socket; `latency` is what
    /// the network takes on a good day.
    pub(crate) fn passage(
        &mut self,
        id: SocketId,
        way: Way,
        now: Instant,
        latency: Duration,
    ) -> Passage {
        let Some(socket) = self.sockets.get_mut(&id) else {
            return Passage::Lost;
        };
        if socket.cut {
            return Passage::Lost;
        }
        if socket.swallows[way.place()] {
            return if std::mem::replace(&mut socket.giving_up, true) {
                Passage::Lost
            } else {
                Passage::LostUntil(now + TCP_GIVES_UP)
            };
        }
        let delay = self
            .conditions
            .get(&socket.who)
            .map_or(Duration::ZERO, |conditions| conditions.delay[way.place()]);
        // TCP keeps the order, whatever the single packet met on its way.
        let earliest = socket.last_arrival[way.place()] + Duration::from_nanos(1);
        let arrival = (now + latency + delay).max(earliest);
        socket.last_arrival[way.place()] = arrival;
        Passage::Arrives(arrival)
    }
}

impl Socket {
    pub(crate) fn swallow(&mut self, way: Way) {
        self.swallows[way.place()] = true;
    }

    pub(crate) fn is_swallowing(&self, way: Way) -> bool {
        self.swallows[way.place()]
    }
}

impl Conditions {
    pub(crate) fn delay(&mut self, way: Way, by: Duration) {
        self.delay[way.place()] = by;
    }
}
