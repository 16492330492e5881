//! What a session needs to know: once for its life, and once for each connection.

use std::time::Duration;

use super::packet::TopicFilter;
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

/// Reports without an answer at most; more wait. edgeHub works on one request at a time.
pub const REPORT_WINDOW: usize = 4;

/// Method calls without a finished answer at most; the library answers more itself, with
/// status 503. edgeHub has no such limit, but a caller waits for 300 s at most.
pub const METHOD_CAPACITY: usize = 8;

/// What a session needs to know once.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Who we are.
    pub identity: Identity,
    /// Name of the client software, for `DeviceClientType`.
    pub product: String,
    /// The IoT Plug and Play model to announce, as a DTMI; none by default.
    pub model_id: Option<String>,
    /// Whether to subscribe to the module's inputs. Without effect for a leaf device.
    pub receives_inputs: bool,
    /// Whether to follow the desired properties, and to be able to report.
    pub follows_twin: bool,
    /// Whether to take method calls.
    pub takes_methods: bool,
    /// Publishes without PUBACK at most; see [`PUBLISH_WINDOW`]. Zero counts as one,
    /// more than 1024 as that: edgeHub reads no further than about 100, and ids are sought
    /// among those in use.
    pub publish_window: usize,
    /// Deliveries not settled at most; see [`DELIVERY_CAPACITY`]. Zero counts as one.
    pub delivery_capacity: usize,
    /// All durations.
    pub timings: Timings,
}

impl SessionConfig {
    /// Everything at its default: a module receives inputs, follows its twin and takes
    /// methods, a leaf device does none of them.
    #[must_use]
    pub fn new(identity: Identity, product: impl Into<String>) -> Self {
        let is_module = identity.module_id().is_some();
        SessionConfig {
            identity,
            product: product.into(),
            model_id: None,
            receives_inputs: is_module,
            follows_twin: is_module,
            takes_methods: is_module,
            publish_window: PUBLISH_WINDOW,
            delivery_capacity: DELIVERY_CAPACITY,
            timings: Timings::default(),
        }
    }

    /// Whether deliveries can come.
    pub(super) fn takes_inputs(&self) -> bool {
        self.receives_inputs && self.identity.module_id().is_some()
    }

    /// What to subscribe to, all in one packet.
    ///
    /// Only inputs are asked for at QoS 1. edgeHub takes the first PUBACK for the first
    /// publish it waits for, of whatever kind; with the rest at QoS 0 its queue holds
    /// inputs alone.
    pub(super) fn filters(&self) -> Vec<TopicFilter> {
        let inputs = self
            .receives_inputs
            .then(|| topics::inputs_filter(&self.identity))
            .flatten()
            .map(|pattern| TopicFilter { pattern, qos: 1 });
        let twin: &[&str] = match self.follows_twin {
            true => &[topics::twin::RESPONSES_FILTER, topics::twin::DESIRED_FILTER],
            false => &[],
        };
        let methods: &[&str] = match self.takes_methods {
            true => &[topics::methods::REQUESTS_FILTER],
            false => &[],
        };
        let at_most_once = twin.iter().chain(methods).map(|pattern| TopicFilter {
            pattern: (*pattern).to_owned(),
            qos: 0,
        });
        inputs.into_iter().chain(at_most_once).collect()
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
