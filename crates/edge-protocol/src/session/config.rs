//! What a session needs to know: once for its life, and once for each connection.

use std::time::Duration;

use super::timings::Timings;
use crate::identity::Identity;
use crate::sas::SasToken;
use crate::topics;

/// Publishes without PUBACK at most, by default. edgeHub stops reading at about 100 and
/// works one at a time, so more than a few gain nothing and only hold back our PUBACKs.
pub const PUBLISH_WINDOW: usize = 8;

/// Deliveries in the application's hands at most, by default; then reading pauses until
/// one is settled. edgeHub sends one, or two after its 30 s timeout; other brokers 20.
pub const DELIVERY_CAPACITY: usize = 32;

/// What a session needs to know once.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Who we are.
    pub identity: Identity,
    /// Name of the client software, for `DeviceClientType`.
    pub product: String,
    /// Whether to subscribe to the module's inputs. Without effect for a leaf device.
    pub receives_inputs: bool,
    /// Publishes without PUBACK at most; see [`PUBLISH_WINDOW`]. Zero counts as one.
    pub publish_window: usize,
    /// Deliveries not settled at most; see [`DELIVERY_CAPACITY`]. Zero counts as one.
    pub delivery_capacity: usize,
    /// All durations.
    pub timings: Timings,
}

impl SessionConfig {
    pub(super) fn inputs_filter(&self) -> Option<String> {
        self.receives_inputs
            .then(|| topics::inputs_filter(&self.identity))
            .flatten()
    }
}

/// What the shell brings from dialling: the token to connect with.
#[derive(Debug, Clone)]
pub struct Pass {
    /// The token.
    pub token: SasToken,
    /// How long it is good from now on, by the monotonic clock.
    pub lifetime: Duration,
}
