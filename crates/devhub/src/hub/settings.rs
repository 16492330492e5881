//! What a hub is told once, at its start.

use std::time::Duration;

/// The settings a hub runs under.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a module may take to acknowledge an input message before it is sent again.
    /// Default 30 s, edgeHub's `MessageAckTimeoutSecs`.
    pub ack_timeout: Duration,
    /// How long a connection may take to send CONNECT. Default 60 s.
    pub connect_deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ack_timeout: Duration::from_secs(30),
            connect_deadline: Duration::from_secs(60),
        }
    }
}
