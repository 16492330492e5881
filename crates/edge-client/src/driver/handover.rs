//! What passes between the application and the session: messages out, deliveries in,
//! and the application's word about them.

use std::sync::Arc;
use std::time::Duration;

use edge_protocol::moment::Moment;
use edge_protocol::session::{self, PublishId};
use tokio::sync::mpsc;

use super::Driver;
use crate::board::Word;
use crate::client::{PublishError, PublishRequest};
use crate::delivery::Delivery;

impl Driver {
    pub(super) fn publish(&mut self, now: Moment, request: PublishRequest) {
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

    pub(super) fn confirm(&mut self, publish: PublishId, result: Result<(), PublishError>) {
        if let Some(waiting) = self.unconfirmed.remove(&publish) {
            // The caller may have stopped waiting.
            waiting.send(result).ok();
        }
    }

    pub(super) fn deliver(&mut self, delivery: session::Delivery) {
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

    pub(super) fn hand_over(&mut self) {
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
    pub(super) fn hear(&mut self, now: Moment) {
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

    pub(super) fn close(&mut self, now: Moment, grace: Duration) {
        self.refuse_waiting_publishes();
        let last_taken = self
            .connection
            .as_ref()
            .and_then(|open| open.board.begin_closing());
        self.hear(now);
        self.session.shut_down(now, grace, last_taken);
    }

    pub(super) fn refuse_waiting_publishes(&mut self) {
        self.publishes.close();
        while let Ok(request) = self.publishes.try_recv() {
            request.result.send(Err(PublishError::Closed)).ok();
        }
    }
}
