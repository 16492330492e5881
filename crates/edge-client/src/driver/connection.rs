//! The connection that is up: made of a finished dial, fed with packets, given up.

use std::sync::Arc;

use edge_protocol::moment::Moment;
use edge_protocol::session::LinkId;

use super::Driver;
use crate::board::Board;
use crate::delivery::Received;
use crate::dial::{DialError, Dialled};
use crate::status::ConnectionError;
use crate::wire::{self, Incoming, Outgoing, WireError};

/// A connection that is up, from the end of the handshake on.
pub(super) struct Connection {
    pub(super) link: LinkId,
    pub(super) incoming: Incoming,
    pub(super) outgoing: Outgoing,
    pub(super) read_at: Received,
    pub(super) board: Arc<Board>,
    /// Messages that came for topics that are not ours.
    pub(super) strays: u64,
}

impl Driver {
    pub(super) fn dialled(
        &mut self,
        now: Moment,
        link: LinkId,
        result: Result<Dialled, DialError>,
    ) {
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
                    strays: 0,
                });
                let whole = self.config.timings.token_lifetime;
                let age = whole.saturating_sub(pass.lifetime);
                if let Some(signed_at) = std::time::Instant::now().checked_sub(age) {
                    self.vitals.token_signed(signed_at);
                }
                self.session.handle_dialled(now, link, pass);
            }
            Err(error) => {
                self.detail = Some(ConnectionError::Dial(Arc::new(error)));
                self.session.handle_dial_failed(now, link);
            }
        }
    }

    pub(super) fn broken(&mut self, now: Moment, error: WireError) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        self.give_up(&connection);
        self.detail = Some(ConnectionError::Wire(Arc::new(error)));
        self.session.handle_closed(now, connection.link);
    }

    /// Says the last word about a connection that was taken down.
    pub(super) fn give_up(&mut self, connection: &Connection) {
        self.close_board(&connection.board);
        if connection.strays > 1 {
            tracing::warn!(
                connection = connection.link.number(),
                strays = connection.strays,
                "messages came for topics that are not ours"
            );
        }
    }

    /// Takes the session's packets; false when there were none.
    pub(super) fn write_packets(&mut self) -> bool {
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
    pub(super) fn read_packet(&mut self) -> bool {
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
}
