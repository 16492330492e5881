//! What passes between the application and the session: messages and reports out,
//! deliveries and calls in, and the application's word about them.

use std::sync::Arc;
use std::time::Duration;

use edge_protocol::methods::MethodAnswer;

use edge_protocol::moment::Moment;
use edge_protocol::session::{self, PublishId, ReportId};
use tokio::sync::mpsc;

use super::Driver;
use crate::board::{Board, LastTaken, Said, Word};
use crate::client::{PublishError, PublishRequest};
use crate::delivery::{DELIVERY_CAPACITY, Delivery};
use crate::methods::MethodCall;
use crate::report::{ReportError, ReportRequest, ReportResult};

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

    pub(super) fn report(&mut self, now: Moment, request: ReportRequest) {
        // A caller that went away does not want it sent any more.
        if request.result.is_closed() {
            return;
        }
        match self.session.report(now, request.patch) {
            Ok(id) => {
                self.unanswered.insert(id, request.result);
            }
            // As for a message.
            Err(_unsent) => {
                request.result.send(Err(ReportError::ConnectionLost)).ok();
            }
        }
    }

    pub(super) fn reported(&mut self, report: ReportId, result: ReportResult) {
        if let Some(waiting) = self.unanswered.remove(&report) {
            // The caller may have stopped waiting.
            waiting.send(result).ok();
        }
    }

    /// Hands a call to the application, or answers it where that is not possible.
    pub(super) fn call(&mut self, call: session::MethodCall) {
        let Some(connection) = &self.connection else {
            return;
        };
        let call = MethodCall::new(call, Arc::clone(&connection.board));
        let (call, answer) = match self.calls.try_send(call) {
            Ok(()) => return,
            // Calls of earlier connections fill the queue, and nobody takes them out.
            Err(mpsc::error::TrySendError::Full(call)) => {
                let answer = MethodAnswer::too_many(call.name());
                (call, answer)
            }
            Err(mpsc::error::TrySendError::Closed(call)) => {
                let answer = MethodAnswer::not_implemented(call.name());
                (call, answer)
            }
        };
        let now = self.now();
        self.session.answer(now, call.into_id(), &answer);
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

    /// The connection of `board` takes no more words, and what waited of it comes again:
    /// the application's queue may stay full over any number of connections. What came at
    /// QoS 0 does not come again and waits on, as much of it as one connection may have out.
    pub(super) fn close_board(&mut self, board: &Arc<Board>) {
        board.close();
        self.undelivered
            .retain(|waiting| !waiting.repeats_on(board));
        let excess = self.undelivered.len().saturating_sub(DELIVERY_CAPACITY);
        if excess > 0 {
            self.undelivered.drain(..excess);
            tracing::warn!(
                lost = excess,
                "messages at QoS 0 given up, nobody takes them"
            );
        }
    }

    /// Passes the application's words on to the session.
    pub(super) fn hear(&mut self, now: Moment) {
        let Some(connection) = &self.connection else {
            return;
        };
        for said in connection.board.words() {
            match said {
                Said::Delivery(id, Word::Acknowledged) => {
                    self.session.acknowledge(now, id);
                }
                Said::Delivery(id, Word::Dropped) => self.session.abandon(now, id),
                Said::Call(id, answer) => {
                    self.session.answer(now, id, &answer);
                }
            }
        }
    }

    pub(super) fn close(&mut self, now: Moment, grace: Duration) {
        self.refuse_waiting();
        let last_taken = match &self.connection {
            Some(connection) => connection.board.begin_closing(),
            None => LastTaken::default(),
        };
        self.hear(now);
        self.session.decline_calls_after(now, last_taken.call);
        self.session.shut_down(now, grace, last_taken.delivery);
    }

    /// Takes no more messages and reports, and says so to those who wait.
    pub(super) fn refuse_waiting(&mut self) {
        self.publishes.close();
        while let Ok(request) = self.publishes.try_recv() {
            request.result.send(Err(PublishError::Closed)).ok();
        }
        self.reports.close();
        while let Ok(request) = self.reports.try_recv() {
            request.result.send(Err(ReportError::Closed)).ok();
        }
    }
}
