//! Where a message goes: the deployment's routes applied to the hub's own message type.
//!
//! Pure. The language itself is the `routes` crate; this room only translates, and stamps the time
//! to live (sheet 6.4: route's own if it has one, else the hub's; negative means never).

use std::time::{Duration, SystemTime};

use routes::{Origin, RouteSet, RoutedMessage, Sink};

use crate::message::{Kind, Message};
use crate::store::{Endpoint, QueueId};

/// Module id under which the hub itself sends twin changes.
const EDGE_HUB: &str = "$edgeHub";

/// The routes in force and the hub's own time to live.
#[derive(Debug, Clone)]
pub struct Routing {
    routes: RouteSet,
    time_to_live: Option<Duration>,
    edge_device: String,
}

/// One queue that wants a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Which queue.
    pub queue: QueueId,
    /// Until when the message may wait in it.
    pub expires_at: Option<SystemTime>,
}

impl Routing {
    /// `time_to_live` is the hub's, `None` for never; `edge_device` is the hub's own device.
    pub fn new(routes: RouteSet, time_to_live: Option<Duration>, edge_device: &str) -> Self {
        Self {
            routes,
            time_to_live,
            edge_device: edge_device.to_owned(),
        }
    }

    /// The queues that want `message`, one per endpoint; none when no route takes it.
    pub fn destinations(&self, message: &Message) -> Vec<Destination> {
        let origin = match (message.kind, &message.module) {
            (Kind::TwinChange, _) => Origin::TwinChange {
                device: &self.edge_device,
                module: Some(EDGE_HUB),
            },
            (Kind::Telemetry, None) => Origin::Leaf {
                device: &message.device,
            },
            (Kind::Telemetry, Some(module)) => Origin::Module {
                device: &message.device,
                module,
                output: message.output(),
            },
        };
        let routed =
            RoutedMessage::new(origin, &message.application, &message.system, &message.body);
        self.routes
            .targets(&routed)
            .into_iter()
            .map(|target| {
                let time_to_live = match target.time_to_live_secs {
                    Some(seconds) => Some(Duration::from_secs(u64::from(seconds))),
                    None => self.time_to_live,
                };
                let expires_at = time_to_live.and_then(|ttl| message.enqueued_at.checked_add(ttl));
                let queue = QueueId {
                    endpoint: endpoint(target.sink),
                    priority: target.priority,
                };
                Destination { queue, expires_at }
            })
            .collect()
    }

    /// Whether some route still leads to `endpoint`; if not, its queue goes.
    pub fn leads_to(&self, sought: &Endpoint) -> bool {
        self.routes
            .routes()
            .iter()
            .any(|named| endpoint(named.route().sink()) == *sought)
    }
}

fn endpoint(sink: &Sink) -> Endpoint {
    match sink {
        Sink::Upstream => Endpoint::Upstream,
        Sink::Input { module, input } => Endpoint::Input {
            module: module.clone(),
            input: input.clone(),
        },
    }
}
