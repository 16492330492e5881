//! Faults on demand: what a test, or `devhub fault`, makes the hub do wrong.
//!
//! Lasting ones stay until they are taken back; one-shot ones happen at once. Nothing here is
//! ever done on the hub's own account, and nothing is kept over a restart. What is lost by a fault
//! is lost as edgeHub would lose it: a withheld PUBACK is for a message that is queued.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::session::{CloseReason, Phase};
use super::{ConnectionId, Hub};
use crate::clock::Now;
use crate::identity::IdentityId;

/// A fault to begin, to end, or to happen once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Cuts the connections of one client, or all, without a word. Happens once.
    DropConnections(Option<IdentityId>),
    /// Takes the tokens of one client, or of all that are connected, for expired: their
    /// connections end as edgeHub ends them. Happens once.
    ExpireTokens(Option<IdentityId>),
    /// Sends the next so many input messages once more after their acknowledgement, over all
    /// modules; what is still outstanding of an earlier call is replaced.
    Redeliver(u32),
    /// How messages of clients are acknowledged from now on.
    Pubacks(Pubacks),
    /// How CONNECTs are answered from now on.
    Connects(Connects),
    /// How twin requests are answered from now on.
    Twins(Twins),
    /// Whether the way to the outer world is cut.
    Offline(bool),
    /// Whether the queues refuse every message, as on a full disk.
    FullQueues(bool),
}

/// How messages of clients are acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pubacks {
    /// As soon as they are queued.
    #[default]
    AtOnce,
    /// So many milliseconds later.
    #[serde(rename = "delayedMs")]
    Delayed(#[serde(with = "millis")] Duration),
    /// Never; they are queued all the same, and the sender has to send them again.
    Withheld,
}

/// How CONNECTs are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Connects {
    /// As they deserve.
    #[default]
    Answered,
    /// Not at all: what edgeHub 1.6.0 and 1.6.1 do to some of them (sheet 4.1).
    Ignored,
    /// With CONNACK 5, whatever their token.
    Refused,
    /// As they deserve, but who is accepted is cut off at once.
    Dropped,
}

/// How twin requests are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Twins {
    /// As they deserve.
    #[default]
    Answered,
    /// Not at all.
    Ignored,
    /// With 500 and an empty body.
    Failing,
}

/// The lasting faults in force.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Faults {
    /// See [`Fault::Pubacks`].
    pub pubacks: Pubacks,
    /// See [`Fault::Connects`].
    pub connects: Connects,
    /// See [`Fault::Twins`].
    pub twins: Twins,
    /// See [`Fault::Offline`].
    pub offline: bool,
    /// See [`Fault::FullQueues`].
    pub full_queues: bool,
    /// Input messages still to be sent once more; see [`Fault::Redeliver`].
    pub redeliver: u32,
}

impl Hub {
    /// Begins, ends or does a fault. Returns the number of connections it ended.
    pub fn inject(&mut self, fault: Fault, now: Now) -> usize {
        tracing::warn!(?fault, "fault on demand");
        match fault {
            Fault::DropConnections(client) => {
                self.end_all(client.as_ref(), &CloseReason::Killed, now)
            }
            Fault::ExpireTokens(client) => {
                self.end_all(client.as_ref(), &CloseReason::TokenExpired, now)
            }
            Fault::Redeliver(messages) => {
                self.faults.redeliver = messages;
                0
            }
            Fault::Pubacks(pubacks) => {
                self.faults.pubacks = pubacks;
                0
            }
            Fault::Connects(connects) => {
                self.faults.connects = connects;
                0
            }
            Fault::Twins(twins) => {
                self.faults.twins = twins;
                0
            }
            Fault::Offline(offline) => {
                self.faults.offline = offline;
                self.pump_upstream(now);
                0
            }
            Fault::FullQueues(full) => {
                self.faults.full_queues = full;
                0
            }
        }
    }

    /// The lasting faults in force.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Closes the connections of `client`, or all when there is none; those that never got so
    /// far as a client only in the latter case, and only when they are cut.
    fn end_all(&mut self, client: Option<&IdentityId>, reason: &CloseReason, now: Now) -> usize {
        let mut ended: Vec<ConnectionId> = self
            .connections
            .iter()
            .filter(|(_, connection)| match (&connection.phase, client) {
                (Phase::Serving(serving), Some(client)) => serving.client == *client,
                (Phase::Serving(_), None) => true,
                (Phase::AwaitingConnect { .. } | Phase::Ignored { .. }, Some(_)) => false,
                (Phase::AwaitingConnect { .. } | Phase::Ignored { .. }, None) => {
                    *reason == CloseReason::Killed
                }
            })
            .map(|(id, _)| *id)
            .collect();
        ended.sort_unstable();
        for connection in &ended {
            self.close(*connection, reason.clone(), now);
        }
        ended.len()
    }
}

/// Serde form of a duration: whole milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}
