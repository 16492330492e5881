//! Who the module is, as labels on every number: the names that IoT Edge's own modules use.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

/// Labels that every number has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Host, device and module, where there is a hub.
    pub hub: Option<edge_protocol::Identity>,
    /// When it started, since 1970.
    started: Duration,
}

impl Identity {
    /// Of a module that started then.
    #[must_use]
    pub fn new(hub: Option<edge_protocol::Identity>, started: SystemTime) -> Self {
        let started = started
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Identity { hub, started }
    }

    /// In seconds.
    pub(super) fn started_at(&self) -> f64 {
        self.started.as_secs_f64()
    }

    pub(super) fn labels(&self) -> impl Iterator<Item = (Cow<'static, str>, Cow<'static, str>)> {
        let hub = self.hub.as_ref().map(|hub| {
            [
                ("iothub", hub.hub_host().to_owned()),
                ("edge_device", hub.device_id().to_owned()),
                (
                    "module_name",
                    hub.module_id().unwrap_or_default().to_owned(),
                ),
            ]
        });
        // New with each start, and nobody's address.
        let instance = format!("{:x}", self.started.as_nanos());
        hub.into_iter()
            .flatten()
            .chain([("instance_number", instance)])
            .map(|(name, value)| (Cow::Borrowed(name), Cow::Owned(value)))
    }
}
