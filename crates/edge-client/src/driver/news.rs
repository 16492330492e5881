//! What the session tells the shell, and what the shell makes of it.

use std::sync::Arc;
use std::time::Duration;

use edge_protocol::session::{Cause, Event, LinkId};

use super::Driver;
use crate::client::PublishError;
use crate::report::ReportError;
use crate::status::{ConnectionError, Status, TwinStatus, chain};

impl Driver {
    pub(super) fn on_event(&mut self, event: Event) {
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
                    self.give_up(&connection);
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
                self.vitals.count_connected();
                self.last_error = None;
                let since = std::time::Instant::now();
                self.status.set(Status::Connected {
                    since,
                    session_present,
                });
            }
            Event::Subscribed { link } => {
                tracing::debug!(connection = link.number(), "subscribed");
            }
            Event::Delivery(delivery) => self.deliver(delivery),
            Event::DesiredChanged(state) => {
                let is_known = self.desired.borrow().as_ref().is_some_and(|known| {
                    (known.version, &known.properties) == (state.version, &state.properties)
                });
                // After a new connection often what we reported ourselves is all that is new.
                if is_known {
                    tracing::debug!(version = ?state.version, "the twin was read again");
                } else {
                    tracing::info!(version = ?state.version, "desired properties changed");
                }
                self.desired.send_replace(Some(state));
            }
            Event::TwinInStep { version } => {
                self.status.set_twin(TwinStatus::InStep { version });
            }
            Event::TwinFailed { failure, retry_in } => {
                let connection = self.connection.as_ref().map(|open| open.link.number());
                tracing::warn!(connection, ?retry_in, reason = %failure, "twin not known");
                self.status.set_twin(TwinStatus::Unknown {
                    last_failure: Some(failure),
                });
            }
            Event::Reported { report, result } => {
                self.reported(report, result.map_err(ReportError::from));
            }
            Event::MethodCall(call) => self.call(call),
            Event::Stray { topic } => {
                // The last level may hold properties, which are the sender's business.
                let topic = topic.rsplit_once('/').map_or("", |(levels, _)| levels);
                let strays = match &mut self.connection {
                    Some(connection) => {
                        connection.strays += 1;
                        connection.strays
                    }
                    None => 1,
                };
                if strays == 1 {
                    tracing::warn!(topic, "acknowledged a message for a topic that is not ours");
                } else {
                    tracing::debug!(topic, strays, "one more for a topic that is not ours");
                }
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
            Event::Resumed { retry_in } => {
                tracing::info!(hub = %self.config.gateway_host, ?retry_in, "hold ended");
                self.status.set(Status::Connecting {
                    attempt: self.session.failures(),
                    last_error: self.last_error.clone(),
                });
            }
            Event::Closed(leftovers) => {
                self.outcome = leftovers.into();
                tracing::info!(
                    unconfirmed_publishes = leftovers.unconfirmed_publishes,
                    unacknowledged_deliveries = leftovers.unacknowledged_deliveries,
                    unanswered_reports = leftovers.unanswered_reports,
                    unanswered_calls = leftovers.unanswered_calls,
                    "closed"
                );
            }
        }
    }

    pub(super) fn lost(&mut self, link: LinkId, cause: Cause, retry_in: Option<Duration>) {
        // A parting connection stays open for its DISCONNECT, but takes no more words.
        if let Some(connection) = &self.connection
            && connection.link == link
        {
            let board = Arc::clone(&connection.board);
            self.close_board(&board);
        }
        if self.config.follows_twin {
            let last_failure = None;
            self.status.set_twin(TwinStatus::Unknown { last_failure });
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
        self.vitals.count_end(error.kind());
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
}
