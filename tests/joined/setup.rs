//! What a world is made of before anything happens in it.

use std::sync::OnceLock;
use std::time::Duration;

use devhub::hub::Habits;
use devhub::routing::Routing;
use edge_protocol::Identity;
use edge_protocol::session::{DELIVERY_CAPACITY, PUBLISH_WINDOW};
use routes::{RouteSet, RouteSpec};

use crate::camera::{self, Labels};
use crate::client::Who;
use crate::counter::Counting;
use crate::edge_hub::{EDGE_DEVICE, HUB_HOST, MODULE};

/// What a world is made of.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) seed: u64,
    pub(crate) cameras: usize,
    /// Pictures of odd cameras go to an input of their own.
    pub(crate) two_inputs: bool,
    pub(crate) token_lifetime: Duration,
    /// The hub's time to live.
    pub(crate) time_to_live: Option<Duration>,
    /// What is not certain about edgeHub.
    pub(crate) habits: Habits,
    /// Shortest and longest way of a packet.
    pub(crate) latency: (Duration, Duration),
    pub(crate) publish_window: usize,
    pub(crate) delivery_capacity: usize,
    /// The module is the product's, with the real ledger.
    pub(crate) counting: Option<Counting>,
    /// What pictures of each camera carry; for further cameras as for the first.
    pub(crate) labels: [Labels; 3],
    /// Whether the story is kept for telling.
    pub(crate) traced: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            seed: 1,
            cameras: 1,
            two_inputs: false,
            token_lifetime: Duration::from_secs(3600),
            time_to_live: None,
            habits: Habits::default(),
            latency: (Duration::from_millis(1), Duration::from_millis(5)),
            publish_window: PUBLISH_WINDOW,
            delivery_capacity: DELIVERY_CAPACITY,
            counting: None,
            labels: [Labels::default(); 3],
            traced: true,
        }
    }
}

impl Setup {
    /// What the hub does with messages.
    pub(crate) fn routing(&self) -> Routing {
        let routes = routes(self.two_inputs).clone();
        Routing::new(routes, self.time_to_live, EDGE_DEVICE)
    }
}

/// Who a client says it is.
pub(crate) fn identity(who: Who) -> Identity {
    let (device, module) = match who {
        Who::Module | Who::Rival => (EDGE_DEVICE.to_owned(), Some(MODULE.to_owned())),
        Who::Camera(number) => (camera::device(number), None),
    };
    Identity::new(HUB_HOST, device, module).expect("names without awkward characters")
}

/// The routes that every deployment of the module has: cameras to its input, or to two of
/// them, and counts upstream. Parsed once.
fn routes(two_inputs: bool) -> &'static RouteSet {
    static ONE: OnceLock<RouteSet> = OnceLock::new();
    static TWO: OnceLock<RouteSet> = OnceLock::new();
    let into = |input: &str, and: &str| {
        format!(
            "FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId){and} \
             INTO BrokeredEndpoint(\"/modules/{MODULE}/inputs/{input}\")"
        )
    };
    let with_counts = |cameras: &[String]| {
        let counts = format!("FROM /messages/modules/{MODULE}/outputs/counts INTO $upstream");
        let all = cameras.iter().chain([&counts]).enumerate();
        RouteSet::parse(all.map(|(number, route)| (number.to_string(), RouteSpec::new(route))))
            .expect("routes that parse")
    };
    if two_inputs {
        TWO.get_or_init(|| {
            with_counts(&[
                into("images", " AND $connectionDeviceId <> 'cam-1'"),
                into("others", " AND $connectionDeviceId = 'cam-1'"),
            ])
        })
    } else {
        ONE.get_or_init(|| with_counts(&[into("images", "")]))
    }
}
