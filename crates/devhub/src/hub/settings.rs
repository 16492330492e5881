//! What a hub is told once, at its start.

use std::time::Duration;

use super::habits::Habits;

/// The settings a hub runs under.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a module may take to acknowledge an input message before it is sent again.
    /// Default 30 s, edgeHub's `MessageAckTimeoutSecs`.
    pub ack_timeout: Duration,
    /// How long a connection may take to send CONNECT. Default 60 s.
    pub connect_deadline: Duration,
    /// How long after a client's subscription to methods the calls that waited for it are sent.
    /// Default 3 s (sheet 5.2).
    pub parked_call_delay: Duration,
    /// Clients that may be connected at the same time; one more fares as
    /// [`Habits::crowd`] says. Default 101: edgeHub's `MaxConnectedClients` of 100, and 1.
    pub max_clients: usize,
    /// How often queues are looked through for messages whose time to live has passed, so that
    /// those for a module that never comes do not fill the store. Default 1800 s, edgeHub's
    /// `MessageCleanupIntervalSecs`; less than its minimum of 30 s counts as 30 s (sheet 6.4).
    pub cleanup_interval: Duration,
    /// Whether deliveries and confirmations are recorded, as [`super::Action::Record`]. Default no.
    pub journal: bool,
    /// What is not certain about edgeHub.
    pub habits: Habits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ack_timeout: Duration::from_secs(30),
            connect_deadline: Duration::from_secs(60),
            parked_call_delay: Duration::from_secs(3),
            max_clients: 101,
            cleanup_interval: Duration::from_secs(1800),
            journal: false,
            habits: Habits::default(),
        }
    }
}
