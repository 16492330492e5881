//! What a run has shown, for tests that want to see it and for totals over many runs.

use crate::agenda::Instant;
use crate::network::SocketId;

/// One delivery of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) socket: SocketId,
    pub(crate) body: String,
}

/// What a run has shown.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) pubacks: u64,
    pub(crate) deliveries: u64,
    /// Deliveries that came before the client had sent SUBSCRIBE.
    pub(crate) before_subscribe: u64,
    /// Deliveries sent while an earlier one was out, after the hub's patience was over.
    pub(crate) overlapping: u64,
    /// Desired properties shown to an application.
    pub(crate) versions: u64,
    /// Answers that brought a client in step.
    pub(crate) in_step: u64,
    /// Twins that the hub did not tell.
    pub(crate) twin_failures: u64,
    /// Reports that the hub confirmed.
    pub(crate) reported: u64,
}

impl Seen {
    /// Adds what another run has shown.
    pub(crate) fn add(&mut self, other: &Seen) {
        self.pubacks += other.pubacks;
        self.deliveries += other.deliveries;
        self.before_subscribe += other.before_subscribe;
        self.overlapping += other.overlapping;
        self.versions += other.versions;
        self.in_step += other.in_step;
        self.twin_failures += other.twin_failures;
        self.reported += other.reported;
    }
}
