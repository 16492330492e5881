//! What the core asks of its shell.

use rumqttc::mqttbytes::v4::Packet;

use super::methods::{CallId, MethodOutcome};
use super::{CloseReason, ConnectionId};
use crate::journal;
use crate::store::Entry;

/// What the shell does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Write a packet.
    Send {
        /// To whom.
        connection: ConnectionId,
        /// What.
        packet: Packet,
        /// When there is a number, tell [`super::Hub::written`] once the socket has taken the bytes.
        report_written: Option<u64>,
    },
    /// Write what was sent before, then close the socket.
    Close {
        /// Which one.
        connection: ConnectionId,
        /// For the log.
        reason: CloseReason,
    },
    /// Hand a message to the outer world, then call [`super::Hub::upstream_finished`].
    Upstream(Entry),
    /// Write down what happened before anything that follows from it. Only where
    /// [`super::Settings::journal`] asks for it.
    Record(journal::Event),
    /// A call of [`super::Hub::invoke`] has ended.
    MethodFinished {
        /// Which.
        call: CallId,
        /// How.
        outcome: MethodOutcome,
    },
}
