//! Bytes on their way: out of either side into the network, and out of the network to a
//! client. What reaches the hub is in [`crate::hearings`].

use bytes::Bytes;

use crate::agenda::Happening;
use crate::client::{Who, moment};
use crate::network::{Passage, SocketId, Way};
use crate::world::World;

impl World {
    pub(crate) fn arrived_at_client(&mut self, who: Who, socket: SocketId, bytes: &Bytes) {
        let now = self.now;
        let passes = self
            .network
            .socket(socket)
            .is_some_and(|socket| !socket.cut && !socket.is_swallowing(Way::Down));
        let client = self.client(who);
        let line = client.line.as_mut().filter(|line| line.socket == socket);
        let Some(line) = line.filter(|_| passes) else {
            return;
        };
        line.inbox.extend_from_slice(bytes);
        let link = line.link;
        if let Some(session) = &mut client.session
            && !session.is_reading_paused()
        {
            session.handle_received(moment(now), link);
        }
        self.obey(who);
    }

    pub(crate) fn ended_at_client(&mut self, socket: SocketId, abrupt: bool) {
        let Some(state) = self.network.socket(socket) else {
            return;
        };
        let who = state.who;
        if !abrupt && (state.cut || state.is_swallowing(Way::Down)) {
            return;
        }
        if let Some(line) = &mut self.client(who).line
            && line.socket == socket
        {
            line.ended = true;
            self.obey(who);
        }
    }

    /// Puts bytes on their way, at times in two parts.
    pub(crate) fn send(&mut self, socket: SocketId, way: Way, mut bytes: Bytes) {
        if bytes.len() > 1 && self.dice.u8(..8) == 0 {
            let part = bytes.split_to(self.dice.usize(1..bytes.len()));
            self.send_part(socket, way, part);
        }
        self.send_part(socket, way, bytes);
    }

    fn send_part(&mut self, socket: SocketId, way: Way, bytes: Bytes) {
        let arrived = Happening::Arrived { socket, way, bytes };
        self.pass(socket, way, arrived);
    }

    /// Tells the other side, behind everything already sent, that nothing more will come.
    pub(crate) fn end(&mut self, socket: SocketId, way: Way) {
        let abrupt = false;
        let ended = Happening::Ended {
            socket,
            way,
            abrupt,
        };
        self.pass(socket, way, ended);
    }

    fn pass(&mut self, socket: SocketId, way: Way, happening: Happening) {
        let latency = self.between(self.setup.latency);
        match self.network.passage(socket, way, self.now, latency) {
            Passage::Arrives(at) => self.agenda.add(at, happening),
            Passage::Lost => {}
            Passage::LostUntil(at) => {
                for way in [Way::Up, Way::Down] {
                    let abrupt = true;
                    let ended = Happening::Ended {
                        socket,
                        way,
                        abrupt,
                    };
                    self.agenda.add(at, ended);
                }
            }
        }
    }
}
